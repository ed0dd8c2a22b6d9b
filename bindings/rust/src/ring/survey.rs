//! What lies in a ring between two peers whose consumer or producer has died: where the messages begin that are not finished, and
//! where they end.

use super::{kind, Commit};
use crate::layout::{self, frame_bytes, LINE};
use crate::sys::memory::Region;
use core::sync::atomic::Ordering::{Acquire, Relaxed};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Survey {
    /// Of the consumer.
    pub(crate) cursor: u64,
    /// Of the frame there.
    pub(crate) sequence: u16,
    /// Where the first message starts, behind its padding; the tail if there is none.
    pub(crate) first: u64,
    /// The end of what is published.
    pub(crate) tail: u64,
    /// Of the next frame.
    pub(crate) tail_sequence: u16,
    pub(crate) messages: u64,
}

/// Of a ring of which the consumer, or the producer, runs no more. None: what lies there is impossible.
pub(crate) fn survey(data: &Region<'_>, consumer: &Region<'_>) -> Option<Survey> {
    let capacity = data.len() as u64;
    // SYNC(cursor): with Consumer::store_cursor; the sequence that is read behind it is this cursor's, or a later one's.
    let cursor = consumer.load64(layout::CURSOR, Acquire);
    // Relaxed: ordered by the cursor. It counts only where there is no frame at the cursor: then the consumer is at the tail, which
    // does not move while one of the two is dead, or moves by a frame that is then found.
    let stored = consumer.load32(layout::SEQUENCE, Relaxed) as u16;
    if cursor % LINE != 0 {
        return None;
    }
    let mut found = Survey { cursor, sequence: stored, first: cursor, tail: cursor, tail_sequence: stored, messages: 0 };
    while found.tail - cursor < capacity {
        let offset = found.tail & (capacity - 1);
        // SYNC(frame): with Producer::publish.
        let word = data.load64(offset as usize, Acquire);
        if word == 0 {
            found.first = if found.messages == 0 { found.tail } else { found.first };
            return Some(found);
        }
        let commit = Commit::from_word(word);
        let bytes = frame_bytes(commit.length.into());
        let is_known = (kind::PADDING..=kind::LAST_BETWEEN_PROCESSES).contains(&commit.kind);
        if !is_known || bytes > capacity / 2 || offset + bytes > capacity {
            return None;
        }
        if found.tail == cursor {
            found.sequence = commit.sequence;
        } else if commit.sequence != found.tail_sequence {
            return None;
        }
        if commit.kind != kind::PADDING {
            found.first = if found.messages == 0 { found.tail } else { found.first };
            found.messages += 1;
        }
        found.tail_sequence = commit.sequence.wrapping_add(1);
        found.tail = found.tail.checked_add(bytes)?;
    }
    // A ring always has room for a terminator.
    None
}
