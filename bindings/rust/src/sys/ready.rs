//! A set of descriptors, as one descriptor: readable while one of them is.

use super::stream::{wait, Until};
use core::time::Duration;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

pub(crate) struct ReadySet(OwnedFd);

impl ReadySet {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: the call takes a number only.
        let made = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if made < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: made just now; nobody else owns it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(made) }))
    }

    pub(crate) fn add(&self, file: BorrowedFd<'_>) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, file)
    }

    /// One that is closed is in no set any more: this is for those that live on.
    pub(crate) fn remove(&self, file: BorrowedFd<'_>) {
        // It is there, so it can be taken out.
        let _ = self.control(libc::EPOLL_CTL_DEL, file);
    }

    /// Sleeps until one of them can be read, or the time is up. Returns for no reason, too.
    pub(crate) fn wait(&self, timeout: Duration) {
        wait(Until::Readable(self.0.as_fd()), None, timeout);
    }

    fn control(&self, operation: libc::c_int, file: BorrowedFd<'_>) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: 0 };
        // SAFETY: both are open, and the kernel reads `event` alone.
        match unsafe { libc::epoll_ctl(self.0.as_raw_fd(), operation, file.as_raw_fd(), &mut event) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

impl AsFd for ReadySet {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
