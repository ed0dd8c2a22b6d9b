//! What a peer can do, each in a process of its own under a host: this very program, told by a variable what to be.

mod support;

use ringmail::{
    Asked, Done, Down, Error, Event, Exit, Failure, Handler, Level, Mail, Mailbox, Options, Peer, Reason, Reply, Wait,
};
use std::time::Duration;
use support::conformance_mail::{lengths, Fail, Get, Host as HostProtocol, Note, Ping, Stream, Sum, Tick};
use support::{Host, SINK};

#[test]
fn plays_a_scenario() {
    support::play(&[
        ("later", later),
        ("asks", asks),
        ("panics", panics),
        ("loans", loans),
        ("full", full),
        ("lookups", lookups),
        ("told", told),
        ("forgets", forgets),
        ("polls", polls),
        ("watches", watches),
        #[cfg(feature = "log")]
        ("logs", logs),
        ("spins", spins),
        #[cfg(feature = "tokio")]
        ("tokio", in_tokio),
    ]);
}

fn sink(peer: &Peer) -> Result<Mailbox, Error> {
    peer.lookup("sink")
}

fn later() -> Result<(), Failure> {
    let mut waiting: Vec<Asked> = Vec::new();
    Peer::join()?.run(&mut |mail: &Mail<'_>| -> Result<(), Failure> {
        waiting.extend(mail.later());
        assert!(!mail.is_asked() && mail.later().is_none());
        if mail.is::<Get>() {
            waiting.remove(0).refuse(mail.peer(), Reason::Full)?;
            for (count, asked) in (1..).zip(waiting.drain(..)) {
                asked.reply(mail.peer(), &Sum { count, ..Sum::default() })?;
            }
        }
        Ok(())
    })
}

#[test]
fn an_answer_may_be_given_later() {
    let mut host = Host::of("later", &[]);
    host.ask(&Tick::default(), 5);
    host.ask(&Tick::default(), 6);
    host.ask(&Get {}, 7);
    assert_eq!(host.wait_for("no_reply"), ["5", "4"]);
    assert_eq!([host.reply::<Sum>().0, host.reply::<Sum>().0], [6, 7]);
    host.stop();
}

/// Answers a Stream by asking the sink twice; what comes back goes to the sink as a Sum.
struct Asks {
    tickets: Vec<ringmail::Ticket>,
}

impl ringmail::Handler for Asks {
    fn mail(&mut self, mail: &Mail<'_>) -> Result<(), Failure> {
        let peer = mail.peer();
        let to = sink(peer)?;
        let (long, short) = (Duration::from_secs(30), Duration::from_millis(20));
        self.tickets.push(peer.ask_later(to, &Get {}, long)?);
        self.tickets.push(peer.ask_later(to, &Get {}, short)?);
        let Done = peer.ask(to.speaks::<dyn HostProtocol>(), &Tick::default(), long)?;
        assert!(matches!(peer.ask(to.speaks::<dyn HostProtocol>(), &Ping::default(), long), Err(Error::NoReply(Reason::Full))));
        let late = peer.ask(to.speaks::<dyn HostProtocol>(), &Ping::default(), short);
        assert!(matches!(late, Err(Error::TimedOut)));
        Ok(())
    }

    fn reply(&mut self, reply: &Reply<'_>) -> Result<(), Failure> {
        let which = self.tickets.iter().position(|ticket| *ticket == reply.ticket()).unwrap() as u64;
        let count = match reply.read::<Sum>() {
            Ok(sum) => sum.count(),
            Err(Error::NoReply(Reason::TimedOut)) => 1000,
            Err(error) => return Err(error.into()),
        };
        reply.peer().send(sink(reply.peer())?, &Sum { count, redelivered: which, ..Sum::default() })?;
        Ok(())
    }
}

fn asks() -> Result<(), Failure> {
    Peer::join()?.run(&mut Asks { tickets: Vec::new() })
}

#[test]
fn asks_are_answered_at_once_or_later_or_never() {
    let mut host = Host::of("asks", &[]);
    host.send(&Stream::default(), 1);
    let (first, Get {}) = host.mail();
    let (_, Get {}) = host.mail();
    let (third, Tick { .. }) = host.mail();
    // Out of order: the first answer comes while another is waited for.
    host.order(format!("answer {first} {} 2a{}", <Sum as ringmail::Message>::TYPE, "00".repeat(23)));
    host.order(format!("answer {third} {} -", <Done as ringmail::Message>::TYPE));
    let (fourth, Ping { .. }) = host.mail();
    host.order(format!("decline {fourth} 4"));
    host.mail::<Ping>();
    assert_eq!(host.mail::<Sum>().1, Sum { count: 42, ..Sum::default() });
    assert_eq!(host.mail::<Sum>().1, Sum { count: 1000, redelivered: 1, ..Sum::default() });
    host.stop();
}

fn panics() -> Result<(), Failure> {
    Peer::join()?.run(&mut |mail: &Mail<'_>| -> Result<(), Failure> {
        let code = mail.read::<Fail>()?.code();
        panic!("the code is {code}");
    })
}

#[test]
fn a_panic_is_a_failure_and_its_message_is_not_finished() {
    let mut host = Host::of("panics", &[]);
    host.send(&Fail { code: 3 }, 1);
    let text = host.wait_for("failure").join(" ");
    assert!(text.starts_with("the code is 3 (a panic at ") && text.contains("peer::panics"), "{text}");
    assert_eq!(host.wait_for("exit"), ["1"]);
    host.order("position");
    assert_eq!(host.wait_for("unfinished"), ["1"]);
}

fn loans() -> Result<(), Failure> {
    let mut peer = Peer::join()?;
    let to = sink(&peer)?;
    let mut given_up = peer.loan::<Tick>(to, Wait::No)?;
    given_up.edit().price().set(9.0);
    assert!(matches!(peer.send(to, &Get {}), Err(Error::Misuse(_))), "there is one loan at a time");
    drop(given_up);
    let mut kept = peer.loan::<Tick>(to, Wait::No)?;
    kept.edit().levels().get_mut(1).unwrap().quantity().set(5);
    kept.edit().symbol().set("abc".into());
    kept.send()?;
    let mut bytes = peer.loan_bytes(to, 24, Wait::No)?;
    bytes.fill(0);
    bytes[0] = 7;
    bytes.send(<Sum as ringmail::Message>::TYPE);
    assert!(matches!(peer.loan_bytes(to, 1 << 20, Wait::No), Err(Error::TooLong { .. })));
    let lengths = lengths::Note { title: 3, values: 2 };
    assert!(matches!(
        peer.loan_with::<Note>(to, &lengths::Note { values: usize::MAX, ..lengths }, Wait::No),
        Err(Error::TooLong { .. })
    ));
    let mut note = peer.loan_with::<Note>(to, &lengths, Wait::No)?;
    note.edit().title().copy_from_slice(b"abc");
    // In a ring they lie as in memory.
    note.edit().values().as_slice().expect("aligned").copy_from_slice(&[1.0, 2.0]);
    note.send()?;
    assert_eq!(peer.counters().sent, 3);
    while !matches!(peer.receive(Wait::Forever)?, Event::Stopped) {}
    Ok(())
}

#[test]
fn a_loan_is_written_in_place_and_seen_only_if_it_is_sent() {
    let mut host = Host::of("loans", &[]);
    let (_, tick) = host.mail::<Tick>();
    assert_eq!((tick.levels[1].quantity, tick.price), (5, 0.0));
    assert_eq!(tick.symbol, "abc");
    assert_eq!(host.mail::<Sum>().1.count, 7);
    assert_eq!(host.mail::<Note>().1, Note { title: "abc".into(), values: vec![1.0, 2.0], ..Note::default() });
    host.stop();
}

fn full() -> Result<(), Failure> {
    let mut peer = Peer::join()?;
    let to = sink(&peer)?;
    let Event::Mail(mail) = peer.receive(Wait::Forever)? else { return Err(Failure::new("no mail")) };
    let mut sent = 0;
    while mail.peer().send_within(to, &Ping::default(), Wait::No).is_ok() {
        sent += 1;
    }
    let short = Duration::from_millis(20);
    assert!(matches!(mail.peer().send_within(to, &Ping::default(), short), Err(Error::Full)));
    eprintln!("full after {sent}");
    mail.peer().send(to, &Sum { count: sent, ..Sum::default() })?;
    mail.finish();
    while !matches!(peer.receive(Wait::Forever)?, Event::Stopped) {}
    Ok(())
}

#[test]
fn a_full_ring_is_an_error_or_waited_for() {
    let mut host = Host::of("full", &["--ring", "4096"]);
    host.order("deaf");
    host.send(&Get {}, 1);
    while !host.log().contains("full after 63") {
        std::thread::sleep(Duration::from_millis(2));
    }
    host.order("hear");
    for _ in 0..63 {
        host.mail::<Ping>();
    }
    assert_eq!(host.mail::<Sum>().1.count, 63);
    host.stop();
}

fn lookups() -> Result<(), Failure> {
    let peer = Peer::join()?;
    assert!(matches!(peer.lookup("nobody"), Err(Error::NotFound(name)) if name == "nobody"));
    assert!(matches!(peer.lookup("no\nname"), Err(Error::NotFound(_))));
    assert_eq!(format!("{:?}", peer.lookup("sink")?), format!("Mailbox({SINK:#x})"));
    assert!(std::env::var_os("RINGMAIL_FDS").is_none(), "no child takes itself for a peer");
    Ok(())
}

#[test]
fn names_are_looked_up() {
    let mut host = Host::of("lookups", &[]);
    assert_eq!(host.wait_for("exit"), ["0"]);
    assert!(!host.seen.contains(&"goodbye".into()), "it was not told to stop");
}

fn told() -> Result<(), Failure> {
    let mut peer = Peer::join()?;
    assert_eq!((peer.name(), peer.schema()), ("tested", ""));
    let incarnation = peer.incarnation();
    let mut first = true;
    peer.run(&mut |mail: &Mail<'_>| -> Result<(), Failure> {
        assert_eq!(mail.redelivered(), incarnation > 1 && first);
        assert_eq!(mail.attempt(), if first { incarnation as u32 - 1 } else { 0 });
        assert_eq!(mail.sender().map(|sender| format!("{sender:?}")), Some("Mailbox(0x7)".into()));
        if incarnation == 1 {
            std::process::abort();
        }
        first = false;
        Ok(())
    })
}

#[test]
fn a_message_is_told_to_be_a_repetition_and_how_many_died_over_it() {
    let mut host = Host::of("told", &[]);
    host.send(&Get {}, 1);
    assert_eq!(host.wait_for("killed"), [libc::SIGABRT.to_string()]);
    host.order("restart");
    host.wait_for("ready");
    host.send(&Get {}, 1);
    host.stop();
}

fn forgets() -> Result<(), Failure> {
    let mut peer = Peer::join()?;
    let Event::Mail(mail) = peer.receive(Wait::Forever)? else { return Err(Failure::new("no mail")) };
    mail.keep();
    assert!(matches!(peer.receive(Wait::No), Err(Error::Misuse(_))));
    Ok(())
}

#[test]
fn what_is_kept_is_left_to_the_successor() {
    let mut host = Host::of("forgets", &[]);
    host.send(&Get {}, 1);
    assert_eq!(host.wait_for("exit"), ["0"]);
    host.order("position");
    assert_eq!(host.wait_for("unfinished"), ["1"]);
}

fn spins() -> Result<(), Failure> {
    let mut peer = Peer::join()?;
    loop {
        match peer.receive(Wait::No) {
            Ok(_) => std::thread::yield_now(),
            Err(Error::HostGone(text)) => {
                eprintln!("noticed: {text}");
                return Ok(());
            }
            Err(error) => return Err(error.into()),
        }
    }
}

#[test]
fn who_never_waits_hears_of_the_hosts_death_too() {
    let mut host = Host::of("spins", &[]);
    host.order("die");
    let end = std::time::Instant::now() + Duration::from_secs(30);
    while !host.log().contains("noticed") {
        assert!(std::time::Instant::now() < end, "{}", host.log());
        std::thread::sleep(Duration::from_millis(2));
    }
}

struct Watches;

impl Handler for Watches {
    fn mail(&mut self, mail: &Mail<'_>) -> Result<(), Failure> {
        mail.peer().log(Level::Info, &format!("mail of {} bytes", mail.payload().len()))?;
        Ok(())
    }

    fn down(&mut self, down: &Down<'_>) -> Result<(), Failure> {
        if down.kind() == Exit::Escalated {
            return Err(Failure::new("two\nlines"));
        }
        let is_sink = down.mailbox() == Some(sink(down.peer())?);
        down.peer().log(Level::Warning, &format!("{is_sink} {:?}: {}", down.kind(), down.reason()))?;
        Ok(())
    }
}

fn watches() -> Result<(), Failure> {
    let mut peer = Peer::join()?;
    let to = sink(&peer)?;
    peer.monitor(to, Wait::Forever)?;
    let taken_back = peer.monitor(to, Wait::Forever)?;
    assert!(peer.demonitor(taken_back, Wait::Forever)? && !peer.demonitor(taken_back, Wait::Forever)?);
    peer.monitor(to, Wait::Forever)?;
    peer.run(&mut Watches)
}

#[test]
fn an_end_is_told_once_and_in_its_place() {
    let mut host = Host::of("watches", &[]);
    let monitors: Vec<String> = (0..3).map(|_| host.wait_for("monitor").remove(0)).collect();
    assert!(host.seen.contains(&format!("demonitor {} {SINK}", monitors[1])), "{:?}", host.seen);
    host.send(&Get {}, 1);
    host.order(format!("down {} {SINK} 0 ended normally", monitors[1]));
    host.order(format!("down {} {SINK} 1 failed: disk full", monitors[0]));
    host.order(format!("down {} {SINK} 1 again", monitors[0]));
    host.order_to_send(&Ping::default(), 1);
    assert_eq!(host.wait_for("log").join(" "), "2 mail of 0 bytes");
    assert_eq!(host.wait_for("log").join(" "), "3 true Failed: failed: disk full");
    assert_eq!(host.wait_for("log").join(" "), "2 mail of 32 bytes");
    host.order(format!("down {} {SINK} 9 gave up", monitors[2]));
    assert!(host.wait_for("failure").join(" ").starts_with("two lines|"));
    assert_eq!(host.wait_for("exit"), ["1"]);
}

#[cfg(feature = "log")]
fn logs() -> Result<(), Failure> {
    let mut peer = Peer::join()?;
    log::set_boxed_logger(Box::new(peer.logger()))?;
    log::set_max_level(log::LevelFilter::Debug);
    std::thread::spawn(|| log::error!(target: "gate", "late")).join().expect("it logs");
    log::trace!("too little");
    loop {
        match peer.receive(Wait::Forever)? {
            Event::Mail(_) => log::debug!(target: "gate", "mail"),
            Event::Stopped => return Ok(()),
            _ => {}
        }
    }
}

#[cfg(feature = "log")]
#[test]
fn what_is_logged_by_any_thread_goes_to_the_host() {
    let mut host = Host::of("logs", &[]);
    assert_eq!(host.wait_for("log"), ["4", "gate:", "late"]);
    host.send(&Get {}, 1);
    assert_eq!(host.wait_for("log"), ["1", "gate:", "mail"]);
    host.stop();
}

fn polls() -> Result<(), Failure> {
    use std::os::fd::AsRawFd;
    let mut peer = Options::new().pollable(true).join()?;
    let to = sink(&peer)?;
    loop {
        match peer.receive(Wait::No)? {
            Event::Nothing => {}
            Event::Stopped => return Ok(()),
            Event::Mail(mail) => {
                mail.peer().send(to, &Get {})?;
                continue;
            }
            Event::Reply(_) | Event::Down(_) | Event::Restarted(_) => continue,
        }
        if let Some(parked) = peer.park()? {
            let poll = |fd: i32| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
            let mut entries = [poll(parked.doorbell().as_raw_fd()), poll(parked.control().as_raw_fd())];
            // SAFETY: the kernel writes to the two entries.
            assert!(unsafe { libc::poll(entries.as_mut_ptr(), 2, 20_000) } > 0, "nobody has rung");
        }
    }
}

#[test]
fn a_peer_can_be_polled_beside_other_descriptors() {
    for options in [&[][..], &["--control", "pipes"]] {
        let mut host = Host::of("polls", options);
        for _ in 0..20 {
            host.send(&Get {}, 1);
            host.mail::<Get>();
            std::thread::sleep(Duration::from_millis(1)); // so that it sleeps
        }
        host.stop();
    }
}

#[cfg(feature = "tokio")]
fn in_tokio() -> Result<(), Failure> {
    use ringmail::tokio::AsyncPeer;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut peer = AsyncPeer::new(Options::new().pollable(true).join()?)?;
        let to = sink(peer.peer())?;
        // A wait that is given up has taken nothing, and does not keep the next from being rung.
        assert!(tokio::time::timeout(Duration::from_millis(5), peer.receive()).await.is_err());
        peer.peer().ask_later(to, &Tick::default(), Duration::from_millis(20))?;
        loop {
            match peer.receive().await? {
                Event::Mail(mail) => mail.peer().send(to, &Get {})?,
                Event::Reply(reply) => reply.peer().send(to, &Sum::default())?,
                Event::Stopped => return Ok(()),
                Event::Down(_) | Event::Restarted(_) | Event::Nothing => {}
            }
        }
    })
}

#[cfg(feature = "tokio")]
#[test]
fn a_peer_waits_in_tokio() {
    let mut host = Host::of("tokio", &[]);
    host.mail::<Tick>();
    assert_eq!(host.mail::<Sum>().1, Sum::default(), "the ask expired");
    for _ in 0..20 {
        host.send(&Get {}, 1);
        host.mail::<Get>();
        std::thread::sleep(Duration::from_millis(1)); // so that it sleeps
    }
    host.stop();
}
