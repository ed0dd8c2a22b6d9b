//! The mail to peers that have connected: it outlives them, and the next of a name takes it up.

use super::ListenerCounters;
use crate::layout::{self, Layout, MailPart, ProducerMemory};
use crate::ring::{Order, Producer};
use crate::sys::memory::RegionMut;
use crate::sys::segment::{make_to_write, Seals};
use core::sync::atomic::Ordering::Relaxed;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Mutex, MutexGuard, PoisonError};

const MOST_NAMES: usize = 64;

/// The mail to one peer.
pub(crate) struct KeptMail {
    pub(super) layout: Layout,
    pub(super) file: OwnedFd,
    memory: RegionMut<'static>,
    /// None: it is a lane's, or there was no peer yet.
    ring: Option<Producer<'static>>,
    /// Which life of the peer was the last.
    pub(super) incarnation: u64,
    /// That one has said ready.
    pub(super) last_ran: bool,
    /// The position of the message that the last died with, and how many have, one after the other.
    attempted: u64,
    attempts: u32,
}

impl KeptMail {
    pub(super) fn new(layout: Layout) -> Result<Self, String> {
        let (file, memory) = make_to_write("ringmail.mail", layout.mail_bytes(), Seals::NoMoreWriters)?;
        Ok(Self { layout, file, memory, ring: None, incarnation: 0, last_ran: false, attempted: 0, attempts: 0 })
    }

    pub(crate) fn with_ring(mut self, ring: Producer<'static>) -> Self {
        self.ring = Some(ring);
        self
    }

    pub(super) fn part(&mut self) -> MailPart<RegionMut<'static>> {
        MailPart::of_lane(0, &self.layout, |at, bytes| self.memory.lend(at, bytes))
    }

    fn unfinished(&mut self) -> u64 {
        self.ring.as_mut().map_or(0, |ring| ring.unfinished().messages)
    }

    /// The ring towards the next peer, whose consumer block this process may write now, and not once the peer has it.
    pub(super) fn resume(&mut self, memory: ProducerMemory<'static>, next: &RegionMut<'_>, order: Order) -> Producer<'static> {
        self.incarnation += 1;
        let Some(mut ring) = self.ring.take() else { return Producer::new(memory, order) };
        // The cursor of the one before, for the last time.
        let left = ring.unfinished();
        if core::mem::take(&mut self.last_ran) {
            self.attempts = match ring.in_hand() == left.cursor {
                false => 0,
                true if self.attempted == left.cursor => self.attempts + 1,
                true => 1,
            };
            self.attempted = left.cursor;
        }
        // Relaxed: the peer sees it through the system calls that share the segment, or not at all.
        next.store64(layout::CURSOR, left.cursor, Relaxed);
        next.store64(layout::RESUME_TAIL, ring.tail(), Relaxed);
        let sequence_and_attempt = u64::from(left.sequence) | u64::from(self.attempts) << 32;
        next.store64(layout::RESUME_SEQUENCE_AND_ATTEMPT, sequence_and_attempt, Relaxed);
        ring.switch_consumer(memory, order);
        ring
    }
}

/// What the links of a listener leave to it. Any thread.
pub(crate) struct LeftMail {
    state: Mutex<State>,
    /// Wakes the listener when a link ends, for who waits with its name.
    nudge: UnixStream,
    nudged: UnixStream,
}

#[derive(Default)]
struct State {
    running: BTreeSet<String>,
    /// With the number of what was kept before.
    kept: BTreeMap<String, (u64, KeptMail)>,
    count: u64,
    given_up: u64,
}

impl LeftMail {
    pub(super) fn new() -> std::io::Result<Self> {
        let (nudge, nudged) = UnixStream::pair()?;
        nudge.set_nonblocking(true)?;
        nudged.set_nonblocking(true)?;
        Ok(Self { state: Mutex::default(), nudge, nudged })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A link of that name runs from now on; false: one does already. Of those without a name there may be many.
    pub(super) fn begin(&self, name: &str) -> bool {
        name.is_empty() || self.state().running.insert(name.into())
    }

    pub(super) fn runs(&self, name: &str) -> bool {
        self.state().running.contains(name)
    }

    /// It has not come about.
    pub(super) fn stop(&self, name: &str) {
        self.state().running.remove(name);
    }

    /// A link of that name has ended, and this is its mail.
    pub(crate) fn end(&self, name: &str, mail: KeptMail) {
        self.state().end(name, mail);
        // One that cannot be written holds a wake already.
        let _ = (&self.nudge).write(&[1]);
    }

    /// For the next of that name.
    pub(super) fn take(&self, name: &str) -> Option<KeptMail> {
        self.state().kept.remove(name).map(|(_, mail)| mail)
    }

    pub(super) fn counters(&self) -> ListenerCounters {
        let mut state = self.state();
        let waiting = state.kept.values_mut().map(|(_, mail)| mail.unfinished()).sum();
        ListenerCounters { waiting, given_up: state.given_up }
    }

    pub(super) fn nudged(&self) -> BorrowedFd<'_> {
        self.nudged.as_fd()
    }

    pub(super) fn hear_nudges(&self) {
        let mut bytes = [0; 64];
        while matches!((&self.nudged).read(&mut bytes), Ok(count) if count == bytes.len()) {}
    }
}

impl State {
    fn end(&mut self, name: &str, mut mail: KeptMail) {
        self.running.remove(name);
        if name.is_empty() {
            // Nobody can come as it again.
            self.given_up += mail.unfinished();
            return;
        }
        self.count += 1;
        self.kept.insert(name.into(), (self.count, mail));
        if self.kept.len() <= MOST_NAMES {
            return;
        }
        // The oldest of those that wait for nothing, and else the oldest.
        let weigh = |(name, (since, mail)): (&String, &mut (u64, KeptMail))| ((mail.unfinished() != 0, *since), name.clone());
        if let Some((_, least)) = self.kept.iter_mut().map(weigh).min() {
            self.given_up += self.kept.remove(&least).map_or(0, |(_, mut mail)| mail.unfinished());
        }
    }
}
