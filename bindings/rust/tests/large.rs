//! Messages with bodies, each test with a peer in a process of its own under a host.

mod support;

use ringmail::{Accepts, Body, BodyLoan, Done, Error, Event, Failure, Mail, Mailbox, Peer, Reason, Wait};
use std::time::Duration;
use support::conformance_mail::{Bulk, Get, Host as HostProtocol, Ping, Sum, Tick};
use support::Host;

const ARENA: u64 = 1 << 20;
const OPTIONS: [&str; 2] = ["--arena", "1048576"];
const SHORT: Duration = Duration::from_millis(20);

#[test]
fn plays_a_scenario() {
    support::play(&[
        ("keeps", keeps),
        ("dies", dies),
        ("sends", sends),
        ("waits", waits),
        ("asks", asks),
        ("cannot", cannot),
        ("gigabytes", gigabytes),
        #[cfg(feature = "tokio")]
        ("tokio", in_tokio),
    ]);
}

fn sink(peer: &Peer) -> Result<Mailbox, Error> {
    peer.lookup("sink")
}

fn until_stopped(peer: &mut Peer) -> Result<(), Failure> {
    while !matches!(peer.receive(Wait::Forever)?, Event::Stopped) {}
    Ok(())
}

fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte)).sum()
}

/// Keeps the bodies of Ticks, looks at those of Bulks, forgets the first kept for a Ping; and tells of all to who asks.
fn keeps() -> Result<(), Failure> {
    let mut kept: Vec<Body> = Vec::new();
    let mut looked_at = 0;
    Peer::join()?.run(&mut |mail: &Mail<'_>| -> Result<(), Failure> {
        if mail.is::<Tick>() {
            kept.extend(mail.keep_body());
            assert_eq!(mail.body(), kept.last().map(AsRef::as_ref));
            assert_eq!(mail.read::<Tick>()?.number(), kept.len() as u64);
        } else if mail.is::<Bulk>() {
            looked_at += sum(mail.body().expect("a body"));
        } else if mail.is::<Ping>() {
            assert!(mail.body().is_none() && mail.keep_body().is_none());
            drop(kept.remove(0));
        }
        let total = kept.iter().map(|body| body.len() as f64).sum();
        mail.answer(Some(Sum { count: looked_at + kept.iter().map(|body| sum(body)).sum::<u64>(), total, ..Sum::default() }))?;
        Ok(())
    })
}

#[test]
fn a_body_may_be_kept_past_its_message_and_is_given_back_by_the_last_who_has_it() {
    let mut host = Host::of("keeps", &OPTIONS);
    host.send_large(&Tick { number: 1, ..Tick::default() }, 100_000, 7);
    host.send_large(&Tick { number: 2, ..Tick::default() }, 5, 8);
    host.send_large(&Bulk::default(), 1000, 1);
    host.ask(&Get {}, 5);
    assert_eq!(host.reply::<Sum>(), (5, Sum { count: 700_000 + 40 + 1000, total: 100_005.0, ..Sum::default() }));
    assert!(!host.is_whole());
    host.send(&Ping::default(), 2);
    host.ask(&Get {}, 6);
    assert_eq!(host.reply::<Sum>().1.total, 0.0);
    assert!(host.is_whole());
    host.stop();
}

#[test]
fn what_is_not_kept_is_given_back_when_its_message_is_finished() {
    let mut host = Host::of("keeps", &OPTIONS);
    // Each takes all the room that there is.
    for fill in 0..20 {
        host.send_large(&Bulk::default(), ARENA, fill);
    }
    host.ask(&Get {}, 5);
    assert_eq!(host.reply::<Sum>().1.count, (0..20).sum::<u64>() * ARENA);
    assert!(host.is_whole());
    host.stop();
}

/// The first keeps what it gets, and dies with the second in hand.
fn dies() -> Result<(), Failure> {
    let mut peer = Peer::join()?;
    let incarnation = peer.incarnation();
    let mut kept = Vec::new();
    peer.run(&mut |mail: &Mail<'_>| -> Result<(), Failure> {
        kept.extend(mail.keep_body());
        let fill = mail.body().and_then(|body| body.first().copied()).unwrap_or_default();
        mail.peer()
            .send(sink(mail.peer())?, &Sum { count: fill.into(), redelivered: mail.redelivered().into(), ..Sum::default() })?;
        if incarnation == 1 && fill == 2 {
            mail.peer().flush()?;
            std::process::abort();
        }
        Ok(())
    })
}

#[test]
fn what_the_dead_had_kept_is_taken_back_and_what_they_had_not_finished_comes_again_with_its_body() {
    let mut host = Host::of("dies", &OPTIONS);
    host.send_large(&Tick::default(), ARENA / 2, 1);
    assert_eq!(host.mail::<Sum>().1.count, 1);
    host.send_large(&Tick::default(), ARENA / 2, 2);
    assert_eq!(host.mail::<Sum>().1, Sum { count: 2, ..Sum::default() });
    assert_eq!(host.wait_for("killed"), [libc::SIGABRT.to_string()]);
    host.order("restart");
    host.wait_for("ready");
    assert_eq!(host.mail::<Sum>().1, Sum { count: 2, redelivered: 1, ..Sum::default() });
    // Room for half of it is there, by the first's death alone.
    host.send_large(&Tick::default(), ARENA / 2, 3);
    assert_eq!(host.mail::<Sum>().1, Sum { count: 3, ..Sum::default() });
    assert!(!host.is_whole(), "its successor keeps both");
    host.stop();
    assert!(host.is_whole(), "who ends in order gives back what he had");
}

fn sends() -> Result<(), Failure> {
    let mut peer = Peer::join()?;
    let to = sink(&peer)?;
    let mut first = peer.loan_large(to, 1000, Wait::No)?;
    assert_eq!((first.len(), first.as_ptr() as usize % 4096), (1000, 0));
    let mut second = peer.loan_large(to, ARENA as usize - 4096, Wait::No)?;
    assert!(matches!(peer.loan_large(to, 0, Wait::No), Err(Error::Full)));
    assert!(matches!(peer.loan_large(to, 1, SHORT), Err(Error::Full)));
    assert!(matches!(peer.loan_large(to, ARENA as usize + 1, Wait::No), Err(Error::TooLong { most: ARENA, .. })));
    // Filled by another thread, in the other order.
    let second = std::thread::spawn(move || {
        second.fill(1);
        second
    });
    first.fill(3);
    peer.send_large(to, &Tick { number: 9, ..Tick::default() }, first)?;
    drop(second.join().expect("it fills"));
    let mut third = peer.loan_large(to, 3, Wait::No)?;
    third.copy_from_slice(&[1, 2, 3]);
    peer.send_large(to.speaks::<dyn HostProtocol>(), &Ping { words: [4; 4] }, third)?;
    let empty = peer.loan_large(to, 0, Wait::No)?;
    peer.send_large_within(to, &Get {}, empty, Wait::No)?;
    assert_eq!(peer.counters().sent, 3);
    until_stopped(&mut peer)
}

#[test]
fn a_body_is_written_in_place_and_sent() {
    let mut host = Host::of("sends", &OPTIONS);
    assert_eq!(host.wait_for("body"), ["1000", "3000"]);
    assert_eq!(host.mail::<Tick>().1.number, 9);
    assert_eq!(host.wait_for("body"), ["3", "6"]);
    assert_eq!(host.mail::<Ping>().1.words, [4; 4]);
    assert_eq!(host.wait_for("body"), ["0", "0"]);
    host.mail::<Get>();
    host.stop();
}

fn waits() -> Result<(), Failure> {
    let mut peer = Peer::join()?;
    let to = sink(&peer)?;
    for number in 1..=20 {
        let mut body = peer.loan_large(to, ARENA as usize, Wait::Forever)?;
        body.fill(number);
        peer.send_large(to, &Tick::default(), body)?;
    }
    // A ring that is full gives the body back.
    let mut body = peer.loan_large(to, 10, Wait::Forever)?;
    body.fill(5);
    while peer.send_within(to, &Get {}, Wait::No).is_ok() {}
    let unsent = peer.send_large_within(to, &Ping::default(), body, Wait::No).expect_err("the ring is full");
    assert!(matches!(unsent.error(), Error::Full));
    let body = unsent.into_body();
    assert_eq!(body[..], [5; 10]);
    eprintln!("the ring is full");
    peer.send_large(to, &Ping::default(), body)?;
    until_stopped(&mut peer)
}

#[test]
fn who_finds_no_room_waits_for_what_is_given_back() {
    let mut host = Host::of("waits", &["--arena", "1048576", "--ring", "4096"]);
    for number in 1..=20u64 {
        assert_eq!(host.wait_for("body"), [ARENA.to_string(), (ARENA * number).to_string()]);
        host.mail::<Tick>();
        if number % 5 == 0 {
            std::thread::sleep(Duration::from_millis(2)); // so that it sleeps
        }
        if number == 20 {
            host.order("deaf");
        }
        host.order("give_back");
    }
    while !host.log().contains("the ring is full") {
        std::thread::sleep(Duration::from_millis(2));
    }
    host.order("hear");
    assert_eq!(host.wait_for("body"), ["10", "50"]);
    host.stop();
}

fn asks() -> Result<(), Failure> {
    let mut peer = Peer::join()?;
    let to = sink(&peer)?.speaks::<dyn HostProtocol>();
    let loan = |peer: &Peer| peer.loan_large(to.mailbox(), 8, Wait::Forever);
    let long = Duration::from_secs(30);
    fn replies<P: Accepts<Tick, Reply = Done> + ?Sized>(_: ringmail::Address<P>) {}
    replies(to);
    let mut body: BodyLoan = loan(&peer)?;
    body.fill(2);
    let Done = peer.ask_large(to, &Tick::default(), body, long)?;
    let ticket = peer.ask_large_later(to, &Ping::default(), loan(&peer)?, SHORT)?;
    match peer.receive(Wait::Forever)? {
        Event::Reply(reply) => {
            assert_eq!(reply.ticket(), ticket);
            assert!(matches!(reply.read::<Ping>(), Err(Error::NoReply(Reason::TimedOut))));
        }
        _ => return Err(Failure::new("something else came")),
    }
    peer.send(to.mailbox(), &Sum::default())?;
    until_stopped(&mut peer)
}

#[test]
fn an_ask_may_have_a_body() {
    let mut host = Host::of("asks", &OPTIONS);
    assert_eq!(host.wait_for("body"), ["8", "16"]);
    let (correlation, Tick { .. }) = host.mail();
    host.order(format!("answer {correlation} {} -", <Done as ringmail::Message>::TYPE));
    host.wait_for("body");
    host.mail::<Ping>();
    host.mail::<Sum>();
    host.stop();
}

fn cannot() -> Result<(), Failure> {
    let mut peer = Peer::join()?;
    let to = sink(&peer)?;
    assert!(matches!(peer.loan_large(to, 1, Wait::Forever), Err(Error::Unsupported(_))));
    until_stopped(&mut peer)
}

#[test]
fn a_host_without_arenas_takes_no_bodies() {
    for options in [&[][..], &["--control", "pipes"]] {
        Host::of("cannot", options).stop();
    }
}

/// Of this process, apart from files and shared memory.
fn anonymous_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("it is Linux");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("there is one");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

fn gigabytes() -> Result<(), Failure> {
    let before = anonymous_bytes();
    Peer::join()?.run(&mut |mail: &Mail<'_>| -> Result<(), Failure> {
        let (peer, came) = (mail.peer(), mail.body().ok_or_else(|| Failure::new("no body"))?);
        let to = sink(peer)?;
        let mut body = peer.loan_large(to, came.len(), Wait::Forever)?;
        for (from, to) in came.chunks(4096).zip(body.chunks_mut(4096)) {
            to.fill(from[0] + 1);
        }
        peer.send_large(to, &Sum { count: anonymous_bytes().saturating_sub(before), ..Sum::default() }, body)?;
        Ok(())
    })
}

#[test]
fn gigabytes_go_through_and_are_not_copied() {
    const LENGTH: u64 = 1 << 28;
    const LITTLE: u64 = 16 << 20;
    let mut host = Host::of("gigabytes", &["--arena", "268435456"]);
    for fill in 0..8 {
        host.send_large(&Get {}, LENGTH, fill);
        assert_eq!(host.wait_for("body"), [LENGTH.to_string(), (LENGTH * u64::from(fill + 1)).to_string()]);
        assert!(host.mail::<Sum>().1.count < LITTLE, "it has been copied");
        host.order("give_back");
    }
    host.stop();
}

#[cfg(feature = "tokio")]
fn in_tokio() -> Result<(), Failure> {
    use ringmail::tokio::AsyncPeer;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut peer = AsyncPeer::new(ringmail::Options::new().pollable(true).join()?)?;
        let to = sink(peer.peer())?;
        for number in 1..=10 {
            let mut body = peer.loan_large(to, ARENA as usize).await?;
            body.fill(number);
            peer.peer().send_large(to, &Tick::default(), body)?;
            peer.peer().flush()?;
        }
        // A wait that is given up has taken nothing, and leaves the peer awake.
        assert!(tokio::time::timeout(Duration::from_millis(5), peer.loan_large(to, ARENA as usize)).await.is_err());
        while peer.peer().send_within(to, &Get {}, Wait::No).is_ok() {}
        eprintln!("the ring is full");
        while let Err(Error::Full) = peer.peer().send_within(to, &Ping::default(), Wait::No) {
            peer.room(to).await?;
        }
        while !matches!(peer.receive().await?, Event::Stopped) {}
        Ok(())
    })
}

#[cfg(feature = "tokio")]
#[test]
fn a_peer_waits_for_room_in_tokio() {
    let mut host = Host::of("tokio", &["--arena", "1048576", "--ring", "4096"]);
    for number in 1..=10u64 {
        assert_eq!(host.wait_for("body"), [ARENA.to_string(), (ARENA * number).to_string()]);
        if number == 10 {
            host.order("deaf");
            while !host.log().contains("the ring is full") {
                std::thread::sleep(Duration::from_millis(2));
            }
            host.order("hear");
        } else {
            std::thread::sleep(Duration::from_millis(1)); // so that it sleeps
            host.order("give_back");
        }
    }
    while host.wait_for("mail")[1] != <Ping as ringmail::Message>::TYPE.to_string() {}
    host.stop();
}
