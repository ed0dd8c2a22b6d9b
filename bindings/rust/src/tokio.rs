//! A peer in tokio's reactor: it waits for its mail beside whatever else the program waits for.
//!
//! ```no_run
//! use ringmail::{tokio::AsyncPeer, Event, Failure, Options};
//!
//! #[tokio::main(flavor = "current_thread")]
//! async fn main() -> Result<(), Failure> {
//!     let mut peer = AsyncPeer::new(Options::new().pollable(true).join()?)?;
//!     loop {
//!         match peer.receive().await? {
//!             Event::Mail(mail) => mail.done()?,
//!             Event::Stopped => return Ok(()),
//!             _ => {}
//!         }
//!     }
//! }
//! ```

use crate::arena::BodyLoan;
use crate::error::Error;
use crate::link::{Polled, Taken};
use crate::listener::Listener;
use crate::message::Mailbox;
use crate::peer::{Event, Peer};
use crate::wait::Wait;
use core::future::poll_fn;
use core::pin::pin;
use core::task::{Context, Poll};
use core::time::Duration;
use std::os::fd::OwnedFd;
use std::time::Instant;
use tokio::io::unix::AsyncFd;
use tokio::io::Interest;

/// A [`Peer`] whose waiting is a future.
///
/// The future is not [`Send`], as a peer is not shared: it is awaited in `block_on`, or on a `LocalSet`. What waits for room on the
/// [`Peer`] itself still blocks the thread until the other side has read: [`room`](AsyncPeer::room) and
/// [`loan_large`](AsyncPeer::loan_large) do not.
pub struct AsyncPeer {
    peer: Peer,
    doorbell: AsyncFd<OwnedFd>,
    control: AsyncFd<OwnedFd>,
}

impl AsyncPeer {
    /// Of a peer that asked to be [`pollable`](crate::Options::pollable), or that a listener gave out, inside of a runtime whose IO
    /// and time are enabled.
    pub fn new(peer: Peer) -> Result<Self, Error> {
        let Polled { doorbell, control } = peer.polled()?.try_clone()?;
        Ok(Self { peer, doorbell: watched(doorbell)?, control: watched(control)? })
    }

    /// The peer, for sending.
    pub fn peer(&self) -> &Peer {
        &self.peer
    }

    /// The next message or reply, if there is one now.
    pub fn try_receive(&mut self) -> Result<Event<'_>, Error> {
        self.peer.receive(Wait::No)
    }

    /// The next message or reply; never [`Event::Nothing`]. Given up in the middle, it has taken nothing.
    pub async fn receive(&mut self) -> Result<Event<'_>, Error> {
        loop {
            let taken = self.peer.take()?;
            if !matches!(taken, Taken::Nothing) {
                return Ok(self.peer.event(taken));
            }
            self.ready().await?;
        }
    }

    /// Waits until there may be something to receive. For a `select!` with branches that send: it borrows the peer no longer
    /// than it waits. Given up in the middle, it has done nothing.
    pub async fn ready(&mut self) -> Result<(), Error> {
        // The first answer that is due, if this peer has asked.
        let deadline = self.peer.link().answer_deadline();
        // Dropped whenever this future is, and then the peer is awake again.
        let Some(_parked) = self.peer.park()? else { return Ok(()) };
        let rung = rung(&self.doorbell, &self.control);
        match deadline {
            None => Ok(rung.await?),
            Some(deadline) => before(deadline, rung).await,
        }
    }

    /// Waits until there may be more room in the ring to this mailbox than when [`Wait::No`] found too little. Given up in the
    /// middle, it has done nothing.
    ///
    /// ```no_run
    /// # use ringmail::{tokio::AsyncPeer, Done as Tick, Error, Mailbox, Wait};
    /// # async fn send(peer: &mut AsyncPeer, to: Mailbox, tick: Tick) -> Result<(), Error> {
    /// while let Err(Error::Full) = peer.peer().send_within(to, &tick, Wait::No) {
    ///     peer.room(to).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn room(&mut self, to: Mailbox) -> Result<(), Error> {
        self.room_for(to, false).await
    }

    async fn room_for(&mut self, to: Mailbox, for_body: bool) -> Result<(), Error> {
        let waiting = Waiting { peer: &self.peer, to };
        let may_sleep = waiting.peer.link().lie_down_for_room(to.0, for_body)?;
        if may_sleep {
            rung(&self.doorbell, &self.control).await?;
        }
        Ok(())
    }

    /// As [`Peer::loan_large`], without blocking the thread: waits until there is room for the body.
    pub async fn loan_large(&mut self, to: Mailbox, length: usize) -> Result<BodyLoan, Error> {
        loop {
            match self.peer.loan_large(to, length, Wait::No) {
                Err(Error::Full) => self.room_for(to, true).await?,
                loan => return loan,
            }
        }
    }
}

/// Awake again whenever the future is dropped.
struct Waiting<'p> {
    peer: &'p Peer,
    to: Mailbox,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.peer.link().get_up_with_room(self.to.0);
    }
}

/// A [`Listener`] whose waiting is a future.
///
/// ```no_run
/// use ringmail::tokio::{AsyncListener, AsyncPeer};
/// use ringmail::Options;
///
/// # async fn serve() -> Result<(), ringmail::Error> {
/// let mut listener = AsyncListener::new(Options::new().path("/run/user/1000/market/at").name("market").listen()?)?;
/// let peer = AsyncPeer::new(listener.accept().await?)?;
/// # Ok(())
/// # }
/// ```
pub struct AsyncListener {
    listener: Listener,
    ready: AsyncFd<OwnedFd>,
}

impl AsyncListener {
    /// Inside of a runtime whose IO and time are enabled.
    pub fn new(listener: Listener) -> Result<Self, Error> {
        let ready = watched(listener.readiness().try_clone_to_owned()?)?;
        Ok(Self { listener, ready })
    }

    /// The listener, for its counters.
    pub fn listener(&self) -> &Listener {
        &self.listener
    }

    /// The next peer that has shaken hands. Given up in the middle, it has taken nothing. Handshakes only go on in here.
    pub async fn accept(&mut self) -> Result<Peer, Error> {
        loop {
            if let Some(peer) = self.listener.accept(Wait::No)? {
                return Ok(peer);
            }
            let readable = poll_fn(|context| poll_readable(&self.ready, context));
            before(Instant::now() + LONGEST_WAIT, readable).await?;
        }
    }
}

/// The time of a handshake may be up.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

fn watched(file: OwnedFd) -> std::io::Result<AsyncFd<OwnedFd>> {
    // Its successor is unsafe for the sake of types that are not what they say; an `OwnedFd` is.
    #[allow(deprecated)]
    AsyncFd::with_interest(file, Interest::READABLE)
}

async fn rung(doorbell: &AsyncFd<OwnedFd>, control: &AsyncFd<OwnedFd>) -> std::io::Result<()> {
    poll_fn(|context| match poll_readable(doorbell, context) {
        Poll::Pending => poll_readable(control, context),
        ready => ready,
    })
    .await
}

async fn before(deadline: Instant, rung: impl core::future::Future<Output = std::io::Result<()>>) -> Result<(), Error> {
    // Elapsed is no error: the next look finds what is overdue.
    Ok(tokio::time::timeout_at(deadline.into(), pin!(rung)).await.unwrap_or(Ok(()))?)
}

/// Readable once: what is there is read before the next time.
fn poll_readable(file: &AsyncFd<OwnedFd>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
    file.poll_read_ready(context).map_ok(|mut ready| ready.clear_ready())
}
