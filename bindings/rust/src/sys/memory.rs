//! Memory that two sides share, as words that are loaded once and bytes that one side lends.

use core::marker::PhantomData;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// A stretch of shared memory that this side may read.
#[derive(Clone, Copy)]
pub(crate) struct Region<'m> {
    start: NonNull<u8>,
    length: usize,
    memory: PhantomData<&'m AtomicU64>,
}

/// A stretch of shared memory that this side writes. There is one for each byte: it cannot be copied, only split.
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

impl<'m> Region<'m> {
    /// # Safety
    /// `start` is aligned to 64 bytes and good for reading `length` bytes for all of 'm. Everybody writes the words that are
    /// shared by atomic operations.
    pub(super) unsafe fn new(start: NonNull<u8>, length: usize) -> Self {
        Self { start, length, memory: PhantomData }
    }

    pub(crate) fn len(&self) -> usize {
        self.length
    }

    /// The part of `length` bytes that starts at `at`. Panics if it is not inside: a fault of this crate.
    pub(crate) fn part(&self, at: usize, length: usize) -> Self {
        assert!(at % 64 == 0 && at <= self.length && length <= self.length - at, "a part outside of its region");
        // SAFETY: `at` is inside of the region, or at its end where the part is empty.
        Self { start: unsafe { self.start.add_to(at) }, length, memory: PhantomData }
    }

    fn word<T>(&self, at: usize) -> NonNull<T> {
        let size = core::mem::size_of::<T>();
        assert!(at % size == 0 && at < self.length && size <= self.length - at, "a word outside of its region");
        // SAFETY: the assertion keeps the word inside of the region.
        unsafe { self.start.add_to(at) }.cast()
    }

    fn word32(&self, at: usize) -> &'m AtomicU32 {
        // SAFETY: inside of the region and aligned, by `word`; the memory lives for 'm. Zero-filled memory is an atomic of 0.
        unsafe { self.word::<AtomicU32>(at).as_ref() }
    }

    fn word64(&self, at: usize) -> &'m AtomicU64 {
        // SAFETY: as in `word32`.
        unsafe { self.word::<AtomicU64>(at).as_ref() }
    }

    pub(crate) fn load32(&self, at: usize, order: Ordering) -> u32 {
        u32::from_le(self.word32(at).load(order))
    }

    pub(crate) fn load64(&self, at: usize, order: Ordering) -> u64 {
        u64::from_le(self.word64(at).load(order))
    }

    /// The word as the futex call wants it.
    pub(super) fn address32(&self, at: usize) -> *mut u32 {
        self.word::<u32>(at).as_ptr()
    }

    /// A payload. The caller promises that nobody writes to these bytes while the slice is used: its frame is published, and
    /// the cursor has not passed it. A host that breaks its own rules can make the bytes change, but no value of a byte is
    /// invalid, and nothing is read as another type before its number has been looked at.
    pub(crate) fn bytes(&self, at: usize, length: usize) -> &'m [u8] {
        let part = at <= self.length && length <= self.length - at;
        assert!(part, "bytes outside of their region");
        // SAFETY: inside of the region, which lives for 'm and is initialised; not written to, by the caller's promise.
        unsafe { core::slice::from_raw_parts(self.start.add_to(at).as_ptr(), length) }
    }
}

impl<'m> RegionMut<'m> {
    /// # Safety
    /// As for [`Region::new`], for writing too; and there is no other `RegionMut` of any of these bytes.
    pub(super) unsafe fn new(start: NonNull<u8>, length: usize) -> Self {
        // SAFETY: what the caller promises is more than what is asked for.
        Self { region: unsafe { Region::new(start, length) } }
    }

    pub(crate) fn empty() -> Self {
        // SAFETY: there is nothing in it to be read, written or shared.
        unsafe { Self::new(NonNull::dangling(), 0) }
    }

    pub(crate) fn read(&self) -> Region<'m> {
        self.region
    }

    /// The first `at` bytes, and the rest.
    pub(crate) fn split(self, at: usize) -> (Self, Self) {
        let rest = self.region.part(at, self.region.len() - at);
        (Self { region: self.region.part(0, at) }, Self { region: rest })
    }

    pub(crate) fn store32(&self, at: usize, value: u32, order: Ordering) {
        self.region.word32(at).store(value.to_le(), order);
    }

    pub(crate) fn store64(&self, at: usize, value: u64, order: Ordering) {
        self.region.word64(at).store(value.to_le(), order);
    }

    /// Whether the word was `from` and is `to` now.
    pub(crate) fn exchange32(&self, at: usize, from: u32, to: u32) -> bool {
        let (from, to) = (from.to_le(), to.to_le());
        self.region.word32(at).compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    pub(crate) fn or64(&self, at: usize, bits: u64) {
        self.region.word64(at).fetch_or(bits.to_le(), Ordering::SeqCst);
    }

    /// Room for a payload. The caller promises that these bytes are lent to nobody else while the slice is used: they lie
    /// behind what is published and before the cursor, and only one loan is open.
    pub(crate) fn bytes(&mut self, at: usize, length: usize) -> &'m mut [u8] {
        let part = at <= self.region.length && length <= self.region.length - at;
        assert!(part, "bytes outside of their region");
        // SAFETY: inside of the region, which lives for 'm, is initialised and is this side's to write; not used by anybody
        // else, by the caller's promise.
        unsafe { core::slice::from_raw_parts_mut(self.region.start.add_to(at).as_ptr(), length) }
    }
}

/// `NonNull::add`, which younger compilers have.
trait AddTo {
    /// # Safety
    /// The result is inside of the same memory, or at its end.
    unsafe fn add_to(self, bytes: usize) -> Self;
}

impl AddTo for NonNull<u8> {
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
            let own = unsafe { RegionMut::new(self.start(), self.0.len() * 4096) };
            let read = own.read();
            (own, read)
        }
    }
}
