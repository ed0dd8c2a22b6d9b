//! The segments of a welcome: mapped, and cut into lanes.

use super::ROLES;
use crate::arena::{Arena, Bodies, LaneBodies};
use crate::bell::{Bed, Doorbell, Parker, Ringer};
use crate::layout;
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
    /// Its file, and as many bytes as it is said to have, which were found to be due.
    fn take(&mut self, role: u8) -> Result<(OwnedFd, u64), String> {
        let at = self.0.iter().position(|(segment, _)| segment.role == role).ok_or("a segment is missing")?;
        let (segment, file) = self.0.swap_remove(at);
        Ok((file, segment.bytes))
    }

    fn map_read(&mut self, role: u8) -> Result<Region<'static>, String> {
        let (file, bytes) = self.take(role)?;
        map_to_read(file.as_fd(), bytes, Seals::NoMoreWriters).map_err(named(role))
    }

    fn map_write(&mut self, role: u8, seals: Seals) -> Result<RegionMut<'static>, String> {
        let (file, bytes) = self.take(role)?;
        map_to_write(file.as_fd(), bytes, seals).map_err(named(role))
    }
}

fn named(role: u8) -> impl Fn(String) -> String {
    move |text| format!("segment {}: {text}", ROLES[usize::from(role) - 1])
}

pub(super) type Built = (Vec<Lane>, Option<Arc<Bodies>>, Parker<'static>);

/// Maps every segment of a welcome that was checked, once its file's size and seals have been looked at, and puts the lanes on top.
pub(super) fn build(welcome: &Welcome, files: Vec<OwnedFd>, guard: &Arc<process::ForkGuard>) -> Result<Built, String> {
    if files.len() != welcome.segments.len() {
        return Err(format!("{} descriptors came for {} segments", files.len(), welcome.segments.len()));
    }
    let mut segments = Segments(welcome.segments.iter().zip(files).collect());
    let (layout, has) = (&welcome.layout, |feature: u64| welcome.features & feature != 0);
    let mail = segments.map_read(1)?;
    let host = segments.map_read(2)?;
    let peer = segments.map_write(3, Seals::Size)?;
    let bell = segments.map_write(5, Seals::SharedWriters)?;
    let bed = match has(feature::PIPE_DOORBELL) {
        false => Bed::Futex,
        true => Bed::Pipe(File::from(segments.take(7)?.0)),
    };
    if let Bed::Pipe(pipe) = &bed {
        calls::never_block(pipe.as_fd()).map_err(|error| format!("segment doorbell: {error}"))?;
    }
    let mut arenas = if has(feature::LARGE) { Some(Arenas::map(&mut segments, layout.lanes as usize)?) } else { None };
    let order = if has(feature::ASYMMETRIC_BARRIER) { Order::Asymmetric } else { Order::Sequential };
    let mut bell_of = bells(&mut segments, has(feature::STREAM_DOORBELL))?;

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
fn bells(segments: &mut Segments<'_>, are_kept: bool) -> Result<Box<dyn FnMut(usize) -> Doorbell<'static>>, String> {
    if are_kept {
        let parked = segments.map_read(6)?;
        let each = layout::PARK_MIRROR as usize;
        return Ok(Box::new(move |i| Doorbell::Shown(parked.part(i * each, each))));
    }
    let mut bells = segments.map_write(4, Seals::SharedWriters)?;
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
        let to_peer = segments.map_read(8)?;
        let (file, bytes) = segments.take(9)?;
        let to_host = map_to_write(file.as_fd(), bytes, Seals::Size).map_err(named(9))?;
        let parts = [to_peer.len() / lanes, bytes as usize / lanes];
        Ok(Self { to_peer, to_host, file: Arc::new(file), parts })
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
