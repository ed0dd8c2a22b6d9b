//! Taking messages and replies, and finishing them.

use super::{Held, Lane, Link, Ring};
use crate::arena::Place;
use crate::error::Error;
use crate::ring::{kind, Fault, Frame, Head};
use crate::wire::feature;
use core::time::Duration;
use std::time::Instant;

/// While mail comes without a pause, the stream is looked at so often, counted in messages and in time: who asks there may wait.
const LOOKS_BETWEEN_CLOCKS: u32 = 64;
const STREAM_LEFT_ALONE: Duration = Duration::from_millis(1);

/// A frame that was given to the user.
pub(crate) struct Given {
    pub(crate) lane: u32,
    /// Of this peer's, which a restart ends.
    pub(crate) host: u32,
    pub(crate) head: Head,
    pub(crate) payload: &'static [u8],
    pub(crate) has_body: bool,
    /// A mailbox of this peer's, where the head has what stood on the lane.
    pub(crate) sender: u64,
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
    /// There is another host, and so many messages were not read by the one before.
    Restarted(u64),
    Nothing,
    Stopped,
}

impl Link {
    /// The next message, where there is nothing else to be seen to: most of what comes, without a detour. None: `take` tells.
    #[inline]
    pub(crate) fn take_plain(&mut self) -> Option<Given> {
        let at = self.next_lane;
        let lane = self.lanes.get_mut(at)?;
        let is_free = self.held.is_none() && !self.holds_left && !self.has_news;
        let is_plain = is_free && self.pending.is_empty() && self.looks < LOOKS_BETWEEN_CLOCKS;
        if !is_plain || self.guard.is_forked() || lane.has_control() || lane.stop_at.is_some() || lane.met.is_some() {
            return None;
        }
        let frame = lane.mail_in.peek()?;
        if frame.head.kind != kind::MESSAGE {
            return None;
        }
        self.looks += 1;
        self.next_lane = self.behind(at);
        Some(self.give(at, Ring::Mail, frame))
    }

    fn behind(&self, at: usize) -> usize {
        if at + 1 == self.lanes.len() {
            0
        } else {
            at + 1
        }
    }

    /// The next message or reply, if there is one.
    pub(crate) fn take(&mut self) -> Result<Taken, Error> {
        self.check_owner()?;
        if self.held.is_some() || self.holds_left {
            return Err(Error::Misuse("the message received before is not finished"));
        }
        if self.has_news {
            if let Some(news) = self.take_news() {
                return Ok(news);
            }
        }
        if !self.pending.is_empty() {
            if let Some((head, payload)) = self.pending.take_overdue() {
                return Ok(Taken::LateReply(head, payload));
            }
        }
        self.looks += 1;
        if self.looks >= LOOKS_BETWEEN_CLOCKS {
            self.look_at_stream();
        }
        for _ in 0..self.lanes.len() {
            let at = self.next_lane;
            self.next_lane = self.behind(at);
            if self.lanes[at].has_control() {
                if let Some(frame) = self.take_control(at)? {
                    return Ok(Taken::Reply(self.give(at, Ring::Control, frame)));
                }
            }
            if let Some(taken) = self.take_mail(at)? {
                return Ok(taken);
            }
            if self.lanes[at].fault().is_some() {
                self.faulted(at)?;
            }
        }
        self.nothing()
    }

    /// There is nothing to be taken now.
    #[inline(never)]
    fn nothing(&mut self) -> Result<Taken, Error> {
        if self.other_is_gone() {
            // What it wrote before has been read.
            self.leave();
        } else if !self.lanes.is_empty() && self.lanes.iter().all(Lane::is_drained) {
            return Ok(Taken::Stopped);
        }
        self.check_open()?;
        Ok(Taken::Nothing)
    }

    #[cold]
    fn look_at_stream(&mut self) {
        self.looks = 0;
        if self.answers_on_stream && self.looked_at_stream.elapsed() >= STREAM_LEFT_ALONE {
            self.looked_at_stream = Instant::now();
            // The end of the stream is told once there is no mail.
            let _ = self.look_for_host();
        }
    }

    /// The next message, or the next down that somebody waits for.
    fn take_mail(&mut self, at: usize) -> Result<Option<Taken>, Error> {
        while !self.lanes[at].is_drained() {
            let Some(frame) = self.lanes[at].mail_in.peek() else { return Ok(None) };
            if frame.head.kind == kind::MESSAGE {
                return Ok(Some(Taken::Mail(self.give(at, Ring::Mail, frame))));
            }
            if self.lanes[at].met.is_some() {
                self.cut(at, "it sent a system frame as mail");
                return Ok(None);
            }
            if frame.head.kind == kind::LARGE {
                return self.take_large(at, frame).map(Some);
            }
            let is_awaited = self.is_awaited_down(&frame)?;
            let given = self.give(at, Ring::Mail, frame);
            if is_awaited {
                return Ok(Some(Taken::Down(given)));
            }
            self.release();
        }
        Ok(None)
    }

    /// What stands before the message of a frame with a body is not its receiver's.
    fn take_large(&mut self, at: usize, mut frame: Frame<'static>) -> Result<Taken, Error> {
        let taken = match &self.bodies {
            Some(bodies) => bodies.take(at as u32, frame.payload),
            None => Err(Fault::BodyNotDescribed),
        };
        let body = taken.map_err(|fault| Error::Protocol(fault.to_string()))?;
        frame.payload = &frame.payload[Place::BYTES..];
        let given = self.give(at, Ring::Mail, frame);
        self.held_body = Some(body);
        Ok(Taken::Mail(Given { has_body: true, ..given }))
    }

    #[inline(always)]
    fn give(&mut self, at: usize, ring: Ring, frame: Frame<'static>) -> Given {
        self.held = Some(Held { at, ring });
        if self.features & feature::EXACTLY_ONCE != 0 && ring == Ring::Mail {
            self.begin_batch(at);
        }
        let sender = self.off_wire(at, frame.head.sender);
        let incoming = self.lanes[at].incoming(ring);
        let (redelivered, attempt) = (incoming.redelivers(), incoming.attempt());
        incoming.begin();
        if ring == Ring::Control {
            // Passed at once: a blocking ask while it is held reads on behind it.
            incoming.hold();
        }
        let (head, payload) = (frame.head, frame.payload);
        Given { lane: at as u32, host: self.hosts, head, payload, has_body: false, sender, redelivered, attempt }
    }

    /// Deals with what the host says to this process. A reply that somebody waits for, which is still to be passed.
    pub(super) fn take_control(&mut self, at: usize) -> Result<Option<Frame<'static>>, Error> {
        if self.lanes[at].is_broken() {
            return Ok(None);
        }
        while let Some(frame) = self.lanes[at].control_in.peek() {
            match frame.head.kind {
                kind::REPLY | kind::NO_REPLY if self.answers(at, frame.head.correlation) => return Ok(Some(frame)),
                // Nobody waits for it any more: its time was up, or it is a predecessor's.
                kind::REPLY | kind::NO_REPLY | kind::PONG => {}
                kind::PING => self.answer_ping(at, frame.head.correlation)?,
                _ if self.lanes[at].met.is_some() => {
                    self.cut(at, "it sent what has no place on a control ring");
                    return Ok(None);
                }
                kind::STOP if self.accepted.is_none() => self.take_stop(at, frame.payload)?,
                other => return Err(Error::Protocol(format!("a frame of kind {other} on a control ring"))),
            }
            self.pass_control(at)?;
        }
        Ok(None)
    }

    fn answers(&mut self, at: usize, correlation: u32) -> bool {
        self.is_for_this_life(at, correlation) && self.pending.answered(correlation)
    }

    fn take_stop(&mut self, at: usize, payload: &[u8]) -> Result<(), Error> {
        let position = payload.try_into().map_err(|_| Error::Protocol("a stop without a position".into()))?;
        self.lanes[at].stop_at = Some(u64::from_le_bytes(position));
        for other in 0..self.lanes.len() {
            self.stop_reading(other);
        }
        Ok(())
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
        let by_message = lane.publish_control();
        self.ring_by_message(by_message, at)
    }

    /// What was given last is finished: what it led to is published, and only then may the cursor say so. A crash in between
    /// repeats, and loses nothing.
    #[inline]
    pub(crate) fn release(&mut self) {
        let Some(Held { at, ring }) = self.held.take() else { return self.release_left() };
        // First: who waits for its block is rung once, when the cursor has passed, too.
        let had_body = self.held_body.take().is_some();
        if self.guard.is_forked() {
            return;
        }
        match ring {
            Ring::Mail => {
                self.received += 1;
                self.lanes[at].mail_in.advance();
                self.end_batch();
            }
            Ring::Control => self.lanes[at].control_in.let_go(),
        }
        // A stream that has failed says so to whoever takes the next message.
        let _ = self.publish_all();
        let incoming = self.lanes[at].incoming(ring);
        // A host that waits for a block needs the cursor as well.
        if had_body || incoming.cursor_due() || incoming.is_empty() {
            let by_message = self.lanes[at].store_cursors();
            let _ = self.ring_by_message(by_message, at);
        }
        self.forget_left();
    }
}
