//! Segments: made and sealed, or checked, and mapped for as long as there is a region of them.

use super::memory::{Region, RegionMut};
use core::ptr::{null_mut, NonNull};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::Arc;

/// What must be sealed before a segment is mapped by who did not make it; docs/spec/handshake.md argues each.
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

/// Memory that is mapped until nobody has a region of it any more.
pub(crate) struct Mapping {
    start: NonNull<u8>,
    length: usize,
}

// SAFETY: it is the duty to unmap, which any thread may do; the memory is reached through regions alone.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: mapped by `map`, once; the last region is gone.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.length) };
    }
}

fn map(file: BorrowedFd<'_>, bytes: u64, access: libc::c_int) -> Result<Mapping, String> {
    let length = usize::try_from(bytes).map_err(|_| format!("{bytes} bytes are more than this process can map"))?;
    // SAFETY: a new mapping, where the kernel likes; nothing is replaced.
    let start = unsafe { libc::mmap(null_mut(), length, access, libc::MAP_SHARED, file.as_raw_fd(), 0) };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error().to_string());
    }
    Ok(Mapping { start: NonNull::new(start).expect("a mapping is not at 0").cast(), length })
}

fn region_of(mapping: Mapping) -> Region<'static> {
    let (start, length) = (mapping.start, mapping.length);
    // SAFETY: page-aligned and mapped as a whole for as long as there is the mapping, and its size is sealed.
    unsafe { Region::new(start, length, Some(Arc::new(mapping))) }
}

fn region_mut_of(mapping: Mapping) -> RegionMut<'static> {
    let (start, length) = (mapping.start, mapping.length);
    // SAFETY: as above, and the mapping is new and writable: there is no other region of it.
    unsafe { RegionMut::new(start, length, Some(Arc::new(mapping))) }
}

/// Maps what the other side writes, if it is as large and sealed as it must be. A write through it would fail.
pub(crate) fn map_to_read(file: BorrowedFd<'_>, bytes: u64, seals: Seals) -> Result<Region<'static>, String> {
    check(file, bytes, seals)?;
    Ok(region_of(map(file, bytes, libc::PROT_READ)?))
}

/// Maps what this side writes, alone or with the other.
pub(crate) fn map_to_write(file: BorrowedFd<'_>, bytes: u64, seals: Seals) -> Result<RegionMut<'static>, String> {
    check(file, bytes, seals)?;
    Ok(region_mut_of(map(file, bytes, libc::PROT_READ | libc::PROT_WRITE)?))
}

/// Has so many bytes accounted for, so that they can be written. An error: the machine has no more.
pub(crate) fn populate(file: BorrowedFd<'_>, offset: u64, bytes: u64) -> io::Result<()> {
    loop {
        // SAFETY: the call takes numbers only.
        let result = unsafe { libc::fallocate64(file.as_raw_fd(), 0, offset as libc::off64_t, bytes as libc::off64_t) };
        if result == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// New memory, of zeroes, all of it accounted for.
pub(crate) fn create(name: &str, bytes: u64) -> io::Result<OwnedFd> {
    let name = std::ffi::CString::new(name)?;
    // SAFETY: the name is alive, and ends with a NUL.
    let made = unsafe { libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING) };
    if made < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: made just now; nobody else owns it.
    let file = unsafe { OwnedFd::from_raw_fd(made) };
    // SAFETY: the call takes numbers only.
    if unsafe { libc::ftruncate64(made, bytes as libc::off64_t) } != 0 {
        return Err(io::Error::last_os_error());
    }
    populate(file.as_fd(), 0, bytes)?;
    Ok(file)
}

/// From now on it is as `seals` says.
pub(crate) fn seal(file: BorrowedFd<'_>, seals: Seals) -> io::Result<()> {
    // SAFETY: the call takes numbers only.
    match unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals.bits()) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// A segment that this process makes: mapped, and then sealed. What is sealed against new writers has its writer by then.
fn make(name: &str, bytes: u64, access: libc::c_int, seals: Seals) -> Result<(OwnedFd, Mapping), String> {
    let file = create(name, bytes).map_err(|error| error.to_string())?;
    let mapping = map(file.as_fd(), bytes, access)?;
    seal(file.as_fd(), seals).map_err(|error| error.to_string())?;
    Ok((file, mapping))
}

/// One that the other side writes.
pub(crate) fn make_to_read(name: &str, bytes: u64, seals: Seals) -> Result<(OwnedFd, Region<'static>), String> {
    make(name, bytes, libc::PROT_READ, seals).map(|(file, mapping)| (file, region_of(mapping)))
}

/// One that this side writes, alone or with the other.
pub(crate) fn make_to_write(name: &str, bytes: u64, seals: Seals) -> Result<(OwnedFd, RegionMut<'static>), String> {
    make(name, bytes, libc::PROT_READ | libc::PROT_WRITE, seals).map(|(file, mapping)| (file, region_mut_of(mapping)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_short_or_not_sealed_is_not_mapped() {
        let file = create("test", 8192).unwrap();
        let map = |bytes, seals| map_to_read(file.as_fd(), bytes, seals).err();
        assert!(map(8192, Seals::Size).unwrap().contains("lacks the seals"));
        seal(file.as_fd(), Seals::Size).unwrap();
        assert_eq!(map(8192, Seals::Size), None);
        assert!(map(4096, Seals::Size).unwrap().contains("it has 8192 bytes, not 4096"));
        assert!(map(8192, Seals::SharedWriters).unwrap().contains("lacks the seals"));
        seal(file.as_fd(), Seals::NoMoreWriters).unwrap();
        assert_eq!(map(8192, Seals::NoMoreWriters), None);
        assert!(map_to_write(file.as_fd(), 8192, Seals::NoMoreWriters).is_err(), "no more writers");
    }

    #[test]
    fn memory_stays_mapped_as_long_as_there_is_a_region_of_it() {
        let (file, written) = make_to_write("test", 4096, Seals::NoMoreWriters).unwrap();
        let read = map_to_read(file.as_fd(), 4096, Seals::NoMoreWriters).unwrap();
        drop(file);
        let part = read.part(64, 64);
        drop(read);
        written.store64(64, 5, core::sync::atomic::Ordering::SeqCst);
        drop(written);
        assert_eq!(part.load64(0, core::sync::atomic::Ordering::SeqCst), 5);
    }
}
