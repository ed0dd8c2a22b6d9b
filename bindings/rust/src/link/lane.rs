//! One of the host's threads as this peer sees it: two rings in, two rings out, and its bell.

use crate::bell::Ringer;
use crate::ring::{Consumer, Fault, Producer};

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
    /// The position in the mail up to which it is to be read, once the host has said stop.
    pub(crate) stop_at: Option<u64>,
}

impl Lane {
    pub(super) fn is_drained(&self) -> bool {
        self.stop_at.map_or(false, |position| self.mail_in.position() >= position)
    }

    pub(super) fn has_input(&self) -> bool {
        !self.control_in.is_empty() || (!self.is_drained() && !self.mail_in.is_empty())
    }

    pub(super) fn fault(&self) -> Option<Fault> {
        let inward = self.mail_in.fault().or(self.control_in.fault());
        inward.or(self.mail_out.fault()).or(self.control_out.fault())
    }

    /// Publishes both open batches. Whether the lane is to be rung by a message.
    #[must_use]
    pub(super) fn publish(&mut self) -> bool {
        let mail = self.mail_out.publish() && self.bell.ring_for(self.mail_out.cold_mark());
        let control = self.control_out.publish() && self.bell.ring_for(self.control_out.cold_mark());
        mail || control
    }

    /// Stores the cursors that moved, and rings a producer that waits for it. Whether that is to be done by a message.
    #[must_use]
    pub(super) fn store_cursors(&mut self) -> bool {
        let (mail, control) = (self.mail_in.store_cursor(), self.control_in.store_cursor());
        (mail || control) && self.bell.ring()
    }

    pub(super) fn incoming(&mut self, ring: Ring) -> &mut Consumer<'static> {
        match ring {
            Ring::Mail => &mut self.mail_in,
            Ring::Control => &mut self.control_in,
        }
    }

    pub(super) fn outgoing(&mut self, ring: Ring) -> &mut Producer<'static> {
        match ring {
            Ring::Mail => &mut self.mail_out,
            Ring::Control => &mut self.control_out,
        }
    }
}
