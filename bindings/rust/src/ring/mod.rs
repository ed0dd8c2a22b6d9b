//! A ring: one producer, one consumer, frames whose first word says whether they are there.
//!
//! Neither end allocates, locks or makes a system call. They work on any memory: tests put both ends on the heap.
//!
//! Invariants, P the producer's and C the consumer's:
//!
//! * P1: the word behind the last published frame is 0 before that frame's commit word is stored (the terminator)
//! * P2: no byte from the cursor to the end of the terminator is written twice: a frame may be written when
//!   `tail + padding + frame + line - cursor <= capacity`
//! * P3: frames are contiguous. Padding in front of a frame is published by the same store as that frame
//! * P4: of a batch only the first commit word is stored at publication; the others stand already, out of reach behind it
//! * C1: a shared word is loaded once, and the local is what is checked and used
//! * C2: the cursor passes a frame only when it has been finished

mod consumer;
mod producer;
mod survey;
#[cfg(test)]
mod tests;

pub(crate) use consumer::Consumer;
pub(crate) use producer::Producer;
pub(crate) use survey::{survey, Survey};

use core::fmt;
use core::sync::atomic::Ordering;

pub(crate) mod kind {
    pub(crate) const PADDING: u16 = 1;
    pub(crate) const MESSAGE: u16 = 2;
    pub(crate) const REPLY: u16 = 3;
    pub(crate) const NO_REPLY: u16 = 4;
    pub(crate) const STOP: u16 = 5;
    pub(crate) const PING: u16 = 6;
    pub(crate) const PONG: u16 = 7;
    pub(crate) const SIGNAL: u16 = 8;
    pub(crate) const LARGE: u16 = 9;
    pub(crate) const LAST_BETWEEN_PROCESSES: u16 = LARGE;
}

/// The words of a frame besides its commit word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) kind: u16,
    pub(crate) type_id: u32,
    pub(crate) correlation: u32,
    pub(crate) target: u64,
    pub(crate) sender: u64,
}

/// A frame as its consumer sees it: `head` is a copy, the payload lies in the ring until the cursor passes it.
#[derive(Clone, Copy)]
pub(crate) struct Frame<'m> {
    pub(crate) head: Head,
    pub(crate) payload: &'m [u8],
}

/// A commit word in its parts.
#[derive(Clone, Copy)]
struct Commit {
    length: u32,
    kind: u16,
    sequence: u16,
}

impl Commit {
    #[inline]
    fn to_word(self) -> u64 {
        u64::from(self.length) | u64::from(self.kind) << 32 | u64::from(self.sequence) << 48
    }

    #[inline]
    fn from_word(word: u64) -> Self {
        Self { length: word as u32, kind: (word >> 32) as u16, sequence: (word >> 48) as u16 }
    }
}

/// Who pays for the order of what is stored for every message before what is loaded behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    /// Each such store, by being sequentially consistent.
    Sequential,
    /// The side that goes to sleep, by a barrier in all threads (docs/memory_model.md, *Asymmetric*).
    Asymmetric,
}

impl Order {
    /// Of a commit word, or a cursor.
    #[inline]
    fn of_stores(self) -> Ordering {
        match self {
            Order::Sequential => Ordering::SeqCst,
            Order::Asymmetric => Ordering::Release,
        }
    }
}

/// What can be wrong with what the other side of a ring wrote. Each ends the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    FrameTooLong,
    FramePastEnd,
    UnknownKind,
    SequenceGap,
    PaddingLength,
    CursorUnaligned,
    CursorPastTail,
    CursorBackwards,
    BodyNotDescribed,
    BodyPastEnd,
    BodySentTwice,
    BodyReturnedWrongly,
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Fault::FrameTooLong => "a frame is longer than half the ring",
            Fault::FramePastEnd => "a frame reaches past the end of the ring",
            Fault::UnknownKind => "a frame has an unknown kind",
            Fault::SequenceGap => "a frame is out of sequence",
            Fault::PaddingLength => "a padding frame does not end where the ring ends",
            Fault::CursorUnaligned => "the cursor is not on a frame boundary",
            Fault::CursorPastTail => "the cursor is past the last published frame",
            Fault::CursorBackwards => "the cursor moved backwards",
            Fault::BodyNotDescribed => "a message with a body does not say where it is",
            Fault::BodyPastEnd => "a body reaches past the end of its arena",
            Fault::BodySentTwice => "a body was sent again before it was given back",
            Fault::BodyReturnedWrongly => "a body was given back that was not sent",
        })
    }
}
