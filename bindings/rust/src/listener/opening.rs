//! The memory of a link to a process that has connected: made, sealed, shared, and then given out.

use super::{KeptMail, Own};
use crate::bell::{Bed, Doorbell, Parker, Ringer};
use crate::error::Error;
use crate::layout::{self, HostPart, LaneMemory, PeerPart, LINE, PAGE};
use crate::link::{Accepted, Lane, Link, Parts};
use crate::peer::Peer;
use crate::ring::{Consumer, Order, Producer};
use crate::stream::Stream;
use crate::sys::memory::RegionMut;
use crate::sys::process::ForkGuard;
use crate::sys::segment::{make_to_read, make_to_write, map_to_write, seal, Seals};
use crate::sys::stream as calls;
use crate::wire::{self, feature, Greeting, Segment, Welcome};
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;

pub(super) struct Opening {
    mail: KeptMail,
    greeting: Greeting,
    features: u64,
    lane: Lane,
    parker: RegionMut<'static>,
    order: Order,
    /// Of the segment that the peer writes.
    peer: OwnedFd,
    /// Who cannot receive descriptors opens these, until it is ready.
    files: Vec<OwnedFd>,
}

impl Opening {
    /// Makes the memory of one life of a peer, and sends it; if that fails, its mail is left.
    pub(super) fn welcome(
        mut mail: KeptMail,
        greeting: Greeting,
        features: u64,
        own: &Own,
        stream: &mut Stream,
    ) -> Result<Self, String> {
        let mut segments = Vec::new();
        let mut files = Vec::new();
        let made = make(&mut mail, features, |role, bytes, file| {
            segments.push(Segment { role, bytes, host_fd: file.as_raw_fd() as u32 });
            files.push(file);
        });
        let (lane, parker, order, peer) = match made {
            Ok(made) => made,
            Err(text) => {
                own.left.end(&greeting.name, mail);
                return Err(format!("no memory for its rings: {text}"));
            }
        };
        let layout = mail.layout;
        // The mail comes first, and is not this life's alone.
        segments.insert(0, Segment { role: 1, bytes: layout.mail_bytes(), host_fd: mail.file.as_raw_fd() as u32 });
        let welcome = Welcome {
            version: wire::VERSION,
            features,
            incarnation: mail.incarnation,
            line_bytes: LINE as u32,
            layout,
            name: if greeting.name.is_empty() { greeting.language.clone() } else { greeting.name.clone() },
            schema: own.schema.clone(),
            host_pid: std::process::id(),
            segments,
        };
        let opening = Self { mail, greeting, features, lane, parker, order, peer, files };
        let mut borrowed = vec![opening.mail.file.as_fd()];
        borrowed.extend(opening.files.iter().map(AsFd::as_fd));
        match stream.send_with(wire::kind::WELCOME, &welcome.encode(), &borrowed) {
            Ok(()) => Ok(opening),
            Err(text) => {
                drop(borrowed);
                opening.leave(own);
                Err(text)
            }
        }
    }

    /// The peer has mapped everything: nobody else will ever write what it writes.
    pub(super) fn take_ready(&mut self) -> Result<(), String> {
        self.mail.last_ran = true;
        self.files.clear();
        seal(self.peer.as_fd(), Seals::NoMoreWriters).map_err(|error| error.to_string())
    }

    /// It comes to nothing: the mail is for the next.
    pub(super) fn leave(self, own: &Own) {
        own.left.end(&self.greeting.name, self.mail.with_ring(self.lane.mail_out));
    }

    pub(super) fn into_peer(self, stream: Stream, end: Option<OwnedFd>, own: &Own) -> Result<Peer, Error> {
        let guard = match ForkGuard::new() {
            Ok(guard) => Arc::new(guard),
            Err(error) => {
                self.leave(own);
                return Err(error.into());
            }
        };
        let Self { mail, greeting, features, lane, parker, order, .. } = self;
        let (Greeting { name, schema, .. }, incarnation) = (greeting, mail.incarnation);
        let accepted = Accepted::new(name.clone(), own.name.clone(), mail, Arc::clone(&own.left));
        let parker = Parker::new(parker, Bed::Stream(end), order);
        let parts = Parts { guard, stream, lanes: vec![lane], bodies: None, parker, features, incarnation };
        Peer::new(Link::new(parts, Some(accepted)), name, schema)
    }
}

type Made = (Lane, RegionMut<'static>, Order, OwnedFd);

/// A lane, this side's park word as it is shown to the peer, and the segment that the peer writes. `share` is given what goes to it.
fn make(mail: &mut KeptMail, features: u64, mut share: impl FnMut(u8, u64, OwnedFd)) -> Result<Made, String> {
    let layout = mail.layout;
    let text = |error: std::io::Error| error.to_string();
    let (host_file, mut host) = make_to_write("ringmail.host", layout.host_bytes(), Seals::NoMoreWriters)?;
    let (peer_file, peer) = make_to_read("ringmail.peer", layout.peer_bytes(), Seals::Size)?;
    let (shown_file, parked) = make_to_write("ringmail.parked", layout.host_parked_bytes(), Seals::NoMoreWriters)?;
    let (bell_file, bell) = make_to_write("ringmail.bell", layout::BELL, Seals::SharedWriters)?;
    let peer_shared = peer_file.try_clone().map_err(text)?;
    let bell = if features & feature::PIPE_DOORBELL == 0 {
        Doorbell::Shared(bell)
    } else {
        let (read, write) = pipe_bell().map_err(text)?;
        share(7, PAGE, read);
        Doorbell::Piped(bell, write)
    };
    let order = if features & feature::ASYMMETRIC_BARRIER != 0 { Order::Asymmetric } else { Order::Sequential };
    let memory = LaneMemory::of_host(
        mail.part(),
        HostPart::of_lane(0, &layout, |at, bytes| host.lend(at, bytes)),
        PeerPart::of_lane(0, &layout, |at, bytes| peer.part(at, bytes)),
    );
    // A mapping for this alone: the one that stays is read-only. The peer's cursor of the mail is what it begins with.
    let start = map_to_write(peer_file.as_fd(), layout.peer_bytes(), Seals::Size)?;
    let mail_out = mail.resume(memory.mail_out, &start, order);
    let new = |memory| Consumer::new(memory, order).ok_or("a new ring starts at 0");
    mail_out.want_room(false);
    let lane = Lane {
        mail_in: new(memory.mail_in)?,
        control_in: new(memory.control_in)?,
        mail_out,
        control_out: Producer::new(memory.control_out, order),
        bell: Ringer::new(bell),
        arena: None,
        met: None,
        stop_at: None,
    };
    share(2, layout.host_bytes(), host_file);
    share(3, layout.peer_bytes(), peer_shared);
    share(6, layout.host_parked_bytes(), shown_file);
    share(5, layout::BELL, bell_file);
    Ok((lane, parked, order, peer_file))
}

/// A pipe that a peer sleeps on, and what rings it: open for reading, too, so that to ring for the dead is no SIGPIPE.
fn pipe_bell() -> std::io::Result<(OwnedFd, File)> {
    let (read, _) = calls::pipe()?;
    let path = format!("/proc/self/fd/{}", read.as_raw_fd());
    let ring = File::options().read(true).write(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    Ok((read, ring))
}
