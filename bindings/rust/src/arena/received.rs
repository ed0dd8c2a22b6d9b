//! The reader's side: bodies that came, and giving them back.

use super::{Place, SLOTS};
use crate::bell::{Doorbell, Ringer};
use crate::layout::{COUNT, PAGE, SERIALS, WANT};
use crate::ring::Fault;
use crate::sys::memory::{Region, RegionMut};
use crate::sys::process::ForkGuard;
use core::fmt;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::{AcqRel, Relaxed, Release, SeqCst};
use std::sync::Arc;

/// What a lane has for the bodies that come on it.
pub(crate) struct LaneBodies {
    arena: Region<'static>,
    /// Which have been given back.
    returns: RegionMut<'static>,
    /// Of the mail that they come with: whether its producer waits.
    producer: Region<'static>,
    bell: RegionMut<'static>,
    /// How many hold the body of a slot.
    holders: Box<[AtomicU32]>,
}

impl LaneBodies {
    /// The bell is the host's; a host that keeps its bells has no arenas.
    pub(crate) fn new(
        arena: Region<'static>,
        returns: RegionMut<'static>,
        producer: Region<'static>,
        bell: RegionMut<'static>,
    ) -> Self {
        Self { arena, returns, producer, bell, holders: (0..SLOTS).map(|_| AtomicU32::new(0)).collect() }
    }

    fn give_back(&self, slot: u32, serial: u32) {
        // SYNC(returns): with the load in the producer's look for what is free; all holders are done with the bytes.
        self.returns.store32(SERIALS + 4 * slot as usize, serial, Release);
        // SYNC(want): ordered before the load of `want`, whichever order the cursors have; with Producer::want_room.
        self.returns.add32(COUNT, 1);
        if self.producer.load32(WANT, SeqCst) != 0 {
            // A ringer of its own: the lane's is the peer's thread's.
            Ringer::new(Doorbell::Shared(self.bell.of_words())).ring();
        }
    }
}

/// The bodies of all lanes that have not been given back. Outlives the link while some are held.
pub(crate) struct Bodies {
    guard: Arc<ForkGuard>,
    lanes: Vec<LaneBodies>,
}

impl Bodies {
    pub(crate) fn new(guard: Arc<ForkGuard>, lanes: Vec<LaneBodies>) -> Self {
        Self { guard, lanes }
    }

    /// The body of a frame with this payload.
    pub(crate) fn take(self: &Arc<Self>, lane: u32, payload: &[u8]) -> Result<Body, Fault> {
        let described = payload.get(..Place::BYTES).ok_or(Fault::BodyNotDescribed)?;
        let place = Place::read(described.try_into().expect("as many as it has"));
        let at = &self.lanes[lane as usize];
        if place.offset % PAGE != 0 || place.slot as usize >= SLOTS || place.serial == 0 {
            return Err(Fault::BodyNotDescribed);
        }
        let most = at.arena.len() as u64;
        if place.length > most || place.offset > most - place.length {
            return Err(Fault::BodyPastEnd);
        }
        // Relaxed: who gave it back did so before its writer could send it anew.
        if at.holders[place.slot as usize].compare_exchange(0, 1, Relaxed, Relaxed).is_err() {
            return Err(Fault::BodySentTwice);
        }
        Ok(Body { bodies: Arc::clone(self), lane, place })
    }
}

/// The body of a message that came: any number of bytes, where the sender wrote them.
///
/// It can be kept past its message, on any thread, and past the [`Peer`](crate::Peer). A clone is the same bytes; when the last of
/// them and its [`Mail`](crate::Mail) are gone, they are given back, and may be overwritten. What is kept takes room from whoever
/// sends bodies to this peer. What a process had kept when it died is taken back.
///
/// ```no_run
/// # let mut peer = ringmail::Peer::join()?;
/// if let ringmail::Event::Mail(mail) = peer.receive(ringmail::Wait::Forever)? {
///     if let Some(body) = mail.keep_body() {
///         std::thread::spawn(move || body.iter().map(|byte| u64::from(*byte)).sum::<u64>());
///     }
/// }
/// # Ok::<(), ringmail::Error>(())
/// ```
pub struct Body {
    bodies: Arc<Bodies>,
    lane: u32,
    place: Place,
}

impl Body {
    fn lane(&self) -> &LaneBodies {
        &self.bodies.lanes[self.lane as usize]
    }

    /// The bytes, which are not to be used for longer than somebody holds this.
    pub(crate) fn lent<'a>(&self) -> &'a [u8] {
        self.lane().arena.bytes(self.place.offset as usize, self.place.length as usize)
    }

    fn holders(&self) -> &AtomicU32 {
        &self.lane().holders[self.place.slot as usize]
    }
}

impl core::ops::Deref for Body {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        // The region is this one's, and what is held is not given back.
        self.lent()
    }
}

impl AsRef<[u8]> for Body {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl Clone for Body {
    fn clone(&self) -> Self {
        // Relaxed: whoever is to give it back learns of it later than this.
        self.holders().fetch_add(1, Relaxed);
        Self { bodies: Arc::clone(&self.bodies), lane: self.lane, place: self.place }
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        // Acquire and release: the last one gives back what all have read. A child only gives its copy back.
        if self.holders().fetch_sub(1, AcqRel) == 1 && !self.bodies.guard.is_forked() {
            self.lane().give_back(self.place.slot, self.place.serial);
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Body({} bytes)", self.len())
    }
}
