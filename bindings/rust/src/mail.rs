//! What a peer lends to its user: a message that was received, a reply, room for a message.

use crate::arena::Body;
use crate::error::{Error, Reason};
use crate::link::{self, Given};
use crate::message::{Done, Mailbox, Message};
use crate::peer::Peer;
use crate::ring::{kind, Head};
use core::cell::Cell;
use core::marker::PhantomData;
use std::borrow::Cow;
use std::thread::panicking;

/// A message that was received. It lies in the ring, and is finished when this is dropped: what it led to is published, and the
/// host may overwrite it.
///
/// It is *not* finished when a panic drops it, nor by [`keep`](Mail::keep). Then the next incarnation of this peer gets it
/// again.
#[must_use = "a message that is dropped is finished"]
pub struct Mail<'p> {
    peer: &'p Peer,
    given: Given,
    /// Somebody waits for an answer that nobody has given or taken over.
    is_asked: Cell<bool>,
    was_panicking: bool,
}

impl<'p> Mail<'p> {
    #[inline]
    pub(crate) fn new(peer: &'p Peer, given: Given) -> Self {
        let is_asked = Cell::new(given.head.correlation != 0);
        Self { peer, given, is_asked, was_panicking: panicking() }
    }

    /// The peer that received it, for sending while the message is read.
    pub fn peer(&self) -> &'p Peer {
        self.peer
    }

    /// The type id.
    pub fn type_id(&self) -> u32 {
        self.given.head.type_id
    }

    /// The bytes of the message.
    #[inline]
    pub fn payload(&self) -> &[u8] {
        self.given.payload
    }

    /// Whether it is a message of this type.
    #[inline]
    pub fn is<M: Message>(&self) -> bool {
        self.type_id() == M::TYPE
    }

    /// Reads it as a message of this type, where it lies. An error if its bytes are none.
    #[inline]
    pub fn read<M: Message>(&self) -> Result<M::View<'_>, Error> {
        view::<M>(self.type_id(), self.payload())
    }

    /// The body of the message, where it lies, if it has one: [`Peer::loan_large`].
    pub fn body(&self) -> Option<&[u8]> {
        // The link has it until the message is finished, and that is when this is dropped.
        self.given.has_body.then(|| self.peer.link().held_body().map(Body::lent)).flatten()
    }

    /// The body, to be kept past the message.
    pub fn keep_body(&self) -> Option<Body> {
        self.given.has_body.then(|| self.peer.link().held_body().cloned()).flatten()
    }

    /// Who sent it, if somebody did who can be sent to.
    pub fn sender(&self) -> Option<Mailbox> {
        Mailbox::new(self.given.sender)
    }

    /// Whether somebody waits for an answer that was not given or taken over yet.
    pub fn is_asked(&self) -> bool {
        self.is_asked.get()
    }

    /// Whether an earlier incarnation of this peer may have handled this message.
    pub fn redelivered(&self) -> bool {
        self.given.redelivered
    }

    /// How many incarnations of this peer have died with this very message in hand.
    pub fn attempt(&self) -> u32 {
        self.given.attempt
    }

    /// Answers, if somebody waits for it: with the reply; or, where there is none, by refusing. So nobody waits in vain.
    pub fn answer<M: Message>(&self, reply: Option<M>) -> Result<(), Error> {
        match (self.later(), reply) {
            (None, _) => Ok(()),
            (Some(asked), Some(reply)) => asked.reply(self.peer, &reply),
            (Some(asked), None) => asked.refuse(self.peer, Reason::Failed),
        }
    }

    /// Says that it is done, if somebody waits for it: for a message to which the protocol promises no reply.
    pub fn done(&self) -> Result<(), Error> {
        self.answer(Some(Done))
    }

    /// For a message that nobody handles: says so to who waits, and on stderr, once for each type.
    pub fn unknown(&self) -> Result<(), Error> {
        self.peer.tell_unknown(self.type_id());
        self.later().map_or(Ok(()), |asked| asked.refuse(self.peer, Reason::NoHandler))
    }

    /// Takes over the duty to answer, if somebody waits and it was not taken over before. The answer may be given after the
    /// message is finished.
    pub fn later(&self) -> Option<Asked> {
        let Head { correlation, target, sender, .. } = self.given.head;
        // A reply swaps the two.
        let head = Head { kind: kind::REPLY, type_id: 0, correlation, target: sender, sender: target };
        let Given { lane, host, .. } = self.given;
        self.is_asked.replace(false).then_some(Asked { lane, host, head })
    }

    /// The message is finished: as dropping it.
    pub fn finish(self) {}

    /// Leaves the message unfinished, for the next incarnation: this one receives nothing more.
    pub fn keep(self) {
        core::mem::forget(self);
    }
}

impl Drop for Mail<'_> {
    #[inline]
    fn drop(&mut self) {
        if panicking() == self.was_panicking {
            self.peer.link().release();
        }
    }
}

/// The news that the actor of a mailbox has ended: for good, or until its supervisor starts it anew, which is then to
/// be monitored anew. It is finished when this is dropped, like a [`Mail`].
#[must_use = "a down that is dropped is finished"]
pub struct Down<'p> {
    peer: &'p Peer,
    given: Given,
    was_panicking: bool,
}

impl<'p> Down<'p> {
    #[inline]
    pub(crate) fn new(peer: &'p Peer, given: Given) -> Self {
        Self { peer, given, was_panicking: panicking() }
    }

    /// The peer that received it.
    pub fn peer(&self) -> &'p Peer {
        self.peer
    }

    /// What [`Peer::monitor`] returned, which is over.
    pub fn monitor(&self) -> Monitor {
        Monitor(self.given.head.target)
    }

    /// Whose actor has ended.
    pub fn mailbox(&self) -> Option<Mailbox> {
        Mailbox::new(self.given.head.sender)
    }

    /// Why.
    pub fn kind(&self) -> Exit {
        Exit::from_number(self.reason_parts().0)
    }

    /// Why, in one line.
    pub fn reason(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(self.reason_parts().1)
    }

    fn reason_parts(&self) -> (u32, &[u8]) {
        link::reason(self.given.payload).unwrap_or_default()
    }

    /// Leaves it unfinished: this incarnation receives nothing more.
    pub(crate) fn keep(self) {
        core::mem::forget(self);
    }
}

impl Drop for Down<'_> {
    #[inline]
    fn drop(&mut self) {
        if panicking() == self.was_panicking {
            self.peer.link().release();
        }
    }
}

/// The news that the host has died, and that this peer has joined the next one: what it had asked is not answered, and its monitors
/// are over, which is told one by one behind this.
pub struct Restarted<'p> {
    peer: &'p Peer,
    unread: u64,
}

impl<'p> Restarted<'p> {
    pub(crate) fn new(peer: &'p Peer, unread: u64) -> Self {
        Self { peer, unread }
    }

    /// The peer that joined it.
    pub fn peer(&self) -> &'p Peer {
        self.peer
    }

    /// How many messages this peer had published that the dead host had not read, and the next one does not get: none, where they were
    /// kept.
    pub fn unread(&self) -> u64 {
        self.unread
    }
}

/// Tells the monitors of a peer apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Monitor(pub(crate) u64);

/// Why an actor has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Exit {
    /// It was asked to stop, or stopped itself.
    Normal,
    /// A handler of it threw.
    Failed,
    /// There is no such actor, or not any more.
    Unreachable,
    /// It was linked to one that failed.
    Linked,
    /// It was a supervisor that gave up a child.
    Escalated,
    /// Another failure, by its number.
    Other(u32),
}

impl Exit {
    fn from_number(number: u32) -> Self {
        match number {
            0 => Exit::Normal,
            1 => Exit::Failed,
            7 => Exit::Unreachable,
            8 => Exit::Linked,
            9 => Exit::Escalated,
            other => Exit::Other(other),
        }
    }

    /// As the host numbers it.
    pub fn number(self) -> u32 {
        match self {
            Exit::Normal => 0,
            Exit::Failed => 1,
            Exit::Unreachable => 7,
            Exit::Linked => 8,
            Exit::Escalated => 9,
            Exit::Other(number) => number,
        }
    }
}

fn view<M: Message>(type_id: u32, payload: &[u8]) -> Result<M::View<'_>, Error> {
    let fitting = if type_id == M::TYPE { M::try_view(payload) } else { None };
    fitting.ok_or(Error::NotValid { name: M::NAME, length: payload.len() })
}

pub(crate) fn read_reply<M: Message>(type_id: u32, payload: &[u8]) -> Result<M, Error> {
    view::<M>(type_id, payload).map(|_| M::read(payload))
}

/// The duty to answer an ask. Whoever drops it leaves the asker to his deadline. One of a host that was restarted is answered to nobody.
#[derive(Debug)]
#[must_use = "somebody waits for the answer"]
pub struct Asked {
    lane: u32,
    host: u32,
    head: Head,
}

impl Asked {
    /// Replies. It goes out with what is published next.
    pub fn reply<M: Message>(self, peer: &Peer, reply: &M) -> Result<(), Error> {
        self.reply_with(peer, M::TYPE, reply.encoded_size(), |room| reply.write(room))
    }

    /// Replies with these bytes, as a message of a type that only its id tells.
    pub fn reply_bytes(self, peer: &Peer, type_id: u32, bytes: &[u8]) -> Result<(), Error> {
        self.reply_with(peer, type_id, bytes.len(), |room| room.copy_from_slice(bytes))
    }

    fn reply_with(self, peer: &Peer, type_id: u32, length: usize, write: impl FnOnce(&mut [u8])) -> Result<(), Error> {
        let head = Head { type_id, ..self.head };
        peer.link().answer((self.lane, self.host), &head, length, write)
    }

    /// Refuses, and says why.
    pub fn refuse(self, peer: &Peer, reason: Reason) -> Result<(), Error> {
        let head = Head { kind: kind::NO_REPLY, type_id: reason.number(), ..self.head };
        peer.link().answer((self.lane, self.host), &head, 0, |_| ())
    }
}

/// Tells the asks of a peer apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Ticket(pub(crate) u32);

/// The answer to an ask of this peer, or the news that there will be none.
#[must_use = "a reply that is dropped is finished"]
pub struct Reply<'p> {
    peer: &'p Peer,
    head: Head,
    payload: Cow<'p, [u8]>,
    was_panicking: bool,
}

impl<'p> Reply<'p> {
    #[inline]
    pub(crate) fn new(peer: &'p Peer, head: Head, payload: Cow<'p, [u8]>) -> Self {
        Self { peer, head, payload, was_panicking: panicking() }
    }

    /// The peer that received it.
    pub fn peer(&self) -> &'p Peer {
        self.peer
    }

    /// What [`Peer::ask_later`] returned.
    pub fn ticket(&self) -> Ticket {
        Ticket(self.head.correlation)
    }

    /// Reads the reply where it lies; [`Error::NoReply`] where there is none.
    #[inline]
    pub fn read<M: Message>(&self) -> Result<M::View<'_>, Error> {
        match self.head.kind {
            kind::REPLY => view::<M>(self.head.type_id, &self.payload),
            kind::NO_REPLY => Err(Error::NoReply(Reason::from_number(self.head.type_id))),
            _ => Err(Error::NoReply(Reason::TimedOut)),
        }
    }
}

impl Drop for Reply<'_> {
    #[inline]
    fn drop(&mut self) {
        if panicking() == self.was_panicking {
            self.peer.link().release();
        }
    }
}

/// Room in the ring for a message of type `M`, which is written where it will be read. Dropped, nothing of it is seen.
#[must_use = "a loan that is dropped is not sent"]
pub struct Loan<'p, M> {
    bytes: BytesLoan<'p>,
    message: PhantomData<M>,
}

impl<'p, M: Message> Loan<'p, M> {
    #[inline]
    pub(crate) fn new(mut bytes: BytesLoan<'p>, lengths: &M::Lengths) -> Self {
        M::start(&mut bytes, lengths);
        Self { bytes, message: PhantomData }
    }

    /// The message, a field at a time. At first its fields have their defaults, and its content zeroes.
    pub fn edit(&mut self) -> M::Edit<'_> {
        M::edit(&mut self.bytes)
    }

    /// Writes all of the message. Panics if it has not as many bytes as the loan.
    pub fn write(&mut self, message: &M) {
        assert_eq!(message.encoded_size(), self.bytes.len(), "a message of as many bytes");
        message.write(&mut self.bytes);
    }

    /// Sends it. It goes out with what is published next. An error if its bytes are no message: an enum that was not set and
    /// does not declare 0.
    pub fn send(self) -> Result<(), Error> {
        if !M::is_valid(&self.bytes) {
            return Err(Error::NotValid { name: M::NAME, length: self.bytes.len() });
        }
        self.bytes.send(M::TYPE);
        Ok(())
    }
}

/// Room in the ring for some bytes: a message of a type that only its id tells.
#[must_use = "a loan that is dropped is not sent"]
pub struct BytesLoan<'p> {
    peer: &'p Peer,
    mailbox: Mailbox,
    /// The lane that it lies in.
    at: usize,
    room: &'p mut [u8],
    is_sent: bool,
}

impl<'p> BytesLoan<'p> {
    #[inline]
    pub(crate) fn new(peer: &'p Peer, mailbox: Mailbox, at: usize, room: &'p mut [u8]) -> Self {
        Self { peer, mailbox, at, room, is_sent: false }
    }

    /// Sends them as a message of this type. They go out with what is published next.
    pub fn send(self, type_id: u32) {
        self.send_as(type_id, 0);
    }

    #[inline]
    pub(crate) fn send_as(mut self, type_id: u32, correlation: u32) {
        self.is_sent = true;
        self.peer.link().commit(self.at, self.mailbox.0, type_id, correlation);
    }
}

impl core::ops::Deref for BytesLoan<'_> {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.room
    }
}

impl core::ops::DerefMut for BytesLoan<'_> {
    fn deref_mut(&mut self) -> &mut [u8] {
        self.room
    }
}

impl Drop for BytesLoan<'_> {
    #[inline]
    fn drop(&mut self) {
        if !self.is_sent {
            self.peer.link().cancel(self.at);
        }
    }
}
