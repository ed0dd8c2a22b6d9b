//! Taking messages and replies, and finishing them.

use super::{Lane, Link, Ring};
use crate::error::Error;
use crate::ring::{kind, Frame, Head};

/// A frame that was given to the user.
pub(crate) struct Given {
    pub(crate) lane: u32,
    pub(crate) head: Head,
    pub(crate) payload: &'static [u8],
    pub(crate) redelivered: bool,
    pub(crate) attempt: u32,
}

/// What there is for the user.
pub(crate) enum Taken {
    Mail(Given),
    Down(Given),
    Reply(Given),
    /// A reply that came while the user waited for another one, or the news that none will come.
    LateReply(Head, Vec<u8>),
    Nothing,
    Stopped,
}

impl Link {
    /// The next message or reply, if there is one.
    pub(crate) fn take(&mut self) -> Result<Taken, Error> {
        self.check_owner()?;
        if self.held.is_some() {
            return Err(Error::Misuse("the message received before is not finished"));
        }
        if let Some((head, payload)) = self.pending.take_late() {
            return Ok(Taken::LateReply(head, payload));
        }
        if let Some(correlation) = self.pending.take_expired() {
            return Ok(Taken::LateReply(Head { correlation, ..Head::default() }, Vec::new()));
        }
        for _ in 0..self.lanes.len() {
            let at = self.next_lane;
            self.next_lane = if at + 1 == self.lanes.len() { 0 } else { at + 1 };
            if let Some(frame) = self.take_control(at)? {
                return Ok(Taken::Reply(self.give(at, Ring::Control, frame)));
            }
            if let Some(frame) = self.peek_mail(at)? {
                let given = self.give(at, Ring::Mail, frame);
                return Ok(if frame.head.kind == kind::MESSAGE { Taken::Mail(given) } else { Taken::Down(given) });
            }
            if let Some(fault) = self.lanes[at].fault() {
                return Err(Error::Protocol(fault.to_string()));
            }
        }
        if self.lanes.iter().all(Lane::is_drained) {
            return Ok(Taken::Stopped);
        }
        // What the host wrote before it died has been read.
        self.check_open()?;
        Ok(Taken::Nothing)
    }

    /// The next message, or the next down that somebody waits for.
    fn peek_mail(&mut self, at: usize) -> Result<Option<Frame<'static>>, Error> {
        while !self.lanes[at].is_drained() {
            let Some(frame) = self.lanes[at].mail_in.peek() else { return Ok(None) };
            if frame.head.kind == kind::MESSAGE || self.is_awaited_down(&frame)? {
                return Ok(Some(frame));
            }
            self.give(at, Ring::Mail, frame);
            self.release();
        }
        Ok(None)
    }

    fn give(&mut self, at: usize, ring: Ring, frame: Frame<'static>) -> Given {
        self.held = Some((at, ring));
        let incoming = self.lanes[at].incoming(ring);
        let (redelivered, attempt) = (incoming.redelivers(), incoming.attempt());
        incoming.begin();
        if ring == Ring::Control {
            // Passed at once: a blocking ask while it is held reads on behind it.
            incoming.hold();
        }
        Given { lane: at as u32, head: frame.head, payload: frame.payload, redelivered, attempt }
    }

    /// Deals with what the host says to this process. A reply that somebody waits for, which is still to be passed.
    pub(super) fn take_control(&mut self, at: usize) -> Result<Option<Frame<'static>>, Error> {
        while let Some(frame) = self.lanes[at].control_in.peek() {
            match frame.head.kind {
                kind::REPLY | kind::NO_REPLY if self.pending.answered(frame.head.correlation) => return Ok(Some(frame)),
                // Nobody waits for it any more: its time was up.
                kind::REPLY | kind::NO_REPLY | kind::PONG => {}
                kind::STOP => {
                    let position = frame.payload.try_into();
                    let position = position.map_err(|_| Error::Protocol("a stop without a position".into()))?;
                    self.lanes[at].stop_at = Some(u64::from_le_bytes(position));
                }
                kind::PING => self.answer_ping(at, frame.head.correlation)?,
                other => return Err(Error::Protocol(format!("a frame of kind {other} on a control ring"))),
            }
            self.pass_control(at)?;
        }
        Ok(None)
    }

    /// On a control ring the cursor passes a frame as soon as it has been read.
    pub(super) fn pass_control(&mut self, at: usize) -> Result<(), Error> {
        self.lanes[at].control_in.advance();
        let by_message = self.lanes[at].store_cursors();
        self.ring_by_message(by_message, at)
    }

    fn answer_ping(&mut self, at: usize, correlation: u32) -> Result<(), Error> {
        let lane = &mut self.lanes[at];
        // One that finds no room is not answered: the host then has not read the answers before it.
        if lane.control_out.try_loan(0).is_none() {
            return Ok(());
        }
        lane.control_out.commit(&Head { kind: kind::PONG, correlation, ..Head::default() });
        let by_message = lane.publish();
        self.ring_by_message(by_message, at)
    }

    /// What was given last is finished: what it led to is published, and only then may the cursor say so. A crash in between
    /// repeats, and loses nothing.
    pub(crate) fn release(&mut self) {
        let Some((at, ring)) = self.held.take() else { return };
        if self.guard.is_forked() {
            return;
        }
        match ring {
            Ring::Mail => {
                self.received += 1;
                self.lanes[at].mail_in.advance();
            }
            Ring::Control => self.lanes[at].control_in.let_go(),
        }
        // A stream that has failed says so to whoever takes the next message.
        let _ = self.publish_all();
        let incoming = self.lanes[at].incoming(ring);
        if incoming.cursor_due() || incoming.is_empty() {
            let by_message = self.lanes[at].store_cursors();
            let _ = self.ring_by_message(by_message, at);
        }
    }
}
