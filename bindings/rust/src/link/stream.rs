//! What a link says and asks on the control stream.

use super::{Lane, Link};
use crate::error::Error;
use crate::wait::Wait;
use crate::wire::{self, Resolved};
use core::time::Duration;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

/// How long last words may take.
const LAST_WORDS: Duration = Duration::from_secs(2);

impl Link {
    /// Whether the host is there. What it says on the stream besides the answers to lookups is none of this version's.
    pub(super) fn look_for_host(&mut self) -> Result<(), Error> {
        #[cfg(feature = "log")]
        self.send_lines();
        // What the host had not read when it was said. A failure shows in what is read.
        if self.stream.has_backlog() {
            let _ = self.stream.flush();
        }
        loop {
            match self.stream.receive() {
                Ok(None) => return Ok(()),
                Ok(Some(_)) => {}
                Err(text) => return Err(self.gone(text)),
            }
        }
    }

    pub(crate) fn lookup(&mut self, name: &str, wait: Wait) -> Result<u64, Error> {
        self.check_open()?;
        self.request = self.request.wrapping_add(1);
        // The host would end the link over a name that cannot be one.
        let question = wire::resolve(self.request, name).ok_or_else(|| Error::NotFound(name.into()))?;
        let sent = self.stream.send(wire::kind::RESOLVE, &question);
        sent.map_err(|text| self.gone(text))?;
        let deadline = if wait.may_wait() { wait.deadline() } else { Some(Instant::now()) };
        loop {
            let frame = self.stream.receive_until(deadline).map_err(|text| self.gone(text))?;
            let frame = frame.ok_or(Error::TimedOut)?;
            if frame.kind != wire::kind::RESOLVED {
                return Err(Error::Protocol(format!("a message of kind {} in answer to a lookup", frame.kind)));
            }
            let answer = Resolved::decode(&frame.payload).map_err(|error| Error::Protocol(error.to_string()))?;
            // Another request's: of a lookup whose time was up.
            if answer.request == self.request {
                return answer.mailbox.ok_or_else(|| Error::NotFound(name.into()));
            }
        }
    }

    /// Tells the host why this process ends. What is held stays unfinished; what was finished before is told, and published.
    pub(crate) fn report_failure(&mut self, text: &str) -> Result<(), Error> {
        self.flush()?;
        self.store_all_cursors()?;
        let sent = self.stream.send(wire::kind::FAILURE, &wire::failure(text));
        let flushed = sent.and_then(|()| self.stream.flush_until(Instant::now() + LAST_WORDS));
        // These were the last words; nothing comes after them.
        self.is_closed = true;
        flushed.map_err(Error::HostGone)
    }

    /// Publishes what is open. Where the host has said stop, and all of its mail has been read, says goodbye.
    pub(crate) fn close(&mut self) {
        if self.flush().is_err() || self.store_all_cursors().is_err() || !self.lanes.iter().all(Lane::is_drained) {
            return;
        }
        // Nobody is left to be told that this failed.
        let _ = self.stream.send(wire::kind::GOODBYE, &[]);
        let _ = self.stream.flush_until(Instant::now() + LAST_WORDS);
    }

    /// What others may poll in this peer's place, where it sleeps on a pipe.
    pub(crate) fn polled(&self) -> Result<Option<Polled>, Error> {
        let Some(pipe) = self.parker.pipe() else { return Ok(None) };
        let (doorbell, control) = (pipe.as_fd().try_clone_to_owned()?, self.stream.input().try_clone_to_owned()?);
        Ok(Some(Polled { doorbell, control }))
    }
}

/// Descriptors of their own for the pipe that this peer sleeps on, and for the control stream.
pub(crate) struct Polled {
    pub(crate) doorbell: OwnedFd,
    pub(crate) control: OwnedFd,
}

impl Polled {
    #[cfg(feature = "tokio")]
    pub(crate) fn try_clone(&self) -> Result<Self, Error> {
        Ok(Self { doorbell: self.doorbell.try_clone()?, control: self.control.try_clone()? })
    }
}
