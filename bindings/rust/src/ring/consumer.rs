//! The reading side of a ring: peek, begin, advance, store the cursor.

use super::{kind, Commit, Fault, Frame, Head, Order};
use crate::layout::{self, frame_bytes, ConsumerMemory, HEADER, LINE};
use crate::sys::memory::{Region, RegionMut, RingBytes};
use core::sync::atomic::Ordering::{Relaxed, SeqCst};

pub(crate) struct Consumer<'m> {
    data: RingBytes<'m, Region<'m>>,
    own: RegionMut<'m>,
    /// Of the producer.
    producer: Region<'m>,
    capacity: u64,
    order: Order,
    position: u64,
    /// The cursor as last stored.
    stored: u64,
    /// The cursor must not pass this, with the sequence of the frame there: one that has been read and is still used.
    held: Option<(u64, u16)>,
    /// Of the frame at `position`, once peeked.
    bytes: u64,
    sequence: u16,
    resume_tail: u64,
    attempt: u32,
    fault: Option<Fault>,
}

impl<'m> Consumer<'m> {
    /// Starts where the host has written: at position 0 of a new ring, or where the last incarnation's cursor stood. None: at
    /// no such place can a frame start.
    pub(crate) fn new(memory: ConsumerMemory<'m>, order: Order) -> Option<Self> {
        let capacity = memory.data.len() as u64;
        assert!(capacity.is_power_of_two() && capacity >= layout::LEAST_RING);
        // Relaxed: written before this process was given the memory, and by nobody else from now on.
        let own = &memory.own;
        let position = own.load64(layout::CURSOR, Relaxed);
        let resume_tail = own.load64(layout::RESUME_TAIL, Relaxed);
        let sequence_and_attempt = own.load64(layout::RESUME_SEQUENCE_AND_ATTEMPT, Relaxed);
        if position % LINE != 0 {
            return None;
        }
        Some(Self {
            data: RingBytes::new(memory.data),
            own: memory.own,
            producer: memory.producer,
            capacity,
            order,
            position,
            stored: position,
            held: None,
            bytes: 0,
            sequence: sequence_and_attempt as u16,
            resume_tail,
            attempt: (sequence_and_attempt >> 32) as u32,
            fault: None,
        })
    }

    /// Whether there is nothing to read: one load of the word that the producer will write next.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.data.load(self.position, SeqCst) == 0
    }

    /// The next frame, or none: nothing there, or `fault` says what is wrong with it. The same frame until `advance`.
    // What is looked at of a frame is then all that is copied.
    #[inline(always)]
    pub(crate) fn peek(&mut self) -> Option<Frame<'m>> {
        loop {
            let offset = self.offset();
            // SYNC(frame): with the store in Producer::publish. C1: the only load of this word.
            // SYNC(park): sequentially consistent for the poll between marking the park word and sleeping.
            let word = self.data.load(offset, SeqCst);
            if word == 0 || self.fault.is_some() {
                return None;
            }
            let commit = Commit::from_word(word);
            let bytes = frame_bytes(u64::from(commit.length));
            if let Err(fault) = self.check(commit, offset, bytes) {
                self.fault = Some(fault);
                return None;
            }
            self.bytes = bytes;
            if commit.kind == kind::PADDING {
                self.step();
                continue;
            }
            // Relaxed: ordered after the acquire of the commit word.
            let type_and_correlation = self.data.load(offset + layout::TYPE_AND_CORRELATION, Relaxed);
            let head = Head {
                kind: commit.kind,
                type_id: type_and_correlation as u32,
                correlation: (type_and_correlation >> 32) as u32,
                target: self.data.load(offset + layout::TARGET, Relaxed),
                sender: self.data.load(offset + layout::SENDER, Relaxed),
            };
            let payload = self.data.bytes((offset + HEADER) as usize, commit.length as usize);
            return Some(Frame { head, payload });
        }
    }

    /// Says which frame a handler is about to work on, for whoever asks after a hang or a death.
    #[inline]
    pub(crate) fn begin(&self) {
        // Relaxed: read only by the host, for a report or once this process is dead.
        self.own.store64(layout::IN_HAND, self.position + 1, Relaxed);
    }

    /// Past the frame that `peek` gave. Its payload may be read until the cursor is stored.
    #[inline]
    pub(crate) fn advance(&mut self) {
        self.step();
        self.attempt = 0;
    }

    /// As `advance`, and the cursor stays in front of it until `let_go`.
    #[inline]
    pub(crate) fn hold(&mut self) {
        self.held.get_or_insert((self.position, self.sequence));
        self.advance();
    }

    #[inline]
    pub(crate) fn let_go(&mut self) {
        self.held = None;
    }

    /// A cursor is due when a quarter of the ring has been finished since the last; so a producer that waits for room and a
    /// consumer that never runs dry meet. In the stretch that a dead predecessor may have seen, after every message.
    #[inline]
    pub(crate) fn cursor_due(&self) -> bool {
        let (finished, _) = self.finished();
        finished - self.stored >= self.capacity / 4 || (finished <= self.resume_tail && finished != self.stored)
    }

    /// Stores the cursor if it moved. True: the producer sleeps until there is room, and must be rung.
    #[inline]
    pub(crate) fn store_cursor(&mut self) -> bool {
        let (finished, sequence) = self.finished(); // C2
        if self.stored == finished {
            return false;
        }
        self.stored = finished;
        // Relaxed: ordered by the cursor, and on its line. For who takes up a ring between two peers.
        self.own.store32(layout::SEQUENCE, sequence.into(), Relaxed);
        // SYNC(cursor): with the load in Producer::refresh_cursor.
        // SYNC(want): ordered before the load of `want`; with Producer::want_room.
        self.own.store64(layout::CURSOR, finished, self.order.of_stores());
        self.producer.load32(layout::WANT, SeqCst) != 0
    }

    #[inline]
    pub(crate) fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// The position behind the frame that `peek` gave.
    pub(crate) fn behind(&self) -> u64 {
        self.position + self.bytes
    }

    #[inline]
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Whether a predecessor may have seen the frame at `position`.
    #[inline]
    pub(crate) fn redelivers(&self) -> bool {
        self.position < self.resume_tail
    }

    /// How many predecessors died with the frame at `position` in hand.
    #[inline]
    pub(crate) fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Whether the frame at `position` is the one that this peer had in hand when it left another ring, of which the host has copied it.
    pub(crate) fn starts_with_what_was_in_hand(&self) -> bool {
        // Relaxed: written before this process was given the memory.
        self.own.load64(layout::ATTEMPTED, Relaxed) == self.position + 1
    }

    #[inline]
    fn finished(&self) -> (u64, u16) {
        self.held.unwrap_or((self.position, self.sequence))
    }

    #[inline]
    fn step(&mut self) {
        self.position += self.bytes;
        self.sequence = self.sequence.wrapping_add(1);
    }

    #[inline]
    fn check(&self, commit: Commit, offset: u64, bytes: u64) -> Result<(), Fault> {
        if commit.sequence != self.sequence {
            Err(Fault::SequenceGap)
        } else if commit.kind < kind::PADDING || commit.kind > kind::LAST_BETWEEN_PROCESSES {
            Err(Fault::UnknownKind)
        } else if bytes > self.capacity / 2 {
            Err(Fault::FrameTooLong)
        } else if offset + bytes > self.capacity {
            Err(Fault::FramePastEnd)
        } else if commit.kind == kind::PADDING && offset + bytes != self.capacity {
            Err(Fault::PaddingLength)
        } else {
            Ok(())
        }
    }

    #[inline]
    fn offset(&self) -> u64 {
        self.position & (self.capacity - 1)
    }
}
