//! What a peer does on its rings and on its stream, a step at a time. `Peer`, and what it lends, are a coat over this.

mod accepted;
mod batch;
mod lane;
mod large;
mod meet;
mod monitor;
mod polled;
mod receive;
mod restart;
mod send;
mod stream;
#[cfg(test)]
mod tests;
mod wait;

pub(crate) use accepted::Accepted;
pub(crate) use lane::Lane;
pub(crate) use monitor::reason;
pub(crate) use polled::Polled;
pub(crate) use receive::{Given, Taken};
pub(crate) use restart::Restart;

use crate::arena::{Bodies, Body};
use crate::bell::Parker;
use crate::error::Error;
use crate::layout::mailbox_on;
use crate::pending::Pending;
use crate::spin::Spin;
use crate::stream::Stream;
use crate::sys::process::ForkGuard;
use crate::wire::{self, feature};
use batch::Batch;
use lane::Ring;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

pub(crate) struct Link {
    guard: Arc<ForkGuard>,
    stream: Stream,
    /// To the host's threads, and behind them to other peers.
    lanes: Vec<Lane>,
    /// Where the host has arenas.
    bodies: Option<Arc<Bodies>>,
    /// Of a link whose host this process is.
    accepted: Option<Accepted>,
    parker: Parker<'static>,
    spin: Spin,
    pending: Pending,
    next_lane: usize,
    /// Of the message or reply that the user has.
    held: Option<Held>,
    held_body: Option<Body>,
    /// The user has a message or reply of a host that is dead, and no lane to finish it on.
    holds_left: bool,
    /// Of what the held message leads to, where that is published with its acknowledgement.
    batch: Option<Batch>,
    has_open_batch: bool,
    is_closed: bool,
    /// Of one that may outlive its host.
    restart: Option<Box<Restart>>,
    /// The host is dead, and there is no other yet.
    is_lost: bool,
    /// The user is to be told of a restart.
    has_news: bool,
    /// That were joined after the first.
    hosts: u32,
    /// Of the newest of them.
    pub(crate) schema: String,
    /// Messages that were sent to those before.
    past_sent: u64,
    /// Somebody may wait for an answer on the stream, even while mail comes without a pause.
    answers_on_stream: bool,
    /// For messages, since the clock was asked whether to look at the stream.
    looks: u32,
    looked_at_stream: Instant,
    /// Of the last ask, without the asker's life.
    asked: u32,
    /// Numbers of asks are given out for the second time.
    asked_all: bool,
    request: u32,
    received: u64,
    features: u64,
    pub(crate) incarnation: u64,
    /// The mailboxes, by the numbers of their monitors.
    monitors: BTreeMap<u64, u64>,
    /// The number of the last one, in this incarnation.
    last_monitor: u32,
    #[cfg(feature = "log")]
    pub(crate) lines: Arc<crate::log::Lines>,
}

#[derive(Clone, Copy)]
struct Held {
    at: usize,
    ring: Ring,
}

/// What a link is made of.
pub(crate) struct Parts {
    pub(crate) guard: Arc<ForkGuard>,
    pub(crate) stream: Stream,
    pub(crate) lanes: Vec<Lane>,
    pub(crate) bodies: Option<Arc<Bodies>>,
    pub(crate) parker: Parker<'static>,
    pub(crate) features: u64,
    pub(crate) incarnation: u64,
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
    pub(crate) fn new(parts: Parts, accepted: Option<Accepted>) -> Self {
        let Parts { guard, stream, lanes, bodies, parker, features, incarnation } = parts;
        Self {
            guard,
            stream,
            lanes,
            bodies,
            answers_on_stream: accepted.is_some() || features & feature::INTRODUCTIONS != 0,
            accepted,
            parker,
            spin: Spin::new(),
            pending: Pending::default(),
            next_lane: 0,
            held: None,
            held_body: None,
            holds_left: false,
            batch: None,
            has_open_batch: false,
            is_closed: false,
            restart: None,
            is_lost: false,
            has_news: false,
            hosts: 0,
            schema: String::new(),
            past_sent: 0,
            looks: 0,
            looked_at_stream: Instant::now(),
            asked: 0,
            asked_all: false,
            request: 0,
            received: 0,
            features,
            incarnation,
            monitors: BTreeMap::new(),
            last_monitor: 0,
            #[cfg(feature = "log")]
            lines: Arc::default(),
        }
    }

    pub(crate) fn counters(&self) -> Counters {
        Counters {
            received: self.received,
            sent: self.past_sent + self.lanes.iter().map(|lane| lane.mail_out.messages()).sum::<u64>(),
            sleeps: self.parker.sleeps,
            failed_barriers: self.parker.failed_barriers,
        }
    }

    #[inline]
    fn check_owner(&self) -> Result<(), Error> {
        if self.guard.is_forked() {
            return Err(Error::Forked);
        }
        Ok(())
    }

    #[inline]
    fn check_open(&self) -> Result<(), Error> {
        self.check_owner()?;
        if self.is_closed || self.other_is_gone() {
            return Err(self.closed());
        }
        Ok(())
    }

    #[cold]
    fn closed(&self) -> Error {
        Error::HostGone(self.end_of_other())
    }

    /// What has been written on a lane is impossible: the end of the link, or of a lane to another peer alone.
    #[cold]
    fn faulted(&mut self, at: usize) -> Result<(), Error> {
        let Some(fault) = self.lanes[at].fault() else { return Ok(()) };
        if self.lanes[at].met.is_none() {
            return Err(Error::Protocol(fault.to_string()));
        }
        self.cut(at, &fault.to_string());
        Ok(())
    }

    /// Of the message that the user has.
    pub(crate) fn held_body(&self) -> Option<&Body> {
        self.held_body.as_ref()
    }

    /// A mailbox of the user's, as it goes on that lane.
    #[inline]
    fn on_wire(&self, at: usize, mailbox: u64) -> u64 {
        if self.accepted.is_some() {
            0
        } else if self.lanes[at].met.is_some() {
            mailbox_on(0, mailbox)
        } else {
            mailbox
        }
    }

    /// An actor who is named on that lane, as a mailbox of the user's.
    #[inline]
    fn off_wire(&self, at: usize, actor: u64) -> u64 {
        if self.accepted.is_some() {
            accepted::OTHER
        } else if self.lanes[at].met.is_some() {
            mailbox_on(at, actor)
        } else {
            actor
        }
    }

    /// Publishes what has been sent so far, with one store for each ring.
    pub(crate) fn flush(&mut self) -> Result<(), Error> {
        self.check_open()?;
        self.publish_all()
    }

    /// How many of the messages that were published are not finished, as far as the other side says. Publishes first.
    pub(crate) fn unfinished(&mut self) -> Result<u64, Error> {
        self.flush()?;
        Ok(self.lanes.iter_mut().map(|lane| lane.mail_out.unfinished().messages).sum())
    }

    /// Sends what the threads of this process have logged.
    #[cfg(feature = "log")]
    fn send_lines(&mut self) {
        if self.is_lost {
            return; // they wait for the next one
        }
        for (level, text) in Arc::clone(&self.lines).take() {
            // A host that is gone, or too slow, or takes none: nobody else is there to be told.
            let _ = self.log(level, &text);
        }
    }

    #[inline]
    fn publish_all(&mut self) -> Result<(), Error> {
        #[cfg(feature = "log")]
        self.send_lines();
        if !std::mem::take(&mut self.has_open_batch) {
            return Ok(());
        }
        let kept = self.batch.as_ref().map(|batch| batch.at);
        for at in (0..self.lanes.len()).filter(|&at| Some(at) != kept) {
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

    #[inline]
    fn ring_by_message(&mut self, is_needed: bool, at: usize) -> Result<(), Error> {
        if is_needed {
            self.send_ring(at)?;
        }
        Ok(())
    }

    #[cold]
    fn send_ring(&mut self, at: usize) -> Result<(), Error> {
        // What the host has not read yet wakes it as well as one more would.
        if self.stream.has_backlog() || self.is_lost {
            return Ok(());
        }
        let sent = self.stream.send(wire::kind::RING, &wire::ring(at as u32));
        sent.or_else(|text| self.lose_host(text))
    }
}
