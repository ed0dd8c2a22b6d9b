//! Bodies of messages, which lie beside the rings: docs/spec/large.md.
//!
//! Where blocks lie, and which are free, is known to the producer alone. What the consumer writes says which block it has given
//! back, by a word for each slot; it can thereby lose itself a block at most.

mod received;
mod sent;
#[cfg(test)]
mod tests;

pub use received::Body;
pub(crate) use received::{Bodies, LaneBodies};
pub(crate) use sent::Arena;
pub use sent::BodyLoan;

use crate::layout::PAGE;

/// Bodies of a lane and direction that have not been given back, at most.
const SLOTS: usize = 512;
/// Of the part of a lane.
pub(crate) const MOST_BYTES: u64 = 1 << 40;

/// Where a body is: what a frame with one begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    offset: u64,
    length: u64,
    slot: u32,
    serial: u32,
}

impl Place {
    /// So many bytes stand before the message.
    pub(crate) const BYTES: usize = 32;

    pub(crate) fn write(&self, into: &mut [u8]) {
        into[..8].copy_from_slice(&self.offset.to_le_bytes());
        into[8..16].copy_from_slice(&self.length.to_le_bytes());
        into[16..20].copy_from_slice(&self.slot.to_le_bytes());
        into[20..24].copy_from_slice(&self.serial.to_le_bytes());
        into[24..Self::BYTES].fill(0);
    }

    /// Of a copy: who wrote the bytes may write on.
    fn read(bytes: [u8; Self::BYTES]) -> Self {
        let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        Self { offset: word(0), length: word(8), slot: word(16) as u32, serial: (word(16) >> 32) as u32 }
    }
}

/// Whole pages; a body of no bytes has a place, too.
fn block_bytes(length: u64) -> u64 {
    ((length + PAGE - 1) / PAGE * PAGE).max(PAGE)
}
