//! Waiting for what the host writes.

use super::{Lane, Link};
use crate::error::Error;
use crate::stream::time_left;
use crate::wait::Wait;
use core::time::Duration;
use std::time::Instant;

#[inline]
fn has_input(lanes: &[Lane]) -> bool {
    lanes.iter().any(Lane::has_input) || (!lanes.is_empty() && lanes.iter().all(Lane::is_drained))
}

impl Link {
    /// Waits until there is something to take, an ask's time is up, or so long. Returns for no reason, too.
    pub(crate) fn wait(&mut self, wait: Wait) -> Result<(), Error> {
        self.prepare_to_wait()?;
        if self.pending.has_late() || self.has_news {
            return Ok(());
        }
        self.sleep(earlier(wait, self.pending.deadline()), has_input)
    }

    /// What is to be done before every sleep.
    pub(super) fn prepare_to_wait(&mut self) -> Result<(), Error> {
        self.check_open()?;
        self.publish_all()?;
        self.store_all_cursors()
    }

    pub(super) fn sleep(&mut self, wait: Wait, has_work: impl Fn(&[Lane]) -> bool) -> Result<(), Error> {
        let (deadline, lanes) = (wait.deadline(), &self.lanes);
        if has_work(lanes) || (wait.may_wait() && self.spin.spin(deadline, || has_work(lanes))) {
            return Ok(());
        }
        self.look_for_host()?;
        while wait.may_wait() && !self.other_is_gone() && !self.is_lost {
            let Some(left) = deadline.map_or(Some(Duration::MAX), time_left) else { break };
            let lanes = &self.lanes;
            self.parker.park(left, self.stream.input(), || has_work(lanes));
            let is_over = has_work(lanes);
            // Who is rung on the stream reads what rang, or the next sleep would end by it.
            if !is_over || self.parker.is_rung_on_stream() {
                self.look_for_host()?;
            }
            if is_over {
                break;
            }
        }
        // What the dead one had published comes first.
        if self.is_lost && !has_work(&self.lanes) {
            self.come_back(wait)?;
        }
        self.spin.observe();
        Ok(())
    }
}

fn earlier(wait: Wait, other: Option<Instant>) -> Wait {
    match (wait, other) {
        (Wait::Until(one), Some(other)) => Wait::Until(one.min(other)),
        (Wait::Forever, Some(other)) => Wait::Until(other),
        (wait, _) => wait,
    }
}

/// The parts of a sleep for a loop of the user's, which waits between them.
impl Link {
    /// Says that this peer sleeps. False: there is something to take. To be followed by `get_up`.
    pub(crate) fn lie_down(&mut self) -> Result<bool, Error> {
        self.prepare_to_wait()?;
        self.look_for_host()?;
        let has_news = self.pending.has_late() || self.has_news;
        if self.is_lost {
            return Ok(!has_news && !has_input(&self.lanes) && self.lie_down_without_host()?);
        }
        self.parker.lie_down();
        let may_sleep = !has_news && !has_input(&self.lanes) && !self.other_is_gone();
        self.parker.sleeps += u64::from(may_sleep);
        Ok(may_sleep)
    }

    /// The same for who found no room for a body of mail to that mailbox, or else no room in the ring. To be followed by
    /// `get_up_with_room`, whatever this says.
    #[cfg(feature = "tokio")]
    pub(crate) fn lie_down_for_room(&mut self, mailbox: u64, for_body: bool) -> Result<bool, Error> {
        if self.is_lost {
            return self.lie_down_without_host();
        }
        self.lane_to(mailbox)?;
        let at = self.way_to(mailbox);
        self.lanes[at].mail_out.want_room(true);
        let may_sleep = self.prepare_to_wait().and_then(|()| self.look_for_host()).and_then(|()| self.check_lane(at));
        may_sleep?;
        if self.is_lost {
            return self.lie_down_without_host();
        }
        self.parker.lie_down();
        let lane = &self.lanes[at];
        let has_room = match &lane.arena {
            Some(arena) if for_body => arena.has_more(&lane.mail_out),
            _ => lane.mail_out.cursor_moved(),
        };
        let may_sleep = !has_room && !self.other_is_gone();
        self.parker.sleeps += u64::from(may_sleep);
        Ok(may_sleep)
    }

    #[cfg(feature = "tokio")]
    pub(crate) fn get_up_with_room(&mut self, mailbox: u64) {
        self.get_up();
        if self.lane_to(mailbox).is_ok() {
            let at = self.way_to(mailbox);
            self.lanes[at].mail_out.want_room(false);
        }
    }

    /// When the first of the answers that this peer waits for is overdue.
    #[cfg(feature = "tokio")]
    pub(crate) fn answer_deadline(&self) -> Option<Instant> {
        self.pending.deadline()
    }

    pub(crate) fn get_up(&mut self) {
        if self.is_lost {
            return; // it was not down
        }
        self.parker.get_up();
        self.parker.empty_pipe();
        if self.parker.is_rung_on_stream() {
            // What is wrong with the stream is told to who looks next.
            let _ = self.look_for_host();
        }
    }
}
