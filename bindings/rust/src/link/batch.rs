//! What a message in hand leads to, where the host wants it exactly once: all that is sent and answered goes into the ring of mail that
//! the message's lane has to the host, whoever it is for, and is published by one store with the acknowledgement of the message, when
//! that is finished. The acknowledgement stands first, so that finishing need not wait for room.

use super::{Link, Ring};
use crate::error::Error;
use crate::layout::frame_bytes;
use crate::ring::{kind, Head};
use crate::wait::Wait;

/// The type of a signal.
const ACKNOWLEDGE: u32 = 8;
const POSITION_BYTES: usize = 8;

pub(super) struct Batch {
    /// The lane of the message.
    pub(super) at: usize,
    is_acknowledging: bool,
    /// In it, without padding.
    bytes: u64,
    /// In the ring, before the last loan, which adds so many bytes if it is not cancelled.
    end: u64,
    loaned: u64,
}

impl Link {
    /// What was sent before has nothing to do with the message, and does not share its fate.
    #[cold]
    pub(super) fn begin_batch(&mut self, at: usize) {
        // A stream that has failed says so to whoever takes the next message.
        let _ = self.publish_all();
        self.batch = Some(Batch { at, is_acknowledging: false, bytes: 0, end: 0, loaned: 0 });
    }

    #[inline]
    pub(super) fn end_batch(&mut self) {
        if let Some(batch) = self.batch.take() {
            self.has_open_batch |= self.lanes[batch.at].mail_out.has_open_batch();
        }
    }

    /// Room for another frame in it, behind the acknowledgement.
    pub(super) fn room_in_batch(&mut self, length: usize, wait: Wait) -> Result<&'static mut [u8], Error> {
        let Some(Batch { at, is_acknowledging, mut bytes, end, mut loaned }) = self.batch else {
            return Err(Error::Misuse("no message is in hand"));
        };
        let out = &self.lanes[at].mail_out;
        if out.end() != end {
            bytes += core::mem::take(&mut loaned);
        }
        // With this it fits into the ring as soon as the host has read what is published, whatever padding it takes.
        let most = out.capacity() / 4 - frame_bytes(POSITION_BYTES as u64);
        if length as u64 > most || bytes + frame_bytes(length as u64) > most {
            return Err(Error::TooMuch { most });
        }
        if !is_acknowledging {
            let position = self.lanes[at].mail_in.behind();
            self.room(at, Ring::Mail, POSITION_BYTES, wait)?.copy_from_slice(&position.to_le_bytes());
            self.lanes[at].mail_out.commit(&Head { kind: kind::SIGNAL, type_id: ACKNOWLEDGE, ..Head::default() });
        }
        let end = self.lanes[at].mail_out.end();
        self.batch = Some(Batch { at, is_acknowledging: true, bytes, end, loaned: frame_bytes(length as u64) });
        self.room(at, Ring::Mail, length, wait)
    }

    /// By mail, for with what else the message leads to it is published by one store.
    pub(super) fn answer_in_batch(&mut self, head: &Head, length: usize, write: impl FnOnce(&mut [u8])) -> Result<(), Error> {
        write(self.room_in_batch(length, Wait::Forever)?);
        if let Some(Batch { at, .. }) = self.batch {
            self.lanes[at].mail_out.commit(head);
        }
        Ok(())
    }

    /// A question would be published when the message is finished, and who waits for its answer never comes to that.
    pub(crate) fn check_ask(&self) -> Result<(), Error> {
        match self.batch {
            None => Ok(()),
            Some(_) => Err(Error::Unsupported(
                "a message is in hand, and what it leads to is sent exactly once, when it is finished: no question before",
            )),
        }
    }
}
