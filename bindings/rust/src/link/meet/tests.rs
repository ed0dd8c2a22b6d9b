//! Both ends of a lane between two peers, in one process.

use super::*;
use crate::ring::{kind, Head};
use crate::sys::segment::{create, seal};
use std::fs::File;

const RING: u64 = 4096;
const SIDE: u64 = 4096 + 2 * RING;

/// What a host makes for two peers.
struct Between {
    sides: [OwnedFd; 2],
    bells: [OwnedFd; 2],
    pipes: [(OwnedFd, OwnedFd); 2],
}

fn shared(bytes: u64) -> OwnedFd {
    let file = create("test", bytes).unwrap();
    seal(file.as_fd(), Seals::SharedWriters).unwrap();
    file
}

impl Between {
    fn new() -> Self {
        let side = || shared(SIDE);
        let (sides, bells) = ([side(), side()], [shared(BELL), shared(BELL)]);
        Self { sides, bells, pipes: [calls::pipe().unwrap(), calls::pipe().unwrap()] }
    }

    fn files(&self, side: usize) -> Vec<OwnedFd> {
        let other = 1 - side;
        let files = [&self.sides[side], &self.sides[other], &self.bells[other], &self.pipes[other].1];
        files.map(|file| file.try_clone().unwrap()).into()
    }

    fn try_join(&self, side: usize, files: Vec<OwnedFd>) -> Result<Lane, String> {
        let name = ["second", "first"][side].into();
        join(&Introduce { lane: 1, name, mail_bytes: RING, control_bytes: RING }, files)
    }

    fn join(&self, side: usize) -> Lane {
        self.try_join(side, self.files(side)).unwrap()
    }

    /// What a dead process of that side has left, to be written anyhow.
    fn words(&self, side: usize) -> RegionMut<'static> {
        map_to_write(self.sides[side].as_fd(), SIDE, Seals::SharedWriters).unwrap()
    }
}

fn send(lane: &mut Lane, type_id: u32) -> bool {
    let Some(room) = lane.mail_out.try_loan(40) else { return false };
    room.fill(type_id as u8);
    lane.mail_out.commit(&Head { kind: kind::MESSAGE, type_id, ..Head::default() });
    assert!(!lane.publish());
    true
}

/// The type of the next message, which is not finished; whether it may be a repetition, and how many died over it.
fn take(lane: &mut Lane) -> Option<(u32, bool, u32)> {
    let frame = lane.mail_in.peek()?;
    assert!(frame.payload.iter().all(|byte| *byte == frame.head.type_id as u8));
    let taken = (frame.head.type_id, lane.mail_in.redelivers(), lane.mail_in.attempt());
    lane.mail_in.begin();
    Some(taken)
}

fn finish(lane: &mut Lane) {
    lane.mail_in.advance();
    let _ = lane.store_cursors();
}

#[test]
fn messages_go_both_ways_and_each_end_rings_the_other() {
    let between = Between::new();
    let (mut first, mut second) = (between.join(0), between.join(1));
    assert!(send(&mut first, 1) && send(&mut second, 2));
    assert_eq!([take(&mut first), take(&mut second)], [Some((2, false, 0)), Some((1, false, 0))]);
    // Its park word says that the second sleeps: the futex's word is changed, and the pipe has a byte.
    let bell = map_to_write(between.bells[1].as_fd(), BELL, Seals::SharedWriters).unwrap();
    bell.store32(layout::PARK, 1 << 2 | 1, Relaxed);
    assert!(send(&mut first, 3));
    assert_eq!(bell.load32(layout::PARK, Relaxed), 1 << 2 | 2);
    let mut byte = [0; 2];
    let read = std::io::Read::read(&mut File::from(between.pipes[1].0.try_clone().unwrap()), &mut byte);
    assert_eq!(read.unwrap(), 1);
}

#[test]
fn whoever_comes_after_the_dead_takes_up_all_that_they_left() {
    let between = Between::new();
    let (mut first, mut second) = (between.join(0), between.join(1));
    for type_id in 1..=5 {
        assert!(send(&mut first, type_id));
    }
    assert_eq!(take(&mut second), Some((1, false, 0)));
    finish(&mut second);
    // The writer dies with nothing open, and the reader with the second in hand: once, and then again.
    for deaths in 1..=2 {
        assert_eq!(take(&mut second), Some((2, deaths > 1, deaths - 1)));
        second = between.join(1);
        first = between.join(0);
    }
    assert!(send(&mut first, 6));
    for type_id in 2..=5 {
        assert_eq!(take(&mut second), Some((type_id, true, if type_id == 2 { 2 } else { 0 })));
        finish(&mut second);
    }
    assert_eq!(take(&mut second), Some((6, false, 0)));
    // One who dies with nothing in hand, and an empty ring.
    finish(&mut second);
    second = between.join(1);
    first = between.join(0);
    assert_eq!(take(&mut second), None);
    assert!(send(&mut first, 7));
    assert_eq!(take(&mut second), Some((7, false, 0)));
}

#[test]
fn ends_that_die_again_and_again_lose_nothing_on_the_way_round_the_ring() {
    let between = Between::new();
    let (mut first, mut second) = (between.join(0), between.join(1));
    let (mut sent, mut due, mut state) = (0, 1, 7u64);
    for _ in 0..20_000 {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        match state >> 33 & 15 {
            0 => first = between.join(0),
            1 => second = between.join(1),
            2..=8 => sent += u32::from(send(&mut first, sent + 1)),
            _ => {
                if let Some((type_id, ..)) = take(&mut second) {
                    assert_eq!(type_id, due);
                    if state >> 40 & 3 != 0 {
                        finish(&mut second);
                        due += 1;
                    }
                }
            }
        }
        assert_eq!((first.fault(), second.fault()), (None, None));
    }
    assert!(sent > 1000 && due > 1000);
}

#[test]
fn what_is_no_lane_is_not_joined() {
    let between = Between::new();
    let why = |change: &dyn Fn(&mut Vec<OwnedFd>)| {
        let mut files = between.files(0);
        change(&mut files);
        between.try_join(0, files).err().unwrap()
    };
    assert!(why(&|files| drop(files.pop())).contains("3 descriptors came with an introduction"));
    assert!(why(&|files| files[0] = shared(4096)).starts_with("its own side: it has 4096 bytes"));
    assert!(why(&|files| files[1] = shared(4096)).starts_with("the other side: it has 4096 bytes"));
    assert!(why(&|files| files[2] = shared(4096)).starts_with("the other's bell: it has 4096 bytes"));
    assert!(why(&|files| files[3] = shared(4096)).contains("the other's doorbell is no pipe"));
    let unsealed = |bytes| create("test", bytes).unwrap();
    assert!(why(&|files| files[0] = unsealed(SIDE)).starts_with("its own side: it lacks the seals"));
    assert!(why(&|files| files[1] = unsealed(SIDE)).starts_with("the other side: it lacks the seals"));
    assert!(why(&|files| files[2] = unsealed(BELL)).starts_with("the other's bell: it lacks the seals"));
}

#[test]
fn what_cannot_have_been_left_is_not_taken_up() {
    // Offsets in a side: the cursor of its mail, and the first word of that which it writes.
    for (at, word) in [
        (0, 8),                                // no frame starts there
        (4096, 9 | 99 << 32),                  // of no kind
        (4096, 4000 | 2 << 32),                // longer than half the ring
        (4096, u64::from(u32::MAX) | 2 << 32), // and no length
    ] {
        let between = Between::new();
        drop((between.join(0), between.join(1)));
        between.words(0).store64(at, word, Relaxed);
        for side in [0, 1] {
            let text = between.try_join(side, between.files(side)).err();
            // The cursor is the writer's to look at as well.
            assert!(text.unwrap().contains("what a predecessor has left in its rings is impossible"), "{at} {word}");
        }
    }
    // A ring without an end.
    let between = Between::new();
    let side = between.words(0);
    for (sequence, at) in (4096..4096 + RING as usize).step_by(64).enumerate() {
        side.store64(at, 2 << 32 | (sequence as u64) << 48, Relaxed);
    }
    assert!(between.try_join(0, between.files(0)).is_err());
}

#[test]
fn the_end_of_mail_is_where_it_was_when_it_was_asked() {
    let between = Between::new();
    let (mut first, mut second) = (between.join(0), between.join(1));
    assert!(send(&mut first, 1) && send(&mut first, 2));
    let end = second.met.as_ref().unwrap().end_of_mail();
    assert!(send(&mut first, 3));
    second.stop_at = Some(end);
    take(&mut second).unwrap();
    finish(&mut second);
    assert!(!second.is_drained() && second.has_input());
    take(&mut second).unwrap();
    finish(&mut second);
    assert!(second.is_drained() && !second.has_input());
}
