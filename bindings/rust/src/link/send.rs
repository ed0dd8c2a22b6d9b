//! Mail, answers and asks, and waiting for the room that they need.

use super::{accepted, Lane, Link, Ring};
use crate::error::{Error, Reason};
use crate::layout::lane_of;
use crate::ring::{kind, Head};
use crate::stream::time_left;
use crate::wait::Wait;
use core::time::Duration;
use std::time::Instant;

/// Of the number of an ask, which has the life of its asker above.
const ASKS_OF_A_LIFE: u32 = (1 << 24) - 1;

impl Link {
    #[inline]
    pub(super) fn lane_to(&self, mailbox: u64) -> Result<usize, Error> {
        let at = lane_of(mailbox);
        let is_none = mailbox == 0 || (self.accepted.is_some() && mailbox != accepted::OTHER);
        if !is_none && at < self.lanes.len() {
            return Ok(at);
        }
        // Where the link has ended, there is no lane either.
        self.check_open()?;
        Err(Error::NoMailbox)
    }

    /// Room for mail to this mailbox.
    #[inline]
    pub(crate) fn loan(&mut self, mailbox: u64, length: usize, wait: Wait) -> Result<&'static mut [u8], Error> {
        self.with_host(wait)?;
        let at = self.lane_to(mailbox)?;
        if self.batch.is_some() {
            return self.room_in_batch(length, wait);
        }
        self.room(at, Ring::Mail, length, wait)
    }

    /// The lane by which mail to this mailbox goes, once there was a loan for it.
    #[inline]
    pub(crate) fn way_to(&self, mailbox: u64) -> usize {
        self.batch.as_ref().map_or(lane_of(mailbox), |batch| batch.at)
    }

    /// What was written to the loan on that lane joins the open batch.
    #[inline]
    pub(crate) fn commit(&mut self, at: usize, mailbox: u64, type_id: u32, correlation: u32) {
        self.commit_head(at, Head { kind: kind::MESSAGE, type_id, correlation, target: mailbox, sender: 0 });
    }

    /// Of the loan on that lane, which is to the target.
    #[inline]
    pub(super) fn commit_head(&mut self, at: usize, mut head: Head) {
        head.target = self.on_wire(at, head.target);
        if self.accepted.is_some() {
            head.sender = accepted::OWN;
        }
        self.lanes[at].mail_out.commit(&head);
        self.has_open_batch = true;
    }

    pub(crate) fn cancel(&mut self, at: usize) {
        self.lanes[at].mail_out.cancel();
    }

    /// Answers an ask that came on this lane, of that host; `write` fills the payload.
    pub(crate) fn answer(
        &mut self,
        (at, host): (u32, u32),
        head: &Head,
        length: usize,
        write: impl FnOnce(&mut [u8]),
    ) -> Result<(), Error> {
        let at = at as usize;
        if self.is_lost || self.hosts != host {
            // Whoever asked is no more.
            return self.check_open();
        }
        if at >= self.lanes.len() {
            self.check_open()?;
            return Err(Error::Misuse("the ask is not one of this peer's"));
        }
        if self.batch.is_some() {
            return self.answer_in_batch(head, length, write);
        }
        if self.has_lost_asker(at) {
            return self.check_open();
        }
        match self.room(at, Ring::Control, length, Wait::Forever) {
            Ok(room) => write(room),
            Err(_) if self.is_lost || self.has_lost_asker(at) => return Ok(()),
            Err(error) => return Err(error),
        }
        self.lanes[at].control_out.commit(head);
        self.has_open_batch = true;
        Ok(())
    }

    /// A number for an ask whose answer is due until then.
    pub(crate) fn expect_answer(&mut self, deadline: Instant) -> u32 {
        let life = self.life();
        let correlation = loop {
            self.asked = (self.asked + 1) & ASKS_OF_A_LIFE;
            // 0 is no ask's.
            if self.asked == 0 {
                (self.asked, self.asked_all) = (1, true);
            }
            if !self.asked_all || !self.pending.expects(life | self.asked) {
                break life | self.asked;
            }
        };
        self.pending.add(correlation, deadline);
        correlation
    }

    /// Waits for the answer to an ask, and copies it. Other answers are kept for later; mail is not read.
    pub(crate) fn await_answer(&mut self, correlation: u32, deadline: Instant) -> Result<(u32, Vec<u8>), Error> {
        let host = self.hosts;
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
                self.faulted(at)?;
            }
            // What the other side wrote before it died has been read.
            self.check_open()?;
            if self.hosts != host {
                self.pending.take_late(correlation);
                return Err(Error::NoReply(Reason::HostRestarted));
            }
            if self.is_lost && self.holds_back() {
                self.pending.answered(correlation);
                return Err(Error::NoReply(Reason::HostRestarted));
            }
            if time_left(deadline).is_none() {
                self.pending.answered(correlation);
                return Err(Error::TimedOut);
            }
            self.prepare_to_wait()?;
            let has_control = |lanes: &[Lane]| lanes.iter().any(Lane::has_control);
            self.sleep(Wait::Until(deadline), has_control)?;
        }
    }

    #[inline]
    pub(super) fn room(&mut self, at: usize, ring: Ring, length: usize, wait: Wait) -> Result<&'static mut [u8], Error> {
        self.check_open()?;
        if self.lanes[at].is_cut() {
            self.check_lane(at)?;
        }
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

    #[cold]
    fn wait_for_room(&mut self, at: usize, ring: Ring, length: usize, wait: Wait) -> Result<&'static mut [u8], Error> {
        let host = self.hosts;
        match self.wait_for(at, ring, wait, |lane| lane.outgoing(ring).try_loan(length)) {
            Err(_) if self.hosts != host && at >= self.lanes.len() => Err(Error::NoMailbox),
            Err(_) if self.hosts != host => self.room(at, ring, length, wait),
            room => room,
        }
    }

    /// Waits for what the other side makes room for by reading this ring. The lane goes with its host: who finds another one in its place
    /// begins anew.
    pub(super) fn wait_for<T>(
        &mut self,
        at: usize,
        ring: Ring,
        wait: Wait,
        mut attempt: impl FnMut(&mut Lane) -> Option<T>,
    ) -> Result<T, Error> {
        // What is open must be seen, or the other side could not make room.
        self.publish_all()?;
        let deadline = wait.deadline();
        let mut got = None;
        let mut look = |lane: &mut Lane| {
            got = got.take().or_else(|| attempt(lane));
            got.is_some() || lane.fault().is_some()
        };
        let lane = &mut self.lanes[at];
        let mut is_over = look(lane) || (wait.may_wait() && self.spin.spin(deadline, || look(lane)));
        let mut result = Ok(());
        if !is_over && wait.may_wait() {
            // What is finished is told before a sleep: the other side may wait for that room.
            self.store_all_cursors()?;
            self.lanes[at].outgoing(ring).want_room(true);
            while !is_over {
                result = self.look_for_host().and_then(|()| self.check_open()).and_then(|()| self.check_lane(at));
                if self.is_lost {
                    self.lanes[at].outgoing(ring).want_room(false);
                    // Answers are for nobody any more.
                    if ring == Ring::Mail {
                        self.come_back(wait)?;
                    }
                    return Err(Error::Full);
                }
                if result.is_err() || (ring == Ring::Control && self.has_lost_asker(at)) {
                    break;
                }
                let Some(left) = deadline.map_or(Some(Duration::MAX), time_left) else { break };
                let lane = &mut self.lanes[at];
                self.parker.park(left, self.stream.input(), || look(lane));
                is_over = look(lane);
            }
            self.lanes[at].outgoing(ring).want_room(false);
        }
        if self.lanes[at].fault().is_some() {
            self.faulted(at)?;
            self.check_lane(at)?;
        }
        got.map_or_else(|| Err(result.err().unwrap_or(Error::Full)), Ok)
    }
}
