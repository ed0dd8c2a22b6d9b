//! Sockets at a path: what the standard library has no call for.

use core::mem::{size_of, zeroed};
use core::time::Duration;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Newer than some of the headers that `libc` is made of: Linux 6.5.
const SO_PEERPIDFD: libc::c_int = 77;

fn set_option<T>(socket: RawFd, name: libc::c_int, value: &T) -> io::Result<()> {
    let (from, bytes): (*const T, _) = (value, size_of::<T>() as libc::socklen_t);
    // SAFETY: the kernel reads `bytes` bytes of `value`.
    match unsafe { libc::setsockopt(socket, libc::SOL_SOCKET, name, from.cast(), bytes) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// # Safety
/// Any bytes are a `T`.
unsafe fn get_option<T>(socket: BorrowedFd<'_>, name: libc::c_int) -> io::Result<T> {
    // SAFETY: zeroes are a `T`, by the caller's promise.
    let mut value: T = unsafe { zeroed() };
    let mut bytes = size_of::<T>() as libc::socklen_t;
    let into: *mut T = &mut value;
    // SAFETY: the kernel writes at most `bytes` bytes to `value`.
    match unsafe { libc::getsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, name, into.cast(), &mut bytes) } {
        0 => Ok(value),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Connects to who listens there. Who connects to one that does not accept waits for it, once its queue is full: so long, and
/// then it is `WouldBlock`.
pub(crate) fn connect(path: &Path, timeout: Duration) -> io::Result<OwnedFd> {
    // SAFETY: an address of zeroes is one.
    let mut address: libc::sockaddr_un = unsafe { zeroed() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    let bytes = path.as_os_str().as_bytes();
    if bytes.is_empty() || bytes.contains(&0) || bytes.len() >= address.sun_path.len() {
        let most = address.sun_path.len() - 1;
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("the path of a socket has 1 to {most} bytes")));
    }
    for (to, from) in address.sun_path.iter_mut().zip(bytes) {
        *to = *from as libc::c_char;
    }
    // SAFETY: the call takes numbers only.
    let made = unsafe { libc::socket(libc::AF_UNIX, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0) };
    if made < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: made just now; nobody else owns it.
    let socket = unsafe { OwnedFd::from_raw_fd(made) };
    let time = libc::timeval {
        tv_sec: timeout.as_secs().min(1 << 30) as libc::time_t,
        tv_usec: timeout.subsec_micros().max(1) as libc::suseconds_t,
    };
    set_option(made, libc::SO_SNDTIMEO, &time)?;
    let from: *const libc::sockaddr_un = &address;
    // SAFETY: the kernel reads the address alone.
    match unsafe { libc::connect(made, from.cast(), size_of::<libc::sockaddr_un>() as libc::socklen_t) } {
        0 => Ok(socket),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Takes the lock of that file, until it is closed. False: another process has it.
pub(crate) fn lock(file: BorrowedFd<'_>) -> io::Result<bool> {
    // SAFETY: the call takes numbers only.
    if unsafe { libc::flock(file.as_raw_fd(), libc::LOCK_EX | libc::LOCK_NB) } == 0 {
        return Ok(true);
    }
    match io::Error::last_os_error() {
        error if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        error => Err(error),
    }
}

/// Who this process acts for.
pub(crate) fn user() -> u32 {
    // SAFETY: the call takes nothing, and always succeeds.
    unsafe { libc::geteuid() }
}

/// The process and its user at the other end, as they were when it connected.
pub(crate) fn other_end(socket: BorrowedFd<'_>) -> io::Result<(i32, u32)> {
    // SAFETY: credentials are numbers.
    let who: libc::ucred = unsafe { get_option(socket, libc::SO_PEERCRED) }?;
    Ok((who.pid, who.uid))
}

/// A descriptor that can be read once that process is dead. None: the system has no such thing.
pub(crate) fn death_watch(socket: BorrowedFd<'_>, pid: i32) -> Option<OwnedFd> {
    // Asking by number can name another process, if that one has died since and its number was given away.
    // SAFETY: a descriptor is a number.
    let watch = unsafe { get_option::<RawFd>(socket, SO_PEERPIDFD) }.unwrap_or_else(|_| {
        // SAFETY: the call takes numbers only.
        unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) as RawFd }
    });
    // SAFETY: made by one of the two calls just now; nobody else owns it.
    (watch >= 0).then(|| unsafe { OwnedFd::from_raw_fd(watch) })
}

/// Whether a descriptor can be read now.
pub(crate) fn is_readable(file: BorrowedFd<'_>) -> bool {
    let mut entry = libc::pollfd { fd: file.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: the kernel writes to the entry alone.
    unsafe { libc::poll(&mut entry, 1, 0) > 0 }
}
