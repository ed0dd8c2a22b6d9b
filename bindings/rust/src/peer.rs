//! The peer itself.

use crate::arena::BodyLoan;
use crate::error::{Error, Unsent};
use crate::link::{Counters, Link, Polled, Taken};
use crate::log::Level;
use crate::mail::{self, BytesLoan, Down, Loan, Mail, Monitor, Reply, Restarted, Ticket};
use crate::message::{Accepts, Address, Mailbox, Message, Target};
use crate::wait::Wait;
use core::cell::{RefCell, RefMut};
use core::time::Duration;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Instant;

/// This process as an actor of its host; or, of one that a [`Listener`](crate::Listener) gave out, a process that has connected to
/// this one, of which this one is the host. Then each end is the other's only mailbox, which is looked up by its name.
///
/// It belongs to one thread at a time: it can be sent to another one, and not shared. A message that was received borrows it,
/// so there is one at a time; meanwhile [`Mail::peer`] sends. Dropped when the host has said stop and all mail has been read,
/// it says goodbye.
///
/// ```compile_fail
/// fn shared<T: Sync>() {}
/// shared::<ringmail::Peer>();
/// ```
pub struct Peer {
    link: RefCell<Link>,
    name: String,
    schema: String,
    polled: Option<Polled>,
    unknown: RefCell<BTreeSet<u32>>,
}

/// What there is.
#[must_use]
pub enum Event<'p> {
    /// A message.
    Mail(Mail<'p>),
    /// The answer to an [`ask_later`](Peer::ask_later), or the news that there will be none.
    Reply(Reply<'p>),
    /// The end of an actor that [`monitor`](Peer::monitor) watched.
    Down(Down<'p>),
    /// Nothing came in the time given.
    Nothing,
    /// The host has died, and this peer has joined the next one: see [*When the host is
    /// restarted*](crate#when-the-host-is-restarted).
    Restarted(Restarted<'p>),
    /// The host has said stop, and all that it sent before has been read. The peer is to be dropped, and the process to end
    /// with status 0.
    Stopped,
}

impl Peer {
    /// Joins the host that spawned this process: [`Options`](crate::Options) without any.
    pub fn join() -> Result<Peer, Error> {
        crate::Options::new().join()
    }

    pub(crate) fn new(link: Link, name: String, schema: String) -> Result<Self, Error> {
        Ok(Self { polled: link.polled()?, link: RefCell::new(link), name, schema, unknown: RefCell::default() })
    }

    // Never across a call to the user's code, so it is always free.
    #[inline]
    pub(crate) fn link(&self) -> RefMut<'_, Link> {
        self.link.borrow_mut()
    }

    /// What the host calls this peer. Of one that has connected to this process: what it calls itself, which may be nothing.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The canonical schema of what the host, or the one that has connected, speaks.
    pub fn schema(&self) -> &str {
        &self.schema
    }

    /// Which life of this peer this process is: 1 is the first. With the next host a new one begins.
    pub fn incarnation(&self) -> u64 {
        self.link().incarnation
    }

    /// What it has done so far.
    pub fn counters(&self) -> Counters {
        self.link().counters()
    }

    // ---- receiving

    /// The next message or reply. Before it waits, it publishes what was sent.
    pub fn receive(&mut self, wait: impl Into<Wait>) -> Result<Event<'_>, Error> {
        self.receive_until(wait.into())
    }

    fn receive_until(&mut self, wait: Wait) -> Result<Event<'_>, Error> {
        let mut is_over = false;
        loop {
            if let Some(given) = self.link.get_mut().take_plain() {
                return Ok(Event::Mail(Mail::new(self, given)));
            }
            let taken = self.take()?;
            if is_over || !matches!(taken, Taken::Nothing) {
                return Ok(self.event(taken));
            }
            // Without waiting, too: who only ever polls must hear of the host's death.
            self.link.get_mut().wait(wait)?;
            is_over = wait.deadline().map_or(!wait.may_wait(), |deadline| deadline <= Instant::now());
        }
    }

    #[inline]
    pub(crate) fn take(&mut self) -> Result<Taken, Error> {
        let link = self.link.get_mut();
        let taken = link.take()?;
        if matches!(taken, Taken::Restarted(_)) {
            self.schema = std::mem::take(&mut link.schema);
        }
        Ok(taken)
    }

    #[inline]
    pub(crate) fn event(&self, taken: Taken) -> Event<'_> {
        match taken {
            Taken::Mail(given) => Event::Mail(Mail::new(self, given)),
            Taken::Down(given) => Event::Down(Down::new(self, given)),
            Taken::Reply(given) => Event::Reply(Reply::new(self, given.head, Cow::Borrowed(given.payload))),
            Taken::LateReply(head, payload) => Event::Reply(Reply::new(self, head, Cow::Owned(payload))),
            Taken::Restarted(unread) => Event::Restarted(Restarted::new(self, unread)),
            Taken::Nothing => Event::Nothing,
            Taken::Stopped => Event::Stopped,
        }
    }

    // ---- sending

    /// The mailbox that the host has published under this name, asked for within five seconds. It may be another peer of the
    /// host, which is then talked to without a hop.
    pub fn lookup(&self, name: &str) -> Result<Mailbox, Error> {
        self.lookup_within(name, Duration::from_secs(5))
    }

    /// As [`lookup`](Peer::lookup), for as long as this.
    pub fn lookup_within(&self, name: &str, wait: impl Into<Wait>) -> Result<Mailbox, Error> {
        let found = self.link().lookup(name, wait.into())?;
        Mailbox::new(found).ok_or_else(|| Error::NotFound(name.into()))
    }

    /// Sends a message; waits for room, which the host is sure to make.
    ///
    /// It is published with all that was sent before it: when the message in hand is finished, before the peer waits, or by
    /// [`flush`](Peer::flush).
    pub fn send<M: Message>(&self, to: impl Target<M>, message: &M) -> Result<(), Error> {
        self.send_within(to, message, Wait::Forever)
    }

    /// As [`send`](Peer::send), but waits no longer for room; then it is [`Error::Full`].
    pub fn send_within<M: Message>(&self, to: impl Target<M>, message: &M, wait: impl Into<Wait>) -> Result<(), Error> {
        self.post(to.mailbox(), message, 0, wait.into())
    }

    fn post<M: Message>(&self, to: Mailbox, message: &M, correlation: u32, wait: Wait) -> Result<(), Error> {
        let mut room = self.loan_bytes(to, message.encoded_size(), wait)?;
        message.write(&mut room);
        room.send_as(M::TYPE, correlation);
        Ok(())
    }

    /// Room in the ring for a message, to write it where it will be read. There is one loan at a time for each thread of the
    /// host.
    pub fn loan<M>(&self, to: impl Target<M>, wait: impl Into<Wait>) -> Result<Loan<'_, M>, Error>
    where
        M: Message<Lengths = ()>,
    {
        self.loan_with(to, &(), wait)
    }

    /// As [`loan`](Peer::loan), of a message with so much content of variable length.
    pub fn loan_with<M>(&self, to: impl Target<M>, lengths: &M::Lengths, wait: impl Into<Wait>) -> Result<Loan<'_, M>, Error>
    where
        M: Message,
    {
        Ok(Loan::new(self.loan_bytes(to.mailbox(), M::size_of(lengths), wait)?, lengths))
    }

    /// Room for a message of which only the length is known. It holds old bytes.
    #[inline]
    pub fn loan_bytes(&self, to: Mailbox, length: usize, wait: impl Into<Wait>) -> Result<BytesLoan<'_>, Error> {
        let mut link = self.link();
        let room = link.loan(to.0, length, wait.into())?;
        Ok(BytesLoan::new(self, to, link.way_to(to.0), room))
    }

    /// Room for the body of a message to this mailbox: of any number of bytes up to as many as the host's arena has. It lies in
    /// memory that the receiver has mapped, so nothing of it is copied. [`Error::Full`]: there was none in this time.
    ///
    /// ```no_run
    /// # use {ringmail::{Done as Frame, Peer, Wait}, std::time::Duration};
    /// # let peer = Peer::join()?;
    /// let camera = peer.lookup("camera")?;
    /// let mut pixels = peer.loan_large(camera, 640 * 480 * 3, Duration::from_secs(1))?;
    /// pixels.fill(0); // all of it: it holds old bytes
    /// peer.send_large(camera, &Frame::default(), pixels)?;
    /// # Ok::<(), ringmail::Error>(())
    /// ```
    pub fn loan_large(&self, to: Mailbox, length: usize, wait: impl Into<Wait>) -> Result<BodyLoan, Error> {
        self.link().loan_large(to.0, length, wait.into())
    }

    /// As [`send`](Peer::send), of a message with this body, which was lent for the mailbox, or for another one of its thread of the
    /// host.
    pub fn send_large<M: Message>(&self, to: impl Target<M>, message: &M, body: BodyLoan) -> Result<(), Error> {
        Ok(self.send_large_within(to, message, body, Wait::Forever)?)
    }

    /// As [`send_large`](Peer::send_large), but waits no longer for room in the ring. What could not be sent comes back.
    pub fn send_large_within<M: Message>(
        &self,
        to: impl Target<M>,
        message: &M,
        body: BodyLoan,
        wait: impl Into<Wait>,
    ) -> Result<(), Unsent> {
        self.post_large(to.mailbox(), message, body, wait.into(), |_| 0).map(drop)
    }

    /// Asks with a body, and waits for the reply, as [`ask`](Peer::ask).
    pub fn ask_large<P, M>(&self, to: Address<P>, message: &M, body: BodyLoan, within: Duration) -> Result<P::Reply, Error>
    where
        P: Accepts<M> + ?Sized,
        M: Message,
    {
        let deadline = Instant::now() + within;
        let correlation = self.ask_large_until(to.mailbox(), message, body, deadline)?;
        self.await_reply(correlation, deadline)
    }

    /// Asks with a body, as [`ask_later`](Peer::ask_later).
    pub fn ask_large_later<M: Message>(
        &self,
        to: impl Target<M>,
        message: &M,
        body: BodyLoan,
        within: Duration,
    ) -> Result<Ticket, Unsent> {
        self.ask_large_until(to.mailbox(), message, body, Instant::now() + within).map(Ticket)
    }

    fn ask_large_until<M: Message>(&self, to: Mailbox, message: &M, body: BodyLoan, deadline: Instant) -> Result<u32, Unsent> {
        self.post_large(to, message, body, Wait::Until(deadline), |link| link.expect_answer(deadline))
    }

    fn post_large<M: Message>(
        &self,
        to: Mailbox,
        message: &M,
        body: BodyLoan,
        wait: Wait,
        correlate: impl FnOnce(&mut Link) -> u32,
    ) -> Result<u32, Unsent> {
        let mut link = self.link();
        match link.loan_for_body(to.0, &body, message.encoded_size(), wait) {
            Ok(room) => message.write(room),
            Err(error) => return Err(Unsent::new(error, body)),
        }
        let correlation = correlate(&mut link);
        link.commit_with_body(to.0, M::TYPE, correlation, body);
        Ok(correlation)
    }

    /// Publishes what has been sent so far, all that goes to one thread of the host by one store.
    pub fn flush(&self) -> Result<(), Error> {
        self.link().flush()
    }

    /// Asks, and waits for the reply. Meanwhile no mail is read; replies to [`ask_later`](Peer::ask_later) are kept.
    pub fn ask<P, M>(&self, to: Address<P>, message: &M, within: Duration) -> Result<P::Reply, Error>
    where
        P: Accepts<M> + ?Sized,
        M: Message,
    {
        let deadline = Instant::now() + within;
        let Ticket(correlation) = self.ask_until(to.mailbox(), message, deadline)?;
        self.await_reply(correlation, deadline)
    }

    fn await_reply<M: Message>(&self, correlation: u32, deadline: Instant) -> Result<M, Error> {
        let (type_id, payload) = self.link().await_answer(correlation, deadline)?;
        mail::read_reply(type_id, &payload)
    }

    /// Asks. The reply, or the news that there is none in this time, is an [`Event::Reply`] with the ticket.
    pub fn ask_later<M: Message>(&self, to: impl Target<M>, message: &M, within: Duration) -> Result<Ticket, Error> {
        self.ask_until(to.mailbox(), message, Instant::now() + within)
    }

    fn ask_until<M: Message>(&self, to: Mailbox, message: &M, deadline: Instant) -> Result<Ticket, Error> {
        self.link().check_ask()?;
        // The room first: an ask that was never sent is not waited for.
        let mut room = self.loan_bytes(to, message.encoded_size(), Wait::Until(deadline))?;
        message.write(&mut room);
        let correlation = self.link().expect_answer(deadline);
        room.send_as(M::TYPE, correlation);
        Ok(Ticket(correlation))
    }

    // ---- the rest

    /// For a loop that waits for other descriptors, too, where [`Options::pollable`](crate::Options::pollable) was asked for:
    /// what was sent is published, and the host rings from now on until [`Parked`] is dropped. None: there is something to
    /// receive.
    pub fn park(&mut self) -> Result<Option<Parked<'_>>, Error> {
        let parked = Parked { peer: self, polled: self.polled()? };
        let may_sleep = self.link().lie_down();
        Ok(may_sleep?.then_some(parked))
    }

    pub(crate) fn polled(&self) -> Result<&Polled, Error> {
        self.polled.as_ref().ok_or(Error::Misuse(
            "this peer sleeps on a futex: Options::pollable was not asked for, or is not known to the host",
        ))
    }

    /// One [`Event::Down`] comes when the actor of this mailbox ends: behind all that it sent to this peer before, and
    /// at once if it has ended already. One that its supervisor starts anew has ended, too. What this sends goes with
    /// what is sent, and waits for room as long as this; a peer has 1024 monitors at most.
    pub fn monitor(&self, mailbox: Mailbox, wait: impl Into<Wait>) -> Result<Monitor, Error> {
        self.link().monitor(mailbox.0, wait.into()).map(Monitor)
    }

    /// No [`Event::Down`] of this monitor comes, even if the actor has ended. Whether one was still to come.
    pub fn demonitor(&self, monitor: Monitor, wait: impl Into<Wait>) -> Result<bool, Error> {
        self.link().demonitor(monitor.0, wait.into())
    }

    /// Writes lines into the host's log, where they stand under this peer's name. Does not wait: [`Error::Full`] where
    /// the host reads too slowly, and they are left out.
    pub fn log(&self, level: Level, text: &str) -> Result<(), Error> {
        self.link().log(level, text)
    }

    /// The host's log for the crate `log`.
    #[cfg(feature = "log")]
    pub fn logger(&self) -> crate::log::Logger {
        crate::log::Logger(std::sync::Arc::clone(&self.link().lines))
    }

    /// Tells the host why this process is about to end: the reason in the first line, and then its backtrace. What it
    /// says counts once; nothing can be sent after it.
    pub fn report_failure(&self, text: &str) -> Result<(), Error> {
        self.link().report_failure(text)
    }

    /// Tells a peer that has connected to this process to stop: it reads what was sent before, and goes. What is sent after it is for
    /// the next of its name.
    pub fn stop(&self) -> Result<(), Error> {
        self.link().stop()
    }

    /// How many of the messages that were published are not finished at the other side, as far as it says. Publishes first.
    pub fn unfinished(&self) -> Result<u64, Error> {
        self.link().unfinished()
    }

    pub(crate) fn tell_unknown(&self, type_id: u32) {
        if self.unknown.borrow_mut().insert(type_id) {
            eprintln!("ringmail: messages of the type {type_id:#x} are dropped: nobody handles them");
        }
    }
}

/// A peer that sleeps, in a loop of its user's: see [`Peer::park`].
pub struct Parked<'p> {
    peer: &'p Peer,
    polled: &'p Polled,
}

impl Parked<'_> {
    /// Readable when there may be something to receive.
    pub fn doorbell(&self) -> BorrowedFd<'_> {
        self.polled.doorbell.as_fd()
    }

    /// Readable when the host has died: the next [`Peer::park`] says so. Or, where this peer is to outlive it, when it is time to look
    /// for the next one, which that does. These are the same two descriptors then as well.
    pub fn control(&self) -> BorrowedFd<'_> {
        self.polled.control.as_fd()
    }
}

impl Drop for Parked<'_> {
    fn drop(&mut self) {
        self.peer.link().get_up();
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.link.get_mut().close();
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_peer_can_be_given_to_another_thread() {
        fn is_send<T: Send>() {}
        is_send::<super::Peer>();
    }
}
