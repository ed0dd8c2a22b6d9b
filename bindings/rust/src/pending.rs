//! The asks of this peer that are not answered yet.

use crate::error::Reason;
use crate::ring::{kind, Head};
use std::collections::VecDeque;
use std::time::Instant;

#[derive(Default)]
pub(crate) struct Pending {
    /// In the order in which they were sent, which is mostly that of the answers.
    asks: VecDeque<(u32, Instant)>,
    /// No ask's time is up before this.
    earliest: Option<Instant>,
    /// Replies that came while the user waited for another one.
    late: VecDeque<(Head, Vec<u8>)>,
}

impl Pending {
    pub(crate) fn add(&mut self, correlation: u32, deadline: Instant) {
        self.asks.push_back((correlation, deadline));
        self.earliest = Some(self.earliest.map_or(deadline, |earliest| earliest.min(deadline)));
    }

    pub(crate) fn expects(&self, correlation: u32) -> bool {
        self.asks.iter().any(|(each, _)| *each == correlation)
    }

    /// Whether somebody waits for this, from now on not any more.
    pub(crate) fn answered(&mut self, correlation: u32) -> bool {
        let found = self.asks.iter().position(|(each, _)| *each == correlation);
        found.and_then(|at| self.asks.remove(at)).is_some()
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        if self.asks.is_empty() {
            None
        } else {
            self.earliest
        }
    }

    /// Whether nobody waits for anything.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.asks.is_empty() && self.late.is_empty()
    }

    /// A reply that came while the user waited for another one, or else the news that none will come.
    pub(crate) fn take_overdue(&mut self) -> Option<(Head, Vec<u8>)> {
        let news = |correlation| (Head { correlation, ..Head::default() }, Vec::new());
        self.late.pop_front().or_else(|| self.take_expired().map(news))
    }

    /// One whose time is up.
    fn take_expired(&mut self) -> Option<u32> {
        // Who has asked nothing does not look at the clock for each message.
        let (earliest, now) = (self.deadline()?, Instant::now());
        if earliest > now {
            return None;
        }
        let found = self.asks.iter().position(|(_, deadline)| *deadline <= now);
        let expired = found.and_then(|at| self.asks.remove(at)).map(|(correlation, _)| correlation);
        if expired.is_none() {
            self.earliest = self.asks.iter().map(|(_, deadline)| *deadline).min();
        }
        expired
    }

    pub(crate) fn put_late(&mut self, head: Head, payload: Vec<u8>) {
        self.late.push_back((head, payload));
    }

    /// Nobody is there any more who could answer. That is told like replies which came late.
    pub(crate) fn end_all(&mut self) {
        for (correlation, _) in core::mem::take(&mut self.asks) {
            let head = Head { kind: kind::NO_REPLY, type_id: Reason::HOST_RESTARTED, correlation, ..Head::default() };
            self.late.push_back((head, Vec::new()));
        }
    }

    /// Of one that waits for this ask alone: it is not told as well.
    pub(crate) fn take_late(&mut self, correlation: u32) {
        self.late.retain(|(head, _)| head.correlation != correlation);
    }

    pub(crate) fn has_late(&self) -> bool {
        !self.late.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    #[test]
    fn each_ask_is_answered_once_or_expires_once() {
        let mut pending = Pending::default();
        let now = Instant::now();
        let later = now + Duration::from_secs(3600);
        pending.add(1, later);
        pending.add(2, now);
        pending.add(3, now);
        assert!(pending.answered(3) && !pending.answered(3));
        assert_eq!((pending.take_expired(), pending.take_expired()), (Some(2), None));
        assert_eq!(pending.deadline(), Some(later));
        assert!(pending.answered(1) && !pending.answered(2));
        assert_eq!(pending.deadline(), None);
    }
}
