//! The control stream: frames with descriptors beside them, over a socket or over two pipes.

use crate::sys::stream::{self as calls, Until};
use core::time::Duration;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Instant;

const HEADER: usize = 8;
const MOST_PAYLOAD: usize = 1 << 20;
const MOST_BACKLOG: usize = 4 << 20;
const MOST_FILES: usize = 8;
const LAST_KIND: u16 = 11;
/// Of what is said of introductions.
const MORE_KINDS: core::ops::RangeInclusive<u16> = 16..=18;
/// A payload's memory grows as its bytes come, so that a length alone costs nobody a megabyte.
const GROWTH: usize = 64 * 1024;

pub(crate) struct Frame {
    pub(crate) kind: u16,
    pub(crate) payload: Vec<u8>,
    pub(crate) files: Vec<OwnedFd>,
}

enum Ends {
    Socket(UnixStream),
    Pipes { input: File, output: File },
}

/// Nothing of it blocks but what takes a deadline. An error is text for a person, and final.
pub(crate) struct Stream {
    ends: Ends,
    /// Who is at the other end: the host, or the peer.
    other: &'static str,
    takes_files: bool,
    header: [u8; HEADER],
    header_read: usize,
    payload: Vec<u8>,
    payload_read: usize,
    files: Vec<OwnedFd>,
    backlog: VecDeque<u8>,
    failed: Option<String>,
}

impl Stream {
    pub(crate) fn over_socket(socket: OwnedFd) -> Self {
        Self::new(Ends::Socket(socket.into()))
    }

    /// A host's: a peer sends no descriptors.
    pub(crate) fn to_peer(socket: OwnedFd) -> Self {
        Self { other: "peer", takes_files: false, ..Self::over_socket(socket) }
    }

    pub(crate) fn over_pipes(input: OwnedFd, output: OwnedFd) -> io::Result<Self> {
        calls::never_block(input.as_fd())?;
        calls::never_block(output.as_fd())?;
        Ok(Self::new(Ends::Pipes { input: input.into(), output: output.into() }))
    }

    fn new(ends: Ends) -> Self {
        Self {
            ends,
            other: "host",
            takes_files: true,
            header: [0; HEADER],
            header_read: 0,
            payload: Vec::new(),
            payload_read: 0,
            files: Vec::new(),
            backlog: VecDeque::new(),
            failed: None,
        }
    }

    /// What is readable when the other end says something, or has died.
    pub(crate) fn input(&self) -> BorrowedFd<'_> {
        match &self.ends {
            Ends::Socket(socket) => socket.as_fd(),
            Ends::Pipes { input, .. } => input.as_fd(),
        }
    }

    fn output(&self) -> BorrowedFd<'_> {
        match &self.ends {
            Ends::Socket(socket) => socket.as_fd(),
            Ends::Pipes { output, .. } => output.as_fd(),
        }
    }

    pub(crate) fn carries_files(&self) -> bool {
        matches!(self.ends, Ends::Socket(_))
    }

    pub(crate) fn backlog_bytes(&self) -> usize {
        self.backlog.len()
    }

    pub(crate) fn has_backlog(&self) -> bool {
        !self.backlog.is_empty()
    }

    /// Sends what can be sent now, and keeps the rest.
    pub(crate) fn send(&mut self, kind: u16, payload: &[u8]) -> Result<(), String> {
        self.add(kind, payload)?;
        self.flush()
    }

    /// As `send`, with descriptors: the first that is said over a socket to a peer, so that there is room for its first byte.
    pub(crate) fn send_with(&mut self, kind: u16, payload: &[u8], files: &[BorrowedFd<'_>]) -> Result<(), String> {
        assert!(self.backlog.is_empty());
        self.add(kind, payload)?;
        let Ends::Socket(socket) = &self.ends else { return Err("no descriptors go by a pipe".into()) };
        let sent = calls::send_with(socket.as_fd(), self.backlog.as_slices().0, files);
        let count = sent.map_err(|error| format!("the control stream: {error}"))?;
        self.backlog.drain(..count);
        self.flush()
    }

    fn add(&mut self, kind: u16, payload: &[u8]) -> Result<(), String> {
        if payload.len() > MOST_PAYLOAD || self.backlog.len() + HEADER + payload.len() > MOST_BACKLOG {
            return Err(self.is_not_read());
        }
        self.backlog.extend((payload.len() as u32).to_le_bytes());
        self.backlog.extend(u32::from(kind).to_le_bytes());
        self.backlog.extend(payload);
        Ok(())
    }

    fn is_not_read(&self) -> String {
        format!("the {} does not read the control stream", self.other)
    }

    fn is_closed(&self) -> String {
        format!("the {} has closed the link", self.other)
    }

    /// Nothing more is said, and what is read is thrown away. False: the other end is closed, too.
    pub(crate) fn hang_up(&self) -> bool {
        let Ends::Socket(socket) = &self.ends else { return false };
        // One that is closed already is as good.
        let _ = socket.shutdown(Shutdown::Write);
        let got = calls::receive(socket.as_fd(), &mut [0; 4096], &mut Vec::new());
        match got {
            Ok(received) => received.bytes > 0,
            Err(error) => matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted),
        }
    }

    /// Sends of what was kept what can be sent now.
    pub(crate) fn flush(&mut self) -> Result<(), String> {
        while !self.backlog.is_empty() {
            let bytes = self.backlog.as_slices().0;
            let written = match &self.ends {
                Ends::Socket(socket) => calls::send(socket.as_fd(), bytes),
                Ends::Pipes { output, .. } => (&*output).write(bytes),
            };
            match written {
                Ok(count) => drop(self.backlog.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Err(self.is_closed()),
                Err(error) => return Err(format!("the control stream: {error}")),
            }
        }
        Ok(())
    }

    /// Sends what is left to be sent, until the deadline at the latest.
    pub(crate) fn flush_until(&mut self, deadline: Instant) -> Result<(), String> {
        self.flush()?;
        while self.has_backlog() {
            let left = time_left(deadline).ok_or_else(|| self.is_not_read())?;
            calls::wait(Until::Writable(self.output()), None, left);
            self.flush()?;
        }
        Ok(())
    }

    /// The next frame, if all of it is there.
    pub(crate) fn receive(&mut self) -> Result<Option<Frame>, String> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        match self.fill() {
            Ok(false) => Ok(None),
            Ok(true) => {
                (self.header_read, self.payload_read) = (0, 0);
                let (payload, files) = (std::mem::take(&mut self.payload), std::mem::take(&mut self.files));
                Ok(Some(Frame { kind: self.kind(), payload, files }))
            }
            Err(text) => {
                self.files.clear();
                self.failed = Some(text.clone());
                Err(text)
            }
        }
    }

    /// As `receive`, but waits until the deadline.
    pub(crate) fn receive_until(&mut self, deadline: Option<Instant>) -> Result<Option<Frame>, String> {
        loop {
            if let Some(frame) = self.receive()? {
                return Ok(Some(frame));
            }
            let Some(left) = deadline.map_or(Some(Duration::from_secs(3600)), time_left) else { return Ok(None) };
            // A host that no longer reads may still have said why: that comes out of `receive`.
            let can_write = self.has_backlog() && self.flush().is_ok() && self.has_backlog();
            calls::wait(Until::Readable(self.input()), can_write.then(|| Until::Writable(self.output())), left);
        }
    }

    /// No read crosses the end of a header or of a frame, so the descriptors that come with a read are those of the frame.
    fn fill(&mut self) -> Result<bool, String> {
        while self.header_read < HEADER {
            let mut header = self.header;
            let Some(count) = self.read(&mut header[self.header_read..])? else { return Ok(false) };
            self.header = header;
            self.header_read += count;
            self.check_header()?;
        }
        let length = self.length();
        while self.payload_read < length {
            let mut payload = std::mem::take(&mut self.payload);
            if self.payload_read == payload.len() {
                payload.resize(length.min(self.payload_read + GROWTH), 0);
            }
            let got = self.read(&mut payload[self.payload_read..]);
            self.payload = payload;
            let Some(count) = got? else { return Ok(false) };
            self.payload_read += count;
        }
        Ok(true)
    }

    /// None: nothing now.
    fn read(&mut self, into: &mut [u8]) -> Result<Option<usize>, String> {
        let before = self.files.len();
        let read = loop {
            let read = match &self.ends {
                Ends::Socket(socket) => calls::receive(socket.as_fd(), into, &mut self.files),
                Ends::Pipes { input, .. } => {
                    (&*input).read(into).map(|bytes| calls::Received { bytes, some_were_dropped: false })
                }
            };
            match read {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => break 0,
                Err(error) => return Err(format!("the control stream: {error}")),
                Ok(read) if read.some_were_dropped => return Err("the control stream: a descriptor was lost".into()),
                Ok(read) => break read.bytes,
            }
        };
        let new_files = self.files.len() - before;
        if read == 0 {
            return Err(if self.header_read == 0 {
                self.is_closed()
            } else {
                format!("{} in the middle of a frame", self.is_closed())
            });
        }
        if (new_files > 0 && (self.header_read == HEADER || !self.takes_files)) || self.files.len() > MOST_FILES {
            return Err("the control stream: a descriptor came where none may".into());
        }
        Ok(Some(read))
    }

    /// Each field as soon as it is there.
    fn check_header(&self) -> Result<(), String> {
        let wrong = if self.header_read >= 4 && self.length() > MOST_PAYLOAD {
            format!("give it a length of {}, the most is {MOST_PAYLOAD}", self.length())
        } else if self.header_read >= 6 && !is_kind(self.kind()) {
            format!("give it the unknown kind {}", self.kind())
        } else if self.header_read == HEADER && self.header[6..] != [0, 0] {
            "do not end in 0".into()
        } else {
            return Ok(());
        };
        let seen = String::from_utf8_lossy(&self.header[..self.header_read]);
        Err(format!("not a control frame: the bytes {seen:?} {wrong}"))
    }

    fn length(&self) -> usize {
        u32::from_le_bytes([self.header[0], self.header[1], self.header[2], self.header[3]]) as usize
    }

    fn kind(&self) -> u16 {
        u16::from_le_bytes([self.header[4], self.header[5]])
    }
}

fn is_kind(kind: u16) -> bool {
    (1..=LAST_KIND).contains(&kind) || MORE_KINDS.contains(&kind)
}

/// None when it is past.
pub(crate) fn time_left(deadline: Instant) -> Option<Duration> {
    deadline.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixStream;

    fn pair() -> (UnixStream, Stream) {
        let (host, peer) = UnixStream::pair().unwrap();
        (host, Stream::over_socket(peer.into()))
    }

    #[test]
    fn a_frame_may_come_in_any_number_of_pieces() {
        let (mut host, mut peer) = pair();
        for byte in [3, 0, 0, 0, 6, 0, 0, 0, b'a', b'b'] {
            host.write_all(&[byte]).unwrap();
            assert!(peer.receive().unwrap().is_none());
        }
        host.write_all(b"c\0\0\0\0\x03\0\0\0").unwrap();
        let frame = peer.receive().unwrap().unwrap();
        assert_eq!((frame.kind, &frame.payload[..]), (6, &b"abc"[..]));
        assert_eq!(peer.receive().unwrap().unwrap().kind, 3);
    }

    #[test]
    fn what_somebody_printed_ends_the_stream_at_once() {
        for noise in [&b"hello"[..], b"\0\0\0\0\xff\0", b"\0\0\0\0\0\0", b"\0\0\0\0\x01\0\x01\0"] {
            let (mut host, mut peer) = pair();
            host.write_all(noise).unwrap();
            assert!(peer.receive().is_err());
            assert!(peer.receive().is_err(), "an error is final");
        }
    }

    #[test]
    fn the_end_is_told_from_an_end_inside_of_a_frame() {
        let (host, mut peer) = pair();
        drop(host);
        assert_eq!(peer.receive().err().unwrap(), "the host has closed the link");
        let (mut host, mut peer) = pair();
        host.write_all(&[1]).unwrap();
        drop(host);
        assert!(peer.receive().err().unwrap().contains("middle of a frame"));
    }

    #[test]
    fn descriptors_come_with_the_first_byte_of_their_frame_and_are_the_hosts_to_send() {
        let (host, peer) = UnixStream::pair().unwrap();
        let (mut host, mut peer) = (Stream::to_peer(host.into()), Stream::over_socket(peer.into()));
        let (read, write) = calls::pipe().unwrap();
        host.send_with(2, &[7; 100_000], &[read.as_fd(), write.as_fd()]).unwrap();
        host.send(3, &[]).unwrap();
        let mut next = || loop {
            host.flush().unwrap();
            if let Some(frame) = peer.receive().unwrap() {
                break frame;
            }
        };
        let welcome = next();
        assert_eq!((welcome.kind, welcome.payload.len(), welcome.files.len()), (2, 100_000, 2));
        assert!(next().files.is_empty());
        File::from(write).write_all(b"x").unwrap();
        let mut came = [0; 2];
        assert_eq!((File::from(welcome.files.into_iter().next().unwrap()).read(&mut came).unwrap(), came[0]), (1, b'x'));
        peer.send_with(3, &[], &[read.as_fd()]).unwrap();
        assert!(host.receive().err().unwrap().contains("a descriptor came where none may"));
    }

    #[test]
    fn what_does_not_fit_into_the_socket_is_sent_later() {
        let (mut host, mut peer) = pair();
        for _ in 0..3 {
            peer.send(7, &vec![1; MOST_PAYLOAD]).unwrap();
        }
        assert!(peer.has_backlog());
        assert!(peer.send(7, &vec![1; MOST_PAYLOAD]).is_ok() || !peer.backlog.is_empty());
        let reader = std::thread::spawn(move || {
            let mut header = [0; HEADER];
            host.read_exact(&mut header).unwrap();
            let mut rest = Vec::new();
            host.read_to_end(&mut rest).unwrap();
            header
        });
        peer.flush_until(Instant::now() + Duration::from_secs(30)).unwrap();
        drop(peer);
        assert_eq!(reader.join().unwrap(), [0, 0, 16, 0, 7, 0, 0, 0]);
    }
}
