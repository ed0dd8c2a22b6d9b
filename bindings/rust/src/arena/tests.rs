//! Both sides of an arena on the heap. Small enough for Miri: `cargo +nightly miri test --lib arena`.

use super::*;
use crate::bell::{Bed, Parker};
use crate::layout::{self, ConsumerMemory, ProducerMemory, BELL, COUNT, SERIALS};
use crate::ring::{kind, Consumer, Fault, Head, Order, Producer};
use crate::sys::memory::heap::Heap;
use crate::sys::memory::{Region, RegionMut};
use crate::sys::process::ForkGuard;
use core::sync::atomic::Ordering::{Relaxed, SeqCst};
use core::time::Duration;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::AtomicU64;
use std::sync::Arc;

/// Miri goes through them byte by byte.
const PAGES: u64 = if cfg!(miri) { 6 } else { 16 };
const BYTES: u64 = PAGES * PAGE;

/// Bodies outlive what they came by, so this lives on.
fn heap(bytes: usize) -> (RegionMut<'static>, Region<'static>) {
    Box::leak(Box::new(Heap::new(bytes))).share()
}

struct Sender {
    mail: Producer<'static>,
    arena: Arena,
    populated: Arc<AtomicU64>,
}

struct Receiver {
    mail: Consumer<'static>,
    bodies: Arc<Bodies>,
    returns: RegionMut<'static>,
    bell: RegionMut<'static>,
}

fn pair() -> (Sender, Receiver) {
    let ((data, data_in), (own, producer), (consumer_own, consumer)) = (heap(1 << 14), heap(128), heap(512));
    let ((arena, arena_in), (returns, returned), (bell, _)) = (heap(BYTES as usize), heap(4096), heap(BELL as usize));
    let populated = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&populated);
    let sender = Sender {
        mail: Producer::new(ProducerMemory { data, own, consumer }, Order::Sequential),
        arena: Arena::new(
            arena,
            returned,
            Box::new(move |offset, bytes| {
                assert_eq!(count.fetch_add(bytes, Relaxed), offset);
                true
            }),
        ),
        populated,
    };
    let lane = LaneBodies::new(arena_in, returns.of_words(), producer.clone(), bell.of_words());
    let receiver = Receiver {
        mail: Consumer::new(ConsumerMemory { data: data_in, own: consumer_own, producer }, Order::Sequential).unwrap(),
        bodies: Arc::new(Bodies::new(Arc::new(ForkGuard::new().unwrap()), vec![lane])),
        returns,
        bell,
    };
    (sender, receiver)
}

impl Sender {
    fn loan(&mut self, length: u64) -> Option<BodyLoan> {
        self.arena.try_loan(length, &mut self.mail)
    }

    fn send(&mut self, loan: BodyLoan) {
        loan.place().write(self.mail.try_loan(Place::BYTES).expect("room in the ring"));
        self.mail.commit(&Head { kind: kind::LARGE, ..Head::default() });
        self.arena.committed(loan, &self.mail);
        self.mail.publish();
    }

    /// All bytes of it the same.
    fn send_filled(&mut self, length: u64, fill: u8) -> bool {
        let Some(mut loan) = self.loan(length) else { return false };
        loan.fill(fill);
        self.send(loan);
        true
    }

    fn is_whole(&mut self) -> bool {
        self.loan(BYTES).is_some()
    }
}

impl Receiver {
    /// The body of the next frame, which is then passed, but not finished.
    fn take(&mut self) -> Result<Body, Fault> {
        let frame = self.mail.peek().expect("a frame");
        self.mail.advance();
        self.bodies.take(0, frame.payload)
    }

    fn take_described(&self, place: &Place) -> Result<Body, Fault> {
        let mut bytes = [0xff; Place::BYTES + 8];
        place.write(&mut bytes);
        self.bodies.take(0, &bytes)
    }

    fn finish(&mut self) {
        self.mail.store_cursor();
    }
}

#[test]
fn the_bytes_that_say_where_a_body_is_are_those_of_the_specification() {
    let place = Place { offset: 0x5000, length: 0x0102_0304_0506, slot: 511, serial: 0xa1a2_a3a4 };
    let mut bytes = [0xee; Place::BYTES];
    place.write(&mut bytes);
    assert_eq!(bytes[..16], [0, 0x50, 0, 0, 0, 0, 0, 0, 6, 5, 4, 3, 2, 1, 0, 0]);
    assert_eq!(bytes[16..], [0xff, 1, 0, 0, 0xa4, 0xa3, 0xa2, 0xa1, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(Place::read(bytes), place);
}

#[test]
fn a_body_is_given_back_when_the_last_of_its_holders_is_gone() {
    let (mut sender, mut receiver) = pair();
    assert!(sender.send_filled(BYTES, 7));
    let body = receiver.take().unwrap();
    receiver.finish();
    let kept = body.clone();
    assert!(body.len() == BYTES as usize && body.iter().chain(kept.iter()).all(|byte| *byte == 7));
    drop(body);
    assert!(!sender.is_whole());
    std::thread::spawn(move || assert_eq!(kept.as_ref()[0], 7)).join().unwrap();
    assert!(sender.is_whole());
}

#[test]
fn a_block_is_free_when_it_is_given_back_and_its_frame_is_finished() {
    let (mut sender, mut receiver) = pair();
    assert!(sender.send_filled(BYTES, 7));
    drop(receiver.take().unwrap());
    assert!(!sender.is_whole(), "the next incarnation may need it");
    receiver.finish();
    assert!(sender.is_whole());
}

#[test]
fn a_body_of_no_bytes_has_a_place() {
    let (mut sender, mut receiver) = pair();
    for _ in 0..PAGES {
        assert!(sender.send_filled(0, 0));
    }
    assert!(sender.loan(0).is_none());
    assert!((0..PAGES).all(|_| receiver.take().unwrap().is_empty()));
    receiver.finish();
    assert!(sender.is_whole());
}

#[test]
fn a_loan_is_given_back_by_whichever_thread_drops_it() {
    let (mut sender, _) = pair();
    let (first, mut second) = (sender.loan(PAGE).unwrap(), sender.loan(BYTES - PAGE).unwrap());
    assert!(sender.loan(1).is_none());
    drop(first);
    std::thread::spawn(move || second.fill(1)).join().unwrap();
    assert!(sender.is_whole());
}

#[test]
fn pages_are_accounted_for_before_they_are_lent_and_once() {
    let (mut sender, _) = pair();
    drop(sender.loan(3 * PAGE).unwrap());
    assert_eq!(sender.populated.load(Relaxed), 3 * PAGE);
    drop(sender.loan(5 * PAGE - 1).unwrap());
    assert_eq!(sender.populated.load(Relaxed), 5 * PAGE);
    drop(sender.loan(1).unwrap());
    assert_eq!(sender.populated.load(Relaxed), 5 * PAGE);
}

#[test]
fn a_machine_that_is_out_of_memory_is_an_arena_without_room() {
    let ((data, _), (own, _), (_, consumer)) = (heap(4096), heap(128), heap(512));
    let mut mail = Producer::new(ProducerMemory { data, own, consumer }, Order::Sequential);
    let mut arena = Arena::new(heap(BYTES as usize).0, heap(4096).1, Box::new(|offset, bytes| offset + bytes <= 2 * PAGE));
    assert!(arena.try_loan(3 * PAGE, &mut mail).is_none());
    assert!(arena.try_loan(2 * PAGE, &mut mail).is_some());
    assert_eq!(arena.fault(), None);
}

#[test]
fn a_description_that_is_none_is_a_fault() {
    let (_, receiver) = pair();
    let good = Place { offset: PAGE, length: 5, slot: 3, serial: 1 };
    for (place, fault) in [
        (Place { offset: PAGE + 64, ..good }, Fault::BodyNotDescribed),
        (Place { slot: 512, ..good }, Fault::BodyNotDescribed),
        (Place { slot: u32::MAX, ..good }, Fault::BodyNotDescribed),
        (Place { serial: 0, ..good }, Fault::BodyNotDescribed),
        (Place { length: BYTES + 1, ..good }, Fault::BodyPastEnd),
        (Place { length: u64::MAX, ..good }, Fault::BodyPastEnd),
        (Place { length: BYTES - PAGE + 1, ..good }, Fault::BodyPastEnd),
        (Place { offset: BYTES, ..good }, Fault::BodyPastEnd),
        (Place { offset: PAGE.wrapping_neg(), ..good }, Fault::BodyPastEnd),
    ] {
        assert_eq!(receiver.take_described(&place).err(), Some(fault), "{place:?}");
    }
    assert_eq!(receiver.bodies.take(0, &[0; Place::BYTES - 1]).err(), Some(Fault::BodyNotDescribed));
    let whole = receiver.take_described(&Place { offset: 0, length: BYTES, ..good }).unwrap();
    assert_eq!(receiver.take_described(&good).err(), Some(Fault::BodySentTwice));
    drop(whole);
    let last = Place { offset: BYTES, length: 0, ..good };
    assert!(receiver.take_described(&last).unwrap().is_empty());
}

#[test]
fn what_is_given_back_and_was_not_sent_is_a_fault() {
    let (mut sender, receiver) = pair();
    // Of a slot that is not out, nobody looks at the word.
    receiver.returns.store32(SERIALS + 4 * 9, 77, SeqCst);
    receiver.returns.add32(COUNT, 1);
    assert!(sender.send_filled(1, 1) && sender.arena.fault().is_none());
    receiver.returns.store32(SERIALS, 77, SeqCst);
    receiver.returns.add32(COUNT, 1);
    assert!(sender.loan(1).is_none());
    assert_eq!(sender.arena.fault(), Some(Fault::BodyReturnedWrongly));
}

#[test]
fn a_serial_is_not_the_last_one_of_its_slot_and_not_0() {
    let (mut sender, mut receiver) = pair();
    let mut last = 0;
    for _ in 0..3 {
        let loan = sender.loan(1).unwrap();
        let Place { slot, serial, .. } = loan.place();
        assert!(slot == 0 && serial != 0 && serial != last);
        last = serial;
        sender.send(loan);
        drop(receiver.take().unwrap());
        receiver.finish();
    }
}

#[test]
fn who_waits_for_room_is_rung_by_what_is_given_back() {
    let (mut sender, mut receiver) = pair();
    assert!(sender.send_filled(BYTES, 7));
    let body = receiver.take().unwrap();
    receiver.finish();
    sender.mail.want_room(true);
    let (socket, _other) = UnixStream::pair().unwrap();
    let mut parker = Parker::new(receiver.bell.of_words(), Bed::Futex, Order::Sequential);
    let mut kept = Some(body);
    parker.park(Duration::from_secs(60), socket.as_fd(), || {
        drop(kept.take());
        false // it has been rung for this sleep
    });
    assert_eq!(receiver.bell.load32(layout::PARK, SeqCst) & 3, 0);
    assert!(parker.sleeps == 1 && sender.is_whole());
}

struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % limit
    }
}

#[test]
fn random_bodies_come_out_as_they_went_in_and_no_byte_is_lent_twice() {
    let rounds = if cfg!(miri) { 20 } else { 20_000 };
    for seed in 0..4 {
        let (mut sender, mut receiver) = pair();
        let mut numbers = Numbers(seed);
        let (mut sent, mut fill) = (std::collections::VecDeque::new(), 0u8);
        let (mut loans, mut held) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            match numbers.below(6) {
                0 | 1 => {
                    let length = numbers.below(BYTES / 4);
                    if let Some(mut loan) = sender.loan(length) {
                        fill = fill.wrapping_add(1);
                        loan.fill(fill);
                        loans.push((loan, fill));
                    }
                }
                2 | 3 if !loans.is_empty() && sent.len() < 100 => {
                    let (loan, fill) = loans.swap_remove(numbers.below(loans.len() as u64) as usize);
                    assert!(loan.iter().all(|byte| *byte == fill));
                    if numbers.below(4) != 0 {
                        sent.push_back((loan.len(), fill));
                        sender.send(loan);
                    }
                }
                4 if !sent.is_empty() => {
                    let (length, fill) = sent.pop_front().unwrap();
                    let body = receiver.take().unwrap();
                    assert!(body.len() == length && body.iter().all(|byte| *byte == fill));
                    held.push((body, fill));
                    if numbers.below(2) == 0 {
                        receiver.finish();
                    }
                }
                _ if !held.is_empty() => {
                    let (body, fill) = held.swap_remove(numbers.below(held.len() as u64) as usize);
                    assert!(body.iter().all(|byte| *byte == fill));
                }
                _ => {}
            }
            assert_eq!((sender.arena.fault(), sender.mail.fault()), (None, None));
        }
        drop((loans, held));
        sent.iter().for_each(|_| drop(receiver.take().unwrap()));
        receiver.finish();
        assert!(sender.is_whole());
    }
}

#[test]
fn two_threads_meet() {
    let (mut sender, mut receiver) = pair();
    let count: u64 = if cfg!(miri) { 20 } else { 20_000 };
    std::thread::scope(|threads| {
        threads.spawn(move || {
            for number in 0..count {
                while !sender.send_filled(number % (BYTES / 8), number as u8) {
                    std::thread::yield_now();
                }
            }
        });
        let mut held = Vec::new();
        for number in 0..count {
            while receiver.mail.is_empty() {
                std::thread::yield_now();
            }
            let body = receiver.take().unwrap();
            receiver.finish();
            assert!(body.len() as u64 == number % (BYTES / 8) && body.iter().all(|byte| *byte == number as u8));
            held.push(body);
            if held.len() == 5 {
                held.swap_remove((number % 5) as usize);
            }
        }
    });
}
