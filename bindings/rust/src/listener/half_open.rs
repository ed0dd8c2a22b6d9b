//! A process that has connected, until it has shaken hands.

use super::opening::Opening;
use super::{KeptMail, Own};
use crate::error::Error;
use crate::layout::{is_ring, Layout, LEAST_RING};
use crate::peer::Peer;
use crate::stream::Stream;
use crate::wire::{self, feature, refusal, Greeting};
use core::time::Duration;
use std::os::fd::OwnedFd;
use std::time::Instant;

/// From the connection to ready.
const HANDSHAKE: Duration = Duration::from_secs(2);
const CONTROL_RING: u64 = 1 << 16;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    Waits,
    Ready,
    Over,
}

pub(super) struct HalfOpen {
    stream: Stream,
    /// Tells of the end of its process, where there is such a thing.
    end: Option<OwnedFd>,
    deadline: Instant,
    state: State,
}

enum State {
    Silent,
    /// Its name is still another's.
    Waits(Greeting),
    Welcomed(Box<Opening>),
    /// It may still read why.
    Refused,
}

impl HalfOpen {
    pub(super) fn new(socket: OwnedFd, end: Option<OwnedFd>) -> Self {
        Self { stream: Stream::to_peer(socket), end, deadline: Instant::now() + HANDSHAKE, state: State::Silent }
    }

    pub(super) fn stream(&self) -> &Stream {
        &self.stream
    }

    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(super) fn advance(&mut self, own: &Own) -> Progress {
        if Instant::now() >= self.deadline {
            return match &self.state {
                State::Refused => Progress::Over,
                State::Waits(greeting) => {
                    let text = format!("'{}' is connected already", greeting.name);
                    self.refuse(refusal::BUSY, &text)
                }
                _ => self.refuse(refusal::DEADLINE, "the handshake took too long"),
            };
        }
        let can_be_told = self.stream.flush().is_ok();
        match core::mem::replace(&mut self.state, State::Silent) {
            State::Silent => self.hear_hello(own),
            State::Waits(greeting) if own.left.runs(&greeting.name) => self.wait_with(greeting),
            State::Waits(greeting) => self.take(greeting, own),
            State::Welcomed(opening) => self.hear_ready(opening),
            State::Refused => {
                self.state = State::Refused;
                // Closing on what it still writes would take the refusal from it.
                if can_be_told && (self.stream.has_backlog() || self.stream.hang_up()) {
                    Progress::Waits
                } else {
                    Progress::Over
                }
            }
        }
    }

    fn hear_hello(&mut self, own: &Own) -> Progress {
        match self.stream.receive() {
            Ok(None) => Progress::Waits,
            Ok(Some(frame)) if frame.kind == wire::kind::HELLO => match Greeting::decode(&frame.payload) {
                Ok(greeting) => self.take(greeting, own),
                Err((code, text)) => self.refuse(code, &text),
            },
            Ok(Some(frame)) => {
                self.refuse(refusal::MALFORMED, &format!("hello was due, and a message of kind {} came", frame.kind))
            }
            Err(text) => self.refuse(refusal::MALFORMED, &text),
        }
    }

    /// There is nothing to be said before the welcome.
    fn wait_with(&mut self, greeting: Greeting) -> Progress {
        self.state = State::Waits(greeting);
        match self.stream.receive() {
            Ok(None) => Progress::Waits,
            _ => Progress::Over,
        }
    }

    fn take(&mut self, greeting: Greeting, own: &Own) -> Progress {
        let features = match negotiate(&greeting, own.ring_bytes, own.is_registered) {
            Ok(features) => features,
            Err((code, text)) => return self.refuse(code, &text),
        };
        if !own.left.begin(&greeting.name) {
            return self.wait_with(greeting);
        }
        let mail = match mail_for(&greeting, own) {
            Ok(mail) => mail,
            Err((code, text)) => return self.refuse(code, &text),
        };
        match Opening::welcome(mail, greeting, features, own, &mut self.stream) {
            Ok(opening) => {
                self.state = State::Welcomed(Box::new(opening));
                Progress::Waits
            }
            Err(text) => self.refuse(refusal::BUSY, &text),
        }
    }

    fn hear_ready(&mut self, mut opening: Box<Opening>) -> Progress {
        let outcome = match self.stream.receive() {
            Ok(None) => Ok(Progress::Waits),
            Ok(Some(frame)) if frame.kind == wire::kind::REFUSED => Ok(Progress::Over),
            Ok(Some(frame)) if frame.kind == wire::kind::READY && frame.payload.is_empty() => {
                let sealed = opening.take_ready().map(|()| Progress::Ready);
                sealed.map_err(|text| (refusal::BAD_SEGMENT, format!("what the peer writes cannot be sealed: {text}")))
            }
            Ok(Some(frame)) => Err((refusal::MALFORMED, format!("ready was due, and a message of kind {} came", frame.kind))),
            Err(text) => Err((refusal::MALFORMED, text)),
        };
        self.state = State::Welcomed(opening);
        outcome.unwrap_or_else(|(code, text)| self.refuse(code, &text))
    }

    /// Says why. One that has not been welcomed may read it in peace.
    pub(super) fn refuse(&mut self, code: u16, text: &str) -> Progress {
        // Who has gone does not read it.
        let _ = self.stream.send(wire::kind::REFUSED, &wire::refused(code, text));
        if matches!(self.state, State::Welcomed(_)) {
            return Progress::Over;
        }
        (self.state, self.deadline) = (State::Refused, Instant::now() + HANDSHAKE);
        Progress::Waits
    }

    /// It comes to nothing.
    pub(super) fn forget(self, own: &Own) {
        if let State::Welcomed(opening) = self.state {
            opening.leave(own);
        }
    }

    pub(super) fn into_peer(self, own: &Own) -> Result<Peer, Error> {
        match self.state {
            State::Welcomed(opening) => opening.into_peer(self.stream, self.end, own),
            _ => Err(Error::Misuse("a peer that was not welcomed is not ready")),
        }
    }
}

/// The features that both have, where the largest ring has so many bytes.
pub(crate) fn negotiate(greeting: &Greeting, most: u64, is_registered: bool) -> Result<u64, (u16, String)> {
    let version = wire::VERSION;
    if !greeting.versions.contains(&version) {
        let (least, most) = greeting.versions.clone().into_inner();
        return Err((refusal::VERSION, format!("the peer speaks {least} to {most}, this host speaks {version} to {version}")));
    }
    // This process sleeps over all that its peers say, and not on a futex.
    if greeting.features & feature::STREAM_DOORBELL == 0 {
        return Err((refusal::MISSING_FEATURE, "the peer lacks what this host insists on: stream_doorbell".into()));
    }
    let wanted = greeting.ring_bytes;
    if wanted != 0 && (!is_ring(wanted) || wanted > most) {
        let text = format!("the peer wants rings of {wanted} bytes; a ring is a power of two from {LEAST_RING} to {most}");
        return Err((refusal::RING_SIZE, text));
    }
    let mut features = feature::MAIL_OUTLIVES_PEER | feature::STREAM_DOORBELL | feature::PIPE_DOORBELL;
    if is_registered {
        features |= feature::ASYMMETRIC_BARRIER;
    }
    Ok(features & greeting.features)
}

/// What its predecessor has left, or new.
fn mail_for(greeting: &Greeting, own: &Own) -> Result<KeptMail, (u16, String)> {
    let (name, wanted) = (&greeting.name, greeting.ring_bytes);
    if let Some(kept) = own.left.take(name) {
        let made = kept.layout.mail_to_peer;
        if wanted == 0 || wanted == made {
            return Ok(kept);
        }
        own.left.end(name, kept);
        let text = format!("the peer wants rings of {wanted} bytes, and its mail waits in one of {made}");
        return Err((refusal::RING_SIZE, text));
    }
    let bytes = if wanted == 0 { own.ring_bytes } else { wanted };
    KeptMail::new(Layout { lanes: 1, mail_to_peer: bytes, mail_to_host: bytes, control: CONTROL_RING }).map_err(|error| {
        own.left.stop(name);
        (refusal::BUSY, format!("no memory for its rings: {error}"))
    })
}
