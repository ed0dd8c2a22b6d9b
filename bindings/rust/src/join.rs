//! How a process becomes a peer: find the control stream, shake hands, map the segments.

mod segments;
#[cfg(test)]
mod tests;

use crate::arena;
use crate::error::Error;
use crate::layout::{self, is_ring, Layout, LINE, PAGE};
use crate::link::{Link, Parts, Restart};
use crate::listener::Listener;
use crate::stream::{Frame, Stream};
use crate::sys::{process, socket, stream as calls};
use crate::wire::{self, feature, refusal, Hello, Outlive, Refused, Welcome};
use core::time::Duration;
use std::fs::File;
use std::io;
use std::os::fd::{OwnedFd, RawFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// How long the next host may take to accept, and then to shake hands.
const NEXT_HOST_ACCEPTS: Duration = Duration::from_millis(200);
const NEXT_HOST_SHAKES_HANDS: Duration = Duration::from_secs(2);
const VARIABLE: &str = "RINGMAIL_FDS";
const LANES: core::ops::RangeInclusive<u32> = 1..=256;
const ROLES: [&str; 9] =
    ["mail", "host", "peer", "host_bells", "peer_bells", "host_parked", "doorbell", "arena_to_peer", "arena_to_host"];

/// What a peer says of itself when it joins its host, and how long it waits for the answer; or when it listens for others.
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
    path: Option<PathBuf>,
    name: String,
    token: String,
    reconnect: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            schema: String::new(),
            ring_bytes: 0,
            timeout: Duration::from_secs(10),
            pollable: false,
            path: None,
            name: String::new(),
            token: String::new(),
            reconnect: Duration::ZERO,
        }
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
    /// another. Who listens gives as much, and permits no more.
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

    /// The socket of a host that did not spawn this process, or of a peer that [listens](Options::listen): where to attach, or to
    /// listen.
    pub fn path(mut self, path: impl Into<PathBuf>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// What to be known as. Without it, it is what the host calls the peer.
    pub fn name(mut self, name: &str) -> Self {
        self.name = name.into();
        self
    }

    /// What the host wants to hear from who attaches at its [path](Options::path), where it was told to: at most 128 bytes.
    pub fn token(mut self, token: &str) -> Self {
        self.token = token.into();
        self
    }

    /// A peer that attached at a [path](Options::path) looks there for the next host for so long when its own has died: see
    /// [*When the host is restarted*](crate#when-the-host-is-restarted). One that its host keeps does so without being asked to.
    pub fn reconnect(mut self, time: Duration) -> Self {
        self.reconnect = time;
        self
    }

    /// Joins the host that spawned this process, or who listens at the [path](Options::path).
    pub fn join(&self) -> Result<crate::Peer, Error> {
        let deadline = Instant::now() + self.timeout;
        let guard = Arc::new(process::ForkGuard::new()?);
        let stream = match &self.path {
            Some(path) => connect(path, self.timeout)?,
            None => find_stream()?,
        };
        let Joined { parts, name, schema, outlive } = self.shake_hands(stream, guard, deadline).map_err(|unmet| unmet.error)?;
        let restart = Restart::new(self, self.path.as_ref().map_or(Duration::ZERO, |_| self.reconnect), &name, outlive);
        crate::Peer::new(Link::new(parts, None).with_restart(restart)?, name, schema)
    }

    /// Joins the next host.
    pub(crate) fn rejoin(&self, guard: Arc<process::ForkGuard>) -> Result<Joined, Unmet> {
        let stream = connect(self.path.as_deref().unwrap_or(Path::new("")), NEXT_HOST_ACCEPTS)?;
        self.shake_hands(stream, guard, Instant::now() + NEXT_HOST_SHAKES_HANDS)
    }

    /// Where the next host is, and how this peer shows there who it is.
    pub(crate) fn look_elsewhere(&mut self, name: &str, outlive: &Outlive) {
        self.path = Some(outlive.path.clone().into());
        self.token = outlive.token.clone();
        self.name = name.into();
    }

    fn shake_hands(&self, mut stream: Stream, guard: Arc<process::ForkGuard>, deadline: Instant) -> Result<Joined, Unmet> {
        let features = self.offered();
        let (welcome, files) = self.greet(&mut stream, features, deadline)?;
        let built = check(&welcome, features).and_then(|()| segments::build(&welcome, files, &guard));
        let (lanes, bodies, parker) = match built {
            Ok(parts) => parts,
            Err(text) => {
                // Last words: who has gone does not read them, and then the end of the stream says enough.
                let _ = stream.send(wire::kind::REFUSED, &wire::refused(refusal::BAD_SEGMENT, &text));
                return Err(Error::Refused(text).into());
            }
        };
        let outlives = welcome.features & feature::OUTLIVES_HOST != 0;
        let outlive = if outlives { Some(take_outlive(&mut stream, deadline)?) } else { None };
        stream.send(wire::kind::READY, &[]).map_err(Error::HostGone)?;
        let Welcome { features, incarnation, name, schema, .. } = welcome;
        let parts = Parts { guard, stream, lanes, bodies, parker, features, incarnation };
        Ok(Joined { parts, name, schema, outlive })
    }

    /// Listens at the [path](Options::path), as this [name](Options::name), for processes that attach there: two peers that talk
    /// without a system. The socket lies in a directory of mode 0700, which is made, and only this user's processes are let in.
    ///
    /// ```no_run
    /// let mut listener = ringmail::Options::new().path("/run/user/1000/market/at").name("market").listen()?;
    /// let peer = listener.accept(ringmail::Wait::Forever)?;
    /// # Ok::<(), ringmail::Error>(())
    /// ```
    pub fn listen(&self) -> Result<Listener, Error> {
        let path = self.path.as_deref().ok_or(Error::Misuse("there is no path to listen at"))?;
        if !wire::is_lookup_name(&self.name) {
            return Err(Error::Misuse("who listens has a name: 1 to 255 bytes, and no control characters"));
        }
        if !wire::is_schema(&self.schema) {
            return Err(Error::Misuse("the schema is too long, or no text"));
        }
        if self.ring_bytes != 0 && !is_ring(self.ring_bytes) {
            return Err(NO_RING);
        }
        Listener::open(path, self.name.clone(), self.schema.clone(), self.ring_bytes)
    }

    fn offered(&self) -> u64 {
        let mut features = feature::MAIL_OUTLIVES_PEER
            | feature::STREAM_DOORBELL
            | feature::INTRODUCTIONS
            | feature::MONITORS
            | feature::LOG
            | feature::LARGE
            | feature::EXACTLY_ONCE
            | feature::OUTLIVES_HOST;
        if process::register_for_barriers() {
            features |= feature::ASYMMETRIC_BARRIER;
        }
        if self.pollable {
            features |= feature::PIPE_DOORBELL;
        }
        features
    }

    /// Says hello. The welcome, and a descriptor for each of its segments.
    fn greet(&self, stream: &mut Stream, features: u64, deadline: Instant) -> Result<(Welcome, Vec<OwnedFd>), Unmet> {
        let ring_bytes = self.ring_bytes;
        if ring_bytes != 0 && !is_ring(ring_bytes) {
            return Err(NO_RING.into());
        }
        let pid = std::process::id();
        let Self { name, token, schema, .. } = self;
        let hello = Hello { features, pid, ring_bytes, language: "rust", name, token, schema };
        let hello = hello.encode().ok_or(Error::Misuse("the name, the token or the schema is too long, or no text"))?;
        stream.send(wire::kind::HELLO, &hello).map_err(Error::HostGone)?;
        let frame = stream.receive_until(Some(deadline)).map_err(Error::HostGone)?;
        let Frame { kind, payload, mut files } = frame.ok_or(Error::TimedOut)?;
        match kind {
            wire::kind::WELCOME => {}
            wire::kind::REFUSED => {
                let refused = Refused::decode(&payload).map_err(|error| Error::Protocol(error.to_string()))?;
                let error = Error::Refused(format!("the host refused: {} (code {})", refused.text, refused.code));
                // A host that has begun to listen does not await everybody yet.
                let may_change = [refusal::UNKNOWN_NAME, refusal::DEADLINE, refusal::BUSY].contains(&refused.code);
                return Err(Unmet { error, is_final: !may_change });
            }
            _ => return Err(Error::Protocol(format!("a message of kind {kind} in answer to a hello")).into()),
        }
        let welcome = Welcome::decode(&payload).map_err(|error| Error::Protocol(error.to_string()))?;
        if !stream.carries_files() {
            files = open_files(&welcome)?;
        }
        Ok((welcome, files))
    }
}

/// What a handshake has given.
pub(crate) struct Joined {
    pub(crate) parts: Parts,
    pub(crate) name: String,
    pub(crate) schema: String,
    /// Where the host keeps this peer.
    pub(crate) outlive: Option<Outlive>,
}

/// Why a handshake has come to nothing, and whether the next host may not think otherwise.
pub(crate) struct Unmet {
    pub(crate) error: Error,
    pub(crate) is_final: bool,
}

impl From<Error> for Unmet {
    fn from(error: Error) -> Self {
        Self { is_final: matches!(error, Error::Protocol(_)), error }
    }
}

/// What follows the welcome of who is to come back.
fn take_outlive(stream: &mut Stream, deadline: Instant) -> Result<Outlive, Error> {
    let frame = stream.receive_until(Some(deadline)).map_err(Error::HostGone)?.ok_or(Error::TimedOut)?;
    if frame.kind != wire::kind::OUTLIVE {
        return Err(Error::Protocol(format!("a message of kind {} in place of one about the next host", frame.kind)));
    }
    Outlive::decode(&frame.payload).map_err(|error| Error::Protocol(error.to_string()))
}

const NO_RING: Error = Error::Misuse("a ring's size is a power of two from 4096 to 1073741824");

/// To a host that did not spawn this process.
fn connect(path: &Path, timeout: Duration) -> Result<Stream, Error> {
    match socket::connect(path, timeout) {
        Ok(socket) => Ok(Stream::over_socket(socket)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(Error::TimedOut),
        Err(error) => Err(Error::System(io::Error::new(error.kind(), format!("{}: {error}", path.display())))),
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
        let is_written = matches!(segment.role, 3..=5 | 9);
        match File::options().read(true).write(is_written).open(&path) {
            Ok(file) => Ok(file.into()),
            Err(error) => Err(Error::Refused(format!("the segment of role {} at {path}: {error}", segment.role))),
        }
    };
    welcome.segments.iter().map(open).collect()
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
    const BOTH: u64 = feature::LARGE | feature::STREAM_DOORBELL;
    if features & BOTH == BOTH {
        return Err("the host chose large, and does not share its bells".into());
    }
    for (role, name) in (1u8..).zip(ROLES) {
        let is_due = match role {
            4 => features & feature::STREAM_DOORBELL == 0,
            6 => features & feature::STREAM_DOORBELL != 0,
            7 => features & feature::PIPE_DOORBELL != 0,
            8 | 9 => features & feature::LARGE != 0,
            _ => true,
        };
        match segments.iter().filter(|segment| segment.role == role).count() {
            1 if is_due => {}
            0 if !is_due => {}
            0 => return Err(format!("no segment {name}")),
            _ => return Err(format!("a segment too many: {name}")),
        }
    }
    segments.iter().try_for_each(|segment| check_size(segment, layout))
}

fn check_size(&wire::Segment { role, bytes, .. }: &wire::Segment, layout: &Layout) -> Result<(), String> {
    let name = ROLES.get(usize::from(role).wrapping_sub(1));
    let name = name.ok_or_else(|| format!("a segment of the unknown role {role}"))?;
    let due = match role {
        1 => layout.mail_bytes(),
        2 => layout.host_bytes(),
        3 => layout.peer_bytes(),
        4 => layout.host_bells_bytes(),
        5 => layout::BELL,
        6 => layout.host_parked_bytes(),
        7 => PAGE, // a pipe
        _ if is_arena(bytes, layout.lanes.into()) => bytes,
        _ => {
            let lanes = layout.lanes;
            return Err(format!(
                "segment {name}: {bytes} bytes are not whole pages, up to 2^40 bytes, for each of {lanes} lanes"
            ));
        }
    };
    if bytes != due {
        return Err(format!("segment {name}: {bytes} bytes were announced, not {due}"));
    }
    Ok(())
}

fn is_arena(bytes: u64, lanes: u64) -> bool {
    let part = bytes / lanes;
    bytes % lanes == 0 && part % PAGE == 0 && (PAGE..=arena::MOST_BYTES).contains(&part)
}
