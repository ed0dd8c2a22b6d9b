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
        self.with_host(wait)?;
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
        let host = self.hosts;
        match self.wait_for(at, Ring::Mail, wait, |lane| lane.arena.as_mut()?.try_loan(bytes, &mut lane.mail_out)) {
            Err(_) if self.hosts != host => self.loan_large(mailbox, length, wait),
            body => body,
        }
    }

    /// Room for a message with this body, behind what says where that is.
    pub(crate) fn loan_for_body(
        &mut self,
        mailbox: u64,
        body: &BodyLoan,
        length: usize,
        wait: Wait,
    ) -> Result<&'static mut [u8], Error> {
        self.with_host(wait)?;
        let at = self.lane_to(mailbox)?;
        self.check_lent(at, body)?;
        let whole = length.checked_add(Place::BYTES).ok_or(Error::TooLong { length, most: 0 })?;
        let room = self.loan(mailbox, whole, wait)?;
        // Not by a host that died meanwhile.
        if let Err(error) = self.check_lent(at, body) {
            self.cancel(at);
            return Err(error);
        }
        let (place, message) = room.split_at_mut(Place::BYTES);
        body.place().write(place);
        Ok(message)
    }

    fn check_lent(&self, at: usize, body: &BodyLoan) -> Result<(), Error> {
        match &self.lanes[at].arena {
            Some(arena) if arena.has_lent(body) => Ok(()),
            _ => Err(Error::Misuse("the body was not lent for that mailbox of this host")),
        }
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
