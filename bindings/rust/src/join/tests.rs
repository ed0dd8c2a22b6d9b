//! Welcomes that a peer must not take.

use super::*;
use crate::layout::Layout;
use crate::link::Lane;
use crate::sys::segment::{create, seal, Seals};
use crate::wire::Segment;
use std::os::fd::AsFd;

const OFFERED: u64 = feature::MAIL_OUTLIVES_PEER | feature::STREAM_DOORBELL | feature::PIPE_DOORBELL | feature::LARGE;
const LAYOUT: Layout = Layout { lanes: 2, mail_to_peer: 4096, mail_to_host: 8192, control: 4096 };

/// A good one of two lanes, with arenas; and what each segment has.
fn welcome() -> (Welcome, Vec<(u64, Seals)>) {
    let parts = [
        (1, LAYOUT.mail_bytes(), Seals::NoMoreWriters),
        (2, LAYOUT.host_bytes(), Seals::NoMoreWriters),
        (3, LAYOUT.peer_bytes(), Seals::Size),
        (4, LAYOUT.host_bells_bytes(), Seals::SharedWriters),
        (5, 8192, Seals::SharedWriters),
        (8, 2 * 3 * PAGE, Seals::NoMoreWriters),
        (9, 2 * 5 * PAGE, Seals::Size),
    ];
    let welcome = Welcome {
        version: 1,
        features: feature::MAIL_OUTLIVES_PEER | feature::LARGE,
        incarnation: 1,
        line_bytes: 64,
        layout: LAYOUT,
        name: "tested".into(),
        schema: String::new(),
        host_pid: std::process::id(),
        segments: parts.iter().map(|(role, bytes, _)| Segment { role: *role, bytes: *bytes, host_fd: 0 }).collect(),
    };
    (welcome, parts.iter().map(|(_, bytes, seals)| (*bytes, *seals)).collect())
}

fn files(parts: &[(u64, Seals)]) -> Vec<OwnedFd> {
    let make = |(bytes, seals): &(u64, Seals)| {
        let file = create("test", *bytes).unwrap();
        seal(file.as_fd(), *seals).unwrap();
        file
    };
    parts.iter().map(make).collect()
}

fn built(welcome: &Welcome, files: Vec<OwnedFd>) -> Result<Vec<Lane>, String> {
    check(welcome, OFFERED)?;
    let guard = Arc::new(process::ForkGuard::new().unwrap());
    segments::build(welcome, files, &guard).map(|(lanes, ..)| lanes)
}

#[test]
fn a_welcome_with_arenas_gives_each_lane_its_part() {
    let (welcome, parts) = welcome();
    let lanes = built(&welcome, files(&parts)).unwrap();
    assert_eq!(lanes.len(), 2);
    assert!(lanes.iter().all(|lane| lane.arena.as_ref().unwrap().bytes() == 5 * PAGE));
}

#[test]
fn a_segment_of_another_size_or_without_its_seals_is_refused_by_its_name() {
    for (at, role) in [1u8, 2, 3, 4, 5, 8, 9].into_iter().enumerate() {
        let name = ROLES[usize::from(role) - 1];
        let refused = |welcome: &Welcome, parts: &[(u64, Seals)], part: &str| {
            let text = built(welcome, files(parts)).err().unwrap_or_else(|| panic!("{name} is taken"));
            assert!(text.contains(name) && text.contains(part), "{text}");
        };
        // It is shorter than it is said to be.
        let (welcome_of, mut parts) = welcome();
        parts[at].0 -= PAGE;
        refused(&welcome_of, &parts, "bytes, not");
        // It could be cut off under the peer's reads.
        let (welcome_of, parts) = welcome();
        let mut unsealed = files(&parts);
        unsealed[at] = create("test", parts[at].0).unwrap();
        let text = built(&welcome_of, unsealed).err().unwrap();
        assert!(text.contains(name) && text.contains("lacks the seals"), "{text}");
        // The other size is said.
        let (mut welcome_of, mut parts) = welcome();
        welcome_of.segments[at].bytes += PAGE;
        parts[at].0 += PAGE;
        refused(&welcome_of, &parts, if role < 8 { "were announced, not" } else { "are not whole pages" });
        // It is missing, or there are two.
        let (mut welcome_of, mut parts) = welcome();
        welcome_of.segments.remove(at);
        parts.remove(at);
        refused(&welcome_of, &parts, "no segment");
        let (mut welcome_of, mut parts) = welcome();
        let Segment { role, bytes, host_fd } = welcome_of.segments[at];
        welcome_of.segments.push(Segment { role, bytes, host_fd });
        parts.push(parts[at]);
        refused(&welcome_of, &parts, "a segment too many");
    }
}

#[test]
fn arenas_are_of_whole_pages_for_each_lane() {
    for (bytes, is_good) in [(2 * PAGE, true), (3 * PAGE, false), (0, false), (2 * PAGE - 64, false), (2 << 41, false)] {
        let (mut welcome, _) = welcome();
        welcome.segments[5].bytes = bytes;
        assert_eq!(check(&welcome, OFFERED).is_ok(), is_good, "{bytes}");
    }
}

#[test]
fn arenas_are_there_where_they_were_chosen_and_the_bells_shared() {
    let text = |change: &dyn Fn(&mut Welcome)| {
        let (mut welcome, _) = welcome();
        change(&mut welcome);
        check(&welcome, OFFERED).err().unwrap()
    };
    assert!(text(&|welcome| welcome.features &= !feature::LARGE).contains("a segment too many: arena_to_peer"));
    assert!(text(&|welcome| welcome.features |= feature::STREAM_DOORBELL).contains("does not share its bells"));
    assert!(text(&|welcome| welcome.features |= feature::INTRODUCTIONS).contains("does not offer"));
    assert!(text(&|welcome| welcome.segments[0].role = 10).contains("no segment mail"));
    assert!(text(&|welcome| welcome.segments.push(Segment { role: 10, bytes: 4096, host_fd: 0 })).contains("unknown role 10"));
    assert!(text(&|welcome| welcome.version = 2).contains("version 2"));
}

#[test]
fn each_segment_comes_with_its_descriptor() {
    let (welcome, mut parts) = welcome();
    parts.pop();
    assert!(built(&welcome, files(&parts)).err().unwrap().contains("6 descriptors came for 7 segments"));
}
