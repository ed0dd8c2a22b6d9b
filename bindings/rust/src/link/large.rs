//! Messages with bodies.

use super::{Link, Ring};
use crate::arena::{BodyLoan, Place};
use crate::error::Error;
use crate::layout::lane_of;
use crate::ring::{kind, Head};
use crate::wait::Wait;

impl Link {
    /// Room for a body of mail to this mailbox.
    pub(crate) fn loan_large(&mut self, mailbox: u64, length: usize, wait: Wait) -> Result<BodyLoan, Error> {
        let at = self.lane_to(mailbox)?;
        self.check_open()?;
        if self.accepted.is_some() || self.lanes[at].met.is_some() {
            return Err(Error::Unsupported("there are no bodies between two peers"));
        }
        let most = self.lanes[at].arena.as_ref().ok_or(Error::Unsupported("the host takes no bodies"))?.bytes();
        let bytes = length as u64;
        if bytes > most {
            return Err(Error::TooLong { length, most });
        }
        self.wait_for(at, Ring::Mail, wait, |lane| lane.arena.as_mut()?.try_loan(bytes, &mut lane.mail_out))
    }

    /// Room for a message with this body, behind what says where that is.
    pub(crate) fn loan_for_body(
        &mut self,
        mailbox: u64,
        body: &BodyLoan,
        length: usize,
        wait: Wait,
    ) -> Result<&'static mut [u8], Error> {
        let at = self.lane_to(mailbox)?;
        if !self.lanes[at].arena.as_ref().map_or(false, |arena| arena.has_lent(body)) {
            return Err(Error::Misuse("the body was not lent for that mailbox"));
        }
        let whole = length.checked_add(Place::BYTES).ok_or(Error::TooLong { length, most: 0 })?;
        let room = self.loan(mailbox, whole, wait)?;
        let (place, message) = room.split_at_mut(Place::BYTES);
        body.place().write(place);
        Ok(message)
    }

    /// What was written to that room joins the open batch, with its body.
    pub(crate) fn commit_with_body(&mut self, mailbox: u64, type_id: u32, correlation: u32, body: BodyLoan) {
        self.commit_head(lane_of(mailbox), Head { kind: kind::LARGE, type_id, correlation, target: mailbox, sender: 0 });
        let lane = &mut self.lanes[lane_of(mailbox)];
        if let Some(arena) = &mut lane.arena {
            arena.committed(body, &lane.mail_out);
        }
    }
}
