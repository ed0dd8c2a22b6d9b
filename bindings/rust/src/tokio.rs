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

use crate::error::Error;
use crate::link::{Polled, Taken};
use crate::peer::{Event, Peer};
use crate::wait::Wait;
use core::future::poll_fn;
use core::pin::pin;
use core::task::{Context, Poll};
use std::os::fd::OwnedFd;
use std::time::Instant;
use tokio::io::unix::AsyncFd;
use tokio::io::Interest;

/// A [`Peer`] whose waiting is a future.
///
/// The future is not [`Send`], as a peer is not shared: it is awaited in `block_on`, or on a `LocalSet`. What waits for room
/// still blocks the thread until the host has read; [`Wait::No`] does not.
pub struct AsyncPeer {
    peer: Peer,
    doorbell: AsyncFd<OwnedFd>,
    control: AsyncFd<OwnedFd>,
}

impl AsyncPeer {
    /// Of a peer that asked to be [`pollable`](crate::Options::pollable), inside of a runtime whose IO and time are enabled.
    pub fn new(peer: Peer) -> Result<Self, Error> {
        let Polled { doorbell, control } = peer.polled()?.try_clone()?;
        // Its successor is unsafe for the sake of types that are not what they say; an `OwnedFd` is.
        #[allow(deprecated)]
        let watched = |file| AsyncFd::with_interest(file, Interest::READABLE);
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
            let taken = self.peer.link().take()?;
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
        let rung = poll_fn(|context| match poll_readable(&self.doorbell, context) {
            Poll::Pending => poll_readable(&self.control, context),
            ready => ready,
        });
        match deadline {
            None => Ok(rung.await?),
            Some(deadline) => before(deadline, rung).await,
        }
    }
}

async fn before(deadline: Instant, rung: impl core::future::Future<Output = std::io::Result<()>>) -> Result<(), Error> {
    // Elapsed is no error: the next look finds what is overdue.
    Ok(tokio::time::timeout_at(deadline.into(), pin!(rung)).await.unwrap_or(Ok(()))?)
}

/// Readable once: what is there is read before the next time.
fn poll_readable(file: &AsyncFd<OwnedFd>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
    file.poll_read_ready(context).map_ok(|mut ready| ready.clear_ready())
}
