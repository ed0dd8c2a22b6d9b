//! Frames: read, written, and found out.

use super::{bytes, hexadecimal, read, Vector};
use crate::arena::{Bodies, LaneBodies};
use crate::layout::{self, ConsumerMemory, ProducerMemory, LINE};
use crate::ring::{kind, Consumer, Fault, Head, Order, Producer};
use crate::sys::memory::{heap::Heap, Region};
use crate::sys::process::ForkGuard;
use core::sync::atomic::Ordering::Relaxed;
use std::sync::Arc;

const CAPACITY: u64 = 4096;

fn name_of(fault: Option<Fault>) -> &'static str {
    match fault {
        None => "none",
        Some(Fault::BodyNotDescribed) => "body_not_described",
        Some(Fault::BodyPastEnd) => "body_past_end",
        Some(Fault::BodySentTwice) => "body_sent_twice",
        Some(Fault::BodyReturnedWrongly) => "body_returned_wrongly",
        Some(Fault::FrameTooLong) => "frame_too_long",
        Some(Fault::FramePastEnd) => "frame_past_end",
        Some(Fault::UnknownKind) => "unknown_kind",
        Some(Fault::SequenceGap) => "sequence_gap",
        Some(Fault::PaddingLength) => "padding_length",
        Some(Fault::CursorUnaligned) => "cursor_unaligned",
        Some(Fault::CursorPastTail) => "cursor_past_tail",
        Some(Fault::CursorBackwards) => "cursor_backwards",
    }
}

type Frame = (Head, Vec<u8>);

fn frame(word: &str) -> Frame {
    let parts: Vec<_> = word.split(':').collect();
    let head = Head {
        kind: parts[0].parse().unwrap(),
        type_id: hexadecimal(parts[1]) as u32,
        correlation: hexadecimal(parts[2]) as u32,
        target: hexadecimal(parts[3]),
        sender: hexadecimal(parts[4]),
    };
    (head, bytes(parts[5], 0))
}

/// The parts of a ring, its data full of old bytes.
struct Memory {
    data: Heap,
    producer: Heap,
    consumer: Heap,
}

impl Memory {
    fn new() -> Self {
        Self { data: Heap::new(CAPACITY as usize), producer: Heap::new(128), consumer: Heap::new(512) }
    }
}

fn word_at(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().unwrap())
}

fn start(vector: &Vector) -> u64 {
    vector.words[0].parse().unwrap()
}

fn is_read(vector: &Vector) {
    let mut whole = [0xee; CAPACITY as usize];
    let at = start(vector) * LINE;
    for (i, byte) in (at..).zip(bytes(&vector.words[1], 0xee)) {
        whole[(i % CAPACITY) as usize] = byte;
    }
    let memory = Memory::new();
    let ((data, data_in), (_, producer), (own, _)) = (memory.data.share(), memory.producer.share(), memory.consumer.share());
    for (i, word) in whole.chunks(8).enumerate() {
        data.store64(8 * i, word_at(word), Relaxed);
    }
    own.store64(layout::CURSOR, at, Relaxed);
    own.store64(layout::RESUME_SEQUENCE_AND_ATTEMPT, start(vector) & 0xffff, Relaxed);
    let mut consumer = Consumer::new(ConsumerMemory { data: data_in, own, producer }, Order::Sequential).unwrap();
    let mut frames = Vec::new();
    while let Some(frame) = consumer.peek() {
        frames.push((frame.head, frame.payload.to_vec()));
        consumer.advance();
    }
    let (fault, due) = if vector.verb == "bad" { (&vector.words[2][..], 3) } else { ("none", 2) };
    assert_eq!((name_of(consumer.fault()), frames), (fault, vector.words[due..].iter().map(|word| frame(word)).collect()));
}

/// One that has published so many messages of a line each. The words of its consumer are given, too.
fn producer_behind(memory: &Memory, lines: u64, are_finished: bool) -> (Producer<'_>, impl Fn(u64) + '_, Region<'_>) {
    let ((data, written), (own, _), (consumer_own, consumer)) =
        (memory.data.share(), memory.producer.share(), memory.consumer.share());
    for at in (0..CAPACITY as usize).step_by(8) {
        data.store64(at, 0xeeee_eeee_eeee_eeee, Relaxed);
    }
    let mut producer = Producer::new(ProducerMemory { data, own, consumer }, Order::Sequential);
    let store_cursor = move |cursor| consumer_own.store64(layout::CURSOR, cursor, Relaxed);
    for line in 1..=lines {
        producer.try_loan(0).unwrap();
        producer.commit(&Head { kind: kind::MESSAGE, ..Head::default() });
        assert!(producer.publish());
        if are_finished {
            store_cursor(line * LINE);
        }
    }
    (producer, store_cursor, written)
}

fn is_written(vector: &Vector) {
    let memory = Memory::new();
    let (mut producer, _, written) = producer_behind(&memory, start(vector), true);
    for (head, payload) in vector.words[2..].iter().map(|word| frame(word)) {
        producer.try_loan(payload.len()).unwrap().copy_from_slice(&payload);
        producer.commit(&head);
    }
    assert!(producer.publish());
    // What does not matter differs between the two.
    let (due, other) = (bytes(&vector.words[1], 0), bytes(&vector.words[1], 1));
    for (i, (due, other)) in due.into_iter().zip(other).enumerate() {
        let at = (start(vector) * LINE + i as u64) % CAPACITY;
        assert!(due != other || written.bytes(at as usize, 1) == [due], "byte {i}");
    }
}

fn finds_room(vector: &Vector) {
    let memory = Memory::new();
    let (mut producer, store_cursor, _) = producer_behind(&memory, start(vector), false);
    let mut found = "";
    for cursor in vector.words[1].split(',') {
        store_cursor(cursor.parse().unwrap());
        found = "no_room";
        if producer.try_loan(producer.max_payload() as usize).is_some() {
            producer.cancel();
            found = "room";
        }
    }
    if producer.fault().is_some() {
        found = name_of(producer.fault());
    }
    assert_eq!(found, vector.words[2]);
}

/// What a peer that keeps all bodies finds in the last of these.
fn takes_bodies(vector: &Vector) {
    let heap = |bytes: usize| Box::leak(Box::new(Heap::new(bytes))).share(); // bodies outlive what they came by
    let ((_, arena), (returns, _)) = (heap(vector.words[0].parse().unwrap()), heap(layout::PAGE as usize));
    let ((_, producer), (bell, _)) = (heap(128), heap(layout::BELL as usize));
    let lane = LaneBodies::new(arena, returns, producer, bell);
    let bodies = Arc::new(Bodies::new(Arc::new(ForkGuard::new().unwrap()), vec![lane]));
    let taken: Vec<_> = vector.words[1].split(',').map(|payload| bodies.take(0, &bytes(payload, 0))).collect();
    let found = match taken.last().unwrap() {
        Ok(_) => "taken",
        Err(fault) => name_of(Some(*fault)),
    };
    assert_eq!(found, vector.words[2]);
}

#[test]
fn the_vectors_of_frames() {
    for vector in read("frames.txt") {
        println!("{}", vector.name); // shown with a failure
        match &vector.verb[..] {
            "body" => takes_bodies(&vector),
            "room" => finds_room(&vector),
            _ => {
                is_read(&vector);
                if vector.verb == "good" {
                    is_written(&vector);
                }
            }
        }
    }
}
