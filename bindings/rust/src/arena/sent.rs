//! The writer's side: which blocks of an arena are free.

use super::{block_bytes, Place, SLOTS};
use crate::layout::{COUNT, SERIALS};
use crate::ring::{Fault, Producer};
use crate::sys::memory::{Region, RegionMut};
use core::fmt;
use core::sync::atomic::Ordering::{Acquire, SeqCst};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// Has so many bytes from an offset accounted for, so that they can be written. False: the machine has no more.
type Populate = Box<dyn Fn(u64, u64) -> bool + Send + Sync>;

#[derive(Clone, Copy, Default)]
struct Slot {
    offset: u64,
    /// Of the block; 0: it is not out.
    bytes: u64,
    /// The position behind its frame.
    end: u64,
    /// Of the block, or of the last one.
    serial: u32,
    /// What the consumer's word was when the block was sent.
    last_word: u32,
    is_returned: bool,
}

/// A block, which its loan has or a slot.
#[derive(Clone, Copy)]
struct Block {
    offset: u64,
    bytes: u64,
    slot: u32,
}

/// Loans that were dropped, by whichever thread; and by it an arena knows its own.
type Cancelled = Mutex<Vec<Block>>;

/// A lane's arena, as its producer has it.
pub(crate) struct Arena {
    memory: RegionMut<'static>,
    populate: Populate,
    /// Which blocks the consumer has given back.
    returned: Region<'static>,
    /// No two are adjacent.
    free_by_offset: BTreeMap<u64, u64>,
    /// Bytes and offset.
    free_by_size: BTreeSet<(u64, u64)>,
    slots: Vec<Slot>,
    free_slots: Vec<u32>,
    cancelled: Arc<Cancelled>,
    /// All before has been, and nothing behind is in a block.
    populated: u64,
    /// Given back, but their frame is not finished.
    unfinished: usize,
    /// The count of the returns when they were looked through last.
    seen: u32,
    fault: Option<Fault>,
}

impl Arena {
    pub(crate) fn new(memory: RegionMut<'static>, returned: Region<'static>, populate: Populate) -> Self {
        let mut arena = Self {
            memory,
            populate,
            returned,
            free_by_offset: BTreeMap::new(),
            free_by_size: BTreeSet::new(),
            slots: Vec::new(),
            free_slots: Vec::new(),
            cancelled: Arc::default(),
            populated: 0,
            unfinished: 0,
            seen: 0,
            fault: None,
        };
        arena.add_free(0, arena.bytes());
        arena
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.memory.len() as u64
    }

    pub(crate) fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// A block with room for a body of so many bytes, at most `bytes()`; none while there is none, or the consumer is at fault. `mail`
    /// is the ring that bodies go with.
    pub(crate) fn try_loan(&mut self, length: u64, mail: &mut Producer<'_>) -> Option<BodyLoan> {
        assert!(length <= self.bytes());
        self.take_cancelled();
        self.collect(mail);
        if self.fault.is_some() {
            return None;
        }
        let slot = self.take_slot()?;
        let bytes = block_bytes(length);
        let Some(offset) = self.take_bytes(bytes) else {
            self.free_slots.push(slot);
            return None;
        };
        let serial = self.slots[slot as usize].serial;
        Some(BodyLoan {
            // Nobody else has this block before it is free again.
            memory: self.memory.lend(offset as usize, length as usize),
            place: Place { offset, length, slot, serial },
            home: Arc::clone(&self.cancelled),
            is_sent: false,
        })
    }

    /// Whether a block may have become free since there last was no room. For who waits for one.
    #[cfg(feature = "tokio")]
    pub(crate) fn has_more(&self, mail: &Producer<'_>) -> bool {
        // SYNC(want): as in collect.
        self.returned.load32(COUNT, SeqCst) != self.seen || (self.unfinished != 0 && mail.cursor_moved())
    }

    pub(crate) fn has_lent(&self, loan: &BodyLoan) -> bool {
        Arc::ptr_eq(&self.cancelled, &loan.home)
    }

    /// The frame of this body has been committed to `mail`.
    pub(crate) fn committed(&mut self, mut loan: BodyLoan, mail: &Producer<'_>) {
        loan.is_sent = true;
        let Place { offset, length, slot, .. } = loan.place;
        let slot = &mut self.slots[slot as usize];
        (slot.offset, slot.bytes, slot.end, slot.is_returned) = (offset, block_bytes(length), mail.end(), false);
    }

    fn take_cancelled(&mut self) {
        let cancelled = core::mem::take(&mut *self.cancelled.lock().unwrap_or_else(PoisonError::into_inner));
        for Block { offset, bytes, slot } in cancelled {
            self.add_free(offset, bytes);
            self.free_slots.push(slot);
        }
    }

    /// Its serial is the next block's.
    fn take_slot(&mut self) -> Option<u32> {
        let index = match self.free_slots.pop() {
            Some(index) => index,
            None if self.slots.len() < SLOTS => {
                self.slots.push(Slot::default());
                self.slots.len() as u32 - 1
            }
            None => return None,
        };
        let slot = &mut self.slots[index as usize];
        slot.serial = slot.serial.wrapping_add(1);
        // Not the consumer's word: that may be a dead one's, or 0.
        while slot.serial == 0 || slot.serial == slot.last_word {
            slot.serial = slot.serial.wrapping_add(1);
        }
        Some(index)
    }

    /// The smallest piece that is large enough and, of these, the first: what was in use before is used again, and the large
    /// pieces stay whole.
    fn take_bytes(&mut self, bytes: u64) -> Option<u64> {
        let (size, offset) = *self.free_by_size.range((bytes, 0)..).next()?;
        let end = offset + bytes;
        if end > self.populated {
            // All behind `populated` is one free piece, which this is the beginning of.
            if !(self.populate)(self.populated, end - self.populated) {
                return None;
            }
            self.populated = end;
        }
        self.remove_free(offset, size);
        if size > bytes {
            self.free_by_offset.insert(end, size - bytes);
            self.free_by_size.insert((size - bytes, end));
        }
        Some(offset)
    }

    fn remove_free(&mut self, offset: u64, bytes: u64) {
        self.free_by_offset.remove(&offset);
        self.free_by_size.remove(&(bytes, offset));
    }

    /// With the pieces on both sides of it.
    fn add_free(&mut self, mut offset: u64, mut bytes: u64) {
        if let Some(&more) = self.free_by_offset.get(&(offset + bytes)) {
            self.remove_free(offset + bytes, more);
            bytes += more;
        }
        if let Some((&begin, &size)) = self.free_by_offset.range(..offset).next_back() {
            if begin + size == offset {
                self.remove_free(begin, size);
                (offset, bytes) = (begin, bytes + size);
            }
        }
        self.free_by_offset.insert(offset, bytes);
        self.free_by_size.insert((bytes, offset));
    }

    /// What has been given back, and whose frame is finished, is free.
    fn collect(&mut self, mail: &mut Producer<'_>) {
        // SYNC(want): after the store of `want`, with the addition in LaneBodies::give_back.
        let count = self.returned.load32(COUNT, SeqCst);
        if (count == self.seen && self.unfinished == 0) || self.fault.is_some() {
            return;
        }
        (self.seen, self.unfinished) = (count, 0);
        // Once: what has been finished meanwhile is seen the next time.
        mail.refresh_cursor();
        if mail.fault().is_some() {
            return;
        }
        for index in 0..self.slots.len() {
            let slot = &mut self.slots[index];
            if slot.bytes == 0 {
                continue;
            }
            if !slot.is_returned {
                // SYNC(returns): with the store in LaneBodies::give_back; its readers are done with the block.
                let word = self.returned.load32(SERIALS + 4 * index, Acquire);
                if word == slot.last_word {
                    continue;
                }
                if word != slot.serial {
                    self.fault = Some(Fault::BodyReturnedWrongly);
                    return;
                }
                (slot.is_returned, slot.last_word) = (true, word);
            }
            if slot.end <= mail.cursor() {
                let (offset, bytes) = (slot.offset, core::mem::take(&mut slot.bytes));
                self.add_free(offset, bytes);
                self.free_slots.push(index as u32);
            } else {
                self.unfinished += 1;
            }
        }
    }
}

/// Room for the body of a message, in memory that its receiver has mapped: it is written where it will be read. It holds old bytes.
///
/// [`Peer::loan_large`](crate::Peer::loan_large) lends it, and [`Peer::send_large`](crate::Peer::send_large) and its likes send it.
/// Dropped instead, nothing of it is seen. Any number may be open, for as long as one likes, and be filled by any thread.
///
/// ```
/// fn is_send<T: Send>() {}
/// is_send::<ringmail::BodyLoan>();
/// is_send::<ringmail::Body>();
/// ```
#[must_use = "a loan that is dropped is not sent"]
pub struct BodyLoan {
    memory: RegionMut<'static>,
    place: Place,
    home: Arc<Cancelled>,
    is_sent: bool,
}

impl BodyLoan {
    pub(crate) fn place(&self) -> Place {
        self.place
    }
}

impl core::ops::Deref for BodyLoan {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        // Used for as long as this is borrowed: the block is this one's alone.
        self.memory.bytes(0, self.place.length as usize)
    }
}

impl core::ops::DerefMut for BodyLoan {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.memory.bytes_mut(0, self.place.length as usize)
    }
}

impl Drop for BodyLoan {
    fn drop(&mut self) {
        if !self.is_sent {
            let Place { offset, length, slot, .. } = self.place;
            let block = Block { offset, bytes: block_bytes(length), slot };
            self.home.lock().unwrap_or_else(PoisonError::into_inner).push(block);
        }
    }
}

impl fmt::Debug for BodyLoan {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "BodyLoan({} bytes)", self.place.length)
    }
}
