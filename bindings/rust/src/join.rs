//! How a process becomes a peer: find the control stream, shake hands, map the segments.

use crate::bell::{Doorbell, Parker, Ringer};
use crate::error::Error;
use crate::layout::{self, take, LEAST_RING, LINE, MOST_RING};
use crate::link::{Lane, Link};
use crate::ring::{Consumer, Order, Producer};
use crate::stream::{Frame, Stream};
use crate::sys::memory::{Region, RegionMut};
use crate::sys::segment::{map_to_read, map_to_write, Seals};
use crate::sys::{process, stream as calls};
use crate::wire::{self, feature, Hello, Refused, Welcome};
use core::time::Duration;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::time::Instant;

const VARIABLE: &str = "RINGMAIL_FDS";
const LANES: core::ops::RangeInclusive<u32> = 1..=256;
const ROLES: [&str; 7] = ["mail", "host", "peer", "host_bells", "peer_bells", "host_parked", "doorbell"];

/// What a peer says of itself when it joins its host, and how long it waits for the answer.
///
/// ```no_run
/// let peer = ringmail::Options::new().ring_bytes(1 << 20).join()?;
/// # Ok::<(), ringmail::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    schema: String,
    ring_bytes: u64,
    timeout: Duration,
    pollable: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { schema: String::new(), ring_bytes: 0, timeout: Duration::from_secs(10), pollable: false }
    }
}

impl Options {
    /// The host's choice of everything, and ten seconds for the handshake.
    pub fn new() -> Self {
        Self::default()
    }

    /// The canonical schema that the peer was built with: `SCHEMA` of its generated messages. The host compares it with its
    /// own, and refuses a peer whose messages are laid out differently.
    pub fn schema(mut self, schema: &str) -> Self {
        self.schema = schema.into();
        self
    }

    /// The size of mail rings that the peer would like: a power of two from 4,096 to 1,073,741,824. The host may choose
    /// another.
    pub fn ring_bytes(mut self, bytes: u64) -> Self {
        self.ring_bytes = bytes;
        self
    }

    /// How long the whole handshake may take.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The peer sleeps on a descriptor that other loops can poll, too, instead of on a futex: see
    /// [`Peer::park`](crate::Peer::park). A host that does not know how to ring it leaves the peer on its futex.
    pub fn pollable(mut self, pollable: bool) -> Self {
        self.pollable = pollable;
        self
    }

    /// Joins the host that spawned this process.
    pub fn join(&self) -> Result<crate::Peer, Error> {
        let deadline = Instant::now() + self.timeout;
        let guard = process::ForkGuard::new()?;
        let features = self.offered();
        let mut stream = find_stream()?;
        let (welcome, files) = self.greet(&mut stream, features, deadline)?;
        let built = check(&welcome, features).and_then(|()| build(&welcome, files));
        let parts = match built {
            Ok(parts) => parts,
            Err(text) => {
                // Last words: who has gone does not read them, and then the end of the stream says enough.
                let _ = stream.send(wire::kind::REFUSED, &wire::refused(wire::BAD_SEGMENT, &text));
                return Err(Error::Refused(text));
            }
        };
        stream.send(wire::kind::READY, &[]).map_err(Error::HostGone)?;
        crate::Peer::new(Link::new(guard, stream, parts.lanes, parts.parker, &welcome), welcome)
    }

    fn offered(&self) -> u64 {
        let mut features = feature::MAIL_OUTLIVES_PEER | feature::STREAM_DOORBELL | feature::MONITORS | feature::LOG;
        if process::register_for_barriers() {
            features |= feature::ASYMMETRIC_BARRIER;
        }
        if self.pollable {
            features |= feature::PIPE_DOORBELL;
        }
        features
    }

    /// Says hello. The welcome, and a descriptor for each of its segments.
    fn greet(&self, stream: &mut Stream, features: u64, deadline: Instant) -> Result<(Welcome, Vec<OwnedFd>), Error> {
        let ring_bytes = self.ring_bytes;
        if ring_bytes != 0 && !is_ring(ring_bytes) {
            return Err(Error::Misuse("a ring's size is a power of two from 4096 to 1073741824"));
        }
        let pid = std::process::id();
        let hello = Hello { features, pid, ring_bytes, language: "rust", name: "", token: "", schema: &self.schema };
        let hello = hello.encode().ok_or(Error::Misuse("the schema is too long, or no text"))?;
        stream.send(wire::kind::HELLO, &hello).map_err(Error::HostGone)?;
        let frame = stream.receive_until(Some(deadline)).map_err(Error::HostGone)?;
        let Frame { kind, payload, mut files } = frame.ok_or(Error::TimedOut)?;
        match kind {
            wire::kind::WELCOME => {}
            wire::kind::REFUSED => {
                let refused = Refused::decode(&payload).map_err(|error| Error::Protocol(error.to_string()))?;
                return Err(Error::Refused(format!("the host refused: {} (code {})", refused.text, refused.code)));
            }
            _ => return Err(Error::Protocol(format!("a message of kind {kind} in answer to a hello"))),
        }
        let welcome = Welcome::decode(&payload).map_err(|error| Error::Protocol(error.to_string()))?;
        if !stream.carries_files() {
            files = open_files(&welcome)?;
        }
        Ok((welcome, files))
    }
}

/// The numbers of RINGMAIL_FDS: of a socket, or of the pipe to read from and the pipe to write to.
fn find_stream() -> Result<Stream, Error> {
    let not_spawned = |text: String| Err(Error::NotSpawned(text));
    let Ok(value) = std::env::var(VARIABLE) else { return not_spawned(format!("{VARIABLE} is not set")) };
    // This process's children are none of its host's.
    std::env::remove_var(VARIABLE);
    let numbers: Result<Vec<RawFd>, _> = value.split(',').take(2).map(str::parse).collect();
    let adopt = |number, is_socket| {
        let what = if is_socket { "a stream socket" } else { "open" };
        let text = || Error::NotSpawned(format!("descriptor {number}, which {VARIABLE} names, is not {what}"));
        calls::adopt(number, is_socket).ok_or_else(text)
    };
    match numbers.as_deref() {
        Ok(&[socket]) if socket >= 0 => Ok(Stream::over_socket(adopt(socket, true)?)),
        Ok(&[input, output]) if input >= 0 && output >= 0 => {
            Ok(Stream::over_pipes(adopt(input, false)?, adopt(output, false)?)?)
        }
        _ => not_spawned(format!("{VARIABLE} is {value:?}")),
    }
}

/// No descriptors travel over pipes: a process of the same user opens the host's.
fn open_files(welcome: &Welcome) -> Result<Vec<OwnedFd>, Error> {
    let open = |segment: &wire::Segment| {
        let path = format!("/proc/{}/fd/{}", welcome.host_pid, segment.host_fd);
        let is_written = matches!(segment.role, 3..=5);
        match File::options().read(true).write(is_written).open(&path) {
            Ok(file) => Ok(file.into()),
            Err(error) => Err(Error::Refused(format!("the segment of role {} at {path}: {error}", segment.role))),
        }
    };
    welcome.segments.iter().map(open).collect()
}

fn is_ring(bytes: u64) -> bool {
    bytes.is_power_of_two() && (LEAST_RING..=MOST_RING).contains(&bytes)
}

pub(crate) fn check(welcome: &Welcome, offered: u64) -> Result<(), String> {
    let Welcome { version, features, line_bytes, layout, segments, .. } = welcome;
    if *version != wire::VERSION {
        return Err(format!("the host chose version {version}, this peer speaks {}", wire::VERSION));
    }
    if features & !offered != 0 {
        return Err(format!("the host chose features that this peer does not offer: {:#x}", features & !offered));
    }
    if u64::from(*line_bytes) != LINE {
        return Err(format!("the host's frames start every {line_bytes} bytes, this peer's every {LINE}"));
    }
    if !LANES.contains(&layout.lanes) {
        return Err(format!("{} lanes, not 1 to 256", layout.lanes));
    }
    if let Some(bytes) = [layout.mail_to_peer, layout.mail_to_host, layout.control].into_iter().find(|bytes| !is_ring(*bytes)) {
        return Err(format!("the host made a ring of {bytes} bytes; a ring is a power of two from 4096 to 1073741824"));
    }
    for (role, name) in (1u8..).zip(ROLES) {
        let is_due = match role {
            4 => features & feature::STREAM_DOORBELL == 0,
            6 => features & feature::STREAM_DOORBELL != 0,
            7 => features & feature::PIPE_DOORBELL != 0,
            _ => true,
        };
        match segments.iter().filter(|segment| segment.role == role).count() {
            1 if is_due => {}
            0 if !is_due => {}
            0 => return Err(format!("no segment {name}")),
            _ => return Err(format!("a segment too many: {name}")),
        }
    }
    match segments.iter().find(|segment| !(1..=7).contains(&segment.role)) {
        Some(segment) => Err(format!("a segment of the unknown role {}", segment.role)),
        None => Ok(()),
    }
}

struct Parts {
    lanes: Vec<Lane>,
    parker: Parker<'static>,
}

/// Maps every segment, once its size and seals have been looked at, and puts the lanes on top.
fn build(welcome: &Welcome, files: Vec<OwnedFd>) -> Result<Parts, String> {
    if files.len() != welcome.segments.len() {
        return Err(format!("{} descriptors came for {} segments", files.len(), welcome.segments.len()));
    }
    let mut segments: Vec<_> = welcome.segments.iter().zip(files).collect();
    let mut find = |role: u8, bytes: u64| -> Result<OwnedFd, String> {
        let at = segments.iter().position(|(segment, _)| segment.role == role).ok_or("a segment is missing")?;
        let (segment, file) = segments.swap_remove(at);
        if segment.bytes != bytes {
            let name = ROLES[usize::from(role) - 1];
            return Err(format!("segment {name}: {} bytes were announced, not {bytes}", segment.bytes));
        }
        Ok(file)
    };
    let named = |role: usize| move |text: String| format!("segment {}: {text}", ROLES[role - 1]);
    let mut to_read = |role: u8, bytes: u64| -> Result<Region<'static>, String> {
        map_to_read(find(role, bytes)?.as_fd(), bytes, Seals::NoMoreWriters).map_err(named(role.into()))
    };
    let layout = &welcome.layout;
    let mail = to_read(1, layout.mail_bytes())?;
    let host = to_read(2, layout.host_bytes())?;
    let keeps_bells = welcome.features & feature::STREAM_DOORBELL != 0;
    let parked = if keeps_bells { Some(to_read(6, layout.host_parked_bytes())?) } else { None };
    let mut to_write = |role: u8, bytes: u64, seals: Seals| -> Result<RegionMut<'static>, String> {
        map_to_write(find(role, bytes)?.as_fd(), bytes, seals).map_err(named(role.into()))
    };
    let peer = to_write(3, layout.peer_bytes(), Seals::Size)?;
    let bell = to_write(5, layout::BELL, Seals::SharedWriters)?;
    let mut bells = match parked {
        Some(_) => RegionMut::empty(),
        None => to_write(4, layout.host_bells_bytes(), Seals::SharedWriters)?,
    };
    let pipe = match welcome.features & feature::PIPE_DOORBELL {
        0 => None,
        _ => Some(File::from(find(7, layout::PAGE)?)),
    };
    if let Some(pipe) = &pipe {
        calls::never_block(pipe.as_fd()).map_err(|error| format!("segment doorbell: {error}"))?;
    }

    let order = match welcome.features & feature::ASYMMETRIC_BARRIER {
        0 => Order::Sequential,
        _ => Order::Asymmetric,
    };
    let mut lanes = Vec::with_capacity(layout.lanes as usize);
    for (i, memory) in layout::lanes(layout, mail, host, peer).into_iter().enumerate() {
        let bell = match parked {
            Some(parked) => Doorbell::Shown(parked.part(i * layout::PARK_MIRROR as usize, layout::PARK_MIRROR as usize)),
            None => Doorbell::Shared(take(&mut bells, layout::BELL as usize)),
        };
        let bad_cursor = || "segment peer: the cursor that the host wrote is not on a frame boundary".to_string();
        lanes.push(Lane {
            mail_in: Consumer::new(memory.mail_in, order).ok_or_else(bad_cursor)?,
            control_in: Consumer::new(memory.control_in, order).ok_or_else(bad_cursor)?,
            mail_out: Producer::new(memory.mail_out, order),
            control_out: Producer::new(memory.control_out, order),
            bell: Ringer::new(bell),
            stop_at: None,
        });
    }
    Ok(Parts { lanes, parker: Parker::new(bell, pipe, order) })
}
