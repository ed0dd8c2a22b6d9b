//! Other peers of the same system: the host makes a lane between two of them, and they talk on it without the host.
//! docs/spec/peers.md.

#[cfg(test)]
mod tests;

use super::{Lane, Link};
use crate::bell::{Doorbell, Ringer};
use crate::error::Error;
use crate::layout::{self, LaneMemory, Layout, PeerPart, BELL, LEAST_RING};
use crate::ring::{survey, Consumer, Order, Producer};
use crate::stream::Frame;
use crate::sys::memory::{Region, RegionMut};
use crate::sys::segment::{map_to_read, map_to_write, Seals};
use crate::sys::stream as calls;
use crate::wire::{self, feature, Introduce, Presence};
use core::sync::atomic::Ordering::Relaxed;
use std::os::fd::{AsFd, OwnedFd};

/// Those of a welcome and those introduced, together.
const MOST_LANES: usize = 256;
/// Of an asker's life, in the number of its ask.
const LIFE: u32 = 0x7f << 24;

/// Another peer.
pub(crate) struct Met {
    pub(super) name: String,
    pub(super) presence: Presence,
    pub(super) is_broken: bool,
    /// Where its mail lies, and the cursor of that.
    mail: Region<'static>,
    cursor: Region<'static>,
}

impl Met {
    pub(super) fn is_cut(&self) -> bool {
        self.is_broken || self.presence == Presence::Ended
    }

    /// Where what has been published by now ends.
    fn end_of_mail(&self) -> u64 {
        survey(&self.mail, &self.cursor).map_or(0, |left| left.tail)
    }
}

/// A lane to another peer, in four descriptors: taken up where a predecessor may have left it. An error says why not.
fn join(introduce: &Introduce, files: Vec<OwnedFd>) -> Result<Lane, String> {
    let count = files.len();
    let files: [OwnedFd; 4] = files.try_into().map_err(|_| format!("{count} descriptors came with an introduction, not 4"))?;
    let [mine, theirs, bell, pipe] = files;
    let layout = Layout {
        lanes: 1,
        mail_to_peer: LEAST_RING, // none
        mail_to_host: introduce.mail_bytes,
        control: introduce.control_bytes,
    };
    let bytes = layout.peer_bytes();
    let of = |what: &'static str| move |text: String| format!("{what}: {text}");
    // Its writer's successors map a side writable again.
    let mut mine = map_to_write(mine.as_fd(), bytes, Seals::SharedWriters).map_err(of("its own side"))?;
    let theirs = map_to_read(theirs.as_fd(), bytes, Seals::SharedWriters).map_err(of("the other side"))?;
    let bell = map_to_write(bell.as_fd(), BELL, Seals::SharedWriters).map_err(of("the other's bell"))?;
    if !calls::is_pipe(pipe.as_fd()) {
        return Err("the other's doorbell is no pipe".into());
    }
    // One that blocks would keep this process waiting for a peer that does not read.
    calls::never_block(pipe.as_fd()).map_err(|error| format!("the other's doorbell: {error}"))?;
    let memory = LaneMemory::between_peers(
        PeerPart::of_lane(0, &layout, |at, bytes| mine.lend(at, bytes)),
        PeerPart::of_lane(0, &layout, |at, bytes| theirs.part(at, bytes)),
    );
    take_up(memory, Ringer::new(Doorbell::Piped(bell, pipe.into())), introduce.name.clone())
}

fn take_up(memory: LaneMemory<'static>, bell: Ringer<'static>, name: String) -> Result<Lane, String> {
    const IMPOSSIBLE: &str = "what a predecessor has left in its rings is impossible";
    let mail = survey(&memory.mail_in.data, &memory.mail_in.own).ok_or(IMPOSSIBLE)?;
    let control = survey(&memory.control_in.data, &memory.control_in.own).ok_or(IMPOSSIBLE)?;
    let mail_out = survey(&memory.mail_out.data, &memory.mail_out.consumer).ok_or(IMPOSSIBLE)?;
    let control_out = survey(&memory.control_out.data, &memory.control_out.consumer).ok_or(IMPOSSIBLE)?;
    // What the predecessor may have seen, and had in hand as often as is counted here. Relaxed: this thread's alone now.
    let own = &memory.mail_in.own;
    let attempts = match own.load64(layout::IN_HAND, Relaxed) == 1 + mail.first {
        false => 0,
        true if own.load64(layout::ATTEMPTED, Relaxed) == 1 + mail.first => attempt_of(own).wrapping_add(1),
        true => 1,
    };
    own.store64(layout::ATTEMPTED, 1 + mail.first, Relaxed);
    own.store64(layout::IN_HAND, 0, Relaxed);
    resume(own, if mail.messages == 0 { mail.cursor } else { mail.tail }, mail.sequence, attempts);
    resume(&memory.control_in.own, control.cursor, control.sequence, 0);
    let met = Met { name, presence: Presence::There, is_broken: false, mail: memory.mail_in.data.clone(), cursor: own.read() };
    // Whoever comes after the dead knows nothing of what they had agreed on.
    let order = Order::Sequential;
    let lane = Lane {
        mail_in: Consumer::new(memory.mail_in, order).ok_or(IMPOSSIBLE)?,
        control_in: Consumer::new(memory.control_in, order).ok_or(IMPOSSIBLE)?,
        mail_out: Producer::take_up(memory.mail_out, order, &mail_out),
        control_out: Producer::take_up(memory.control_out, order, &control_out),
        bell,
        arena: None,
        met: Some(met),
        stop_at: None,
    };
    // A dead one may have waited for room.
    lane.mail_out.want_room(false);
    lane.control_out.want_room(false);
    Ok(lane)
}

fn attempt_of(own: &RegionMut<'_>) -> u32 {
    (own.load64(layout::RESUME_SEQUENCE_AND_ATTEMPT, Relaxed) >> 32) as u32
}

fn resume(own: &RegionMut<'_>, tail: u64, sequence: u16, attempt: u32) {
    own.store64(layout::RESUME_TAIL, tail, Relaxed);
    own.store64(layout::RESUME_SEQUENCE_AND_ATTEMPT, u64::from(sequence) | u64::from(attempt) << 32, Relaxed);
}

impl Link {
    pub(super) fn introduce(&mut self, frame: Frame) {
        // One that cannot be read is none of this version's.
        let Ok(introduce) = Introduce::decode(&frame.payload) else { return };
        let why_not = self.meet(&introduce, frame.files).err().unwrap_or_default();
        self.say_introduced(introduce.lane, &why_not);
    }

    fn say_introduced(&mut self, lane: u32, text: &str) {
        // A stream that has failed says so to whoever reads it.
        let _ = self.stream.send(wire::kind::INTRODUCED, &wire::introduced(lane, text));
    }

    fn meet(&mut self, introduce: &Introduce, files: Vec<OwnedFd>) -> Result<(), String> {
        if self.features & feature::INTRODUCTIONS == 0 {
            return Err("introductions were not agreed on".into());
        }
        let next = self.lanes.len();
        if introduce.lane as usize != next || next >= MOST_LANES {
            return Err(format!("lane {} is not the next of {next}", introduce.lane));
        }
        let lane = join(introduce, files)?;
        let stops = self.lanes[0].stop_at.is_some();
        self.lanes.push(lane);
        if stops {
            self.stop_reading(next);
        }
        Ok(())
    }

    pub(super) fn note_presence(&mut self, payload: &[u8]) {
        let Ok((lane, presence)) = Presence::decode(payload) else { return };
        if let Some(met) = self.lanes.get_mut(lane as usize).and_then(|lane| lane.met.as_mut()) {
            met.presence = presence;
        }
    }

    /// What another peer has published by now is read, and what is behind that is for the next life.
    pub(super) fn stop_reading(&mut self, at: usize) {
        let lane = &mut self.lanes[at];
        if let (Some(met), None) = (&lane.met, lane.stop_at) {
            lane.stop_at = Some(met.end_of_mail());
        }
    }

    /// The other peer has written the impossible: the link goes on without that lane, and the host is told.
    #[cold]
    pub(super) fn cut(&mut self, at: usize, why: &str) {
        let Some(met) = &mut self.lanes[at].met else { return };
        if !core::mem::replace(&mut met.is_broken, true) {
            let text = format!("'{}' broke the protocol: {why}", met.name);
            self.say_introduced(at as u32, &text);
        }
    }

    pub(super) fn check_lane(&self, at: usize) -> Result<(), Error> {
        match &self.lanes[at].met {
            Some(met) if met.is_broken => Err(Error::PeerGone(format!("the peer '{}' broke the protocol", met.name))),
            Some(met) if met.is_cut() => Err(Error::PeerGone(format!("the peer '{}' has ended", met.name))),
            _ => Ok(()),
        }
    }

    /// Whether nobody is there any more who could read an answer: whoever asked is dead.
    #[inline]
    pub(super) fn has_lost_asker(&self, at: usize) -> bool {
        self.lanes[at].met.as_ref().map_or(false, |met| met.is_cut() || met.presence == Presence::Away)
    }

    /// Of this life, in the numbers of its asks.
    pub(super) fn life(&self) -> u32 {
        (self.incarnation as u32) << 24 & LIFE
    }

    /// Between two peers rings outlive them, and so do answers to whoever is dead.
    pub(super) fn is_for_this_life(&self, at: usize, correlation: u32) -> bool {
        self.lanes[at].met.is_none() || correlation & LIFE == self.life()
    }
}
