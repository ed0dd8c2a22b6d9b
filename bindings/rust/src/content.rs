//! Content of variable length, which stands behind the fixed part of a message: docs/spec/message.md.

use crate::array::{write_all, Array, ArrayMut};
use crate::field::{Field, Format};
use crate::text::TextView;

/// Content of variable length: a `text` is a [`String`], `bytes` are a `Vec<u8>`, a `list<T>` is a [`Vec`].
pub trait Content: Format + Default {
    /// How many bytes an element has.
    const ELEMENT: usize;

    /// It starts at a multiple of this.
    const ALIGN: usize;

    /// How many elements there are; of a text, how many bytes.
    fn length(&self) -> usize;
}

/// What is read of a text that is not UTF-8 has U+FFFD where it is none.
impl Format for String {
    type View<'a> = TextView<'a>;
    type Edit<'a> = &'a mut [u8];

    fn is_valid(_: &[u8]) -> bool {
        true
    }

    fn view(bytes: &[u8]) -> TextView<'_> {
        TextView::whole(bytes)
    }

    fn edit(bytes: &mut [u8]) -> &mut [u8] {
        bytes
    }

    fn read(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).into_owned()
    }

    fn write(&self, bytes: &mut [u8]) {
        bytes.copy_from_slice(self.as_bytes());
    }
}

impl Content for String {
    const ELEMENT: usize = 1;
    const ALIGN: usize = 1;

    fn length(&self) -> usize {
        self.len()
    }
}

impl<T: Field> Format for Vec<T> {
    type View<'a> = Array<'a, T>;
    type Edit<'a> = ArrayMut<'a, T>;

    fn is_valid(bytes: &[u8]) -> bool {
        bytes.chunks_exact(T::SIZE).all(T::is_valid)
    }

    fn view(bytes: &[u8]) -> Array<'_, T> {
        Array::new(bytes)
    }

    fn edit(bytes: &mut [u8]) -> ArrayMut<'_, T> {
        ArrayMut::new(bytes)
    }

    fn read(bytes: &[u8]) -> Vec<T> {
        bytes.chunks_exact(T::SIZE).map(T::read).collect()
    }

    fn write(&self, bytes: &mut [u8]) {
        write_all(self, bytes);
    }
}

impl<T: Field> Content for Vec<T> {
    const ELEMENT: usize = T::SIZE;
    const ALIGN: usize = T::ALIGN;

    fn length(&self) -> usize {
        self.len()
    }
}

/// A reference has the offset and the length of content; behind that of optional content stands whether there is any.
const REFERENCE: usize = 8;

/// The bytes of a message that has content of variable length. Generated code reads it.
#[derive(Clone, Copy, Debug)]
pub struct Payload<'a> {
    /// All of them.
    pub bytes: &'a [u8],
    /// The fixed part, as long as the writer's version of the message has it.
    pub fixed: &'a [u8],
}

impl<'a> Payload<'a> {
    /// Finds the fixed part. `sizes` are those that the message has had, the last is that of this version; at `fixed_size_at`
    /// stands its fixed size. None if the bytes are no message.
    pub fn new(bytes: &'a [u8], fixed_size_at: usize, sizes: &[usize]) -> Option<Self> {
        let length = if bytes.len() <= fixed_size_at && sizes.contains(&bytes.len()) {
            bytes.len() // of a version that had no content of variable length
        } else {
            let length = u32::view(bytes.get(fixed_size_at..fixed_size_at + 4)?) as usize;
            if length <= fixed_size_at || (length < *sizes.last()? && !sizes.contains(&length)) {
                return None;
            }
            length
        };
        Some(Self { bytes, fixed: bytes.get(..length)? })
    }

    /// Whether the reference at this offset is a good one, to valid content.
    pub fn has_valid<C: Content>(&self, at: usize) -> bool {
        let (offset, length) = self.reference(at);
        // No sum of these overflows 64 bits: an element has no more than 64 KiB.
        let (start, end) = (u64::from(offset), u64::from(offset) + u64::from(length) * C::ELEMENT as u64);
        let is_inside = start >= self.fixed.len() as u64 && end <= self.bytes.len() as u64;
        length == 0 || (is_inside && offset as usize % C::ALIGN == 0 && C::is_valid(self.piece::<C>(at)))
    }

    /// As [`has_valid`](Payload::has_valid), of content that is optional.
    pub fn has_valid_if_any<C: Content>(&self, at: usize) -> bool {
        match self.fixed.get(at + REFERENCE) {
            None | Some(0) => true,
            Some(1) => self.has_valid::<C>(at),
            Some(_) => false,
        }
    }

    /// The content, where it lies; empty where it was not sent.
    pub fn view<C: Content>(&self, at: usize) -> C::View<'a> {
        C::view(self.piece::<C>(at))
    }

    /// As [`view`](Payload::view), of content that is optional.
    pub fn view_if_any<C: Content>(&self, at: usize) -> Option<C::View<'a>> {
        self.has_any(at).then(|| self.view::<C>(at))
    }

    /// A copy of the content.
    pub fn read<C: Content>(&self, at: usize) -> C {
        C::read(self.piece::<C>(at))
    }

    /// As [`read`](Payload::read), of content that is optional.
    pub fn read_if_any<C: Content>(&self, at: usize) -> Option<C> {
        self.has_any(at).then(|| self.read(at))
    }

    fn has_any(&self, at: usize) -> bool {
        self.fixed.get(at + REFERENCE) == Some(&1)
    }

    fn reference(&self, at: usize) -> (u32, u32) {
        // What was not sent is empty.
        self.fixed.get(at..at + REFERENCE).map_or((0, 0), |bytes| (u32::view(&bytes[..4]), u32::view(&bytes[4..])))
    }

    fn piece<C: Content>(&self, at: usize) -> &'a [u8] {
        match self.reference(at) {
            (_, 0) => &[],
            (offset, length) => &self.bytes[offset as usize..][..length as usize * C::ELEMENT],
        }
    }
}

/// The bytes of a message that has content of variable length, and is written. Generated code writes it: first the references,
/// which say where content of these lengths lies, then the content.
#[derive(Debug)]
pub struct PayloadMut<'a> {
    /// All of them.
    pub bytes: &'a mut [u8],
}

impl PayloadMut<'_> {
    /// The content, to be written where it lies.
    pub fn edit<C: Content>(&mut self, at: usize) -> C::Edit<'_> {
        C::edit(self.piece::<C>(at))
    }

    /// As [`edit`](PayloadMut::edit), of content that is optional.
    pub fn edit_if_any<C: Content>(&mut self, at: usize) -> Option<C::Edit<'_>> {
        let has_any = self.bytes[at + REFERENCE] == 1;
        has_any.then(|| self.edit::<C>(at))
    }

    /// Writes the content.
    pub fn write<C: Content>(&mut self, at: usize, content: &C) {
        content.write(self.piece::<C>(at));
    }

    fn piece<C: Content>(&mut self, at: usize) -> &mut [u8] {
        let number = |at: usize| u32::view(&self.bytes[at..at + 4]) as usize;
        match (number(at), number(at + 4)) {
            (_, 0) => &mut [],
            (offset, length) => &mut self.bytes[offset..][..length * C::ELEMENT],
        }
    }
}

/// Where each piece of content goes: the next behind the last, in the order of the fields. Generated code asks it.
#[derive(Debug)]
pub struct Places {
    /// Where the last one ends, and with it the payload.
    pub end: usize,
}

impl Places {
    /// Behind the fixed part.
    pub fn behind(fixed_size: usize) -> Self {
        Self { end: fixed_size }
    }

    /// Room for the next content. What is longer than memory can be ends at the end of memory: no buffer is so long.
    pub fn next<C: Content>(&mut self, length: usize) -> usize {
        if length == 0 {
            return 0;
        }
        let start = self.end.saturating_add(C::ALIGN - 1) / C::ALIGN * C::ALIGN;
        self.end = start.saturating_add(length.saturating_mul(C::ELEMENT));
        start
    }

    /// The same, and writes the reference to it, and zeroes up to it.
    pub fn put<C: Content>(&mut self, bytes: &mut [u8], at: usize, length: usize) {
        let end = self.end;
        let start = self.next::<C>(length);
        for (number, at) in [(start, at), (length, at + 4)] {
            u32::try_from(number).expect("content of less than 4 GiB").write(&mut bytes[at..]);
        }
        if length != 0 {
            bytes[end..start].fill(0);
        }
    }

    /// As [`put`](Places::put), of content that is optional.
    pub fn put_if_any<C: Content>(&mut self, bytes: &mut [u8], at: usize, length: Option<usize>) {
        self.put::<C>(bytes, at, length.unwrap_or(0));
        length.is_some().write(&mut bytes[at + REFERENCE..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A fixed part of 16 bytes, or 8 before: its fixed size at 0, a reference at 4; behind it `behind` bytes.
    fn payload(offset: u32, length: u32, behind: usize) -> Vec<u8> {
        let mut bytes = vec![1; 16 + behind];
        for (at, number) in [(0, 16), (4, offset), (8, length), (12, 1)] {
            number.write(&mut bytes[at..]);
        }
        bytes
    }

    fn is_valid<C: Content>(bytes: &[u8]) -> bool {
        Payload::new(bytes, 0, &[12, 16]).map_or(false, |payload| payload.has_valid_if_any::<C>(4))
    }

    #[test]
    fn a_reference_stays_between_the_fixed_part_and_the_end() {
        assert!(is_valid::<Vec<u32>>(&payload(16, 2, 8)) && is_valid::<Vec<u32>>(&payload(20, 1, 8)));
        for (offset, length) in [(16, 3), (12, 1), (20, 2), (18, 1), (24, 1), (u32::MAX - 3, 1), (16, u32::MAX), (0, 1)] {
            assert!(!is_valid::<Vec<u32>>(&payload(offset, length, 8)), "{length} at {offset}");
        }
        assert!(is_valid::<Vec<u32>>(&payload(7, 0, 0)), "of empty content only the length counts");
        assert!(is_valid::<Vec<bool>>(&payload(16, 8, 8)) && !is_valid::<Vec<bool>>(&[payload(16, 8, 7), vec![2]].concat()));
    }

    #[test]
    fn the_fixed_part_is_that_of_a_version() {
        let fixed_size = |number: u32, length: usize| {
            let mut bytes = vec![0; length];
            number.write(&mut bytes);
            Payload::new(&bytes, 0, &[12, 16]).map(|payload| payload.fixed.len())
        };
        assert_eq!([12, 16, 17, 20].map(|size| fixed_size(size, 20)), [Some(12), Some(16), Some(17), Some(20)]);
        assert_eq!([0, 1, 11, 13, 15, 21, u32::MAX].map(|size| fixed_size(size, 20)), [None; 7]);
        assert_eq!(Payload::new(&[0; 3], 0, &[12, 16]).map(|payload| payload.fixed.len()), None);
        // Before it had content, it had 8 bytes and no fixed size.
        assert_eq!(Payload::new(&[1; 8], 8, &[8, 20]).map(|payload| payload.fixed.len()), Some(8));
        assert_eq!(Payload::new(&[1; 9], 8, &[8, 20]).map(|payload| payload.fixed.len()), None);
    }

    #[test]
    fn what_no_memory_holds_is_as_long_as_memory() {
        let mut places = Places::behind(16);
        places.next::<Vec<u64>>(usize::MAX / 2);
        places.next::<String>(usize::MAX);
        places.next::<Vec<u64>>(1);
        assert_eq!(places.end, usize::MAX);
    }
}
