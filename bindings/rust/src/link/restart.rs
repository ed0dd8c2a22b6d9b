//! A peer that outlives its host: it finishes with the host that is dead, and joins the next one as the next incarnation of itself.

#[cfg(test)]
mod tests;

use super::polled::PolledSets;
use super::{Given, Held, Lane, Link, Ring, Taken};
use crate::bell::Bed;
use crate::error::Error;
use crate::join::{Joined, Options};
use crate::layout::lane_of;
use crate::ring::Head;
use crate::wait::Wait;
use crate::wire::{feature, Outlive};
use core::time::Duration;
use std::sync::Arc;
use std::time::Instant;

const SHORTEST_PAUSE: Duration = Duration::from_millis(2);
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// What an actor of a dead host has ended with: the kind 7, a code, a signal, and a text of 35 bytes.
const UNREACHABLE: &[u8] = b"\x07\0\0\0\0\0\0\0\0\0\0\0\x23\0\0\0unreachable: its host was restarted";

/// Of a link that may go on with another host.
pub(crate) struct Restart {
    /// To say hello there.
    options: Options,
    /// For so long it is looked for.
    time: Duration,
    /// What is unfinished is kept for the next host.
    is_kept: bool,
    /// The host is dead since then; while there is no other.
    since: Instant,
    next_try: Instant,
    pause: Duration,
    /// Its rings.
    has_left: bool,
    /// The lane of the message that was in hand then.
    in_hand: Option<usize>,
    /// In these lies what the user has in hand.
    left: Vec<Vec<Lane>>,
    /// Messages that no host has read, of which the user is to be told.
    unread: u64,
    is_to_be_told: bool,
    /// The numbers and mailboxes of monitors that are over.
    ended_monitors: Vec<(u64, u64)>,
    pub(super) polled: Option<PolledSets>,
}

impl Restart {
    /// None: the peer ends with its host.
    pub(crate) fn new(options: &Options, reconnect: Duration, name: &str, outlive: Option<Outlive>) -> Option<Box<Self>> {
        if reconnect.is_zero() && outlive.is_none() {
            return None;
        }
        let now = Instant::now();
        let mut restart = Self {
            options: options.clone(),
            time: reconnect,
            is_kept: false,
            since: now,
            next_try: now,
            pause: SHORTEST_PAUSE,
            has_left: false,
            in_hand: None,
            left: Vec::new(),
            unread: 0,
            is_to_be_told: false,
            ended_monitors: Vec::new(),
            polled: None,
        };
        restart.learn(name, outlive);
        Some(Box::new(restart))
    }

    /// For how long the next host is looked for, and where.
    fn learn(&mut self, name: &str, outlive: Option<Outlive>) {
        self.is_kept = outlive.is_some();
        if let Some(outlive) = outlive {
            self.options.look_elsewhere(name, &outlive);
            self.time = outlive.time;
        }
    }

    fn time_left(&self) -> Duration {
        self.time.saturating_sub(self.since.elapsed())
    }
}

impl Link {
    pub(crate) fn with_restart(mut self, restart: Option<Box<Restart>>) -> Result<Self, Error> {
        self.restart = restart;
        if let Some(restart) = &mut self.restart {
            restart.polled = PolledSets::new(self.parker.bed(), self.stream.input())?;
        }
        Ok(self)
    }

    /// Its stream has ended. Ok: another host is looked for, and what this one had published can still be received.
    #[cold]
    pub(super) fn lose_host(&mut self, text: String) -> Result<(), Error> {
        if self.is_lost {
            return Ok(());
        }
        let was_stopped = self.lanes.iter().any(|lane| lane.stop_at.is_some());
        let restart = match &mut self.restart {
            Some(restart) if !was_stopped && !self.is_closed => restart,
            _ => {
                self.is_closed = true;
                return Err(Error::HostGone(text));
            }
        };
        self.is_lost = true;
        let now = Instant::now();
        (restart.since, restart.next_try, restart.pause, restart.has_left) = (now, now, SHORTEST_PAUSE, false);
        if let Some(sets) = &restart.polled {
            sets.lose(self.parker.bed(), self.stream.input())?;
        }
        // A host that has not died, but closed this link, sees the end of this side as well.
        self.stream.hang_up();
        Ok(())
    }

    /// There is a host, now or within that time; else it is [`Error::Full`].
    #[inline]
    pub(super) fn with_host(&mut self, wait: Wait) -> Result<(), Error> {
        if self.is_lost && !self.come_back(wait)? {
            return Err(Error::Full);
        }
        Ok(())
    }

    /// Waits for the next host. False: there is none in that time, or this peer has in hand what would be lost.
    #[cold]
    pub(super) fn come_back(&mut self, wait: Wait) -> Result<bool, Error> {
        self.check_owner()?;
        while !self.try_to_come_back()? {
            let (Some(restart), false) = (&self.restart, self.holds_back()) else { return Ok(false) };
            let now = Instant::now();
            let until_try = restart.next_try.saturating_duration_since(now).min(restart.time_left());
            // Not at once: an open loan may keep it from trying.
            let until_try = until_try.max(SHORTEST_PAUSE);
            match wait {
                Wait::No => return Ok(false),
                Wait::Until(deadline) if deadline <= now => return Ok(false),
                Wait::Until(deadline) => std::thread::sleep(until_try.min(deadline - now)),
                Wait::Forever => std::thread::sleep(until_try),
            }
        }
        Ok(true)
    }

    /// The handler that waits is what keeps the peer from going.
    pub(super) fn holds_back(&self) -> bool {
        self.held.is_some() && self.restart.as_ref().map_or(true, |restart| !restart.is_kept)
    }

    /// One try, if it is time for one. Whether there is another host.
    pub(super) fn try_to_come_back(&mut self) -> Result<bool, Error> {
        let holds_back = self.holds_back() || self.lanes.iter().any(|lane| lane.mail_out.has_loan());
        let Some(restart) = &mut self.restart else { return Ok(false) };
        if restart.time_left().is_zero() {
            let time = restart.time.as_millis();
            return Err(self.give_up(format!("the host has ended, and no other has come within {time} ms")));
        }
        let now = Instant::now();
        if now < restart.next_try || holds_back {
            return Ok(false);
        }
        restart.next_try = now + restart.pause;
        restart.pause = (restart.pause * 2).min(LONGEST_PAUSE);
        // Before the next host hears of this peer: from then on it may take over what lies there.
        if !std::mem::replace(&mut restart.has_left, true) {
            self.leave_host();
        }
        let Some(restart) = &self.restart else { return Ok(false) };
        match restart.options.rejoin(Arc::clone(&self.guard)) {
            // Who polls cannot be rung otherwise: perhaps by another host.
            Ok(joined) if restart.polled.is_some() && !matches!(joined.parts.parker.bed(), Bed::Pipe(_)) => Ok(false),
            Ok(joined) => self.join_host(joined).map(|()| true),
            Err(unmet) if unmet.is_final => Err(self.give_up(unmet.error.to_string())),
            Err(_) => Ok(false),
        }
    }

    fn give_up(&mut self, text: String) -> Error {
        self.is_lost = false;
        self.is_closed = true;
        Error::HostGone(text)
    }

    /// It touches the old rings no more. What is in hand can still be read.
    fn leave_host(&mut self) {
        // What there is to say of it is for nobody any more.
        let _ = self.publish_all();
        let _ = self.store_all_cursors();
        let held = self.held.take();
        // As many were counted as sent.
        self.past_sent += self.lanes.iter().map(|lane| lane.mail_out.messages()).sum::<u64>();
        let mut lanes = std::mem::take(&mut self.lanes);
        let Some(restart) = &mut self.restart else { return };
        if !restart.is_kept {
            let own = lanes.iter_mut().filter(|lane| lane.met.is_none());
            restart.unread += own.map(|lane| lane.mail_out.unfinished().messages).sum::<u64>();
        }
        // Or it is still that of a host before.
        if !self.holds_left {
            restart.in_hand = held.and_then(|Held { at, ring }| (ring == Ring::Mail).then_some(at));
        }
        self.holds_left |= held.is_some();
        if self.holds_left {
            restart.left.push(lanes);
        }
    }

    fn join_host(&mut self, joined: Joined) -> Result<(), Error> {
        let Joined { parts, name, schema, outlive } = joined;
        let Some(restart) = &mut self.restart else { return Ok(()) };
        if let Some(sets) = &restart.polled {
            sets.rejoin(parts.parker.bed(), parts.stream.input())?;
        }
        restart.learn(&name, outlive);
        restart.is_to_be_told = true;
        restart.ended_monitors.extend(std::mem::take(&mut self.monitors));
        self.pending.end_all();
        let (sleeps, failed_barriers) = (self.parker.sleeps, self.parker.failed_barriers);
        (self.stream, self.lanes, self.bodies, self.parker) = (parts.stream, parts.lanes, parts.bodies, parts.parker);
        (self.features, self.incarnation, self.schema) = (parts.features, parts.incarnation, schema);
        (self.parker.sleeps, self.parker.failed_barriers) = (sleeps, failed_barriers);
        self.answers_on_stream = self.features & feature::INTRODUCTIONS != 0;
        (self.next_lane, self.asked, self.asked_all, self.last_monitor) = (0, 0, false, 0);
        (self.is_lost, self.has_news) = (false, true);
        self.hosts += 1;
        self.take_up_held();
        Ok(())
    }

    /// What was in hand when this peer left lies in the new ring as well, if the host knew of it: there it is finished.
    fn take_up_held(&mut self) {
        let Some(restart) = &mut self.restart else { return };
        let Some(at) = restart.in_hand else { return };
        let Some(lane) = self.lanes.get_mut(at) else { return };
        if lane.mail_in.starts_with_what_was_in_hand() && lane.mail_in.peek().is_some() {
            restart.in_hand = None;
            if std::mem::take(&mut self.holds_left) {
                // Its bytes are read where they were: those lanes stay until it is finished.
                lane.mail_in.begin();
                self.held = Some(Held { at, ring: Ring::Mail });
            } else {
                lane.mail_in.advance();
                let by_message = lane.store_cursors();
                // A stream that has failed says so to whoever takes the next message.
                let _ = self.ring_by_message(by_message, at);
            }
        } else if !self.holds_left {
            restart.in_hand = None;
        }
    }

    /// As `release`, of what was in hand when the host was left. It counts as finished with the next one, if that gives it again.
    pub(super) fn release_left(&mut self) {
        let Some(restart) = &mut self.restart else { return };
        if !std::mem::take(&mut self.holds_left) || self.guard.is_forked() {
            return;
        }
        self.received += u64::from(restart.in_hand.is_some());
        if !self.is_lost {
            restart.in_hand = None;
        }
        restart.left.clear();
    }

    /// Nothing is in hand any more.
    #[inline]
    pub(super) fn forget_left(&mut self) {
        if let Some(restart) = &mut self.restart {
            restart.left.clear();
        }
    }

    /// What the user is told of a restart, before anything that the next host says.
    #[cold]
    pub(super) fn take_news(&mut self) -> Option<Taken> {
        let restart = self.restart.as_mut()?;
        if std::mem::take(&mut restart.is_to_be_told) {
            return Some(Taken::Restarted(std::mem::take(&mut restart.unread)));
        }
        let Some((number, mailbox)) = restart.ended_monitors.pop() else {
            self.has_news = false;
            return None;
        };
        let head = Head { target: number, sender: mailbox, ..Head::default() };
        let lane = lane_of(mailbox) as u32;
        let host = self.hosts;
        let (redelivered, attempt) = (false, 0);
        Some(Taken::Down(Given {
            lane,
            host,
            head,
            payload: UNREACHABLE,
            has_body: false,
            sender: mailbox,
            redelivered,
            attempt,
        }))
    }

    /// For a loop of the user's, while there is no host: it looks in as often as there is a try to find one. False: it need not wait.
    pub(super) fn lie_down_without_host(&mut self) -> Result<bool, Error> {
        if self.try_to_come_back()? {
            return Ok(false);
        }
        if let Some(restart) = &self.restart {
            let until_try = restart.next_try.saturating_duration_since(Instant::now()).min(restart.time_left());
            if let Some(sets) = &restart.polled {
                sets.look_in(until_try);
            }
        }
        Ok(true)
    }
}
