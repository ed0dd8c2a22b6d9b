//! The host's segments: checked, then mapped until the process ends.

use super::memory::{Region, RegionMut};
use core::ptr::{null_mut, NonNull};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// What must be sealed before a segment is mapped; docs/spec/handshake.md argues each.
#[derive(Clone, Copy)]
pub(crate) enum Seals {
    /// The size alone: what this peer writes.
    Size,
    /// The size, and nobody maps it for writing from now on: what the host writes.
    NoMoreWriters,
    /// The size, for good: the bells, which both write.
    SharedWriters,
}

impl Seals {
    fn bits(self) -> libc::c_int {
        let size = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW;
        match self {
            Seals::Size => size,
            Seals::NoMoreWriters => size | libc::F_SEAL_FUTURE_WRITE | libc::F_SEAL_SEAL,
            Seals::SharedWriters => size | libc::F_SEAL_SEAL,
        }
    }
}

/// Without these checks a host could shrink the file under this process's reads, which ends it by SIGBUS.
fn check(file: BorrowedFd<'_>, bytes: u64, seals: Seals) -> Result<(), String> {
    // SAFETY: a `stat` of zeroes is one.
    let mut status: libc::stat = unsafe { core::mem::zeroed() };
    // SAFETY: the descriptor is open, and the kernel writes to `status` alone.
    if unsafe { libc::fstat(file.as_raw_fd(), &mut status) } != 0 {
        return Err(io::Error::last_os_error().to_string());
    }
    if u64::try_from(status.st_size) != Ok(bytes) {
        return Err(format!("it has {} bytes, not {bytes}", status.st_size));
    }
    // SAFETY: the descriptor is open; the call takes no memory.
    let found = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GET_SEALS) };
    if found < 0 || found & seals.bits() != seals.bits() {
        return Err("it lacks the seals that keep it as it is".into());
    }
    Ok(())
}

fn map(file: BorrowedFd<'_>, bytes: u64, access: libc::c_int) -> Result<(NonNull<u8>, usize), String> {
    let length = usize::try_from(bytes).map_err(|_| format!("{bytes} bytes are more than this process can map"))?;
    // SAFETY: a new mapping, where the kernel likes; nothing is replaced.
    let start = unsafe { libc::mmap(null_mut(), length, access, libc::MAP_SHARED, file.as_raw_fd(), 0) };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error().to_string());
    }
    Ok((NonNull::new(start).expect("a mapping is not at 0").cast(), length))
}

/// Maps what the host writes. A write through it would fail.
pub(crate) fn map_to_read(file: BorrowedFd<'_>, bytes: u64, seals: Seals) -> Result<Region<'static>, String> {
    check(file, bytes, seals)?;
    let (start, length) = map(file, bytes, libc::PROT_READ)?;
    // SAFETY: page-aligned, mapped as a whole and never unmapped, and its size is sealed.
    Ok(unsafe { Region::new(start, length) })
}

/// Maps what this peer writes, alone or with the host.
pub(crate) fn map_to_write(file: BorrowedFd<'_>, bytes: u64, seals: Seals) -> Result<RegionMut<'static>, String> {
    check(file, bytes, seals)?;
    let (start, length) = map(file, bytes, libc::PROT_READ | libc::PROT_WRITE)?;
    // SAFETY: as above, and the mapping is new: there is no other region of it.
    Ok(unsafe { RegionMut::new(start, length) })
}
