//! A descriptor that can be read once its time has come.

use core::ptr::null_mut;
use core::time::Duration;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

pub(crate) struct Timer(OwnedFd);

impl Timer {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: the call takes numbers only.
        let made = unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, libc::TFD_CLOEXEC | libc::TFD_NONBLOCK) };
        if made < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: made just now; nobody else owns it.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(made) }))
    }

    /// It can be read in this time, and not before, whatever was set earlier. No time at all is a millisecond.
    pub(crate) fn set(&self, time: Duration) {
        let time = time.max(Duration::from_millis(1));
        let value = libc::timespec {
            tv_sec: time.as_secs().min(1 << 30) as libc::time_t,
            tv_nsec: time.subsec_nanos() as libc::c_long,
        };
        let once = libc::itimerspec { it_interval: libc::timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
        // SAFETY: the kernel reads `once` alone. It is a timer, and its time is one, so the call does not fail.
        unsafe { libc::timerfd_settime(self.0.as_raw_fd(), 0, &once, null_mut()) };
    }
}

impl AsFd for Timer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::socket::is_readable;

    #[test]
    fn it_can_be_read_once_its_time_has_come_until_it_is_set_again() {
        let timer = Timer::new().unwrap();
        assert!(!is_readable(timer.as_fd()));
        timer.set(Duration::ZERO);
        while !is_readable(timer.as_fd()) {
            std::thread::yield_now();
        }
        timer.set(Duration::from_secs(3600));
        assert!(!is_readable(timer.as_fd()));
    }
}
