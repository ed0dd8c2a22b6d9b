//! Memory that two sides share, as words that are loaded once and bytes that one side lends.

use super::segment::Mapping;
use core::marker::PhantomData;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::Arc;

/// A stretch of shared memory that this side may read.
#[derive(Clone)]
pub(crate) struct Region<'m> {
    start: NonNull<u8>,
    length: usize,
    /// What was mapped stays mapped as long as there is a region of it.
    keeper: Option<Arc<Mapping>>,
    memory: PhantomData<&'m AtomicU64>,
}

/// A stretch of shared memory that this side writes. There is one for each byte: it cannot be copied, only split. (But for
/// words that many threads and processes write anyway: see [`RegionMut::of_words`].)
pub(crate) struct RegionMut<'m> {
    region: Region<'m>,
}

// SAFETY: it is a pointer into memory that lives for 'm, whichever thread looks at it; what is read through it is read by
// atomic operations, or is kept from changing by the rules of the ring.
unsafe impl Send for Region<'_> {}
// SAFETY: as above; two threads that read are no harm to each other.
unsafe impl Sync for Region<'_> {}
// SAFETY: as for `Region`; there is one of it for each byte, so only one thread at a time writes.
unsafe impl Send for RegionMut<'_> {}
// SAFETY: through a shared reference words are changed by atomic operations, and nothing else is changed.
unsafe impl Sync for RegionMut<'_> {}

impl<'m> Region<'m> {
    /// # Safety
    /// `start` is aligned to 64 bytes and good for reading `length` bytes for all of 'm, or for as long as there is `keeper`.
    /// Everybody writes the words that are shared by atomic operations.
    pub(super) unsafe fn new(start: NonNull<u8>, length: usize, keeper: Option<Arc<Mapping>>) -> Self {
        Self { start, length, keeper, memory: PhantomData }
    }

    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// The part of `length` bytes that starts at `at`. Panics if it is not inside: a fault of this crate.
    pub(crate) fn part(&self, at: usize, length: usize) -> Self {
        assert!(at % 64 == 0 && at <= self.length && length <= self.length - at, "a part outside of its region");
        // SAFETY: `at` is inside of the region, or at its end where the part is empty.
        Self { start: unsafe { self.start.add_to(at) }, length, keeper: self.keeper.clone(), memory: PhantomData }
    }

    #[inline]
    fn word<T>(&self, at: usize) -> NonNull<T> {
        let size = core::mem::size_of::<T>();
        assert!(at % size == 0 && at < self.length && size <= self.length - at, "a word outside of its region");
        // SAFETY: the assertion keeps the word inside of the region.
        unsafe { self.start.add_to(at) }.cast()
    }

    #[inline]
    fn word32(&self, at: usize) -> &AtomicU32 {
        // SAFETY: inside of the region and aligned, by `word`; the memory lives as long as this. Zero-filled memory is an atomic
        // of 0.
        unsafe { self.word::<AtomicU32>(at).as_ref() }
    }

    #[inline]
    fn word64(&self, at: usize) -> &AtomicU64 {
        // SAFETY: as in `word32`.
        unsafe { self.word::<AtomicU64>(at).as_ref() }
    }

    #[inline]
    pub(crate) fn load32(&self, at: usize, order: Ordering) -> u32 {
        u32::from_le(self.word32(at).load(order))
    }

    #[inline]
    pub(crate) fn load64(&self, at: usize, order: Ordering) -> u64 {
        u64::from_le(self.word64(at).load(order))
    }

    /// The word as the futex call wants it.
    pub(super) fn address32(&self, at: usize) -> *mut u32 {
        self.word::<u32>(at).as_ptr()
    }

    /// A payload, or a body. The caller promises that the slice is not used for longer than there is a region of this memory, and
    /// that nobody writes to these bytes meanwhile: their frame is published, and the cursor has not passed it; or the body has not
    /// been given back. A host that breaks its own rules can make the bytes change, but no value of a byte is invalid, and nothing
    /// is read as another type before its number has been looked at.
    #[inline]
    pub(crate) fn bytes(&self, at: usize, length: usize) -> &'m [u8] {
        let part = at <= self.length && length <= self.length - at;
        assert!(part, "bytes outside of their region");
        // SAFETY: inside of the region, which is initialised; alive and not written to, by the caller's promise.
        unsafe { core::slice::from_raw_parts(self.start.add_to(at).as_ptr(), length) }
    }
}

/// The data of a ring: as many bytes as a power of two, at least a line, which positions go round and round.
pub(crate) struct RingBytes<'m, R> {
    region: R,
    /// Of the eight bytes at a position.
    words: u64,
    memory: PhantomData<&'m AtomicU64>,
}

impl<'m> AsRef<Region<'m>> for Region<'m> {
    fn as_ref(&self) -> &Region<'m> {
        self
    }
}

impl<'m> AsRef<Region<'m>> for RegionMut<'m> {
    fn as_ref(&self) -> &Region<'m> {
        &self.region
    }
}

impl<'m, R: AsRef<Region<'m>>> RingBytes<'m, R> {
    pub(crate) fn new(region: R) -> Self {
        let bytes = region.as_ref().len() as u64;
        assert!(bytes.is_power_of_two() && bytes >= 64, "the size of a ring");
        Self { region, words: bytes - 8, memory: PhantomData }
    }

    #[inline]
    fn word(&self, position: u64) -> &AtomicU64 {
        // SAFETY: the mask has neither the low three bits nor any of the capacity or above: aligned, and eight bytes before the end at
        // the latest. The memory lives as long as this; zero-filled memory is an atomic of 0.
        unsafe { self.region.as_ref().start.add_to((position & self.words) as usize).cast::<AtomicU64>().as_ref() }
    }

    /// Of the eight bytes that have this position in them.
    #[inline]
    pub(crate) fn load(&self, position: u64, order: Ordering) -> u64 {
        u64::from_le(self.word(position).load(order))
    }
}

impl<'m> RingBytes<'m, Region<'m>> {
    /// See [`Region::bytes`].
    #[inline]
    pub(crate) fn bytes(&self, at: usize, length: usize) -> &'m [u8] {
        self.region.bytes(at, length)
    }
}

impl<'m> RingBytes<'m, RegionMut<'m>> {
    #[inline]
    pub(crate) fn store(&self, position: u64, word: u64, order: Ordering) {
        self.word(position).store(word.to_le(), order);
    }

    /// See [`RegionMut::bytes_mut`].
    #[inline]
    pub(crate) fn bytes_mut(&mut self, at: usize, length: usize) -> &'m mut [u8] {
        self.region.bytes_mut(at, length)
    }
}

impl<'m> RegionMut<'m> {
    /// # Safety
    /// As for [`Region::new`], for writing too; and there is no other `RegionMut` of any of these bytes.
    pub(super) unsafe fn new(start: NonNull<u8>, length: usize, keeper: Option<Arc<Mapping>>) -> Self {
        // SAFETY: what the caller promises is more than what is asked for.
        Self { region: unsafe { Region::new(start, length, keeper) } }
    }

    pub(crate) fn read(&self) -> Region<'m> {
        self.region.clone()
    }

    /// A second one, of words that are only changed by atomic operations: of a bell, which every ringer writes. The caller
    /// promises that neither lends bytes.
    pub(crate) fn of_words(&self) -> Self {
        Self { region: self.region.clone() }
    }

    /// A part that is lent out, until it is dropped. The caller promises to lend no byte twice at a time.
    pub(crate) fn lend(&mut self, at: usize, length: usize) -> Self {
        Self { region: self.region.part(at, length) }
    }

    #[inline]
    pub(crate) fn store32(&self, at: usize, value: u32, order: Ordering) {
        self.region.word32(at).store(value.to_le(), order);
    }

    #[inline]
    pub(crate) fn store64(&self, at: usize, value: u64, order: Ordering) {
        self.region.word64(at).store(value.to_le(), order);
    }

    /// Whether the word was `from` and is `to` now.
    pub(crate) fn exchange32(&self, at: usize, from: u32, to: u32) -> bool {
        let (from, to) = (from.to_le(), to.to_le());
        self.region.word32(at).compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// Sequentially consistent; wraps around.
    pub(crate) fn add32(&self, at: usize, more: u32) {
        let word = self.region.word32(at);
        if cfg!(target_endian = "little") {
            word.fetch_add(more, Ordering::SeqCst);
        } else {
            let add = |old: u32| Some(u32::from_le(old).wrapping_add(more).to_le());
            let _ = word.fetch_update(Ordering::SeqCst, Ordering::SeqCst, add);
        }
    }

    pub(crate) fn or64(&self, at: usize, bits: u64) {
        self.region.word64(at).fetch_or(bits.to_le(), Ordering::SeqCst);
    }

    /// Room for a payload, or for a body. The caller promises that the slice is not used for longer than there is a region of this
    /// memory, and that these bytes are lent to nobody else meanwhile: they lie behind what is published and before the cursor, and
    /// only one loan is open; or in a block that is one body's alone.
    #[inline]
    pub(crate) fn bytes_mut(&mut self, at: usize, length: usize) -> &'m mut [u8] {
        let part = at <= self.region.length && length <= self.region.length - at;
        assert!(part, "bytes outside of their region");
        // SAFETY: inside of the region, which is initialised and this side's to write; alive and not used by anybody else, by the
        // caller's promise.
        unsafe { core::slice::from_raw_parts_mut(self.region.start.add_to(at).as_ptr(), length) }
    }
}

impl<'m> core::ops::Deref for RegionMut<'m> {
    type Target = Region<'m>;
    fn deref(&self) -> &Region<'m> {
        &self.region
    }
}

/// `NonNull::add`, which younger compilers have.
trait AddTo {
    /// # Safety
    /// The result is inside of the same memory, or at its end.
    unsafe fn add_to(self, bytes: usize) -> Self;
}

impl AddTo for NonNull<u8> {
    #[inline]
    unsafe fn add_to(self, bytes: usize) -> Self {
        // SAFETY: inside of one piece of memory by the caller's promise, so it does not wrap round to null.
        unsafe { NonNull::new_unchecked(self.as_ptr().add(bytes)) }
    }
}

/// Memory of this process, for tests of what happens on shared memory.
#[cfg(test)]
pub(crate) mod heap {
    use super::*;
    use core::cell::UnsafeCell;

    #[repr(C, align(4096))]
    struct Page(UnsafeCell<[u8; 4096]>);

    pub(crate) struct Heap(Box<[Page]>);

    // SAFETY: only reached through regions, which see to it.
    unsafe impl Sync for Heap {}

    impl Heap {
        /// Zeroes, rounded up to whole pages.
        pub(crate) fn new(bytes: usize) -> Self {
            Self((0..(bytes + 4095) / 4096).map(|_| Page(UnsafeCell::new([0; 4096]))).collect())
        }

        fn start(&self) -> NonNull<u8> {
            NonNull::new(self.0.as_ptr() as *mut u8).unwrap()
        }

        /// Both views of the memory. Call it once.
        pub(crate) fn share(&self) -> (RegionMut<'_>, Region<'_>) {
            // SAFETY: page-aligned, initialised, alive as long as the borrow; once, as the comment says.
            let own = unsafe { RegionMut::new(self.start(), self.0.len() * 4096, None) };
            let read = own.read();
            (own, read)
        }
    }
}
