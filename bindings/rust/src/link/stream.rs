//! What a link says and asks on the control stream.

use super::{Lane, Link, Polled};
use crate::bell::Bed;
use crate::error::Error;
use crate::stream::Frame;
use crate::wait::Wait;
use crate::wire::{self, Resolved};
use core::time::Duration;
use std::os::fd::AsFd;
use std::time::Instant;

const FRAMES_A_LOOK: usize = 64;
/// How long last words may take.
const LAST_WORDS: Duration = Duration::from_secs(2);

impl Link {
    /// Whether the host is there, and what it says. A peer that has gone is no error: what it left is read first.
    /// One that may outlive its host does not end with it: `is_lost` says so.
    pub(super) fn look_for_host(&mut self) -> Result<(), Error> {
        if self.is_lost {
            return Ok(());
        }
        #[cfg(feature = "log")]
        self.send_lines();
        // What the other side had not read when it was said. A failure shows in what is read.
        if self.stream.has_backlog() {
            let _ = self.stream.flush();
        }
        // Asked first: what the dead had said and published is all there.
        let is_dead = self.parker.other_is_dead();
        // What somebody writes on and on is looked at another time.
        for _ in 0..FRAMES_A_LOOK {
            match self.stream.receive() {
                Ok(Some(frame)) => self.hear(frame),
                Ok(None) if !is_dead => break,
                ended => {
                    if !self.note_end_of_peer() {
                        let text = ended.err().unwrap_or_else(|| self.end_of_other());
                        return self.lose_host(text);
                    }
                    break;
                }
            }
        }
        Ok(())
    }

    /// Answers to lookups are waited for where they are asked; what else there is may be of a newer version.
    fn hear(&mut self, frame: Frame) {
        match frame.kind {
            _ if self.accepted.is_some() => self.hear_peer(&frame),
            wire::kind::INTRODUCE => self.introduce(frame),
            wire::kind::PRESENCE => self.note_presence(&frame.payload),
            _ => {}
        }
    }

    pub(crate) fn lookup(&mut self, name: &str, wait: Wait) -> Result<u64, Error> {
        self.check_open()?;
        if let Some(accepted) = &self.accepted {
            return accepted.find(name);
        }
        self.request = self.request.wrapping_add(1);
        // The host would end the link over a name that cannot be one.
        let question = wire::resolve(self.request, name).ok_or_else(|| Error::NotFound(name.into()))?;
        let deadline = if wait.may_wait() { wait.deadline() } else { Some(Instant::now()) };
        let mut asked = None;
        loop {
            // The next host is asked anew.
            self.with_host(wait).map_err(no_host_in_time)?;
            let sent = if asked == Some(self.hosts) { Ok(()) } else { self.stream.send(wire::kind::RESOLVE, &question) };
            asked = Some(self.hosts);
            let frame = match sent.and_then(|()| self.stream.receive_until(deadline)) {
                Ok(frame) => frame.ok_or(Error::TimedOut)?,
                Err(text) => {
                    self.lose_host(text)?;
                    continue;
                }
            };
            if frame.kind != wire::kind::RESOLVED {
                self.hear(frame);
                continue;
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
        if self.accepted.is_some() {
            return Err(Error::Misuse("a peer that has connected is told nothing of failures"));
        }
        self.store_all_cursors()?;
        let sent = self.stream.send(wire::kind::FAILURE, &wire::failure(text));
        let flushed = sent.and_then(|()| self.stream.flush_until(Instant::now() + LAST_WORDS));
        // These were the last words; nothing comes after them.
        self.is_closed = true;
        flushed.map_err(Error::HostGone)
    }

    /// Publishes what is open. Where the host has said stop, and all of its mail has been read, says goodbye.
    pub(crate) fn close(&mut self) {
        if self.check_owner().is_err() {
            return;
        }
        // A stream that has failed does not keep what is on the rings from being seen.
        let is_open = self.flush().is_ok() && self.store_all_cursors().is_ok();
        if self.accepted.is_some() {
            return self.leave();
        }
        if is_open && !self.is_lost && self.lanes.iter().all(Lane::is_drained) {
            // Nobody is left to be told that this failed.
            let _ = self.stream.send(wire::kind::GOODBYE, &[]);
            let _ = self.stream.flush_until(Instant::now() + LAST_WORDS);
        }
    }

    /// What others may poll in this peer's place, unless it sleeps on a futex.
    pub(crate) fn polled(&self) -> Result<Option<Polled>, Error> {
        if let Some(sets) = self.restart.as_ref().and_then(|restart| restart.polled.as_ref()) {
            return Ok(Some(sets.polled()?));
        }
        let (doorbell, control) = match self.parker.bed() {
            Bed::Futex => return Ok(None),
            Bed::Pipe(pipe) => (pipe.as_fd(), self.stream.input()),
            Bed::Stream(end) => (self.stream.input(), end.as_ref().map_or(self.stream.input(), AsFd::as_fd)),
        };
        Ok(Some(Polled { doorbell: doorbell.try_clone_to_owned()?, control: control.try_clone_to_owned()? }))
    }
}

/// Who looks up waits for an answer, and not for room.
fn no_host_in_time(error: Error) -> Error {
    match error {
        Error::Full => Error::TimedOut,
        other => other,
    }
}
