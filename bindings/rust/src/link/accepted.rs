//! A link whose host this process is: the other end has connected to where it listens. docs/spec/peers.md.

use super::{Link, Ring};
use crate::error::Error;
use crate::listener::{KeptMail, LeftMail};
use crate::ring::{kind, Head};
use crate::wait::Wait;
use crate::wire;
use std::sync::Arc;

/// What the other end is to this process; and what this process is to it.
pub(super) const OTHER: u64 = 1;
pub(super) const OWN: u64 = 1;

pub(crate) struct Accepted {
    /// As the other calls itself; may be empty.
    name: String,
    /// To who looks it up.
    own_name: String,
    /// Without its ring, which is the lane's. None: it was left.
    mail: Option<KeptMail>,
    left: Arc<LeftMail>,
    /// Its process or its stream has ended. What it left is still read.
    is_gone: bool,
    last_words: String,
}

impl Accepted {
    pub(crate) fn new(name: String, own_name: String, mail: KeptMail, left: Arc<LeftMail>) -> Self {
        Self { name, own_name, mail: Some(mail), left, is_gone: false, last_words: String::new() }
    }

    /// The other end is its own only mailbox.
    pub(super) fn find(&self, name: &str) -> Result<u64, Error> {
        if self.name == name {
            Ok(OTHER)
        } else {
            Err(Error::NotFound(name.into()))
        }
    }
}

impl Link {
    #[inline]
    pub(super) fn other_is_gone(&self) -> bool {
        self.accepted.as_ref().map_or(false, |accepted| accepted.is_gone)
    }

    /// In one line.
    pub(super) fn end_of_other(&self) -> String {
        match &self.accepted {
            None => "the host has closed the link".into(),
            Some(accepted) if accepted.last_words.is_empty() => "the peer has ended".into(),
            Some(accepted) => format!("the peer has ended: {}", accepted.last_words),
        }
    }

    /// False: the stream's end is for its reader to tell.
    pub(super) fn note_end_of_peer(&mut self) -> bool {
        self.accepted.as_mut().map(|accepted| accepted.is_gone = true).is_some()
    }

    pub(super) fn hear_peer(&mut self, frame: &crate::stream::Frame) {
        let Some(accepted) = &mut self.accepted else { return };
        match frame.kind {
            wire::kind::RESOLVE => {
                if let Ok(question) = wire::Resolve::decode(&frame.payload) {
                    let found = (question.name == accepted.own_name).then_some(OWN);
                    // A stream that has failed says so to whoever reads it.
                    let _ = self.stream.send(wire::kind::RESOLVED, &wire::resolved(question.request, found));
                }
            }
            wire::kind::FAILURE => {
                if let Ok(text) = wire::decode_failure(&frame.payload) {
                    accepted.last_words = text;
                }
            }
            // It has woken this process, which is all that it was to do; or there is nothing more to say.
            _ => {}
        }
    }

    /// Whose peer has gone, or who lets it go, leaves the mail to the next of its name. Nothing can be done on the link any more.
    pub(super) fn leave(&mut self) {
        let Some(accepted) = &mut self.accepted else { return };
        let Some(mail) = accepted.mail.take() else { return };
        if let Some(mut lane) = self.lanes.pop() {
            if lane.mail_out.has_loan() {
                lane.mail_out.cancel();
            }
            // The other end looks at its ring, if it still is.
            let _ = lane.publish();
            accepted.left.end(&accepted.name, mail.with_ring(lane.mail_out));
        }
        self.is_closed = true;
    }

    /// Tells the peer to read what was sent before, and to go.
    pub(crate) fn stop(&mut self) -> Result<(), Error> {
        self.flush()?;
        if self.accepted.is_none() {
            return Err(Error::Misuse("a host is not told to stop"));
        }
        let position = self.lanes[0].mail_out.tail().to_le_bytes();
        self.room(0, Ring::Control, position.len(), Wait::Forever)?.copy_from_slice(&position);
        self.lanes[0].control_out.commit(&Head { kind: kind::STOP, ..Head::default() });
        let by_message = self.lanes[0].publish();
        self.ring_by_message(by_message, 0)
    }
}
