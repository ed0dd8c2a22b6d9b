//! The socket at a path: in a directory that nobody else can enter, beside a lock file, so that there is one host at a time.

use crate::error::Error;
use crate::sys::socket as calls;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

pub(super) struct ListeningSocket {
    listener: UnixListener,
    path: PathBuf,
    /// Locked while the socket is there.
    _lock: File,
}

impl ListeningSocket {
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        open(path).map_err(|error| {
            Error::System(io::Error::new(error.kind(), format!("cannot listen at {}: {error}", path.display())))
        })
    }

    /// The next that has connected, if there is one.
    pub(super) fn accept(&self) -> io::Result<Option<OwnedFd>> {
        loop {
            match self.listener.accept() {
                Ok((socket, _)) => return Ok(Some(socket.into())),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                // One that has gone already.
                Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::ConnectionAborted) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// While the lock is held: the next host's socket is not the one that goes.
    pub(super) fn remove(&self) {
        // It may have been taken away by hand.
        let _ = fs::remove_file(&self.path);
    }
}

impl AsFd for ListeningSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

fn open(path: &Path) -> io::Result<ListeningSocket> {
    make_private_directory(path)?;
    let lock = take_place(path)?;
    let listener = UnixListener::bind(path)?;
    listener.set_nonblocking(true)?;
    Ok(ListeningSocket { listener, path: path.into(), _lock: lock })
}

fn not_possible(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::Other, text)
}

/// Where nobody else could put a socket of the same name, or connect to this one.
fn make_private_directory(path: &Path) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let (about, name) = (fs::symlink_metadata(directory)?, directory.display());
    if !about.is_dir() {
        return Err(not_possible(format!("{name} is not a directory")));
    }
    if about.uid() != calls::user() {
        return Err(not_possible(format!("{name} belongs to another user")));
    }
    if about.mode() & 0o077 != 0 {
        return Err(not_possible(format!("others may enter {name}, which must be of mode 0700")));
    }
    Ok(())
}

fn take_place(path: &Path) -> io::Result<File> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let mut options = OpenOptions::new();
    let lock = options.read(true).write(true).create(true).mode(0o600).custom_flags(libc::O_NOFOLLOW).open(&name)?;
    if !calls::lock(lock.as_fd())? {
        return Err(not_possible("another host does already".into()));
    }
    match fs::symlink_metadata(path) {
        Err(_) => {}
        Ok(about) if about.file_type().is_socket() => fs::remove_file(path)?,
        Ok(_) => return Err(not_possible("there is something that is not a socket".into())),
    }
    Ok(lock)
}
