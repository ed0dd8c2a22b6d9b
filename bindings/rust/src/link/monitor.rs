//! Who waits for the end of which actor of the host, and lines for its log.

use super::{Link, Ring};
use crate::error::Error;
use crate::layout::lane_of;
use crate::log::Level;
use crate::ring::{kind, Frame, Head};
use crate::wait::Wait;
use crate::wire::{self, feature};

/// The types of a signal that a peer sends and is sent.
const MONITOR: u32 = 2;
const DEMONITOR: u32 = 3;
const DOWN: u32 = 4;

/// The host would end the link over more.
const MOST_MONITORS: usize = 1024;
/// What may wait for a host that does not read: what comes beyond is left out, and the link lives on.
const MOST_LOG_BYTES: usize = 1 << 20;
/// Of an exit reason, before its text.
const REASON_HEAD: usize = 16;

impl Link {
    /// A number for the monitor of this mailbox, which its down will have.
    pub(crate) fn monitor(&mut self, mailbox: u64, wait: Wait) -> Result<u64, Error> {
        self.with_host(wait)?;
        let at = self.lane_to(mailbox)?;
        self.check_open()?;
        if self.accepted.is_some() || self.lanes[at].met.is_some() {
            return Err(Error::Unsupported("there are no monitors between two peers"));
        }
        if self.features & feature::MONITORS == 0 {
            return Err(Error::Unsupported("the host has no monitors"));
        }
        if self.monitors.len() >= MOST_MONITORS {
            return Err(Error::Misuse("a peer has 1024 monitors at most"));
        }
        self.room(at, Ring::Mail, 0, wait)?;
        self.last_monitor = self.last_monitor.wrapping_add(1);
        // No number of an earlier incarnation, whose downs may come yet.
        let number = self.incarnation << 32 | u64::from(self.last_monitor);
        self.commit_signal(MONITOR, mailbox, number);
        self.monitors.insert(number, mailbox);
        Ok(number)
    }

    /// Whether its down was still to come.
    pub(crate) fn demonitor(&mut self, number: u64, wait: Wait) -> Result<bool, Error> {
        self.check_open()?;
        self.with_host(wait)?;
        let Some(&mailbox) = self.monitors.get(&number) else { return Ok(false) };
        self.room(lane_of(mailbox), Ring::Mail, 0, wait)?;
        // Those of a host that died meanwhile are over.
        if !self.monitors.contains_key(&number) {
            self.cancel(lane_of(mailbox));
            return Ok(false);
        }
        self.commit_signal(DEMONITOR, mailbox, number);
        self.monitors.remove(&number);
        Ok(true)
    }

    fn commit_signal(&mut self, signal: u32, mailbox: u64, number: u64) {
        let head = Head { kind: kind::SIGNAL, type_id: signal, correlation: 0, target: mailbox, sender: number };
        self.commit_head(lane_of(mailbox), head);
    }

    /// Whether a frame of the mail is a down that somebody waits for, from now on not any more. Those of monitors that
    /// were taken back, or of an earlier incarnation, are not.
    pub(super) fn is_awaited_down(&mut self, frame: &Frame<'_>) -> Result<bool, Error> {
        if self.accepted.is_some() || frame.head.kind != kind::SIGNAL || frame.head.type_id != DOWN {
            return Err(Error::Protocol(format!("a frame of kind {} on a mail ring", frame.head.kind)));
        }
        if reason(frame.payload).is_none() {
            return Err(Error::Protocol("an exit reason that is none".into()));
        }
        Ok(self.monitors.remove(&frame.head.target).is_some())
    }

    pub(crate) fn log(&mut self, level: Level, text: &str) -> Result<(), Error> {
        self.check_open()?;
        if self.features & feature::LOG == 0 {
            return Err(Error::Unsupported("the other side takes no lines for a log"));
        }
        let flushed = if self.stream.backlog_bytes() >= MOST_LOG_BYTES { self.stream.flush() } else { Ok(()) };
        if self.is_lost || (flushed.is_ok() && self.stream.backlog_bytes() >= MOST_LOG_BYTES) {
            return Err(Error::Full);
        }
        let sent = flushed.and_then(|()| self.stream.send(wire::kind::LOG, &wire::log(level as u8, text)));
        // Where another host is looked for, this line is left out.
        sent.or_else(|text| self.lose_host(text).and(Err(Error::Full)))
    }
}

/// The kind and the text of an exit reason: u32 kind, i32 code, i32 signal, u32 length, and so much text.
pub(crate) fn reason(payload: &[u8]) -> Option<(u32, &[u8])> {
    let word = |at: usize| payload.get(at..at + 4).map(|bytes| u32::from_le_bytes(bytes.try_into().expect("four bytes")));
    let text = payload.get(REASON_HEAD..)?.get(..word(12)? as usize)?;
    Some((word(0)?, text))
}

#[cfg(test)]
mod tests {
    use super::reason;

    #[test]
    fn a_reason_has_all_of_its_text() {
        let mut bytes = vec![1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0];
        assert_eq!(reason(&bytes), None);
        bytes.extend(b"why?");
        assert_eq!(reason(&bytes), Some((1, &b"why"[..])));
        bytes[12] = 255;
        assert_eq!((reason(&bytes), reason(&bytes[..15])), (None, None));
    }
}
