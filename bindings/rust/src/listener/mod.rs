//! Two peers without a system: one listens at the path of a socket, and is the host of each that attaches. docs/spec/peers.md.
//!
//! connected -> hello -> (waits for the end of its predecessor) -> welcome -> ready -> given out

mod half_open;
mod left;
mod opening;
mod socket;

#[cfg(test)]
pub(crate) use half_open::negotiate;
pub(crate) use left::{KeptMail, LeftMail};

use crate::error::Error;
use crate::peer::Peer;
use crate::stream::time_left;
use crate::sys::process::{self, ForkGuard};
use crate::sys::ready::ReadySet;
use crate::sys::socket as calls;
use crate::wait::Wait;
use crate::wire::refusal;
use core::time::Duration;
use half_open::{HalfOpen, Progress};
use socket::ListeningSocket;
use std::collections::VecDeque;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

const MOST_HALF_OPEN: usize = 64;
const DEFAULT_RING: u64 = 1 << 20;
/// Of what waits for nothing else.
const LONGEST_SLEEP: Duration = Duration::from_secs(3600);
/// While somebody does not read what is said to him.
const BACKLOG_SLEEP: Duration = Duration::from_millis(5);

/// A process that listens at a path, and lets others connect to it: two peers without a system. [`Options::listen`] opens it.
///
/// Each that has connected is a [`Peer`], of which this process is the host. Its end is the other's only mailbox, which is looked
/// up by its name; [`Peer::stop`] tells it to go. When it ends, what it had published can still be received, and then everything
/// is [`Error::HostGone`], with its last words. What it has not finished waits, if it had a name, for the next peer of that name;
/// of as many as 64 names.
///
/// The peers can go to other threads, and outlive the listener.
///
/// [`Options::listen`]: crate::Options::listen
pub struct Listener {
    own: Own,
    guard: ForkGuard,
    socket: ListeningSocket,
    set: ReadySet,
    /// The newest last.
    half_open: VecDeque<HalfOpen>,
}

/// What a listener says of itself, and has for its peers.
struct Own {
    name: String,
    schema: String,
    ring_bytes: u64,
    /// For barriers.
    is_registered: bool,
    left: Arc<LeftMail>,
}

/// Of the mail to peers that have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListenerCounters {
    /// Messages that wait for the next of their names.
    pub waiting: u64,
    /// Messages that nobody will get.
    pub given_up: u64,
}

impl Listener {
    /// Of a name and a schema that can be one, and a ring size or 0.
    pub(crate) fn open(path: &Path, name: String, schema: String, ring_bytes: u64) -> Result<Self, Error> {
        let ring_bytes = if ring_bytes == 0 { DEFAULT_RING } else { ring_bytes };
        let left = Arc::new(LeftMail::new()?);
        let guard = ForkGuard::new()?;
        let set = ReadySet::new()?;
        let socket = ListeningSocket::open(path)?;
        set.add(socket.as_fd())?;
        set.add(left.nudged())?;
        let is_registered = process::register_for_barriers();
        let own = Own { name, schema, ring_bytes, is_registered, left };
        Ok(Self { own, guard, socket, set, half_open: VecDeque::new() })
    }

    /// The next peer that has shaken hands; none within the time. Handshakes only go on in here; one takes two seconds at the most,
    /// and none waits for another.
    pub fn accept(&mut self, wait: impl Into<Wait>) -> Result<Option<Peer>, Error> {
        let wait = wait.into();
        if self.guard.is_forked() {
            return Err(Error::Forked);
        }
        loop {
            self.own.left.hear_nudges();
            self.take_connections()?;
            if let Some(ready) = self.advance() {
                return ready.into_peer(&self.own).map(Some);
            }
            let left = wait.deadline().map_or(Some(LONGEST_SLEEP), time_left).filter(|_| wait.may_wait());
            let Some(left) = left else { return Ok(None) };
            self.set.wait(left.min(self.until_due()));
        }
    }

    /// What is published to peers that have ended.
    pub fn counters(&self) -> ListenerCounters {
        self.own.left.counters()
    }

    /// To be polled for readability, for an event loop: then [`accept`](Listener::accept) with [`Wait::No`], which is also due every
    /// second.
    pub fn readiness(&self) -> BorrowedFd<'_> {
        self.set.as_fd()
    }

    fn take_connections(&mut self) -> Result<(), Error> {
        while let Some(socket) = self.socket.accept()? {
            // Who is gone already, or is another user's, is not worth a word.
            let Ok((pid, uid)) = calls::other_end(socket.as_fd()) else { continue };
            if uid != calls::user() || self.set.add(socket.as_fd()).is_err() {
                continue;
            }
            if self.half_open.len() >= MOST_HALF_OPEN {
                if let Some(mut oldest) = self.half_open.pop_front() {
                    oldest.refuse(refusal::BUSY, "too many processes have not said hello yet");
                    oldest.forget(&self.own);
                }
            }
            let end = calls::death_watch(socket.as_fd(), pid);
            self.half_open.push_back(HalfOpen::new(socket, end));
        }
        Ok(())
    }

    /// One step of each that is half-way, until one of them is ready.
    fn advance(&mut self) -> Option<HalfOpen> {
        let mut at = 0;
        while let Some(each) = self.half_open.get_mut(at) {
            match each.advance(&self.own) {
                Progress::Waits => at += 1,
                Progress::Ready => {
                    let ready = self.half_open.remove(at)?;
                    self.set.remove(ready.stream().input());
                    return Some(ready);
                }
                Progress::Over => {
                    let over = self.half_open.remove(at)?;
                    self.set.remove(over.stream().input());
                    over.forget(&self.own);
                }
            }
        }
        None
    }

    fn until_due(&self) -> Duration {
        let now = Instant::now();
        let due = |each: &HalfOpen| {
            let left = each.deadline().saturating_duration_since(now);
            if each.stream().has_backlog() {
                left.min(BACKLOG_SLEEP)
            } else {
                left
            }
        };
        self.half_open.iter().map(due).min().unwrap_or(LONGEST_SLEEP)
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        // The socket's name is its parent's.
        if !self.guard.is_forked() {
            self.socket.remove();
        }
    }
}
