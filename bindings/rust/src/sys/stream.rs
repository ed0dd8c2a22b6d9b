//! The calls under the control stream: a socket with descriptors beside its bytes, or two pipes.

use core::mem::{size_of, zeroed};
use core::ptr::null_mut;
use core::time::Duration;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

/// As many as a frame may have, and some to find out that there were more.
const ROOM: usize = 16;

/// Takes over a descriptor that this process inherited, close-on-exec from now on, or nothing if it is not open or, when it
/// should be a socket, is none. A grandchild finds the variable too, but at that number something else, which is not its to
/// close.
pub(crate) fn adopt(number: RawFd, is_socket: bool) -> Option<OwnedFd> {
    if is_socket && !is_stream_socket(number) {
        return None;
    }
    // SAFETY: the calls take numbers only; one that is not open is an error.
    let set = unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) };
    // SAFETY: open, as the call above has shown, and inherited for this very use: nobody else in the process owns it.
    (set == 0).then(|| unsafe { OwnedFd::from_raw_fd(number) })
}

fn is_stream_socket(number: RawFd) -> bool {
    let mut kind: libc::c_int = 0;
    let mut bytes = size_of::<libc::c_int>() as libc::socklen_t;
    let into: *mut libc::c_int = &mut kind;
    // SAFETY: the kernel writes at most `bytes` bytes to `kind`. A number that is no socket is an error.
    let got = unsafe { libc::getsockopt(number, libc::SOL_SOCKET, libc::SO_TYPE, into.cast(), &mut bytes) };
    got == 0 && kind == libc::SOCK_STREAM
}

/// Whether it is one end of a pipe.
pub(crate) fn is_pipe(file: BorrowedFd<'_>) -> bool {
    // SAFETY: a `stat` of zeroes is one.
    let mut status: libc::stat = unsafe { zeroed() };
    // SAFETY: the descriptor is open, and the kernel writes to `status` alone.
    let got = unsafe { libc::fstat(file.as_raw_fd(), &mut status) };
    got == 0 && status.st_mode & libc::S_IFMT == libc::S_IFIFO
}

/// A new pipe, neither end of which blocks: to read from, and to write to.
pub(crate) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends = [-1; 2];
    // SAFETY: the kernel writes two numbers.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC | libc::O_NONBLOCK) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: made just now; nobody else owns them.
    Ok(unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) })
}

/// Reads and writes return at once from now on.
pub(crate) fn never_block(file: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: the calls take numbers only.
    let flags = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_GETFL) };
    // SAFETY: as above.
    if flags < 0 || unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETFL, flags | libc::O_NONBLOCK) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// What a read of the socket gave.
pub(crate) struct Received {
    pub(crate) bytes: usize,
    pub(crate) some_were_dropped: bool,
}

/// Reads what is there; the descriptors that come with it are appended to `files`, close-on-exec.
pub(crate) fn receive(socket: BorrowedFd<'_>, into: &mut [u8], files: &mut Vec<OwnedFd>) -> io::Result<Received> {
    // Words, so that it is aligned as a cmsghdr is.
    let mut ancillary = [0u64; 16 + ROOM];
    let mut part = libc::iovec { iov_base: into.as_mut_ptr().cast(), iov_len: into.len() };
    // SAFETY: a `msghdr` of zeroes is one.
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_iov = &mut part;
    message.msg_iovlen = 1;
    message.msg_control = ancillary.as_mut_ptr().cast();
    message.msg_controllen = core::mem::size_of_val(&ancillary) as _;
    // SAFETY: all that `message` points to is alive, and as long as it says.
    let got = unsafe { libc::recvmsg(socket.as_raw_fd(), &mut message, libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC) };
    if got < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has filled `ancillary` as `message` says.
    unsafe { take_descriptors(&message, files) };
    Ok(Received { bytes: got as usize, some_were_dropped: message.msg_flags & libc::MSG_CTRUNC != 0 })
}

/// All of them, whatever becomes of the frame: one that is left in the buffer is open for ever.
///
/// # Safety
/// `message` is what a successful recvmsg has left, and its control buffer is alive.
unsafe fn take_descriptors(message: &libc::msghdr, files: &mut Vec<OwnedFd>) {
    // SAFETY: by the caller's promise; the macros of the system walk the buffer that it filled.
    let mut header = unsafe { libc::CMSG_FIRSTHDR(message) };
    while !header.is_null() {
        // SAFETY: not null, so it is a header inside of the buffer, and the bytes behind it belong to it.
        let (first, bytes) = unsafe { (libc::CMSG_DATA(header), (*header).cmsg_len as usize - libc::CMSG_LEN(0) as usize) };
        // SAFETY: as above.
        let is_rights = unsafe { (*header).cmsg_level == libc::SOL_SOCKET && (*header).cmsg_type == libc::SCM_RIGHTS };
        for i in 0..if is_rights { bytes / size_of::<RawFd>() } else { 0 } {
            // SAFETY: inside of the header's bytes; the kernel made each of these descriptors for this process just now.
            files.push(unsafe { OwnedFd::from_raw_fd(first.cast::<RawFd>().add(i).read_unaligned()) });
        }
        // SAFETY: as for the first.
        header = unsafe { libc::CMSG_NXTHDR(message, header) };
    }
}

/// Writes what the socket takes at once. One that is closed at the other end is an error and no signal.
pub(crate) fn send(socket: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<usize> {
    let flags = libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    // SAFETY: the kernel reads the slice and no further.
    let sent = unsafe { libc::send(socket.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), flags) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// As `send`, with these descriptors beside the first byte. The bytes are not none.
pub(crate) fn send_with(socket: BorrowedFd<'_>, bytes: &[u8], files: &[BorrowedFd<'_>]) -> io::Result<usize> {
    assert!(!bytes.is_empty() && files.len() <= ROOM);
    let mut ancillary = [0u64; 16 + ROOM];
    let mut part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    let length = (files.len() * size_of::<RawFd>()) as u32;
    // SAFETY: a `msghdr` of zeroes is one.
    let mut message: libc::msghdr = unsafe { zeroed() };
    message.msg_iov = &mut part;
    message.msg_iovlen = 1;
    message.msg_control = ancillary.as_mut_ptr().cast();
    // SAFETY: the call counts.
    message.msg_controllen = unsafe { libc::CMSG_SPACE(length) } as _;
    // SAFETY: the buffer is aligned as a cmsghdr is, and has room for it and as many numbers as `files` has, by the assertion.
    unsafe {
        let header = libc::CMSG_FIRSTHDR(&message);
        (*header).cmsg_level = libc::SOL_SOCKET;
        (*header).cmsg_type = libc::SCM_RIGHTS;
        (*header).cmsg_len = libc::CMSG_LEN(length) as _;
        for (i, file) in files.iter().enumerate() {
            libc::CMSG_DATA(header).cast::<RawFd>().add(i).write_unaligned(file.as_raw_fd());
        }
    }
    // SAFETY: all that `message` points to is alive, and as long as it says; the kernel only reads it.
    let sent = unsafe { libc::sendmsg(socket.as_raw_fd(), &message, libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// What to wait for.
#[derive(Clone, Copy)]
pub(crate) enum Until<'a> {
    Readable(BorrowedFd<'a>),
    Writable(BorrowedFd<'a>),
}

/// Sleeps until one of the two is as wished, or closed, or the time is up. Returns for no reason, too: the caller looks.
pub(crate) fn wait(first: Until<'_>, second: Option<Until<'_>>, timeout: Duration) {
    let entry = |until: Until<'_>| match until {
        Until::Readable(file) => libc::pollfd { fd: file.as_raw_fd(), events: libc::POLLIN, revents: 0 },
        Until::Writable(file) => libc::pollfd { fd: file.as_raw_fd(), events: libc::POLLOUT, revents: 0 },
    };
    // A negative number is none to poll.
    let none = libc::pollfd { fd: -1, events: 0, revents: 0 };
    let mut entries = [entry(first), second.map_or(none, entry)];
    let time = libc::timespec {
        tv_sec: timeout.as_secs().min(1 << 30) as libc::time_t,
        tv_nsec: timeout.subsec_nanos() as libc::c_long,
    };
    // SAFETY: the kernel writes to the two entries alone.
    unsafe { libc::ppoll(entries.as_mut_ptr(), 2, &time, null_mut()) };
}
