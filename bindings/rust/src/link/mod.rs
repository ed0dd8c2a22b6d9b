//! What a peer does on its rings and on its stream, a step at a time. `Peer`, and what it lends, are a coat over this.

mod lane;
mod monitor;
mod receive;
mod send;
mod stream;
mod wait;

pub(crate) use lane::Lane;
pub(crate) use monitor::reason;
pub(crate) use receive::{Given, Taken};
pub(crate) use stream::Polled;

use crate::bell::Parker;
use crate::error::Error;
use crate::pending::Pending;
use crate::spin::Spin;
use crate::stream::Stream;
use crate::sys::process::ForkGuard;
use crate::wire;
use lane::Ring;
use std::collections::BTreeMap;
#[cfg(feature = "log")]
use std::sync::Arc;

pub(crate) struct Link {
    guard: ForkGuard,
    stream: Stream,
    lanes: Vec<Lane>,
    parker: Parker<'static>,
    spin: Spin,
    pending: Pending,
    next_lane: usize,
    /// Of the message or reply that the user has.
    held: Option<(usize, Ring)>,
    has_open_batch: bool,
    is_closed: bool,
    correlation: u32,
    request: u32,
    received: u64,
    features: u64,
    incarnation: u64,
    /// The mailboxes, by the numbers of their monitors.
    monitors: BTreeMap<u64, u64>,
    /// The number of the last one, in this incarnation.
    last_monitor: u32,
    #[cfg(feature = "log")]
    pub(crate) lines: Arc<crate::log::Lines>,
}

/// What this peer has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Messages that were finished; replies are not counted.
    pub received: u64,
    /// Messages that were sent; replies are not counted.
    pub sent: u64,
    /// Times that this peer went to sleep.
    pub sleeps: u64,
    /// Must be 0. Else the system refuses what it allowed before, and sleeps are short.
    pub failed_barriers: u64,
}

impl Link {
    pub(crate) fn new(
        guard: ForkGuard,
        stream: Stream,
        lanes: Vec<Lane>,
        parker: Parker<'static>,
        welcome: &wire::Welcome,
    ) -> Self {
        Self {
            guard,
            stream,
            lanes,
            parker,
            spin: Spin::new(),
            pending: Pending::default(),
            next_lane: 0,
            held: None,
            has_open_batch: false,
            is_closed: false,
            correlation: 0,
            request: 0,
            received: 0,
            features: welcome.features,
            incarnation: welcome.incarnation,
            monitors: BTreeMap::new(),
            last_monitor: 0,
            #[cfg(feature = "log")]
            lines: Arc::default(),
        }
    }

    pub(crate) fn counters(&self) -> Counters {
        Counters {
            received: self.received,
            sent: self.lanes.iter().map(|lane| lane.mail_out.messages()).sum(),
            sleeps: self.parker.sleeps,
            failed_barriers: self.parker.failed_barriers,
        }
    }

    fn check_owner(&self) -> Result<(), Error> {
        if self.guard.is_forked() {
            return Err(Error::Forked);
        }
        Ok(())
    }

    fn check_open(&self) -> Result<(), Error> {
        self.check_owner()?;
        if self.is_closed {
            return Err(Error::HostGone("the host has closed the link".into()));
        }
        Ok(())
    }

    /// Publishes what has been sent so far, with one store for each ring.
    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        self.check_open()?;
        self.publish_all()
    }

    /// Sends what the threads of this process have logged.
    #[cfg(feature = "log")]
    fn send_lines(&mut self) {
        for (level, text) in Arc::clone(&self.lines).take() {
            // A host that is gone, or too slow, or takes none: nobody else is there to be told.
            let _ = self.log(level, &text);
        }
    }

    fn publish_all(&mut self) -> Result<(), Error> {
        #[cfg(feature = "log")]
        self.send_lines();
        if !std::mem::take(&mut self.has_open_batch) {
            return Ok(());
        }
        for at in 0..self.lanes.len() {
            let by_message = self.lanes[at].publish();
            self.ring_by_message(by_message, at)?;
        }
        Ok(())
    }

    fn store_all_cursors(&mut self) -> Result<(), Error> {
        for at in 0..self.lanes.len() {
            let by_message = self.lanes[at].store_cursors();
            self.ring_by_message(by_message, at)?;
        }
        Ok(())
    }

    fn ring_by_message(&mut self, is_needed: bool, at: usize) -> Result<(), Error> {
        // What the host has not read yet wakes it as well as one more would.
        if !is_needed || self.stream.has_backlog() {
            return Ok(());
        }
        let sent = self.stream.send(wire::kind::RING, &wire::ring(at as u32));
        sent.map_err(|text| self.gone(text))
    }

    fn gone(&mut self, text: String) -> Error {
        self.is_closed = true;
        Error::HostGone(text)
    }
}
