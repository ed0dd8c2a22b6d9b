//! What belongs to the whole process: its registration for barriers, and how it tells itself from its forks.

use core::ptr::{null_mut, NonNull};
use core::sync::atomic::{AtomicU32, Ordering};
use std::io;

fn membarrier(command: libc::c_int) -> bool {
    // SAFETY: the call takes numbers only.
    unsafe { libc::syscall(libc::SYS_membarrier, command, 0, 0) == 0 }
}

/// Registers this process for global expedited barriers, and tries one: a filter may let the registration pass alone.
pub(crate) fn register_for_barriers() -> bool {
    membarrier(libc::MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED) && barrier_in_all_threads()
}

/// A full barrier in every running thread of every registered process. False: the system refused.
pub(crate) fn barrier_in_all_threads() -> bool {
    membarrier(libc::MEMBARRIER_CMD_GLOBAL_EXPEDITED)
}

/// A word that a child made by fork reads as 0. One load, where asking for the process's number is a system call.
pub(crate) struct ForkGuard(NonNull<AtomicU32>);

// SAFETY: the page belongs to the guard, and is only loaded from.
unsafe impl Send for ForkGuard {}
// SAFETY: as above.
unsafe impl Sync for ForkGuard {}

const PAGE: usize = 4096;

impl ForkGuard {
    pub(crate) fn new() -> io::Result<Self> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: new anonymous memory, where the kernel likes.
        let page = unsafe { libc::mmap(null_mut(), PAGE, access, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0) };
        if page == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let guard = Self(NonNull::new(page).expect("a mapping is not at 0").cast());
        // SAFETY: the page that was just mapped.
        if !cfg!(miri) && unsafe { libc::madvise(page, PAGE, libc::MADV_WIPEONFORK) } != 0 {
            return Err(io::Error::last_os_error());
        }
        guard.word().store(1, Ordering::Relaxed);
        Ok(guard)
    }

    #[inline]
    fn word(&self) -> &AtomicU32 {
        // SAFETY: the page is mapped as long as the guard lives, and zero-filled memory is an atomic of 0.
        unsafe { self.0.as_ref() }
    }

    #[inline]
    pub(crate) fn is_forked(&self) -> bool {
        self.word().load(Ordering::Relaxed) == 0
    }
}

impl Drop for ForkGuard {
    fn drop(&mut self) {
        // SAFETY: the page that `new` mapped, which nobody refers to any more.
        unsafe { libc::munmap(self.0.as_ptr().cast(), PAGE) };
    }
}
