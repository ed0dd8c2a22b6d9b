//! The writing side of a ring: loan, commit, publish.

use super::{kind, Commit, Fault, Head, Order, Survey};
use crate::layout::{self, frame_bytes, ProducerMemory, HEADER, LINE};
use crate::sys::memory::{Region, RegionMut, RingBytes};
use core::sync::atomic::Ordering::{Relaxed, SeqCst};

/// Terminators are written for so many lines ahead.
const LINES_AHEAD: u64 = 4;

/// What a consumer has not finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unfinished {
    /// Where the first message starts, behind its padding; the tail if there is none.
    pub(crate) cursor: u64,
    /// Of the frame there.
    pub(crate) sequence: u16,
    pub(crate) messages: u64,
}

struct OpenLoan {
    length: u64,
    padding: u64,
}

pub(crate) struct Producer<'m> {
    data: RingBytes<'m, RegionMut<'m>>,
    own: RegionMut<'m>,
    /// Of the consumer.
    consumer: Region<'m>,
    capacity: u64,
    order: Order,
    tail: u64,
    /// The end of the open batch.
    next: u64,
    /// If beyond `next`: the first word of every line from `next` to here is 0.
    zeroed: u64,
    /// As last read: the consumer has finished at least this much.
    cursor: u64,
    /// Of the open batch, which is not empty when `next` is not `tail`.
    first_commit: u64,
    loan: Option<OpenLoan>,
    sequence: u16,
    fault: Option<Fault>,
    messages: u64,
}

impl<'m> Producer<'m> {
    /// A new ring, of a ring's size: its memory is zero, but for what the host may have put there and this starts behind.
    pub(crate) fn new(memory: ProducerMemory<'m>, order: Order) -> Self {
        let capacity = memory.data.len() as u64;
        assert!(capacity.is_power_of_two() && capacity >= layout::LEAST_RING);
        // Relaxed: written before this process was given the memory, and by nobody from now on.
        let start = memory.own.load64(layout::START, Relaxed);
        let sequence = memory.own.load32(layout::START_SEQUENCE, Relaxed) as u16;
        Self {
            data: RingBytes::new(memory.data),
            own: memory.own,
            consumer: memory.consumer,
            capacity,
            order,
            tail: start,
            next: start,
            zeroed: start,
            cursor: 0,
            first_commit: 0,
            loan: None,
            sequence,
            fault: None,
            messages: 0,
        }
    }

    /// Goes on where a dead producer has left off.
    pub(crate) fn take_up(memory: ProducerMemory<'m>, order: Order, left: &Survey) -> Self {
        let (tail, cursor, sequence) = (left.tail, left.cursor, left.tail_sequence);
        Self { tail, next: tail, zeroed: tail, cursor, sequence, ..Self::new(memory, order) }
    }

    #[inline]
    pub(crate) fn max_payload(&self) -> u64 {
        layout::max_payload(self.capacity)
    }

    /// Room for a payload of `length` bytes, at most `max_payload()`, that holds old bytes; none while the ring is too full, or
    /// the consumer at fault. No loan is open.
    #[inline]
    pub(crate) fn try_loan(&mut self, length: usize) -> Option<&'m mut [u8]> {
        assert!(self.loan.is_none() && length as u64 <= self.max_payload());
        let frame = frame_bytes(length as u64);
        let to_end = self.capacity - self.offset(self.next);
        let padding = if frame <= to_end { 0 } else { to_end };
        let end = self.next + padding + frame + LINE; // P2
        if end - self.cursor > self.capacity {
            self.refresh_cursor();
            if self.fault.is_some() || end - self.cursor > self.capacity {
                return None;
            }
        }
        self.loan = Some(OpenLoan { length: length as u64, padding });
        let at = self.offset(self.next + padding) + HEADER;
        Some(self.data.bytes_mut(at as usize, length))
    }

    /// Gives the open loan back, nothing of it having been seen.
    pub(crate) fn cancel(&mut self) {
        self.loan = None;
        // What was written to the loan may lie over terminators; the first line's word is not part of a loan.
        self.zeroed = self.next;
    }

    /// The loaned frame joins the open batch. Nobody sees it until `publish`.
    #[inline]
    pub(crate) fn commit(&mut self, head: &Head) {
        let loan = self.loan.take().expect("a loan is open");
        if loan.padding != 0 {
            self.append(&Head { kind: kind::PADDING, ..Head::default() }, loan.padding - HEADER);
            // P3
        }
        self.append(head, loan.length);
        self.messages += 1;
    }

    /// Publishes the open batch with one store: all of it or, if this process dies before, none. Whether there was one; then
    /// the consumer must be rung.
    #[inline]
    pub(crate) fn publish(&mut self) -> bool {
        if self.next == self.tail {
            return false;
        }
        // P1. Relaxed: ordered by the release of the commit word.
        if self.zeroed <= self.next {
            self.write_terminator(self.next);
        }
        // SYNC(frame): with the load in Consumer::peek; everything written to the batch is visible to who sees it.
        // SYNC(park): ordered before the load of the consumer's park word and cold mark.
        self.store(self.tail, self.first_commit, self.order.of_stores());
        self.tail = self.next;
        if self.loan.is_none() {
            self.write_terminators_ahead();
        }
        true
    }

    /// Tells the consumer that this producer sleeps until the cursor moves, or no longer. After `true`, look whether the loan
    /// still fails before sleeping.
    pub(crate) fn want_room(&self, want: bool) {
        // SYNC(want): ordered before the load of the cursor in try_loan; with Consumer::store_cursor.
        self.own.store32(layout::WANT, u32::from(want), SeqCst);
    }

    /// Whether the consumer has finished more than when the ring last looked full. For who waits for room.
    #[cfg(feature = "tokio")]
    pub(crate) fn cursor_moved(&self) -> bool {
        // SYNC(want): as in try_loan.
        self.consumer.load64(layout::CURSOR, SeqCst) != self.cursor
    }

    /// What the consumer is marked as: 0, or 1 + the bit to set in its pending set. SYNC(cold)
    #[inline]
    pub(crate) fn cold_mark(&self) -> u32 {
        self.consumer.load32(layout::COLD, SeqCst)
    }

    #[inline]
    pub(crate) fn fault(&self) -> Option<Fault> {
        self.fault
    }

    #[inline]
    pub(crate) fn has_loan(&self) -> bool {
        self.loan.is_some()
    }

    /// How many frames were committed, padding not counted.
    pub(crate) fn messages(&self) -> u64 {
        self.messages
    }

    #[inline]
    pub(crate) fn has_open_batch(&self) -> bool {
        self.next != self.tail
    }

    /// Of the ring, in bytes.
    pub(crate) fn capacity(&self) -> u64 {
        self.capacity
    }

    /// The end of what is published.
    pub(crate) fn tail(&self) -> u64 {
        self.tail
    }

    /// The end of the open batch.
    pub(crate) fn end(&self) -> u64 {
        self.next
    }

    /// As last read: the consumer has finished at least this much.
    pub(crate) fn cursor(&self) -> u64 {
        self.cursor
    }

    /// What the consumer has not finished, by its cursor as it now stands. Reads this producer's own frames from the last cursor
    /// that was good, so that one inside of a frame is found out: then `fault` says so, and the last good one counts. No batch is
    /// open.
    pub(crate) fn unfinished(&mut self) -> Unfinished {
        assert!(self.next == self.tail);
        let known = self.cursor;
        self.refresh_cursor();
        if let Some(found) = self.frames_from(known, self.cursor) {
            return found;
        }
        // Either this cursor or, checked for all but this, an earlier one lies inside of a frame. From an earlier one nothing can be
        // read any more: what it passed over has been overwritten since.
        self.fault = Some(Fault::CursorUnaligned);
        let found = self.frames_from(known, known);
        self.cursor = if found.is_some() { known } else { self.tail };
        found.unwrap_or(Unfinished { cursor: self.tail, sequence: self.sequence, messages: 0 })
    }

    /// The position of the frame that the consumer's handler worked on last, or one that no frame has: its word, unchecked.
    pub(crate) fn in_hand(&self) -> u64 {
        self.consumer.load64(layout::IN_HAND, Relaxed).wrapping_sub(1)
    }

    /// Goes on towards another consumer, whose block starts with the cursor and the sequence of `unfinished`, in this order of
    /// stores. The data are those that there were. A fault of the consumer before is forgotten with it.
    pub(crate) fn switch_consumer(&mut self, memory: ProducerMemory<'m>, order: Order) {
        (self.data, self.own, self.consumer) = (RingBytes::new(memory.data), memory.own, memory.consumer);
        (self.order, self.fault) = (order, None);
    }

    /// Counts from `cursor` on, reading frame by frame from `from` to the tail; none if either is not where a frame starts.
    fn frames_from(&self, from: u64, cursor: u64) -> Option<Unfinished> {
        let mut found = Unfinished { cursor, sequence: self.sequence, messages: 0 };
        let (mut at, mut due, mut on_boundary) = (from, None, cursor == self.tail);
        while at < self.tail {
            // Relaxed: this thread wrote it.
            let frame = Commit::from_word(self.data.load(at, Relaxed));
            if due.map_or(false, |due| due != frame.sequence) {
                return None;
            }
            due = Some(frame.sequence.wrapping_add(1));
            on_boundary |= at == cursor;
            if at >= cursor && frame.kind != kind::PADDING {
                if found.messages == 0 {
                    (found.cursor, found.sequence) = (at, frame.sequence);
                }
                found.messages += 1;
            }
            at += frame_bytes(frame.length.into());
        }
        let is_whole = at == self.tail && on_boundary && due.map_or(true, |due| due == self.sequence);
        is_whole.then_some(found)
    }

    pub(crate) fn refresh_cursor(&mut self) {
        // SYNC(cursor): with the store in Consumer::store_cursor; what was read before it may be overwritten after this.
        let cursor = self.consumer.load64(layout::CURSOR, SeqCst);
        let fault = if cursor % LINE != 0 {
            Some(Fault::CursorUnaligned)
        } else if cursor < self.cursor {
            Some(Fault::CursorBackwards)
        } else if cursor > self.tail {
            Some(Fault::CursorPastTail)
        } else {
            None
        };
        self.fault = self.fault.or(fault);
        if self.fault.is_none() {
            self.cursor = cursor;
        }
    }

    #[inline]
    fn append(&mut self, head: &Head, length: u64) {
        let at = self.next;
        let commit = Commit { length: length as u32, kind: head.kind, sequence: self.sequence }.to_word();
        self.sequence = self.sequence.wrapping_add(1);
        // Relaxed, all of them: ordered by the release of the batch's first commit word. P4
        let type_and_correlation = u64::from(head.type_id) | u64::from(head.correlation) << 32;
        self.store(at + layout::TYPE_AND_CORRELATION, type_and_correlation, Relaxed);
        self.store(at + layout::TARGET, head.target, Relaxed);
        self.store(at + layout::SENDER, head.sender, Relaxed);
        if at == self.tail {
            self.first_commit = commit;
        } else {
            self.store(at, commit, Relaxed);
        }
        self.next += frame_bytes(length);
    }

    /// The consumer read these lines a lap ago, so they have to come from its cache: now, while nobody waits for it, and not
    /// between a frame and its commit word. P2
    #[inline]
    fn write_terminators_ahead(&mut self) {
        while self.zeroed <= self.tail + LINES_AHEAD * LINE && self.zeroed + LINE - self.cursor <= self.capacity {
            self.write_terminator(self.zeroed);
        }
    }

    #[inline]
    fn write_terminator(&mut self, position: u64) {
        self.store(position, 0, Relaxed);
        self.zeroed = position + LINE;
    }

    #[inline]
    fn offset(&self, position: u64) -> u64 {
        position & (self.capacity - 1)
    }

    #[inline]
    fn store(&self, position: u64, word: u64, order: core::sync::atomic::Ordering) {
        self.data.store(position, word, order);
    }
}
