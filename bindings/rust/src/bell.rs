//! How this peer sleeps until the other side publishes, and how it wakes a thread there.
//!
//! The park word holds a state in its two low bits and a count above them. docs/memory_model.md argues it under *park*: each
//! side's store is ordered before the load behind it, so one of the two sees the other.

use crate::layout::{PARK, PENDING, PENDING_RINGS};
use crate::ring::Order;
use crate::sys::memory::{Region, RegionMut};
use crate::sys::{futex, process, socket, stream};
use core::sync::atomic::Ordering::{Relaxed, SeqCst};
use core::time::Duration;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

const STATES: u32 = 3;
const AWAKE: u32 = 0;
const PARKED: u32 = 1;
const RINGING: u32 = 2;

/// No sleep is longer than this: a net under the mechanism, not the mechanism.
const LONGEST_SLEEP: Duration = Duration::from_millis(250);
/// Nor longer than this where a barrier was refused: then it is the mechanism.
const LONGEST_UNORDERED_SLEEP: Duration = Duration::from_millis(1);

/// What a peer sleeps on.
pub(crate) enum Bed {
    /// Its park word.
    Futex,
    /// Where `pipe_doorbell` was chosen, this and the control stream.
    Pipe(File),
    /// Who listens: the control stream, on which it is rung, and the end of the other's process, where the system tells of it.
    Stream(Option<OwnedFd>),
}

/// The sleeper's side of this peer's own bell.
pub(crate) struct Parker<'m> {
    bell: RegionMut<'m>,
    bed: Bed,
    order: Order,
    count: u32,
    pub(crate) sleeps: u64,
    pub(crate) failed_barriers: u64,
}

impl<'m> Parker<'m> {
    pub(crate) fn new(bell: RegionMut<'m>, bed: Bed, order: Order) -> Self {
        let count = bell.load32(PARK, Relaxed) >> 2;
        Self { bell, bed, order, count, sleeps: 0, failed_barriers: 0 }
    }

    pub(crate) fn bed(&self) -> &Bed {
        &self.bed
    }

    pub(crate) fn is_rung_on_stream(&self) -> bool {
        matches!(self.bed, Bed::Stream(_))
    }

    /// Whether the process of the other end is, as far as the system tells.
    pub(crate) fn other_is_dead(&self) -> bool {
        matches!(&self.bed, Bed::Stream(Some(end)) if socket::is_readable(end.as_fd()))
    }

    /// Sleeps until rung, or until the time is up, or for no reason. `has_work` polls everything that the host writes; it is
    /// called after the word says parked, and work that it sees ends the sleep before it begins. `control` ends a sleep that is
    /// not on a futex, too.
    pub(crate) fn park(&mut self, timeout: Duration, control: BorrowedFd<'_>, has_work: impl FnOnce() -> bool) {
        let longest = self.lie_down();
        if !has_work() {
            self.sleeps += 1;
            let timeout = timeout.min(longest);
            let control = stream::Until::Readable(control);
            match &self.bed {
                Bed::Futex => futex::wait(&self.bell, PARK, self.count << 2 | PARKED, timeout),
                Bed::Pipe(pipe) => stream::wait(stream::Until::Readable(pipe.as_fd()), Some(control), timeout),
                Bed::Stream(end) => {
                    stream::wait(control, end.as_ref().map(|end| stream::Until::Readable(end.as_fd())), timeout);
                }
            }
            self.empty_pipe();
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

    /// The end of the pipe, when the host has died, is seen on the control stream.
    pub(crate) fn empty_pipe(&self) {
        let Bed::Pipe(pipe) = &self.bed else { return };
        let mut bytes = [0; 256];
        while matches!((&*pipe).read(&mut bytes), Ok(count) if count == bytes.len()) {}
    }
}

/// How a thread of the other side is rung.
pub(crate) enum Doorbell<'m> {
    /// By its bell, which both sides write.
    Shared(RegionMut<'m>),
    /// By its bell, and by the pipe that it may sleep on.
    Piped(RegionMut<'m>, File),
    /// By a message, where the host keeps its bells and shows when they sleep.
    Shown(Region<'m>),
}

impl<'m> Doorbell<'m> {
    /// Its bell, if both sides write it.
    fn bell(&self) -> Option<&RegionMut<'m>> {
        match self {
            Doorbell::Shared(bell) | Doorbell::Piped(bell, _) => Some(bell),
            Doorbell::Shown(_) => None,
        }
    }
}

/// A ringer's side of a bell.
pub(crate) struct Ringer<'m> {
    /// What says whether its owner sleeps.
    words: Region<'m>,
    bell: Doorbell<'m>,
    rung: Option<u32>,
}

impl<'m> Ringer<'m> {
    pub(crate) fn new(bell: Doorbell<'m>) -> Self {
        let words = match &bell {
            Doorbell::Shared(bell) | Doorbell::Piped(bell, _) => bell.read(),
            Doorbell::Shown(parked) => parked.clone(),
        };
        Self { words, bell, rung: None }
    }

    /// Call after publishing, with the ring's cold mark as it was read after that. True: the lane is to be rung by a message.
    #[inline]
    pub(crate) fn ring_for(&mut self, cold_mark: u32) -> bool {
        // The mark is the host's word: a wrong one mutes only itself. Who only shows its bells marks nothing.
        if let (1..=PENDING_RINGS, Some(bell)) = (cold_mark, self.bell.bell()) {
            let bit = cold_mark - 1;
            // SYNC(cold): before the load of the park word.
            bell.or64(PENDING + bit as usize / 64 * 8, 1 << (bit % 64));
        }
        self.ring()
    }

    /// As `ring_for`, after a cursor has been stored that somebody waits for.
    #[inline]
    pub(crate) fn ring(&mut self) -> bool {
        // SYNC(park): after the store of the frame or cursor; with the other side's sleeper.
        let word = self.words.load32(PARK, SeqCst);
        word & STATES != AWAKE && self.wake(word)
    }

    #[cold]
    fn wake(&mut self, word: u32) -> bool {
        // Once for each sleep, whoever else rings: one that dies between the change and the wake must not mute the others.
        let count = word >> 2;
        if self.rung == Some(count) {
            return false;
        }
        self.rung = Some(count);
        let Some(bell) = self.bell.bell() else { return true };
        // Failure means that another has rung or the sleeper woke; the wake below is then for no reason.
        bell.exchange32(PARK, count << 2 | PARKED, count << 2 | RINGING);
        if let Doorbell::Piped(_, pipe) = &self.bell {
            // Both: a pipe may be an earlier incarnation's, and this one sleep on the futex. One that is full holds a wake already.
            let _ = (&*pipe).write(&[1]);
        }
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
        let mut parker = Parker::new(bell, Bed::Futex, Order::Sequential);
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
        let mut parker = Parker::new(bell, Bed::Futex, Order::Sequential);
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
    fn who_may_sleep_on_a_pipe_is_rung_there_as_well() {
        let heap = Heap::new(8192);
        let (bell, words) = heap.share();
        let (read, write) = stream::pipe().unwrap();
        let (socket, _other) = UnixStream::pair().unwrap();
        let mut ringer = Ringer::new(Doorbell::Piped(bell.of_words(), write.into()));
        let mut parker = Parker::new(bell, Bed::Pipe(read.into()), Order::Sequential);
        parker.park(Duration::from_secs(60), socket.as_fd(), || {
            assert!(!ringer.ring() && !ringer.ring());
            false
        });
        assert_eq!((words.load32(PARK, SeqCst), parker.sleeps), (1 << 2, 1));
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
