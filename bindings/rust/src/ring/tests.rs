//! Both ends of a ring on the heap. Small enough for Miri: `cargo +nightly miri test --lib ring`.

use super::*;
use crate::layout::{self, ConsumerMemory, ProducerMemory};
use crate::sys::memory::heap::Heap;
use crate::sys::memory::{Region, RegionMut};
use core::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::panic::{catch_unwind, AssertUnwindSafe};

struct Memory {
    data: Heap,
    producer: Heap,
    consumer: Heap,
}

impl Memory {
    fn new(capacity: usize) -> Self {
        Self { data: Heap::new(capacity), producer: Heap::new(128), consumer: Heap::new(512) }
    }

    fn ends(&self) -> (Producer<'_>, Consumer<'_>) {
        self.ends_in(Order::Sequential)
    }

    fn ends_in(&self, order: Order) -> (Producer<'_>, Consumer<'_>) {
        let ((data, data_in), (own, producer), (consumer_own, consumer)) =
            (self.data.share(), self.producer.share(), self.consumer.share());
        (
            Producer::new(ProducerMemory { data, own, consumer }, order),
            Consumer::new(ConsumerMemory { data: data_in, own: consumer_own, producer }, order).unwrap(),
        )
    }

    /// The consumer alone, and the bytes that it reads.
    fn consumer(&self) -> (RegionMut<'_>, Consumer<'_>) {
        let ((data, data_in), (_, producer), (own, _)) = (self.data.share(), self.producer.share(), self.consumer.share());
        (data, Consumer::new(ConsumerMemory { data: data_in, own, producer }, Order::Sequential).unwrap())
    }

    /// The producer alone, and the consumer's words.
    fn producer(&self) -> (Producer<'_>, RegionMut<'_>) {
        let ((data, _), (own, _), (consumer_own, consumer)) = (self.data.share(), self.producer.share(), self.consumer.share());
        (Producer::new(ProducerMemory { data, own, consumer }, Order::Sequential), consumer_own)
    }
}

/// Numbers that look random and are the same in every run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % limit
    }
}

fn message(type_id: u32) -> Head {
    Head { kind: kind::MESSAGE, type_id, correlation: 7, target: 1, sender: 2 }
}

fn put(ring: &mut Producer<'_>, type_id: u32, length: usize) -> bool {
    let Some(room) = ring.try_loan(length) else { return false };
    room.fill(type_id as u8);
    ring.commit(&message(type_id));
    true
}

fn take(ring: &mut Consumer<'_>) -> Option<(u32, usize)> {
    let frame = ring.peek()?;
    assert_eq!(frame.head, message(frame.head.type_id));
    assert!(frame.payload.iter().all(|byte| *byte == frame.head.type_id as u8));
    let taken = (frame.head.type_id, frame.payload.len());
    ring.advance();
    Some(taken)
}

#[test]
fn the_bytes_of_a_first_frame_are_those_of_the_specification() {
    let memory = Memory::new(4096);
    let (mut producer, _) = memory.producer();
    producer.try_loan(5).unwrap().copy_from_slice(b"hello");
    producer.commit(&Head { kind: kind::MESSAGE, type_id: 0x11223344, correlation: 9, target: 1 << 52 | 1, sender: 2 });
    assert!(producer.publish());
    let bytes = memory.data.share().1.bytes(0, 72);
    let expected = [
        5, 0, 0, 0, 2, 0, 0, 0, 0x44, 0x33, 0x22, 0x11, 9, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0x10, 0, 2, 0, 0, 0, 0, 0, 0, 0, b'h',
        b'e', b'l', b'l', b'o',
    ];
    assert_eq!(bytes[..37], expected);
    assert_eq!(bytes[64..], [0; 8]);
}

#[test]
fn nothing_is_seen_before_it_is_published() {
    let memory = Memory::new(4096);
    let (mut producer, mut consumer) = memory.ends();
    assert!(put(&mut producer, 1, 10) && put(&mut producer, 2, 0));
    assert!(consumer.is_empty() && consumer.peek().is_none());
    assert!(producer.publish() && !producer.publish());
    assert_eq!([take(&mut consumer), take(&mut consumer), take(&mut consumer)], [Some((1, 10)), Some((2, 0)), None]);
}

#[test]
fn a_loan_that_is_given_up_leaves_nothing() {
    let memory = Memory::new(4096);
    let (mut producer, mut consumer) = memory.ends();
    assert!(put(&mut producer, 1, 64) && producer.publish());
    producer.try_loan(1000).unwrap().fill(0xff);
    producer.cancel();
    assert!(!producer.publish());
    assert!(put(&mut producer, 2, 8) && producer.publish());
    assert_eq!([take(&mut consumer), take(&mut consumer), take(&mut consumer)], [Some((1, 64)), Some((2, 8)), None]);
}

#[test]
fn a_frame_of_half_a_ring_fits_into_an_empty_one_wherever_its_tail_is() {
    for lines in 0..64 {
        let memory = Memory::new(4096);
        let (mut producer, mut consumer) = memory.ends();
        for _ in 0..lines {
            assert!(put(&mut producer, 1, 0) && producer.publish());
            take(&mut consumer).unwrap();
            consumer.store_cursor();
        }
        assert!(put(&mut producer, 2, 4096 / 2 - 32) && producer.publish());
        assert_eq!(take(&mut consumer), Some((2, 4096 / 2 - 32)));
    }
}

#[test]
fn random_batches_come_out_as_they_went_in() {
    let rounds = if cfg!(miri) { 300 } else { 100_000 };
    for seed in 0..4 {
        let memory = Memory::new(4096);
        let (mut producer, mut consumer) = memory.ends();
        let mut numbers = Numbers(seed);
        let mut due = std::collections::VecDeque::new();
        let mut type_id = 0;
        for _ in 0..rounds {
            match numbers.below(4) {
                0 | 1 => {
                    let most = [64, 600, 2017][numbers.below(3) as usize];
                    let length = numbers.below(most) as usize;
                    type_id += 1;
                    if put(&mut producer, type_id, length) {
                        due.push_back((type_id, length));
                    }
                }
                2 => {
                    producer.publish();
                }
                _ => {
                    for _ in 0..numbers.below(8) {
                        let Some(taken) = take(&mut consumer) else { break };
                        assert_eq!(Some(taken), due.pop_front());
                    }
                    if consumer.cursor_due() || numbers.below(2) == 0 {
                        consumer.store_cursor();
                    }
                }
            }
            assert_eq!((producer.fault(), consumer.fault()), (None, None));
        }
        producer.publish();
        while let Some(taken) = take(&mut consumer) {
            assert_eq!(Some(taken), due.pop_front());
        }
        assert!(due.is_empty() && type_id > 10);
    }
}

#[test]
fn two_threads_meet() {
    let count = if cfg!(miri) { 60 } else { 50_000 };
    for order in [Order::Sequential, Order::Asymmetric] {
        let memory = Memory::new(4096);
        let (mut producer, mut consumer) = memory.ends_in(order);
        std::thread::scope(|threads| {
            threads.spawn(|| {
                let mut numbers = Numbers(9);
                for type_id in 0..count {
                    let length = numbers.below(300) as usize;
                    while !put(&mut producer, type_id, length) {
                        producer.publish();
                        std::thread::yield_now();
                    }
                    if numbers.below(3) == 0 {
                        producer.publish();
                    }
                }
                producer.publish();
            });
            let mut numbers = Numbers(9);
            for type_id in 0..count {
                let length = numbers.below(300) as usize;
                let taken = loop {
                    if let Some(taken) = take(&mut consumer) {
                        break taken;
                    }
                    consumer.store_cursor();
                    std::thread::yield_now();
                };
                assert_eq!(taken, (type_id, length));
                numbers.below(3);
                if consumer.cursor_due() {
                    consumer.store_cursor();
                }
            }
        });
    }
}

#[test]
fn the_cursor_stays_in_front_of_what_is_held() {
    let memory = Memory::new(4096);
    let (mut producer, mut consumer) = memory.ends();
    assert!(put(&mut producer, 1, 0) && put(&mut producer, 2, 0) && producer.publish());
    assert!(consumer.peek().is_some());
    consumer.hold();
    assert_eq!(take(&mut consumer), Some((2, 0)));
    consumer.store_cursor();
    let cursor = || memory.consumer.share().1.load64(layout::CURSOR, SeqCst);
    assert_eq!(cursor(), 0);
    consumer.let_go();
    consumer.store_cursor();
    assert_eq!(cursor(), 128);
}

#[test]
fn a_cursor_is_due_at_a_quarter_and_a_producer_that_waits_is_told() {
    let memory = Memory::new(4096);
    let (mut producer, mut consumer) = memory.ends();
    while put(&mut producer, 1, 32) {}
    producer.publish();
    producer.want_room(true);
    for taken in 1..=16 {
        take(&mut consumer).unwrap();
        assert_eq!(consumer.cursor_due(), taken * 64 >= 1024);
    }
    assert!(consumer.store_cursor() && !consumer.store_cursor());
    assert!(put(&mut producer, 1, 32));
    producer.want_room(false);
    take(&mut consumer).unwrap();
    assert!(!consumer.store_cursor());
}

#[test]
fn a_successor_takes_up_where_its_predecessor_died() {
    let memory = Memory::new(4096);
    let (mut producer, mut first) = memory.ends();
    for type_id in 1..=4 {
        assert!(put(&mut producer, type_id, 0));
    }
    producer.publish();
    take(&mut first).unwrap();
    first.store_cursor();

    let next = Heap::new(512);
    let (own, _) = next.share();
    own.store64(layout::CURSOR, 64, Relaxed);
    own.store64(layout::RESUME_TAIL, 192, Relaxed);
    own.store64(layout::RESUME_SEQUENCE_AND_ATTEMPT, 2 << 32 | 1, Relaxed);
    let parts = ConsumerMemory { data: memory.data.share().1, own, producer: memory.producer.share().1 };
    let mut second = Consumer::new(parts, Order::Sequential).unwrap();
    assert!(second.peek().is_some() && second.redelivers());
    assert_eq!(second.attempt(), 2);
    assert_eq!(take(&mut second), Some((2, 0)));
    assert!(second.cursor_due() && second.redelivers() && second.attempt() == 0);
    second.store_cursor();
    assert_eq!(take(&mut second), Some((3, 0)));
    assert!(second.cursor_due() && !second.redelivers());
    second.store_cursor();
    assert_eq!(take(&mut second), Some((4, 0)));
    assert!(!second.cursor_due());
}

#[test]
fn what_no_producer_writes_is_a_fault() {
    let commit = |length, kind, sequence| Commit { length, kind, sequence }.to_word();
    for (at, word, fault) in [
        (0, commit(0, kind::MESSAGE, 1), Fault::SequenceGap),
        (0, commit(0, 0, 0) | 1, Fault::UnknownKind),
        (0, commit(0, 10, 0), Fault::UnknownKind),
        (0, commit(2017, kind::MESSAGE, 0), Fault::FrameTooLong),
        (0, commit(u32::MAX, kind::MESSAGE, 0), Fault::FrameTooLong),
        (0, commit(0, kind::PADDING, 0), Fault::PaddingLength),
        (4032, commit(33, kind::MESSAGE, 0), Fault::FramePastEnd),
    ] {
        let memory = Memory::new(4096);
        memory.consumer.share().0.store64(layout::CURSOR, at, Relaxed);
        let (data, mut consumer) = memory.consumer();
        data.store64(at as usize, word, SeqCst);
        assert!(consumer.peek().is_none());
        assert_eq!(consumer.fault(), Some(fault));
    }
}

#[test]
fn a_cursor_that_no_consumer_stores_is_a_fault() {
    for (cursor, fault) in [(32, Fault::CursorUnaligned), (1 << 20, Fault::CursorPastTail), (0, Fault::CursorBackwards)] {
        let memory = Memory::new(4096);
        let (mut producer, words) = memory.producer();
        while put(&mut producer, 1, 900) {}
        producer.publish();
        words.store64(layout::CURSOR, 1920, SeqCst);
        assert!(put(&mut producer, 1, 900) && producer.publish());
        words.store64(layout::CURSOR, cursor, SeqCst);
        assert!(producer.try_loan(2000).is_none());
        assert_eq!(producer.fault(), Some(fault));
    }
}

#[test]
fn a_consumer_does_not_start_inside_of_a_line() {
    let memory = Memory::new(4096);
    let ((data, _), (own, _)) = (memory.data.share(), memory.consumer.share());
    own.store64(layout::CURSOR, 8, Relaxed);
    let parts = ConsumerMemory { data: data.read(), own, producer: memory.producer.share().1 };
    assert!(Consumer::new(parts, Order::Sequential).is_none());
}

#[test]
fn regions_keep_to_their_bounds() {
    let heap = Heap::new(4096);
    let (_, region): (_, Region<'_>) = heap.share();
    let panics = |look: fn(Region<'_>) -> usize| catch_unwind(AssertUnwindSafe(|| look(region.clone()))).is_err();
    assert!(panics(|region| region.bytes(4090, 7).len()));
    assert!(panics(|region| region.part(4096, 64).len()));
    assert!(panics(|region| region.load64(4, SeqCst) as usize));
}
