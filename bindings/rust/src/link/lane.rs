//! One of the host's threads as this peer sees it, or another peer: two rings in, two rings out, and its bell.

use super::meet::Met;
use crate::arena::Arena;
use crate::bell::Ringer;
use crate::layout::{LaneMemory, LINE, START};
use crate::ring::{Consumer, Fault, Order, Producer};
use core::sync::atomic::Ordering::Relaxed;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ring {
    Mail,
    Control,
}

pub(crate) struct Lane {
    pub(crate) mail_in: Consumer<'static>,
    pub(crate) control_in: Consumer<'static>,
    pub(crate) mail_out: Producer<'static>,
    pub(crate) control_out: Producer<'static>,
    pub(crate) bell: Ringer<'static>,
    /// For the bodies of its mail out.
    pub(crate) arena: Option<Arena>,
    /// Of a lane to another peer.
    pub(crate) met: Option<Met>,
    /// The position in the mail up to which it is to be read, once the host has said stop.
    pub(crate) stop_at: Option<u64>,
}

impl Lane {
    /// One to a host. None: at no such place can a frame start as the host has written.
    pub(crate) fn new(memory: LaneMemory<'static>, bell: Ringer<'static>, arena: Option<Arena>, order: Order) -> Option<Self> {
        if memory.mail_out.own.load64(START, Relaxed) % LINE != 0 {
            return None;
        }
        Some(Self {
            mail_in: Consumer::new(memory.mail_in, order)?,
            control_in: Consumer::new(memory.control_in, order)?,
            mail_out: Producer::new(memory.mail_out, order),
            control_out: Producer::new(memory.control_out, order),
            bell,
            arena,
            met: None,
            stop_at: None,
        })
    }

    /// What the other peer has written is impossible, so it is not read any more.
    #[inline]
    pub(super) fn is_broken(&self) -> bool {
        self.met.as_ref().map_or(false, |met| met.is_broken)
    }

    /// Nobody is left to be sent to.
    #[inline]
    pub(super) fn is_cut(&self) -> bool {
        self.met.as_ref().map_or(false, Met::is_cut)
    }

    #[inline]
    pub(super) fn is_drained(&self) -> bool {
        self.stop_at.map_or(false, |position| self.mail_in.position() >= position) || self.is_broken()
    }

    #[inline]
    pub(super) fn has_control(&self) -> bool {
        !self.control_in.is_empty() && !self.is_broken()
    }

    #[inline]
    pub(super) fn has_input(&self) -> bool {
        self.has_control() || (!self.mail_in.is_empty() && !self.is_drained())
    }

    #[inline]
    pub(super) fn fault(&self) -> Option<Fault> {
        let inward = self.mail_in.fault().or(self.control_in.fault());
        let outward = self.mail_out.fault().or(self.control_out.fault());
        inward.or(outward).or_else(|| self.arena.as_ref().and_then(Arena::fault))
    }

    /// Publishes both open batches. Whether the lane is to be rung by a message.
    #[must_use]
    #[inline]
    pub(super) fn publish(&mut self) -> bool {
        let mail = self.mail_out.publish() && self.bell.ring_for(self.mail_out.cold_mark());
        let control = self.publish_control();
        mail || control
    }

    /// Leaves the batch of mail open.
    #[must_use]
    #[inline]
    pub(super) fn publish_control(&mut self) -> bool {
        self.control_out.publish() && self.bell.ring_for(self.control_out.cold_mark())
    }

    /// Stores the cursors that moved, and rings a producer that waits for it. Whether that is to be done by a message.
    #[must_use]
    #[inline]
    pub(super) fn store_cursors(&mut self) -> bool {
        let (mail, control) = (self.mail_in.store_cursor(), self.control_in.store_cursor());
        (mail || control) && self.bell.ring()
    }

    #[inline]
    pub(super) fn incoming(&mut self, ring: Ring) -> &mut Consumer<'static> {
        match ring {
            Ring::Mail => &mut self.mail_in,
            Ring::Control => &mut self.control_in,
        }
    }

    #[inline]
    pub(super) fn outgoing(&mut self, ring: Ring) -> &mut Producer<'static> {
        match ring {
            Ring::Mail => &mut self.mail_out,
            Ring::Control => &mut self.control_out,
        }
    }
}
