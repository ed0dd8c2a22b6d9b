//! A peer that attached at a path, and looks there for the next host when its own has died. Hosts are listeners in this process, or
//! sockets of the tests; with systems that keep their peers tests/actors/host_restart_test.cpp does the same.

mod support;

use ringmail::{Error, Event, Listener, Mailbox, Options, Peer, Reason, Wait};
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc::channel;
use std::thread::{spawn, JoinHandle};
use std::time::{Duration, Instant};
use support::conformance_mail::{Player, Sum, Tick};
use support::place::Place;

/// A watchdog, not a measure.
const PATIENCE: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(50);

impl Place {
    fn options(&self) -> Options {
        Options::new().path(&self.path).name("desk").ring_bytes(1 << 12).reconnect(PATIENCE)
    }

    fn listen(&self, schema: &str) -> Listener {
        Options::new().path(&self.path).name("market").ring_bytes(1 << 12).schema(schema).listen().unwrap()
    }

    /// A host; its peer, as that has it; the peer itself, and what it calls the host.
    fn pair(&self, options: Options) -> (Listener, Peer, Peer, Mailbox) {
        let mut listener = self.listen("the first");
        let joining = spawn(move || {
            let peer = options.join().unwrap();
            let market = peer.lookup("market").unwrap();
            (peer, market)
        });
        let mut accepted = accept(&mut listener);
        while !joining.is_finished() {
            assert!(matches!(accepted.receive(Duration::from_millis(1)), Ok(Event::Nothing)));
        }
        let (peer, market) = joining.join().unwrap();
        (listener, accepted, peer, market)
    }

    /// The next host, once its peer has come.
    fn next_host(&self) -> (Listener, Peer) {
        let mut listener = self.listen("the next");
        let accepted = accept(&mut listener);
        (listener, accepted)
    }

    /// A host that is none, which the test plays by hand.
    fn socket(&self) -> UnixListener {
        let _ = std::fs::create_dir(&self.folder);
        let _ = std::fs::remove_file(&self.path);
        UnixListener::bind(&self.path).unwrap()
    }
}

fn accept(listener: &mut Listener) -> Peer {
    listener.accept(PATIENCE).unwrap().expect("somebody comes")
}

fn send(peer: &Peer, to: Mailbox, count: u64) {
    peer.send(to, &Sum { count, ..Sum::default() }).unwrap();
}

fn desk(accepted: &Peer) -> Mailbox {
    accepted.lookup("desk").unwrap()
}

/// What comes next, in a word or two.
fn next(peer: &mut Peer) -> String {
    match peer.receive(PATIENCE).unwrap() {
        Event::Mail(mail) => format!("mail {}", mail.read::<Sum>().map_or(0, |sum| sum.count())),
        Event::Reply(reply) => match reply.read::<Tick>() {
            Err(Error::NoReply(reason)) => format!("no reply {reason:?}"),
            _ => "a reply".into(),
        },
        Event::Restarted(restarted) => format!("restarted {}", restarted.unread()),
        Event::Down(_) => "down".into(),
        Event::Nothing => "nothing".into(),
        Event::Stopped => "stopped".into(),
    }
}

/// Takes what the peer says until it is gone.
fn serve(mut accepted: Peer) -> JoinHandle<()> {
    spawn(move || while accepted.receive(Wait::Forever).is_ok() {})
}

#[test]
fn a_peer_goes_on_with_the_next_host_behind_all_that_the_dead_one_had_sent() {
    let place = Place::new();
    let (listener, accepted, mut peer, market) = place.pair(place.options());
    for count in 1..=3 {
        send(&accepted, desk(&accepted), count);
    }
    accepted.flush().unwrap();
    assert_eq!(next(&mut peer), "mail 1");
    // Two that the host does not read any more, and two asks that it does not answer.
    peer.ask_later(market, &Tick::default(), PATIENCE).unwrap();
    peer.ask_later(market, &Tick::default(), PATIENCE).unwrap();
    peer.flush().unwrap();
    assert_eq!((peer.schema(), peer.incarnation()), ("the first", 1));
    drop((accepted, listener));
    assert_eq!([next(&mut peer), next(&mut peer)], ["mail 2", "mail 3"]);
    let going_on = spawn(move || {
        assert_eq!(next(&mut peer), "restarted 2");
        assert_eq!([next(&mut peer), next(&mut peer)], ["no reply HostRestarted", "no reply HostRestarted"]);
        assert_eq!(next(&mut peer), "mail 4");
        peer
    });
    let (_listener, mut accepted) = place.next_host();
    send(&accepted, desk(&accepted), 4);
    accepted.flush().unwrap();
    let peer = going_on.join().unwrap();
    assert_eq!((peer.schema(), peer.counters().sent, peer.counters().received), ("the next", 2, 4));
    send(&peer, market, 5);
    peer.flush().unwrap();
    assert_eq!(next(&mut accepted), "mail 5");
}

#[test]
fn a_handler_is_told_once_and_its_peer_runs_on_until_it_is_stopped() {
    struct Counts(u64, u64);
    impl ringmail::Handler for Counts {
        fn mail(&mut self, _: &ringmail::Mail<'_>) -> Result<(), ringmail::Failure> {
            self.0 += 1;
            Ok(())
        }
        fn restarted(&mut self, restarted: &ringmail::Restarted<'_>) -> Result<(), ringmail::Failure> {
            assert_eq!(restarted.unread(), 0);
            self.1 += 1;
            Ok(())
        }
    }
    let place = Place::new();
    let (mut listener, mut accepted, mut peer, _) = place.pair(place.options());
    let running = spawn(move || {
        let mut counts = Counts(0, 0);
        peer.run(&mut counts).unwrap();
        counts
    });
    for _ in 0..5 {
        send(&accepted, desk(&accepted), 1);
        while accepted.unfinished().unwrap() != 0 {
            std::thread::yield_now();
        }
        drop(accepted); // the listener lives on, and has it again
        accepted = accept(&mut listener);
    }
    accepted.stop().unwrap();
    accepted.flush().unwrap();
    let Counts(mail, restarts) = running.join().unwrap();
    assert_eq!((mail, restarts), (5, 5));
}

#[test]
fn what_waits_waits_for_the_next_host_as_well() {
    let place = Place::new();
    let (listener, accepted, mut peer, market) = place.pair(place.options());
    drop((accepted, listener));
    assert!(matches!(peer.lookup_within("market", SHORT), Err(Error::TimedOut)));
    let again = peer.send_within(market, &Sum::default(), SHORT);
    assert!(matches!(again, Err(Error::Full)), "{again:?}");
    assert!(matches!(peer.receive(Wait::No), Ok(Event::Nothing)));
    assert!(matches!(peer.receive(SHORT), Ok(Event::Nothing)));
    assert!(matches!(peer.log(ringmail::Level::Info, "line"), Err(Error::Unsupported(_) | Error::Full)));
    let waiting = spawn(move || (peer.lookup_within("market", Wait::Forever).unwrap(), peer));
    let (listener, accepted) = place.next_host();
    let serving = serve(accepted);
    let (found, peer) = waiting.join().unwrap();
    assert_eq!(found, market);
    drop(peer);
    drop(listener);
    serving.join().unwrap();
}

#[test]
fn who_waits_for_room_finds_it_with_the_next_host() {
    let place = Place::new();
    let (listener, accepted, peer, market) = place.pair(place.options());
    while peer.send_within(market, &Sum::default(), Wait::No).is_ok() {}
    let sending = spawn(move || {
        send(&peer, market, 9); // waits for room
        peer.flush().unwrap();
        peer
    });
    drop((accepted, listener));
    let (_listener, mut accepted) = place.next_host();
    assert_eq!(next(&mut accepted), "mail 9");
    assert!(next(&mut sending.join().unwrap()).starts_with("restarted "));
}

#[test]
fn an_ask_that_waits_is_told_that_the_host_was_restarted() {
    let place = Place::new();
    let (listener, mut accepted, mut peer, market) = place.pair(place.options());
    let (asks, asked) = channel();
    let asking = spawn(move || {
        asks.send(()).unwrap();
        let answer = peer.ask(market.speaks::<dyn Player>(), &Tick::default(), PATIENCE);
        assert!(matches!(answer, Err(Error::NoReply(Reason::HostRestarted))), "{answer:?}");
        // It is not told twice.
        assert!(next(&mut peer).starts_with("restarted "));
        assert!(matches!(peer.receive(Wait::No), Ok(Event::Nothing)));
    });
    asked.recv().unwrap();
    let Event::Mail(mail) = accepted.receive(PATIENCE).unwrap() else { panic!("no mail") };
    mail.keep();
    drop((accepted, listener));
    let _next = place.next_host();
    asking.join().unwrap();
}

#[test]
fn a_message_in_hand_is_finished_before_its_peer_goes() {
    let place = Place::new();
    let (listener, accepted, mut peer, market) = place.pair(place.options());
    accepted.ask_later(desk(&accepted), &Tick { number: 77, ..Tick::default() }, PATIENCE).unwrap();
    accepted.flush().unwrap();
    let Event::Mail(mail) = peer.receive(PATIENCE).unwrap() else { panic!("no mail") };
    let asked = mail.later().unwrap();
    drop((accepted, listener));
    let next_host = spawn({
        let listener = place.listen("the next");
        move || {
            let mut listener = listener;
            (accept(&mut listener), listener)
        }
    });
    // Nobody keeps what is unfinished: so this peer stays until it is finished.
    let answer = mail.peer().ask(market.speaks::<dyn Player>(), &Tick::default(), PATIENCE);
    assert!(matches!(answer, Err(Error::NoReply(Reason::HostRestarted))), "{answer:?}");
    assert!(matches!(mail.peer().send(market, &Sum::default()), Err(Error::Full)));
    assert_eq!(mail.read::<Tick>().unwrap().number(), 77);
    mail.finish();
    assert!(next(&mut peer).starts_with("restarted "));
    let (mut accepted, _listener) = next_host.join().unwrap();
    // Whoever asked is no more.
    asked.reply(&peer, &Tick::default()).unwrap();
    send(&peer, market, 1);
    peer.flush().unwrap();
    assert_eq!(next(&mut accepted), "mail 1");
    assert!(matches!(accepted.receive(Wait::No), Ok(Event::Nothing)));
}

#[test]
fn an_open_loan_is_for_the_host_that_it_was_made_for() {
    let place = Place::new();
    let (listener, accepted, mut peer, market) = place.pair(place.options());
    let mut loan = peer.loan::<Tick>(market, Wait::No).unwrap();
    drop((accepted, listener));
    loan.edit().number().set(5);
    assert!(matches!(peer.lookup_within("market", SHORT), Err(Error::TimedOut)));
    loan.send().unwrap();
    let going_on = spawn(move || next(&mut peer));
    let _next = place.next_host();
    // It went with the old one.
    assert_eq!(going_on.join().unwrap(), "restarted 1");
}

#[test]
fn a_peer_ends_when_no_host_has_come_in_time_or_the_next_one_does_not_let_it_in() {
    let place = Place::new();
    let (listener, accepted, mut peer, _) = place.pair(place.options().reconnect(SHORT));
    drop((accepted, listener));
    let text = peer.receive(Wait::Forever).err().unwrap().to_string();
    assert_eq!(text, "the host has ended, and no other has come within 50 ms");
    assert!(matches!(peer.receive(Wait::Forever), Err(Error::HostGone(_))));
    assert!(matches!(peer.lookup("market"), Err(Error::HostGone(_))));

    let (listener, accepted, mut peer, _) = place.pair(place.options());
    drop((accepted, listener));
    let socket = place.socket();
    let ending = spawn(move || peer.receive(Wait::Forever).err().unwrap().to_string());
    // One that has begun to listen does not await everybody yet.
    for code in [7, 9, 10] {
        refuse(&socket, code, "not yet");
    }
    refuse(&socket, 8, "no");
    assert_eq!(ending.join().unwrap(), "the host refused: no (code 8)");
}

#[test]
fn a_peer_that_was_not_told_to_look_for_another_host_ends_with_its_own() {
    let place = Place::new();
    let (listener, accepted, mut peer, _) = place.pair(place.options().reconnect(Duration::ZERO));
    drop((accepted, listener));
    let _next = place.listen("the next");
    assert!(matches!(peer.receive(Wait::Forever), Err(Error::HostGone(_))));
}

#[test]
fn a_token_is_said_in_the_hello() {
    let place = Place::new();
    let socket = place.socket();
    for token in ["", "sesame"] {
        let joining = spawn({
            let options = place.options().token(token);
            move || options.join().err().unwrap()
        });
        let hello = refuse(&socket, 8, "not allowed");
        // Behind 28 bytes of numbers, the language and the name.
        assert_eq!(texts(&hello[28..])[..3], ["rust", "desk", token]);
        assert_eq!(joining.join().unwrap().to_string(), "the host refused: not allowed (code 8)");
    }
    let long = place.options().token(&"x".repeat(129)).join();
    assert!(matches!(long, Err(Error::Misuse(_))));
}

/// The hello of who comes next, which is refused.
fn refuse(socket: &UnixListener, code: u16, text: &str) -> Vec<u8> {
    let (mut stream, _) = socket.accept().unwrap();
    let hello = frame(&mut stream);
    let mut refused = Vec::new();
    refused.extend((2 + 4 + text.len() as u32).to_le_bytes());
    refused.extend([4, 0, 0, 0]);
    refused.extend(code.to_le_bytes());
    refused.extend((text.len() as u32).to_le_bytes());
    refused.extend(text.as_bytes());
    stream.write_all(&refused).unwrap();
    hello
}

fn frame(stream: &mut UnixStream) -> Vec<u8> {
    let mut header = [0; 8];
    stream.read_exact(&mut header).unwrap();
    let mut payload = vec![0; u32::from_le_bytes(header[..4].try_into().unwrap()) as usize];
    stream.read_exact(&mut payload).unwrap();
    payload
}

fn texts(mut bytes: &[u8]) -> Vec<&str> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_at(4);
        let (text, rest) = rest.split_at(u32::from_le_bytes(length.try_into().unwrap()) as usize);
        found.push(std::str::from_utf8(text).unwrap());
        bytes = rest;
    }
    found
}

#[test]
fn who_polls_has_the_same_descriptors_with_the_next_host() {
    let place = Place::new();
    let (listener, accepted, mut peer, _) = place.pair(place.options().pollable(true));
    let (tell, told) = channel();
    let polling = spawn(move || {
        let (mut numbers, mut descriptors) = (Vec::new(), None);
        loop {
            match peer.receive(Wait::No).unwrap() {
                Event::Mail(mail) => numbers.push(mail.read::<Sum>().unwrap().count()),
                Event::Restarted(_) => tell.send(()).unwrap(),
                Event::Stopped => return numbers,
                _ => {}
            }
            let Some(parked) = peer.park().unwrap() else { continue };
            let now = [parked.doorbell().as_raw_fd(), parked.control().as_raw_fd()];
            assert_eq!(*descriptors.get_or_insert(now), now);
            let mut entries = now.map(|fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 });
            // SAFETY: the kernel writes to the two entries.
            assert!(unsafe { libc::poll(entries.as_mut_ptr(), 2, 20_000) } > 0, "nobody has rung");
        }
    });
    send(&accepted, desk(&accepted), 1);
    drop((accepted, listener));
    for number in 2..=4 {
        let (listener, accepted) = place.next_host();
        told.recv_timeout(PATIENCE).unwrap();
        send(&accepted, desk(&accepted), number);
        accepted.flush().unwrap();
        std::thread::sleep(Duration::from_millis(1)); // so that it sleeps
        if number == 4 {
            accepted.stop().unwrap();
            accepted.flush().unwrap();
            assert_eq!(polling.join().unwrap(), [1, 2, 3, 4]);
            break;
        }
        drop((accepted, listener));
    }
}

#[test]
fn who_polls_hears_that_no_host_has_come() {
    let place = Place::new();
    let (listener, accepted, mut peer, _) = place.pair(place.options().pollable(true).reconnect(SHORT));
    drop((accepted, listener));
    let begun = Instant::now();
    let error = loop {
        match peer.park() {
            Err(error) => break error,
            Ok(None) => {}
            Ok(Some(parked)) => {
                let mut entry = libc::pollfd { fd: parked.control().as_raw_fd(), events: libc::POLLIN, revents: 0 };
                // SAFETY: the kernel writes to the entry.
                assert!(unsafe { libc::poll(&mut entry, 1, 20_000) } > 0, "nobody has rung");
            }
        }
    };
    assert!(matches!(error, Error::HostGone(_)) && begun.elapsed() >= SHORT, "{error}");
}

#[cfg(feature = "tokio")]
#[test]
fn a_peer_in_tokio_goes_on_with_the_next_host() {
    use ringmail::tokio::AsyncPeer;
    let place = Place::new();
    let (listener, accepted, peer, market) = place.pair(place.options().pollable(true));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (tell, told) = channel();
    let hosts = spawn(move || {
        let mut host = (listener, accepted);
        for number in 1..=5 {
            send(&host.1, desk(&host.1), number);
            host.1.flush().unwrap();
            told.recv_timeout(PATIENCE).unwrap();
            drop(host);
            host = place.next_host();
        }
        // Its room is waited for while the host dies.
        told.recv_timeout(PATIENCE).unwrap();
        drop(host);
        let (_listener, mut accepted) = place.next_host();
        let first = next(&mut accepted);
        accepted.stop().unwrap();
        accepted.flush().unwrap();
        while accepted.receive(PATIENCE).is_ok() {}
        first
    });
    runtime.block_on(async {
        let mut peer = AsyncPeer::new(peer).unwrap();
        let (mut numbers, mut restarts) = (Vec::new(), 0);
        while restarts < 5 {
            match peer.receive().await.unwrap() {
                Event::Mail(mail) => {
                    numbers.push(mail.read::<Sum>().unwrap().count());
                    tell.send(()).unwrap();
                }
                Event::Restarted(_) => restarts += 1,
                _ => panic!("something else came"),
            }
        }
        assert_eq!(numbers, [1, 2, 3, 4, 5]);
        while peer.peer().send_within(market, &Sum::default(), Wait::No).is_ok() {}
        tell.send(()).unwrap();
        while let Err(error) = peer.peer().send_within(market, &Sum { count: 6, ..Sum::default() }, Wait::No) {
            assert!(matches!(error, Error::Full), "{error}");
            peer.room(market).await.unwrap();
        }
        assert!(matches!(peer.receive().await.unwrap(), Event::Restarted(_)));
        assert!(matches!(peer.receive().await.unwrap(), Event::Stopped));
    });
    assert_eq!(hosts.join().unwrap(), "mail 6");
}
