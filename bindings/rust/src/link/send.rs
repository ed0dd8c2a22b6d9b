//! Mail, answers and asks, and waiting for the room that they need.

use super::{Lane, Link, Ring};
use crate::error::{Error, Reason};
use crate::layout::lane_of;
use crate::ring::{kind, Head, Producer};
use crate::stream::time_left;
use crate::wait::Wait;
use core::time::Duration;
use std::time::Instant;

impl Link {
    /// Room for mail to this mailbox.
    pub(crate) fn loan(&mut self, mailbox: u64, length: usize, wait: Wait) -> Result<&'static mut [u8], Error> {
        let at = lane_of(mailbox);
        if mailbox == 0 || at >= self.lanes.len() {
            return Err(Error::NoMailbox);
        }
        self.room(at, Ring::Mail, length, wait)
    }

    /// What was written to the loan joins the open batch.
    pub(crate) fn commit(&mut self, mailbox: u64, type_id: u32, correlation: u32) {
        self.commit_head(&Head { kind: kind::MESSAGE, type_id, correlation, target: mailbox, sender: 0 });
    }

    /// Of the loan to its target.
    pub(super) fn commit_head(&mut self, head: &Head) {
        self.lanes[lane_of(head.target)].mail_out.commit(head);
        self.has_open_batch = true;
    }

    pub(crate) fn cancel(&mut self, mailbox: u64) {
        self.lanes[lane_of(mailbox)].mail_out.cancel();
    }

    /// Answers an ask that came on this lane; `write` fills the payload.
    pub(crate) fn answer(&mut self, at: u32, head: &Head, length: usize, write: impl FnOnce(&mut [u8])) -> Result<(), Error> {
        write(self.room(at as usize, Ring::Control, length, Wait::Forever)?);
        self.lanes[at as usize].control_out.commit(head);
        self.has_open_batch = true;
        Ok(())
    }

    /// A number for an ask whose answer is due until then.
    pub(crate) fn expect_answer(&mut self, deadline: Instant) -> u32 {
        self.correlation = self.correlation.checked_add(1).unwrap_or(1);
        self.pending.add(self.correlation, deadline);
        self.correlation
    }

    /// Waits for the answer to an ask, and copies it. Other answers are kept for later; mail is not read.
    pub(crate) fn await_answer(&mut self, correlation: u32, deadline: Instant) -> Result<(u32, Vec<u8>), Error> {
        loop {
            for at in 0..self.lanes.len() {
                while let Some(frame) = self.take_control(at)? {
                    let payload = frame.payload.to_vec();
                    self.pass_control(at)?;
                    if frame.head.correlation != correlation {
                        self.pending.put_late(frame.head, payload);
                    } else if frame.head.kind == kind::REPLY {
                        return Ok((frame.head.type_id, payload));
                    } else {
                        return Err(Error::NoReply(Reason::from_number(frame.head.type_id)));
                    }
                }
                if let Some(fault) = self.lanes[at].fault() {
                    return Err(Error::Protocol(fault.to_string()));
                }
            }
            if time_left(deadline).is_none() {
                self.pending.answered(correlation);
                return Err(Error::TimedOut);
            }
            self.prepare_to_wait()?;
            let has_control = |lanes: &[Lane]| lanes.iter().any(|lane| !lane.control_in.is_empty());
            self.sleep(Wait::Until(deadline), has_control)?;
        }
    }

    fn room(&mut self, at: usize, ring: Ring, length: usize, wait: Wait) -> Result<&'static mut [u8], Error> {
        self.check_open()?;
        let out = self.lanes[at].outgoing(ring);
        let most = out.max_payload();
        if length as u64 > most {
            return Err(Error::TooLong { length, most });
        }
        if out.has_loan() {
            return Err(Error::Misuse("another loan for the same thread of the host is open"));
        }
        match out.try_loan(length) {
            Some(room) => Ok(room),
            None => self.wait_for_room(at, ring, length, wait),
        }
    }

    fn wait_for_room(&mut self, at: usize, ring: Ring, length: usize, wait: Wait) -> Result<&'static mut [u8], Error> {
        // What is open must be seen, or the host could not make room.
        self.publish_all()?;
        let deadline = wait.deadline();
        let mut room = None;
        let mut look = |out: &mut Producer<'static>| {
            room = room.take().or_else(|| out.try_loan(length));
            room.is_some() || out.fault().is_some()
        };
        let out = self.lanes[at].outgoing(ring);
        let mut is_over = look(out) || (wait.may_wait() && self.spin.spin(deadline, || look(out)));
        let mut result = Ok(());
        if !is_over && wait.may_wait() {
            // What is finished is told before a sleep: the host may wait for that room.
            self.store_all_cursors()?;
            self.lanes[at].outgoing(ring).want_room(true);
            while !is_over {
                result = self.look_for_host();
                let Some(left) = deadline.map_or(Some(Duration::MAX), time_left).filter(|_| result.is_ok()) else { break };
                let out = self.lanes[at].outgoing(ring);
                self.parker.park(left, self.stream.input(), || look(out));
                is_over = look(out);
            }
            self.lanes[at].outgoing(ring).want_room(false);
        }
        if let Some(fault) = self.lanes[at].outgoing(ring).fault() {
            return Err(Error::Protocol(fault.to_string()));
        }
        room.map_or_else(|| Err(result.err().unwrap_or(Error::Full)), Ok)
    }
}
