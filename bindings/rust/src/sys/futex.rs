//! Sleeping on a word, and waking who sleeps there.

use super::memory::{Region, RegionMut};
use core::ptr::null;
use core::time::Duration;

/// Sleeps until the word at `at` is woken, unless it is not `expected` now; for `timeout` at the most. Returns for no reason,
/// too: the caller looks.
pub(crate) fn wait(bell: &Region<'_>, at: usize, expected: u32, timeout: Duration) {
    let time = libc::timespec {
        tv_sec: timeout.as_secs().min(1 << 30) as libc::time_t,
        tv_nsec: timeout.subsec_nanos() as libc::c_long,
    };
    // SAFETY: the word is aligned and mapped; the kernel only reads it. Not private: the waker is another process.
    unsafe { libc::syscall(libc::SYS_futex, bell.address32(at), libc::FUTEX_WAIT, expected.to_le(), &time, null::<u32>(), 0) };
}

/// Wakes one sleeper.
pub(crate) fn wake(bell: &RegionMut<'_>, at: usize) {
    // SAFETY: the word is aligned and mapped; a wake does not touch it.
    unsafe { libc::syscall(libc::SYS_futex, bell.address32(at), libc::FUTEX_WAKE, 1) };
}
