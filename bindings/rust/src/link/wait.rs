//! Waiting for what the host writes.

use super::{Lane, Link};
use crate::error::Error;
use crate::stream::time_left;
use crate::wait::Wait;
use core::time::Duration;
use std::time::Instant;

fn has_input(lanes: &[Lane]) -> bool {
    lanes.iter().any(Lane::has_input) || lanes.iter().all(Lane::is_drained)
}

impl Link {
    /// Waits until there is something to take, an ask's time is up, or so long. Returns for no reason, too.
    pub(crate) fn wait(&mut self, wait: Wait) -> Result<(), Error> {
        self.prepare_to_wait()?;
        if self.pending.has_late() {
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
        while wait.may_wait() {
            let Some(left) = deadline.map_or(Some(Duration::MAX), time_left) else { break };
            let lanes = &self.lanes;
            self.parker.park(left, self.stream.input(), || has_work(lanes));
            if has_work(lanes) {
                break;
            }
            self.look_for_host()?;
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
        self.parker.lie_down();
        let may_sleep = !self.pending.has_late() && !has_input(&self.lanes);
        self.parker.sleeps += u64::from(may_sleep);
        Ok(may_sleep)
    }

    /// When the first of the answers that this peer waits for is overdue.
    #[cfg(feature = "tokio")]
    pub(crate) fn answer_deadline(&self) -> Option<Instant> {
        self.pending.deadline()
    }

    pub(crate) fn get_up(&mut self) {
        self.parker.get_up();
        if let Some(pipe) = self.parker.pipe() {
            crate::bell::drain(pipe);
        }
    }
}
