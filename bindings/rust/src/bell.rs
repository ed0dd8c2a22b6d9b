//! How this peer sleeps until the host publishes, and how it wakes a thread of the host.
//!
//! The park word holds a state in its two low bits and a count above them. docs/memory_model.md argues it under *park*: each
//! side's store is ordered before the load behind it, so one of the two sees the other.

use crate::layout::{PARK, PENDING, PENDING_RINGS};
use crate::ring::Order;
use crate::sys::memory::{Region, RegionMut};
use crate::sys::{futex, process, stream};
use core::sync::atomic::Ordering::{Relaxed, SeqCst};
use core::time::Duration;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, BorrowedFd};

const STATES: u32 = 3;
const AWAKE: u32 = 0;
const PARKED: u32 = 1;
const RINGING: u32 = 2;

/// No sleep is longer than this: a net under the mechanism, not the mechanism.
const LONGEST_SLEEP: Duration = Duration::from_millis(250);
/// Nor longer than this where a barrier was refused: then it is the mechanism.
const LONGEST_UNORDERED_SLEEP: Duration = Duration::from_millis(1);

/// The sleeper's side of this peer's own bell.
pub(crate) struct Parker<'m> {
    bell: RegionMut<'m>,
    /// What it sleeps on, where `pipe_doorbell` was chosen.
    pipe: Option<File>,
    order: Order,
    count: u32,
    pub(crate) sleeps: u64,
    pub(crate) failed_barriers: u64,
}

impl<'m> Parker<'m> {
    pub(crate) fn new(bell: RegionMut<'m>, pipe: Option<File>, order: Order) -> Self {
        let count = bell.read().load32(PARK, Relaxed) >> 2;
        Self { bell, pipe, order, count, sleeps: 0, failed_barriers: 0 }
    }

    /// The pipe, if this peer sleeps on one.
    pub(crate) fn pipe(&self) -> Option<&File> {
        self.pipe.as_ref()
    }

    /// Sleeps until rung, or until the time is up, or for no reason. `has_work` polls everything that the host writes; it is
    /// called after the word says parked, and work that it sees ends the sleep before it begins. `control` ends a sleep on a
    /// pipe, too.
    pub(crate) fn park(&mut self, timeout: Duration, control: BorrowedFd<'_>, has_work: impl FnOnce() -> bool) {
        let longest = self.lie_down();
        if !has_work() {
            self.sleeps += 1;
            let timeout = timeout.min(longest);
            match &self.pipe {
                Some(pipe) => {
                    stream::wait(stream::Until::Readable(pipe.as_fd()), Some(stream::Until::Readable(control)), timeout);
                    drain(pipe);
                }
                None => futex::wait(&self.bell.read(), PARK, self.count << 2 | PARKED, timeout),
            }
        }
        self.get_up();
    }

    /// Says that this peer is parked. To be followed by a look at all that the host writes. How long it may sleep.
    pub(crate) fn lie_down(&mut self) -> Duration {
        self.count = (self.count + 1) & (u32::MAX >> 2);
        // SYNC(park): ordered before the poll; with the host's ringer, whose load comes after the store of the frame.
        self.bell.store32(PARK, self.count << 2 | PARKED, SeqCst);
        // SYNC(park), SYNC(want): the barrier that an asymmetric host leaves to this side.
        if self.order == Order::Asymmetric && !process::barrier_in_all_threads() {
            self.failed_barriers += 1;
            return LONGEST_UNORDERED_SLEEP;
        }
        LONGEST_SLEEP
    }

    pub(crate) fn get_up(&self) {
        // Relaxed: a producer that still reads parked rings once more than needed.
        self.bell.store32(PARK, self.count << 2 | AWAKE, Relaxed);
    }
}

/// Empties the pipe of a bell. Its end, when the host has died, is seen on the control stream.
pub(crate) fn drain(mut pipe: &File) {
    let mut bytes = [0; 256];
    while matches!(pipe.read(&mut bytes), Ok(count) if count == bytes.len()) {}
}

/// How a thread of the host is rung.
pub(crate) enum Doorbell<'m> {
    /// By its bell, which both sides write.
    Shared(RegionMut<'m>),
    /// By a message, where the host keeps its bells and shows when they sleep.
    Shown(Region<'m>),
}

/// A ringer's side of a bell of the host.
pub(crate) struct Ringer<'m> {
    bell: Doorbell<'m>,
    rung: Option<u32>,
}

impl<'m> Ringer<'m> {
    pub(crate) fn new(bell: Doorbell<'m>) -> Self {
        Self { bell, rung: None }
    }

    /// Call after publishing, with the ring's cold mark as it was read after that. True: the lane is to be rung by a message.
    pub(crate) fn ring_for(&mut self, cold_mark: u32) -> bool {
        // The mark is the host's word: a wrong one mutes only itself. Who only shows its bells marks nothing.
        if let (1..=PENDING_RINGS, Doorbell::Shared(bell)) = (cold_mark, &self.bell) {
            let bit = cold_mark - 1;
            // SYNC(cold): before the load of the park word.
            bell.or64(PENDING + bit as usize / 64 * 8, 1 << (bit % 64));
        }
        self.ring()
    }

    /// As `ring_for`, after a cursor has been stored that somebody waits for.
    pub(crate) fn ring(&mut self) -> bool {
        // SYNC(park): after the store of the frame or cursor; with the host's sleeper.
        let word = match &self.bell {
            Doorbell::Shared(bell) => bell.read().load32(PARK, SeqCst),
            Doorbell::Shown(parked) => parked.load32(PARK, SeqCst),
        };
        if word & STATES == AWAKE {
            return false;
        }
        // Once for each sleep, whoever else rings: one that dies between the change and the wake must not mute the others.
        let count = word >> 2;
        if self.rung == Some(count) {
            return false;
        }
        self.rung = Some(count);
        let Doorbell::Shared(bell) = &self.bell else { return true };
        // Failure means that another has rung or the sleeper woke; the wake below is then for no reason.
        bell.exchange32(PARK, count << 2 | PARKED, count << 2 | RINGING);
        futex::wake(bell, PARK);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::memory::heap::Heap;
    use std::os::unix::net::UnixStream;

    #[test]
    fn a_ring_ends_the_sleep_that_it_is_for() {
        let heap = Heap::new(8192);
        let (bell, word) = heap.share();
        let (socket, _other) = UnixStream::pair().unwrap();
        let mut parker = Parker::new(bell, None, Order::Sequential);
        std::thread::scope(|threads| {
            threads.spawn(|| {
                while word.load32(PARK, SeqCst) & STATES != PARKED {
                    std::thread::yield_now();
                }
                let mut ringer = Ringer::new(Doorbell::Shared(heap.share().0));
                assert!(!ringer.ring());
            });
            parker.park(Duration::from_secs(10), socket.as_fd(), || false);
        });
        assert_eq!((word.load32(PARK, SeqCst), parker.sleeps), (1 << 2, 1));
    }

    #[test]
    fn work_that_is_there_ends_a_sleep_before_it_begins() {
        let heap = Heap::new(8192);
        let (bell, word) = heap.share();
        let (socket, _other) = UnixStream::pair().unwrap();
        let mut parker = Parker::new(bell, None, Order::Sequential);
        parker.park(Duration::from_secs(10), socket.as_fd(), || word.load32(PARK, SeqCst) == (1 << 2 | PARKED));
        assert_eq!(parker.sleeps, 0);
    }

    #[test]
    fn a_sleep_is_rung_for_once_and_a_cold_ring_gets_its_bit() {
        let heap = Heap::new(8192);
        let (bell, words) = heap.share();
        bell.store32(PARK, 5 << 2 | PARKED, SeqCst);
        let mut ringer = Ringer::new(Doorbell::Shared(bell));
        ringer.ring_for(70);
        assert_eq!(words.load64(PENDING + 8, SeqCst), 1 << 5);
        assert_eq!(words.load32(PARK, SeqCst), 5 << 2 | RINGING);
        heap.share().0.store32(PARK, 5 << 2 | PARKED, SeqCst);
        ringer.ring_for(PENDING_RINGS + 1);
        assert_eq!(words.load32(PARK, SeqCst), 5 << 2 | PARKED);
    }

    #[test]
    fn a_host_that_keeps_its_bells_is_rung_by_a_message_once_for_each_sleep() {
        let heap = Heap::new(4096);
        let (bell, shown) = heap.share();
        let mut ringer = Ringer::new(Doorbell::Shown(shown));
        assert!(!ringer.ring());
        bell.store32(PARK, 1 << 2 | PARKED, SeqCst);
        assert!(ringer.ring_for(3) && !ringer.ring());
        bell.store32(PARK, 2 << 2 | PARKED, SeqCst);
        assert!(ringer.ring());
    }
}
