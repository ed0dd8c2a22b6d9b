//! What lies where in the segments. A wire format: docs/spec/ring.md says the same in tables.

use crate::sys::memory::{Region, RegionMut};

/// Frames start on a boundary of this many bytes.
pub(crate) const LINE: u64 = 64;
pub(crate) const PAGE: u64 = 4096;
pub(crate) const HEADER: u64 = 32;
pub(crate) const LEAST_RING: u64 = 4096;
pub(crate) const MOST_RING: u64 = 1 << 30;

// Offsets in a frame.
pub(crate) const TYPE_AND_CORRELATION: u64 = 8;
pub(crate) const TARGET: u64 = 16;
pub(crate) const SENDER: u64 = 24;

// Offsets in a producer's block.
pub(crate) const WANT: usize = 0;
pub(crate) const START_SEQUENCE: usize = 4;
pub(crate) const START: usize = 8;

// Offsets in a consumer's block.
pub(crate) const CURSOR: usize = 0;
pub(crate) const SEQUENCE: usize = 8;
pub(crate) const IN_HAND: usize = 128;
pub(crate) const COLD: usize = 256;
pub(crate) const RESUME_TAIL: usize = 384;
pub(crate) const RESUME_SEQUENCE_AND_ATTEMPT: usize = 392;
pub(crate) const ATTEMPTED: usize = 400;

// Offsets in a returns block: a count, and a serial for each slot.
pub(crate) const COUNT: usize = 0;
pub(crate) const SERIALS: usize = 512;

const PRODUCER_BLOCK: usize = 128;
const CONSUMER_BLOCK: usize = 512;
const RETURNS_BLOCK: usize = 2560;

// Offsets in a bell.
pub(crate) const PARK: usize = 0;
pub(crate) const PENDING: usize = 4096;
pub(crate) const PENDING_RINGS: u32 = 4096 * 8;
pub(crate) const BELL: u64 = 2 * PAGE;

/// How far apart the words of a host's lanes lie where it does not share its bells.
pub(crate) const PARK_MIRROR: u64 = 128;

pub(crate) const fn is_ring(bytes: u64) -> bool {
    bytes.is_power_of_two() && LEAST_RING <= bytes && bytes <= MOST_RING
}

pub(crate) const fn frame_bytes(payload: u64) -> u64 {
    (HEADER + payload + LINE - 1) & !(LINE - 1)
}

/// The largest frame is half a ring, so an empty ring always has room for it.
pub(crate) const fn max_payload(capacity: u64) -> u64 {
    capacity / 2 - HEADER
}

/// The lane that a mailbox of the host names. The four bits above are the host's own.
pub(crate) const fn lane_of(mailbox: u64) -> usize {
    (mailbox >> 52 & 0xff) as usize
}

/// What is `actor` at the other end of a lane to another peer.
pub(crate) const fn mailbox_on(lane: usize, actor: u64) -> u64 {
    (lane as u64) << 52 | (actor & ((1 << 52) - 1))
}

/// The figures of a welcome, which say how large each segment is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Layout {
    pub(crate) lanes: u32,
    pub(crate) mail_to_peer: u64,
    pub(crate) mail_to_host: u64,
    pub(crate) control: u64,
}

impl Layout {
    // No sum overflows: 256 lanes of rings of at most a gigabyte.
    fn lanes(&self) -> u64 {
        u64::from(self.lanes)
    }
    pub(crate) fn mail_bytes(&self) -> u64 {
        self.lanes() * (PAGE + self.mail_to_peer)
    }
    pub(crate) fn host_bytes(&self) -> u64 {
        self.lanes() * (PAGE + self.control)
    }
    pub(crate) fn peer_bytes(&self) -> u64 {
        self.lanes() * (PAGE + self.mail_to_host + self.control)
    }
    pub(crate) fn host_bells_bytes(&self) -> u64 {
        self.lanes() * BELL
    }
    pub(crate) fn host_parked_bytes(&self) -> u64 {
        (self.lanes() * PARK_MIRROR + PAGE - 1) / PAGE * PAGE
    }
}

/// A ring as its producer has it.
pub(crate) struct ProducerMemory<'m> {
    pub(crate) data: RegionMut<'m>,
    pub(crate) own: RegionMut<'m>,
    pub(crate) consumer: Region<'m>,
}

/// A ring as its consumer has it.
pub(crate) struct ConsumerMemory<'m> {
    pub(crate) data: Region<'m>,
    pub(crate) own: RegionMut<'m>,
    pub(crate) producer: Region<'m>,
}

/// What a lane is made of, as one side has it.
pub(crate) struct LaneMemory<'m> {
    pub(crate) mail_in: ConsumerMemory<'m>,
    pub(crate) control_in: ConsumerMemory<'m>,
    pub(crate) mail_out: ProducerMemory<'m>,
    pub(crate) control_out: ProducerMemory<'m>,
    /// Which bodies this side has given back, and which the other.
    pub(crate) returns: RegionMut<'m>,
    pub(crate) returned: Region<'m>,
}

/// A lane's part of the segment `mail`. `R` is a region to be read, or to be written.
pub(crate) struct MailPart<R> {
    producer: R,
    data: R,
}

impl<R> MailPart<R> {
    /// `cut` gives so many bytes from an offset in the segment.
    pub(crate) fn of_lane(i: usize, layout: &Layout, mut cut: impl FnMut(usize, usize) -> R) -> Self {
        let (page, mail) = (PAGE as usize, layout.mail_to_peer as usize);
        let start = i * (page + mail);
        Self { producer: cut(start, PRODUCER_BLOCK), data: cut(start + page, mail) }
    }
}

/// A lane's part of the segment `host`.
pub(crate) struct HostPart<R> {
    mail_consumer: R,
    control_consumer: R,
    control_producer: R,
    returns: R,
    control: R,
}

impl<R> HostPart<R> {
    pub(crate) fn of_lane(i: usize, layout: &Layout, mut cut: impl FnMut(usize, usize) -> R) -> Self {
        let (page, control) = (PAGE as usize, layout.control as usize);
        let start = i * (page + control);
        Self {
            mail_consumer: cut(start, CONSUMER_BLOCK),
            control_consumer: cut(start + 512, CONSUMER_BLOCK),
            control_producer: cut(start + 1024, PRODUCER_BLOCK),
            returns: cut(start + 1536, RETURNS_BLOCK),
            control: cut(start + page, control),
        }
    }
}

/// A lane's part of the segment `peer`; and one side of a lane between two peers.
pub(crate) struct PeerPart<R> {
    mail_consumer: R,
    control_consumer: R,
    mail_producer: R,
    control_producer: R,
    returns: R,
    mail: R,
    control: R,
}

impl<R> PeerPart<R> {
    pub(crate) fn of_lane(i: usize, layout: &Layout, mut cut: impl FnMut(usize, usize) -> R) -> Self {
        let [page, mail, control] = [PAGE, layout.mail_to_host, layout.control].map(|bytes| bytes as usize);
        let start = i * (page + mail + control);
        Self {
            mail_consumer: cut(start, CONSUMER_BLOCK),
            control_consumer: cut(start + 512, CONSUMER_BLOCK),
            mail_producer: cut(start + 1024, PRODUCER_BLOCK),
            control_producer: cut(start + 1152, PRODUCER_BLOCK),
            returns: cut(start + 1536, RETURNS_BLOCK),
            mail: cut(start + page, mail),
            control: cut(start + page + mail, control),
        }
    }
}

impl<'m> LaneMemory<'m> {
    /// A peer's, of a lane to its host.
    pub(crate) fn of_peer(mail: MailPart<Region<'m>>, host: HostPart<Region<'m>>, peer: PeerPart<RegionMut<'m>>) -> Self {
        Self {
            mail_in: ConsumerMemory { data: mail.data, own: peer.mail_consumer, producer: mail.producer },
            control_in: ConsumerMemory { data: host.control, own: peer.control_consumer, producer: host.control_producer },
            mail_out: ProducerMemory { data: peer.mail, own: peer.mail_producer, consumer: host.mail_consumer },
            control_out: ProducerMemory { data: peer.control, own: peer.control_producer, consumer: host.control_consumer },
            returns: peer.returns,
            returned: host.returns,
        }
    }

    /// The host's, of the same lane.
    pub(crate) fn of_host(mail: MailPart<RegionMut<'m>>, host: HostPart<RegionMut<'m>>, peer: PeerPart<Region<'m>>) -> Self {
        Self {
            mail_in: ConsumerMemory { data: peer.mail, own: host.mail_consumer, producer: peer.mail_producer },
            control_in: ConsumerMemory { data: peer.control, own: host.control_consumer, producer: peer.control_producer },
            mail_out: ProducerMemory { data: mail.data, own: mail.producer, consumer: peer.mail_consumer },
            control_out: ProducerMemory { data: host.control, own: host.control_producer, consumer: peer.control_consumer },
            returns: host.returns,
            returned: peer.returns,
        }
    }

    /// A peer's, of a lane to another peer.
    pub(crate) fn between_peers(mine: PeerPart<RegionMut<'m>>, theirs: PeerPart<Region<'m>>) -> Self {
        Self {
            mail_in: ConsumerMemory { data: theirs.mail, own: mine.mail_consumer, producer: theirs.mail_producer },
            control_in: ConsumerMemory { data: theirs.control, own: mine.control_consumer, producer: theirs.control_producer },
            mail_out: ProducerMemory { data: mine.mail, own: mine.mail_producer, consumer: theirs.mail_consumer },
            control_out: ProducerMemory { data: mine.control, own: mine.control_producer, consumer: theirs.control_consumer },
            returns: mine.returns,
            returned: theirs.returns,
        }
    }
}

/// Cuts the three segments of a link, which have the sizes that `layout` says, into the lanes of its peer.
pub(crate) fn lanes<'m>(layout: &Layout, mail: &Region<'m>, host: &Region<'m>, mut peer: RegionMut<'m>) -> Vec<LaneMemory<'m>> {
    (0..layout.lanes as usize)
        .map(|i| {
            LaneMemory::of_peer(
                MailPart::of_lane(i, layout, |at, bytes| mail.part(at, bytes)),
                HostPart::of_lane(i, layout, |at, bytes| host.part(at, bytes)),
                PeerPart::of_lane(i, layout, |at, bytes| peer.lend(at, bytes)),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::memory::heap::Heap;
    use core::sync::atomic::Ordering::Relaxed;

    #[test]
    fn a_frame_is_rounded_up_to_lines() {
        assert_eq!([0, 32, 33, 96, 97].map(frame_bytes), [64, 64, 128, 128, 192]);
        assert_eq!(frame_bytes(max_payload(4096)), 2048);
    }

    #[test]
    fn a_mailbox_names_its_lane_in_bits_52_to_59() {
        assert_eq!(lane_of(0xf123_4567_89ab_cdef), 0x12);
    }

    #[test]
    fn the_parts_of_each_lane_lie_where_the_specification_says() {
        let layout = Layout { lanes: 3, mail_to_peer: 4096, mail_to_host: 8192, control: 4096 };
        let [mail, host, peer] = [layout.mail_bytes(), layout.host_bytes(), layout.peer_bytes()];
        assert_eq!([mail, host, peer], [3 * 8192, 3 * 8192, 3 * 16384]);
        let [mail, host, peer] = [mail, host, peer].map(|bytes| Heap::new(bytes as usize));
        let ((mail_mut, mail), (host_mut, host), (peer_mut, peer)) = (mail.share(), host.share(), peer.share());
        for at in (0..mail.len()).step_by(8) {
            mail_mut.store64(at, at as u64, Relaxed);
        }
        for at in (0..host.len()).step_by(8) {
            host_mut.store64(at, at as u64, Relaxed);
        }
        for at in (0..peer.len()).step_by(8) {
            peer_mut.store64(at, at as u64, Relaxed);
        }
        for (i, lane) in lanes(&layout, &mail, &host, peer_mut).iter().enumerate() {
            let starts = |region: &Region<'_>| region.load64(0, Relaxed) as usize;
            assert_eq!(starts(&lane.mail_in.producer), i * 8192);
            assert_eq!(starts(&lane.mail_in.data), i * 8192 + 4096);
            assert_eq!(starts(&lane.mail_out.consumer), i * 8192);
            assert_eq!(starts(&lane.control_out.consumer), i * 8192 + 512);
            assert_eq!(starts(&lane.control_in.producer), i * 8192 + 1024);
            assert_eq!(starts(&lane.control_in.data), i * 8192 + 4096);
            assert_eq!(starts(&lane.mail_in.own.read()), i * 16384);
            assert_eq!(starts(&lane.control_in.own.read()), i * 16384 + 512);
            assert_eq!(starts(&lane.mail_out.own.read()), i * 16384 + 1024);
            assert_eq!(starts(&lane.control_out.own.read()), i * 16384 + 1152);
            assert_eq!(starts(&lane.mail_out.data.read()), i * 16384 + 4096);
            assert_eq!(starts(&lane.control_out.data.read()), i * 16384 + 12288);
            assert_eq!(starts(&lane.returns.read()), i * 16384 + 1536);
            assert_eq!(starts(&lane.returned), i * 8192 + 1536);
        }
    }
}
