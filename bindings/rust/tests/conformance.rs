//! The conformance peer under a host that does what no runtime would. The real runtime plays with it in tests/bindings.

mod support;

use ringmail::{Done, Message};
use support::conformance_mail::{Bulk, Fail, Get, Note, Payload, Ping, Side, Stream, Sum, Tick};
use support::{Host, SINK};

fn tick(number: u64) -> Tick {
    Tick { number, price: number as f64 + 0.5, side: Side::Ask, symbol: "Zürich".into(), ..Tick::default() }
}

/// A host that trusts its peer, and one that speaks by pipes and keeps its bells.
fn for_each_host(play: impl Fn(&[&str])) {
    play(&[]);
    play(&["--control", "pipes"]);
}

#[test]
fn answers_what_it_is_asked() {
    for_each_host(|options| {
        let mut host = Host::conformance(options, &[]);
        host.ask(&tick(3), 5);
        assert_eq!(host.reply(), (5, Tick { price: 7.0, ..tick(3) }));
        host.ask(&Bulk { number: 1, bytes: [9; 1016] }, 6);
        assert_eq!(host.reply(), (6, Bulk { number: 1, bytes: [9; 1016] }));
        let note = Note { number: 4, title: "Zürich".into(), values: vec![1.5, -2.0], ..Note::default() };
        host.ask(&note, 6);
        assert_eq!(host.reply(), (6, Note { number: 8, values: vec![3.0, -4.0], ..note }));
        host.ask(&Stream::default(), 7);
        assert_eq!(host.reply(), (7, Done));
        host.ask(&Sum::default(), 8);
        assert_eq!(host.wait_for("no_reply"), ["8", "1"]);
        host.stop();
        assert_eq!(host.log().lines().count(), 1, "{}", host.log());
    });
}

#[test]
fn echoes_more_than_its_rings_hold() {
    for_each_host(|options| {
        let mut host = Host::conformance(&[options, &["--ring", "4096"]].concat(), &["echo"]);
        host.order("deaf");
        host.send(&Stream { count: 500, payload: Payload::Bulk }, 1);
        host.order("hear");
        for number in 0..500 {
            assert_eq!(host.mail::<Bulk>().1.number, number);
        }
        for number in 0..100 {
            host.send(&Ping { words: [number, 2, 3, 4] }, 1);
        }
        host.ask(&Get {}, 1);
        assert_eq!(host.reply::<Sum>().1.count, 100);
        host.stop();
        // A reply may overtake mail; the end does not.
        let echoed = host.seen.iter().filter(|event| event.starts_with(&format!("mail {} {}", SINK, Ping::TYPE)));
        assert_eq!(echoed.count(), 100);
    });
}

#[test]
fn a_failure_is_told_with_its_backtrace_and_the_message_comes_again() {
    let mut host = Host::conformance(&[], &[]);
    host.send(&tick(1), 2);
    host.ask(&Fail { code: 7 }, 9);
    host.send(&tick(2), 1);
    assert_eq!(host.wait_for("exit"), ["1"]);
    assert!(host.seen.contains(&"no_reply 9 2".into()));
    let text = host.seen.iter().find(|event| event.starts_with("failure ")).unwrap();
    assert!(text.starts_with("failure failed with 7|") && text.contains("on_fail"), "{text}");
    host.order("position");
    assert_eq!(host.wait_for("unfinished"), ["2"]);
    host.order("restart");
    assert!(host.wait_for("failure").join(" ").starts_with("failed with 7|"), "the successor begins with that message");
    assert_eq!(host.wait_for("exit"), ["1"]);
}

#[test]
fn a_successor_is_told_what_may_be_a_repetition() {
    let mut host = Host::conformance(&[], &[]);
    host.order(format!("signal {}", libc::SIGSTOP));
    host.send(&tick(1), 3);
    host.order(format!("signal {}", libc::SIGKILL));
    assert_eq!(host.wait_for("killed"), [libc::SIGKILL.to_string()]);
    host.order("restart");
    host.wait_for("ready");
    host.send(&tick(1), 1);
    host.ask(&Get {}, 1);
    assert_eq!(host.reply::<Sum>().1, Sum { count: 4, total: 6.0, redelivered: 3 });
    host.stop();
}

#[test]
fn the_death_of_the_host_ends_it() {
    for_each_host(|options| {
        let mut host = Host::conformance(options, &[]);
        let process = format!("/proc/{}", host.pid());
        host.order("die");
        let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
        // It is nobody's child any more, so only its folder tells.
        let is_there = || std::fs::read_to_string(format!("{process}/stat")).map_or(false, |stat| !stat.contains(") Z "));
        while is_there() {
            assert!(std::time::Instant::now() < end, "it lives on");
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        assert!(host.log().contains("the host has closed the link"), "{}", host.log());
    });
}

#[test]
fn a_refusal_is_one_line_and_status_1() {
    let mut peer = std::process::Command::new(support::conformance_peer());
    let mut host = Host::start(&["--refuse", "message a.B has no field c there"], &mut peer);
    assert_eq!(host.wait_for("exit"), ["1"]);
    assert!(host.log().contains("message a.B has no field c there"), "{}", host.log());
    assert_eq!(host.log().lines().count(), 1, "{}", host.log());
}

#[test]
fn started_by_hand_it_says_so_in_one_line_and_status_2() {
    for fds in ["", "x", "-3", "9999", "0"] {
        let mut command = std::process::Command::new(support::conformance_peer());
        let output = command.env("RINGMAIL_FDS", fds).stdin(std::process::Stdio::null()).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), text.lines().count()), (Some(2), 1), "{text}");
        assert!(text.contains("not spawned"), "{text}");
    }
}
