//! The segments of a welcome: mapped, and cut into lanes.

use super::ROLES;
use crate::arena::{Arena, Bodies, LaneBodies};
use crate::bell::{Bed, Doorbell, Parker, Ringer};
use crate::layout::{self, PAGE};
use crate::link::Lane;
use crate::ring::Order;
use crate::sys::memory::{Region, RegionMut};
use crate::sys::segment::{map_to_read, map_to_write, populate, Seals};
use crate::sys::{process, stream as calls};
use crate::wire::{self, feature, Welcome};
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

/// The segments of a welcome, which are taken one by one.
struct Segments<'a>(Vec<(&'a wire::Segment, OwnedFd)>);

impl Segments<'_> {
    fn take(&mut self, role: u8, bytes: u64) -> Result<OwnedFd, String> {
        let at = self.0.iter().position(|(segment, _)| segment.role == role).ok_or("a segment is missing")?;
        let (segment, file) = self.0.swap_remove(at);
        if segment.bytes != bytes {
            let name = ROLES[usize::from(role) - 1];
            return Err(format!("segment {name}: {} bytes were announced, not {bytes}", segment.bytes));
        }
        Ok(file)
    }

    fn map_read(&mut self, role: u8, bytes: u64) -> Result<Region<'static>, String> {
        map_to_read(self.take(role, bytes)?.as_fd(), bytes, Seals::NoMoreWriters).map_err(named(role))
    }

    fn map_write(&mut self, role: u8, bytes: u64, seals: Seals) -> Result<RegionMut<'static>, String> {
        map_to_write(self.take(role, bytes)?.as_fd(), bytes, seals).map_err(named(role))
    }

    /// An arena has the size that the host gave it.
    fn bytes_of(&self, role: u8) -> u64 {
        self.0.iter().find(|(segment, _)| segment.role == role).map_or(0, |(segment, _)| segment.bytes)
    }
}

fn named(role: u8) -> impl Fn(String) -> String {
    move |text| format!("segment {}: {text}", ROLES[usize::from(role) - 1])
}

pub(super) type Built = (Vec<Lane>, Option<Arc<Bodies>>, Parker<'static>);

/// Maps every segment, once its size and seals have been looked at, and puts the lanes on top.
pub(super) fn build(welcome: &Welcome, files: Vec<OwnedFd>, guard: &Arc<process::ForkGuard>) -> Result<Built, String> {
    if files.len() != welcome.segments.len() {
        return Err(format!("{} descriptors came for {} segments", files.len(), welcome.segments.len()));
    }
    let mut segments = Segments(welcome.segments.iter().zip(files).collect());
    let (layout, has) = (&welcome.layout, |feature: u64| welcome.features & feature != 0);
    let mail = segments.map_read(1, layout.mail_bytes())?;
    let host = segments.map_read(2, layout.host_bytes())?;
    let peer = segments.map_write(3, layout.peer_bytes(), Seals::Size)?;
    let bell = segments.map_write(5, layout::BELL, Seals::SharedWriters)?;
    let bed = match has(feature::PIPE_DOORBELL) {
        false => Bed::Futex,
        true => Bed::Pipe(File::from(segments.take(7, PAGE)?)),
    };
    if let Bed::Pipe(pipe) = &bed {
        calls::never_block(pipe.as_fd()).map_err(|error| format!("segment doorbell: {error}"))?;
    }
    let mut arenas = if has(feature::LARGE) { Some(Arenas::map(&mut segments, layout.lanes as usize)?) } else { None };
    let order = if has(feature::ASYMMETRIC_BARRIER) { Order::Asymmetric } else { Order::Sequential };
    let mut bell_of = bells(&mut segments, layout, has(feature::STREAM_DOORBELL))?;

    let mut lanes = Vec::with_capacity(layout.lanes as usize);
    let mut bodies = Vec::new();
    for (i, memory) in layout::lanes(layout, &mail, &host, peer).into_iter().enumerate() {
        let bell = bell_of(i);
        let arena = match (&mut arenas, &bell) {
            (Some(arenas), Doorbell::Shared(bell)) => Some(arenas.of_lane(i, &memory, bell, &mut bodies)),
            _ => None,
        };
        let lane = Lane::new(memory, Ringer::new(bell), arena, order);
        lanes.push(lane.ok_or("segment peer: the cursor that the host wrote is not on a frame boundary")?);
    }
    let bodies = arenas.map(|_| Arc::new(Bodies::new(Arc::clone(guard), bodies)));
    Ok((lanes, bodies, Parker::new(bell, bed, order)))
}

/// How each of the host's threads is rung.
fn bells(
    segments: &mut Segments<'_>,
    layout: &layout::Layout,
    are_kept: bool,
) -> Result<Box<dyn FnMut(usize) -> Doorbell<'static>>, String> {
    if are_kept {
        let parked = segments.map_read(6, layout.host_parked_bytes())?;
        let each = layout::PARK_MIRROR as usize;
        return Ok(Box::new(move |i| Doorbell::Shown(parked.part(i * each, each))));
    }
    let mut bells = segments.map_write(4, layout.host_bells_bytes(), Seals::SharedWriters)?;
    let each = layout::BELL as usize;
    Ok(Box::new(move |i| Doorbell::Shared(bells.lend(i * each, each))))
}

/// The memory of bodies, in equal parts for the lanes.
struct Arenas {
    to_peer: Region<'static>,
    to_host: RegionMut<'static>,
    /// Of `to_host`, whose pages are accounted for as they are needed.
    file: Arc<OwnedFd>,
    parts: [usize; 2],
}

impl Arenas {
    fn map(segments: &mut Segments<'_>, lanes: usize) -> Result<Self, String> {
        let (to_peer, to_host) = (segments.bytes_of(8), segments.bytes_of(9));
        let parts = [to_peer, to_host].map(|bytes| bytes as usize / lanes);
        let file = segments.take(9, to_host)?;
        Ok(Self {
            to_peer: segments.map_read(8, to_peer)?,
            to_host: map_to_write(file.as_fd(), to_host, Seals::Size).map_err(named(9))?,
            file: Arc::new(file),
            parts,
        })
    }

    fn of_lane(
        &mut self,
        i: usize,
        memory: &layout::LaneMemory<'static>,
        bell: &RegionMut<'static>,
        bodies: &mut Vec<LaneBodies>,
    ) -> Arena {
        let [to_peer, to_host] = self.parts;
        let returns = memory.returns.of_words();
        let (part, producer) = (self.to_peer.part(i * to_peer, to_peer), memory.mail_in.producer.clone());
        bodies.push(LaneBodies::new(part, returns, producer, bell.of_words()));
        let (file, start) = (Arc::clone(&self.file), (i * to_host) as u64);
        Arena::new(
            self.to_host.lend(i * to_host, to_host),
            memory.returned.clone(),
            Box::new(move |offset, bytes| populate(file.as_fd(), start + offset, bytes).is_ok()),
        )
    }
}
