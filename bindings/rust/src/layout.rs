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

// Offsets in a consumer's block.
pub(crate) const CURSOR: usize = 0;
pub(crate) const IN_HAND: usize = 128;
pub(crate) const COLD: usize = 256;
pub(crate) const RESUME_TAIL: usize = 384;
pub(crate) const RESUME_SEQUENCE_AND_ATTEMPT: usize = 392;

const PRODUCER_BLOCK: usize = 128;
const CONSUMER_BLOCK: usize = 512;

// Offsets in a bell.
pub(crate) const PARK: usize = 0;
pub(crate) const PENDING: usize = 4096;
pub(crate) const PENDING_RINGS: u32 = 4096 * 8;
pub(crate) const BELL: u64 = 2 * PAGE;

/// How far apart the words of a host's lanes lie where it does not share its bells.
pub(crate) const PARK_MIRROR: u64 = 128;

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

/// The four rings of a lane, as the peer has them.
pub(crate) struct LaneMemory<'m> {
    pub(crate) mail_in: ConsumerMemory<'m>,
    pub(crate) control_in: ConsumerMemory<'m>,
    pub(crate) mail_out: ProducerMemory<'m>,
    pub(crate) control_out: ProducerMemory<'m>,
}

/// Cuts the three segments of a link, which have the sizes that `layout` says, into its lanes.
pub(crate) fn lanes<'m>(layout: &Layout, mail: Region<'m>, host: Region<'m>, peer: RegionMut<'m>) -> Vec<LaneMemory<'m>> {
    let [page, mail_to_peer, mail_to_host, control] =
        [PAGE, layout.mail_to_peer, layout.mail_to_host, layout.control].map(|bytes| bytes as usize);
    let mut rest = peer;
    (0..layout.lanes as usize)
        .map(|i| {
            let mail = mail.part(i * (page + mail_to_peer), page + mail_to_peer);
            let host = host.part(i * (page + control), page + control);
            // `rest` is taken apart from its front; what is left goes to the next lane.
            let (blocks, behind) = take(&mut rest, page).split(CONSUMER_BLOCK);
            let (control_consumer, behind) = behind.split(CONSUMER_BLOCK);
            let (mail_producer, behind) = behind.split(PRODUCER_BLOCK);
            let (control_producer, _) = behind.split(PRODUCER_BLOCK);
            LaneMemory {
                mail_in: ConsumerMemory {
                    data: mail.part(page, mail_to_peer),
                    own: blocks,
                    producer: mail.part(0, PRODUCER_BLOCK),
                },
                control_in: ConsumerMemory {
                    data: host.part(page, control),
                    own: control_consumer,
                    producer: host.part(2 * CONSUMER_BLOCK, PRODUCER_BLOCK),
                },
                mail_out: ProducerMemory {
                    data: take(&mut rest, mail_to_host),
                    own: mail_producer,
                    consumer: host.part(0, CONSUMER_BLOCK),
                },
                control_out: ProducerMemory {
                    data: take(&mut rest, control),
                    own: control_producer,
                    consumer: host.part(CONSUMER_BLOCK, CONSUMER_BLOCK),
                },
            }
        })
        .collect()
}

/// The first `bytes` of `rest`, which it then lacks.
pub(crate) fn take<'m>(rest: &mut RegionMut<'m>, bytes: usize) -> RegionMut<'m> {
    let whole = core::mem::replace(rest, RegionMut::empty());
    let (first, behind) = whole.split(bytes);
    *rest = behind;
    first
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
        for (i, lane) in lanes(&layout, mail, host, peer_mut).iter().enumerate() {
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
        }
    }
}
