//! Two processes without a system: one listens at a path, the others attach to it. Where a peer need not be killed, both ends are
//! threads of this process.

mod support;

use ringmail::{Done, Error, Event, Failure, Listener, Mailbox, Options, Peer, Wait};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};
use support::conformance_mail::{Get, Host as HostProtocol, Payload, Ping, Player, Stream, Sum, Tick};
use support::place::Place;

/// A watchdog, not a measure.
const PATIENCE: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(50);

#[test]
fn plays_a_scenario() {
    support::play(&[("dies", dies), ("fails", fails), ("listens", listens)]);
}

impl Place {
    fn options(&self, name: &str) -> Options {
        Options::new().path(&self.path).name(name).ring_bytes(1 << 14)
    }

    fn listen(&self) -> Listener {
        self.options("market").schema("its schema").listen().unwrap()
    }

    /// In a thread, for it needs somebody who accepts.
    fn join(&self, name: &str) -> Joining {
        let options = self.options(name).schema("another schema");
        std::thread::spawn(move || options.join())
    }

    fn pair(&self, listener: &mut Listener, name: &str) -> (Peer, Peer) {
        let joining = self.join(name);
        let accepted = accept(listener);
        (accepted, joining.join().unwrap().unwrap())
    }
}

type Joining = std::thread::JoinHandle<Result<Peer, Error>>;

fn accept(listener: &mut Listener) -> Peer {
    listener.accept(PATIENCE).unwrap().expect("somebody comes")
}

fn market(peer: &Peer) -> Mailbox {
    peer.lookup("market").unwrap()
}

/// The number of the next Sum. None: the other end is gone.
fn next(peer: &mut Peer) -> Option<u64> {
    match peer.receive(PATIENCE) {
        Ok(Event::Mail(mail)) => Some(mail.read::<Sum>().unwrap().count()),
        Err(Error::HostGone(_)) => None,
        Ok(Event::Stopped) => panic!("it is stopped"),
        other => panic!("something else: {:?}", other.err()),
    }
}

fn send(peer: &Peer, to: Mailbox, count: u64) {
    peer.send(to, &Sum { count, ..Sum::default() }).unwrap();
}

/// Of who attached: to what has come, the same to its sender.
fn echo(mut peer: Peer) -> Result<(), Failure> {
    peer.run(&mut |mail: &ringmail::Mail<'_>| -> Result<(), Failure> {
        let count = mail.read::<Sum>()?.count();
        send(mail.peer(), mail.sender().ok_or_else(|| Failure::new("nobody sent it"))?, count);
        Ok(())
    })
}

#[test]
fn each_end_asks_the_other_and_is_answered() {
    let place = Place::new();
    let mut listener = place.listen();
    let (mut accepted, mut attached) = place.pair(&mut listener, "desk");
    assert_eq!((accepted.name(), accepted.schema(), accepted.incarnation()), ("desk", "another schema", 1));
    assert_eq!((attached.name(), attached.schema(), attached.incarnation()), ("desk", "its schema", 1));
    let attached = std::thread::spawn(move || {
        let to = market(&attached);
        assert!(matches!(attached.lookup("nobody"), Err(Error::NotFound(_))));
        assert_eq!(attached.ask(to.speaks::<dyn Player>(), &Ping { words: [7; 4] }, PATIENCE).unwrap().words, [8; 4]);
        let Event::Mail(mail) = attached.receive(PATIENCE).unwrap() else { panic!("no mail") };
        mail.done().unwrap();
        mail.finish();
        attached
    });
    loop {
        match accepted.receive(PATIENCE).unwrap() {
            Event::Mail(mail) => {
                assert!(mail.sender().is_some());
                mail.answer(Some(Ping { words: [mail.read::<Ping>().unwrap().words().get(0).unwrap() + 1; 4] })).unwrap();
                break;
            }
            Event::Nothing => {}
            _ => panic!("something else"),
        }
    }
    assert!(matches!(accepted.lookup("market"), Err(Error::NotFound(_))));
    let desk = accepted.lookup("desk").unwrap();
    let Done = accepted.ask(desk.speaks::<dyn HostProtocol>(), &Tick::default(), PATIENCE).unwrap();
    assert!(matches!(accepted.monitor(desk, Wait::No), Err(Error::Unsupported(_))));
    assert!(matches!(accepted.loan_large(desk, 1, Wait::No), Err(Error::Unsupported(_))));
    let attached = attached.join().unwrap();
    let to = market_of(&accepted, attached);
    assert!(matches!(to, Err(Error::Unsupported(_))));
}

/// While the other end reads the stream.
fn market_of(accepted: &Peer, attached: Peer) -> Result<(), Error> {
    let asking = std::thread::spawn(move || {
        let to = market(&attached);
        assert!(matches!(attached.stop(), Err(Error::Misuse(_))));
        assert!(matches!(attached.monitor(to, Wait::No), Err(Error::Unsupported(_))));
        attached.loan_large(to, 1, Wait::No).map(drop)
    });
    let desk = accepted.lookup("desk")?.speaks::<dyn Player>();
    while !asking.is_finished() {
        // Who only waits for an answer reads the stream as well.
        assert!(accepted.ask(desk, &Ping::default(), Duration::from_millis(5)).is_err());
    }
    asking.join().unwrap()
}

#[test]
fn a_stream_larger_than_the_ring_comes_in_order_both_ways() {
    const COUNT: u64 = 20_000;
    for pollable in [false, true] {
        let place = Place::new();
        let mut listener = place.listen();
        let options = place.options("desk").pollable(pollable);
        let attached = std::thread::spawn(move || echo(options.join()?));
        let mut peer = accept(&mut listener);
        let to = peer.lookup("desk").unwrap();
        let (mut sent, mut received) = (0, 0);
        while received < COUNT {
            // What there is room for, so that neither side waits for the other with its own ring full.
            while sent < COUNT && peer.send_within(to, &Sum { count: sent, ..Sum::default() }, Wait::No).is_ok() {
                sent += 1;
            }
            assert_eq!(next(&mut peer), Some(received));
            received += 1;
        }
        peer.stop().unwrap();
        assert_eq!(next(&mut peer), None);
        attached.join().unwrap().unwrap();
        assert_eq!(listener.counters(), Default::default());
    }
}

#[test]
fn who_waits_for_room_is_woken_by_who_reads() {
    let place = Place::new();
    let mut listener = place.listen();
    let (mut accepted, mut attached) = place.pair(&mut listener, "desk");
    let desk = accepted.lookup("desk").unwrap();
    let reading = std::thread::spawn(move || {
        for number in 0..2000 {
            if number % 500 == 0 {
                std::thread::sleep(Duration::from_millis(5)); // until the other sleeps
            }
            assert_eq!(next(&mut attached), Some(number));
        }
        let to = market(&attached);
        for number in 0..2000 {
            send(&attached, to, number);
        }
    });
    for number in 0..2000 {
        send(&accepted, desk, number);
    }
    for number in 0..2000 {
        assert_eq!(next(&mut accepted), Some(number));
    }
    reading.join().unwrap();
}

#[test]
fn a_stop_comes_behind_the_mail_and_what_is_sent_after_it_is_for_the_next() {
    let place = Place::new();
    let mut listener = place.listen();
    let read = |mut peer: Peer| {
        let (incarnation, mut numbers) = (peer.incarnation(), Vec::new());
        loop {
            match peer.receive(PATIENCE).unwrap() {
                Event::Mail(mail) => numbers.push((mail.read::<Sum>().unwrap().count(), mail.redelivered())),
                Event::Stopped => return (incarnation, numbers),
                _ => {}
            }
        }
    };
    let (mut accepted, attached) = place.pair(&mut listener, "desk");
    let desk = accepted.lookup("desk").unwrap();
    send(&accepted, desk, 1);
    send(&accepted, desk, 2);
    accepted.stop().unwrap();
    send(&accepted, desk, 3);
    assert_eq!(read(attached), (1, vec![(1, false), (2, false)]));
    assert_eq!(next(&mut accepted), None);
    assert!(matches!(accepted.receive(Wait::No), Err(Error::HostGone(_))));
    assert!(matches!(accepted.send(desk, &Sum::default()), Err(Error::HostGone(_))));
    assert_eq!(listener.counters().waiting, 1);

    let (mut accepted, attached) = place.pair(&mut listener, "desk");
    accepted.stop().unwrap();
    assert_eq!(read(attached), (2, vec![(3, true)]));
    assert_eq!(next(&mut accepted), None);
    assert_eq!(listener.counters(), Default::default());
}

#[test]
fn the_next_of_a_name_waits_for_the_end_of_the_one_before_and_not_for_ever() {
    let place = Place::new();
    let mut listener = place.listen();
    let (accepted, attached) = place.pair(&mut listener, "desk");
    let second = place.join("desk");
    assert!(listener.accept(SHORT).unwrap().is_none());
    drop(attached);
    let mut accepted = accepted;
    assert_eq!(next(&mut accepted), None);
    let third = accept(&mut listener);
    assert_eq!(third.incarnation(), 2);
    let second = second.join().unwrap().unwrap();
    let refused = place.join("desk");
    assert!(listener.accept(Duration::from_millis(2500)).unwrap().is_none());
    let text = refused.join().unwrap().err().unwrap().to_string();
    assert!(text.contains("'desk' is connected already") && text.contains("code 10"), "{text}");
    drop((second, third));
}

#[test]
fn a_peer_without_a_name_is_let_in_and_its_mail_dies_with_it() {
    let place = Place::new();
    let mut listener = place.listen();
    let (accepted, attached) = place.pair(&mut listener, "");
    let (second, _attached) = place.pair(&mut listener, "");
    assert_eq!((accepted.name(), attached.name(), second.incarnation()), ("", "rust", 1));
    let to = accepted.lookup("").unwrap();
    send(&accepted, to, 1);
    send(&accepted, to, 2);
    assert_eq!(accepted.unfinished().unwrap(), 2);
    drop(accepted);
    assert_eq!((listener.counters().waiting, listener.counters().given_up), (0, 2));
}

#[test]
fn of_more_than_64_names_the_mail_that_waits_longest_is_given_up() {
    let place = Place::new();
    let mut listener = place.listen();
    for number in 0..66 {
        let (accepted, _attached) = place.pair(&mut listener, &format!("desk {number}"));
        // The first and the fourth have nothing that waits.
        if number != 0 && number != 3 {
            send(&accepted, accepted.lookup(accepted.name()).unwrap(), number);
        }
    }
    assert_eq!((listener.counters().waiting, listener.counters().given_up), (64, 0));
    let (accepted, _attached) = place.pair(&mut listener, "one more");
    send(&accepted, accepted.lookup("one more").unwrap(), 1);
    drop(accepted);
    assert_eq!((listener.counters().waiting, listener.counters().given_up), (64, 1));
}

/// A peer in a process of its own.
struct Process(Child);

impl Process {
    fn start(scenario: &str, place: &Place) -> Self {
        Self(support::player(scenario).env("PLACE", &place.path).spawn().unwrap())
    }

    fn wait(&mut self) -> std::process::ExitStatus {
        self.0.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn place_of_scenario() -> Options {
    Options::new().path(std::env::var_os("PLACE").expect("a path")).name("desk")
}

/// Echoes, and dies with the sixtieth message in hand; for the last life it is another number.
fn dies() -> Result<(), Failure> {
    let mut peer = place_of_scenario().join()?;
    let (mut handled, life) = (0, peer.incarnation());
    peer.run(&mut |mail: &ringmail::Mail<'_>| -> Result<(), Failure> {
        send(mail.peer(), mail.sender().expect("a sender"), mail.read::<Sum>()?.count());
        handled += 1;
        if handled == 60 && life < 8 {
            if life % 2 == 0 {
                mail.peer().flush()?;
            }
            assert!(mail.attempt() <= 1);
            std::process::abort();
        }
        Ok(())
    })
}

#[test]
fn a_peer_that_is_killed_in_mid_stream_again_and_again_is_taken_up_without_loss() {
    const COUNT: u64 = 400;
    let place = Place::new();
    let mut listener = place.listen();
    let (mut sent, mut echoed, mut received, mut repeated) = (0, 0, 0, 0);
    for life in 1..=8 {
        let mut process = Process::start("dies", &place);
        let mut peer = accept(&mut listener);
        assert_eq!(peer.incarnation(), life);
        let desk = peer.lookup("desk").unwrap();
        while echoed < COUNT {
            while sent < COUNT && peer.send_within(desk, &Sum { count: sent, ..Sum::default() }, Wait::No).is_ok() {
                sent += 1;
            }
            let Some(number) = next(&mut peer) else { break };
            received += 1;
            assert!(number <= echoed, "something is missing");
            if number == echoed {
                echoed += 1;
            } else {
                repeated += 1;
            }
        }
        if echoed == COUNT {
            peer.stop().unwrap();
            assert_eq!(next(&mut peer), None);
            assert!(process.wait().success());
            break;
        }
        assert!(!process.wait().success());
        // What was sent when it died, and is not finished.
        assert!(listener.counters().waiting >= sent - echoed);
    }
    assert_eq!((sent, echoed, received), (COUNT, COUNT, COUNT + repeated));
    assert!(repeated > 0);
    assert_eq!(listener.counters(), Default::default());
}

/// Has said what it has to say when it fails, without having read its stop.
fn fails() -> Result<(), Failure> {
    let peer = place_of_scenario().join()?;
    let to = market(&peer);
    (1..=3).for_each(|count| send(&peer, to, count));
    peer.report_failure("out of luck")?;
    std::process::abort();
}

#[test]
fn what_a_peer_published_is_received_before_its_end_is_told_with_its_last_words() {
    let place = Place::new();
    let mut listener = place.listen();
    let mut process = Process::start("fails", &place);
    let mut peer = accept(&mut listener);
    let Event::Mail(first) = peer.receive(PATIENCE).unwrap() else { panic!("no mail") };
    assert!(!process.wait().success());
    drop(first);
    assert_eq!([next(&mut peer), next(&mut peer)], [Some(2), Some(3)]);
    let text = peer.receive(PATIENCE).err().unwrap().to_string();
    assert!(text.contains("out of luck"), "{text}");
}

/// What a peer of another language is to stream to; in a process of its own, that its end may be looked at.
fn listens() -> Result<(), Failure> {
    let options = Options::new().path(std::env::var_os("PLACE").expect("a path")).name("market");
    let mut listener = options.listen()?;
    eprintln!("listens");
    let mut peer = listener.accept(PATIENCE)?.ok_or_else(|| Failure::new("nobody comes"))?;
    let to = peer.lookup("desk")?;
    send(&peer, to, 1);
    peer.flush()?;
    assert_eq!(next(&mut peer), Some(1));
    std::process::abort()
}

#[test]
fn who_attached_learns_that_the_listener_died_and_finds_the_next_at_the_same_path() {
    let place = Place::new();
    for _ in 0..2 {
        let mut server = Process::start("listens", &place);
        let end = Instant::now() + PATIENCE;
        let mut peer = loop {
            assert!(Instant::now() < end, "nobody listens");
            match place.options("desk").ring_bytes(0).join() {
                Ok(peer) => break peer,
                Err(Error::System(_) | Error::HostGone(_)) => std::thread::sleep(Duration::from_millis(5)),
                Err(error) => panic!("{error}"),
            }
        };
        let Event::Mail(mail) = peer.receive(PATIENCE).unwrap() else { panic!("no mail") };
        send(mail.peer(), mail.sender().unwrap(), 1);
        mail.finish();
        assert_eq!(next(&mut peer), None);
        assert!(!server.wait().success());
    }
}

/// The conformance peer in C, where RINGMAIL_C_PEER names it: it is asked, streams through a small ring, and stops in order.
#[test]
fn a_peer_in_c_attaches() {
    let Some(program) = std::env::var_os("RINGMAIL_C_PEER") else { return eprintln!("left out: no RINGMAIL_C_PEER") };
    let place = Place::new();
    let mut listener = place.options("sink").ring_bytes(1 << 13).listen().unwrap();
    let mut command = Command::new(program);
    let mut process = Process(command.arg("echo").env("CONFORMANCE_PATH", &place.path).spawn().unwrap());
    let mut peer = accept(&mut listener);
    let c = peer.lookup("conformance").unwrap().speaks::<dyn Player>();
    for number in 0..100 {
        let ping = Ping { words: [number, 2, 3, 4] };
        assert_eq!(peer.ask(c, &ping, PATIENCE).unwrap(), ping);
    }
    const COUNT: u64 = 5000;
    peer.send(c, &Stream { count: COUNT, payload: Payload::Ping }).unwrap();
    for number in 0..COUNT {
        let Event::Mail(mail) = peer.receive(PATIENCE).unwrap() else { panic!("no mail") };
        assert_eq!(mail.read::<Ping>().unwrap().words().get(0), Some(number));
    }
    peer.send(c, &Tick { number: 9, price: 2.0, ..Tick::default() }).unwrap();
    let Event::Mail(mail) = peer.receive(PATIENCE).unwrap() else { panic!("no mail") };
    assert_eq!(mail.read::<Tick>().unwrap().price(), 4.0);
    drop(mail);
    assert_eq!(peer.ask(c, &Get {}, PATIENCE).unwrap().count, 1);
    peer.stop().unwrap();
    assert!(matches!(peer.receive(PATIENCE), Err(Error::HostGone(_))));
    assert!(process.wait().success());
    assert_eq!(listener.counters(), Default::default());
}

// --- What must not be let in, or listened at

fn refusal(listener: &mut Listener, path: &Path, bytes: &[u8]) -> (u16, String) {
    let mut stream = UnixStream::connect(path).unwrap();
    stream.write_all(bytes).unwrap();
    let reading = std::thread::spawn(move || {
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        all
    });
    while !reading.is_finished() {
        assert!(listener.accept(Duration::from_millis(5)).unwrap().is_none());
    }
    let all = reading.join().unwrap();
    assert_eq!(all[4..8], [4, 0, 0, 0], "refused: {all:?}");
    (u16::from_le_bytes([all[8], all[9]]), String::from_utf8_lossy(&all[14..]).into_owned())
}

fn hello(magic: &[u8], versions: [u16; 2], features: u64, ring_bytes: u64, texts: &[&str]) -> Vec<u8> {
    let mut payload = magic.to_vec();
    versions.iter().for_each(|version| payload.extend(version.to_le_bytes()));
    payload.extend(features.to_le_bytes());
    payload.extend(7u32.to_le_bytes());
    payload.extend(ring_bytes.to_le_bytes());
    for text in texts {
        payload.extend((text.len() as u32).to_le_bytes());
        payload.extend(text.as_bytes());
    }
    let mut frame = (payload.len() as u32).to_le_bytes().to_vec();
    frame.extend([1, 0, 0, 0]);
    frame.extend(payload);
    frame
}

#[test]
fn a_hello_that_is_none_is_refused_by_a_line_that_names_the_cause() {
    let place = Place::new();
    let mut listener = place.listen();
    let texts = ["c", "desk", "", ""];
    for (bytes, code, part) in [
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), 2, "GET"),
        (hello(b"RML2", [1, 1], 4, 0, &texts), 1, "magic"),
        (hello(b"RML1", [2, 3], 4, 0, &texts), 3, "the peer speaks 2 to 3"),
        (hello(b"RML1", [2, 1], 4, 0, &texts), 2, "range of versions"),
        (hello(b"RML1", [1, 1], 1, 0, &texts), 4, "stream_doorbell"),
        (hello(b"RML1", [1, 1], 4, 4097, &texts), 6, "rings of 4097 bytes"),
        (hello(b"RML1", [1, 1], 4, 1 << 15, &texts), 6, "rings of 32768 bytes"),
        (hello(b"RML1", [1, 1], 4, 0, &["", "desk", "", ""]), 2, "language"),
        (hello(b"RML1", [1, 1], 4, 0, &["c", "a\nb", "", ""]), 2, "name"),
        (hello(b"RML1", [1, 1], 4, 0, &["c", "desk", ""]), 2, "ends inside of a field"),
        (hello(b"RML1", [1, 1], 4, 0, &["c", "desk", "", "", ""]), 2, "left over"),
        ([&[0, 0, 0, 0, 3, 0, 0, 0][..]].concat(), 2, "hello was due"),
    ] {
        let (found, text) = refusal(&mut listener, &place.path, &bytes);
        assert!(found == code && text.contains(part), "{found}: {text}");
    }
    let (_accepted, _attached) = place.pair(&mut listener, "desk");
}

#[test]
fn who_says_nothing_is_refused_in_time_and_keeps_nobody_waiting() {
    let place = Place::new();
    let mut listener = place.listen();
    // More than may be half-way: the oldest has to go.
    let mut silent: Vec<_> = (0..65).map(|_| UnixStream::connect(&place.path).unwrap()).collect();
    assert!(listener.accept(SHORT).unwrap().is_none());
    let mut first = String::new();
    let _ = silent[0].read_to_string(&mut first);
    assert!(first.contains("too many processes have not said hello yet"), "{first:?}");
    let (text, _) = (refusal(&mut listener, &place.path, &[]), silent);
    assert!(text.1.contains("the handshake took too long") && text.0 == 9, "{text:?}");
    let (_accepted, _attached) = place.pair(&mut listener, "desk");
}

#[test]
fn a_place_that_others_can_enter_or_that_is_taken_is_not_listened_at() {
    let place = Place::new();
    let why = |options: Options| options.listen().err().unwrap().to_string();
    let listener = place.listen();
    assert!(why(place.options("other")).contains("another host does already"));
    drop(listener);
    assert!(!place.path.exists());
    std::fs::write(&place.path, "").unwrap();
    assert!(why(place.options("market")).contains("not a socket"));
    std::fs::remove_file(&place.path).unwrap();
    std::fs::set_permissions(&place.folder, std::fs::Permissions::from_mode(0o750)).unwrap();
    assert!(why(place.options("market")).contains("others may enter"));
    std::fs::set_permissions(&place.folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    assert!(why(Options::new().name("market")).contains("no path"));
    assert!(why(place.options("")).contains("has a name"));
    assert!(why(place.options("market").ring_bytes(5000)).contains("a power of two"));
    assert!(why(Options::new().name("market").path(place.folder.join("x".repeat(200)))).contains("cannot listen at"));
    let far = Options::new().path(place.folder.join("x".repeat(200))).join();
    assert!(far.err().unwrap().to_string().contains("the path of a socket has 1 to 107 bytes"));
    let nobody = place.options("desk").join().err().unwrap().to_string();
    assert!(nobody.starts_with(&place.path.display().to_string()), "{nobody}");
    drop(place.listen());
}

#[cfg(feature = "tokio")]
#[test]
fn both_ends_wait_in_tokio() {
    use ringmail::tokio::{AsyncListener, AsyncPeer};
    let place = Place::new();
    let options = place.options("desk").pollable(true);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut listener = AsyncListener::new(place.listen()).unwrap();
        // A wait that is given up has taken nothing.
        assert!(tokio::time::timeout(Duration::from_millis(5), listener.accept()).await.is_err());
        let attached = std::thread::spawn(move || echo(options.join()?));
        let mut peer = AsyncPeer::new(listener.accept().await.unwrap()).unwrap();
        assert_eq!(listener.listener().counters(), Default::default());
        let desk = peer.peer().lookup("desk").unwrap();
        for number in 0..50 {
            send(peer.peer(), desk, number);
            match peer.receive().await.unwrap() {
                Event::Mail(mail) => assert_eq!(mail.read::<Sum>().unwrap().count(), number),
                _ => panic!("something else came"),
            }
            if number % 10 == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await; // so that both sleep
            }
        }
        peer.peer().stop().unwrap();
        assert!(matches!(peer.receive().await, Err(Error::HostGone(_))));
        attached.join().unwrap().unwrap();
    });
}
