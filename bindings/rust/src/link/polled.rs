//! What a loop of the user's polls in a peer's place: the same two descriptors, whichever its host is.

use crate::bell::Bed;
use crate::sys::ready::ReadySet;
use crate::sys::timer::Timer;
use core::time::Duration;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// Descriptors of their own for what this peer is rung on, and for what tells of the end of the other side.
pub(crate) struct Polled {
    pub(crate) doorbell: OwnedFd,
    pub(crate) control: OwnedFd,
}

impl Polled {
    #[cfg(feature = "tokio")]
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { doorbell: self.doorbell.try_clone()?, control: self.control.try_clone()? })
    }
}

/// Of a peer that may outlive its host.
pub(super) struct PolledSets {
    /// Has the pipe on which the host rings.
    doorbell: ReadySet,
    /// Has the control stream; while there is no host, the time of the next try to find one.
    control: ReadySet,
    timer: Timer,
}

impl PolledSets {
    /// None: the peer sleeps on a futex.
    pub(super) fn new(bed: &Bed, stream: BorrowedFd<'_>) -> io::Result<Option<Self>> {
        let Bed::Pipe(pipe) = bed else { return Ok(None) };
        let sets = Self { doorbell: ReadySet::new()?, control: ReadySet::new()?, timer: Timer::new()? };
        sets.doorbell.add(pipe.as_fd())?;
        sets.control.add(stream)?;
        Ok(Some(sets))
    }

    pub(super) fn polled(&self) -> io::Result<Polled> {
        let of = |set: &ReadySet| set.as_fd().try_clone_to_owned();
        Ok(Polled { doorbell: of(&self.doorbell)?, control: of(&self.control)? })
    }

    /// The host has died, and what was of it can be read for ever.
    pub(super) fn lose(&self, bed: &Bed, stream: BorrowedFd<'_>) -> io::Result<()> {
        if let Bed::Pipe(pipe) = bed {
            self.doorbell.remove(pipe.as_fd());
        }
        self.control.remove(stream);
        self.control.add(self.timer.as_fd())
    }

    /// There is another one.
    pub(super) fn rejoin(&self, bed: &Bed, stream: BorrowedFd<'_>) -> io::Result<()> {
        self.control.remove(self.timer.as_fd());
        self.control.add(stream)?;
        match bed {
            Bed::Pipe(pipe) => self.doorbell.add(pipe.as_fd()),
            _ => Ok(()),
        }
    }

    /// The loop looks in after this time.
    pub(super) fn look_in(&self, time: Duration) {
        self.timer.set(time);
    }
}
