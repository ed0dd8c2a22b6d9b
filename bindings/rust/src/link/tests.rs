//! What one end of a link writes that the other must not take.

use super::*;
use crate::ring::{kind, Head};
use crate::{Error, Event, Options, Peer, Wait};
use core::time::Duration;
use std::path::PathBuf;

const PATIENCE: Duration = Duration::from_secs(60);

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Who listens, and who has attached.
fn pair(name: &str) -> (Peer, Peer) {
    let folder = Folder(std::env::temp_dir().join(format!("ringmail-rust-link-{}-{name}", std::process::id())));
    let options = Options::new().path(folder.0.join("at")).name("end");
    let mut listener = options.listen().unwrap();
    let joining = std::thread::spawn(move || options.join());
    (listener.accept(PATIENCE).unwrap().unwrap(), joining.join().unwrap().unwrap())
}

fn write(peer: &Peer, ring: Ring, kind: u16, payload: &[u8]) {
    let mut link = peer.link();
    let out = link.lanes[0].outgoing(ring);
    out.try_loan(payload.len()).unwrap().copy_from_slice(payload);
    out.commit(&Head { kind, ..Head::default() });
    link.has_open_batch = true;
    link.flush().unwrap();
}

#[test]
fn only_a_host_says_stop_and_no_system_frame_is_mail() {
    for (i, (ring, kind)) in [
        (Ring::Control, kind::STOP),
        (Ring::Control, kind::MESSAGE),
        (Ring::Mail, kind::SIGNAL),
        (Ring::Mail, kind::STOP),
        (Ring::Mail, kind::LARGE),
        (Ring::Mail, kind::REPLY),
    ]
    .into_iter()
    .enumerate()
    {
        let (mut accepted, attached) = pair(&format!("stop-{i}"));
        write(&attached, ring, kind, &[0; 8]);
        assert!(matches!(accepted.receive(PATIENCE), Err(Error::Protocol(_))), "kind {kind}");
    }
}

#[test]
fn a_host_writes_no_bodies_where_there_is_no_arena_and_no_stop_without_a_position() {
    for (i, (ring, kind, text)) in [
        (Ring::Mail, kind::LARGE, "a message with a body does not say where it is"),
        (Ring::Control, kind::STOP, "a stop without a position"),
        (Ring::Control, kind::SIGNAL, "a frame of kind 8 on a control ring"),
    ]
    .into_iter()
    .enumerate()
    {
        let (accepted, mut attached) = pair(&format!("body-{i}"));
        write(&accepted, ring, kind, &[0; 40]);
        let error = attached.receive(PATIENCE).err().unwrap();
        assert!(matches!(error, Error::Protocol(_)) && error.to_string().contains(text), "{error}");
    }
}

#[test]
fn numbers_of_asks_have_the_life_of_their_asker_and_are_no_open_ones() {
    let (accepted, _attached) = pair("asks");
    let mut link = accepted.link();
    link.incarnation = 0x1ff;
    let later = Instant::now() + PATIENCE;
    assert_eq!([link.expect_answer(later), link.expect_answer(later)], [0x7f00_0001, 0x7f00_0002]);
    link.asked = 0x00ff_fffe;
    assert_eq!([link.expect_answer(later), link.expect_answer(later)], [0x7fff_ffff, 0x7f00_0003]);
}

#[test]
fn who_has_left_can_do_nothing_more_and_says_so() {
    let (mut accepted, attached) = pair("left");
    let to = accepted.lookup("end").unwrap();
    drop(attached);
    while !matches!(accepted.receive(Wait::Forever), Err(Error::HostGone(_))) {}
    assert!(matches!(accepted.receive(Wait::No), Err(Error::HostGone(_))));
    assert!(matches!(accepted.send(to, &crate::Done), Err(Error::HostGone(_))));
    assert!(matches!(accepted.unfinished(), Err(Error::HostGone(_))));
    assert!(matches!(accepted.stop(), Err(Error::HostGone(_))));
    assert!(matches!(accepted.lookup("end"), Err(Error::HostGone(_))));
    assert!(!matches!(accepted.receive(Wait::No), Ok(Event::Stopped)));
}
