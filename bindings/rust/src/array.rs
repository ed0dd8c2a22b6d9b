//! Arrays and lists: elements of a fixed size, one behind the other.

use crate::field::{Field, Format, Number};
use crate::sys::numbers;
use core::marker::PhantomData;

impl<T: Field, const N: usize> Format for [T; N] {
    type View<'a> = Array<'a, T>;
    type Edit<'a> = ArrayMut<'a, T>;

    fn is_valid(bytes: &[u8]) -> bool {
        bytes.chunks_exact(T::SIZE).all(T::is_valid)
    }

    #[inline]
    fn view(bytes: &[u8]) -> Array<'_, T> {
        Array::new(&bytes[..Self::SIZE])
    }

    #[inline]
    fn edit(bytes: &mut [u8]) -> ArrayMut<'_, T> {
        ArrayMut::new(&mut bytes[..Self::SIZE])
    }

    fn read(bytes: &[u8]) -> [T; N] {
        core::array::from_fn(|i| T::read(&bytes[i * T::SIZE..][..T::SIZE]))
    }

    fn write(&self, bytes: &mut [u8]) {
        write_all(self, bytes);
    }
}

impl<T: Field, const N: usize> Field for [T; N] {
    const SIZE: usize = N * T::SIZE;
    const ALIGN: usize = T::ALIGN;
}

/// One behind the other.
pub(crate) fn write_all<T: Field>(elements: &[T], bytes: &mut [u8]) {
    for (element, bytes) in elements.iter().zip(bytes.chunks_exact_mut(T::SIZE)) {
        element.write(bytes);
    }
}

/// An array or a list that is read where it lies.
#[derive(Clone, Copy, Debug)]
pub struct Array<'a, T> {
    bytes: &'a [u8],
    element: PhantomData<T>,
}

impl<'a, T: Field> Array<'a, T> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, element: PhantomData }
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.bytes.len() / T::SIZE
    }

    /// Whether there are none, as in a list there may be.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The element of this index, if there is one.
    pub fn get(&self, index: usize) -> Option<T::View<'a>> {
        self.bytes.chunks_exact(T::SIZE).nth(index).map(T::view)
    }

    /// All elements, in their order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = T::View<'a>> + DoubleEndedIterator + 'a {
        self.bytes.chunks_exact(T::SIZE).map(T::view)
    }
}

impl<'a, T: Number> Array<'a, T> {
    /// The numbers as a slice, if they lie in the bytes as they do in memory. So they do in a message that lies in a ring;
    /// not on a big-endian machine, and not where the bytes of the message start at no multiple of 8.
    pub fn as_slice(&self) -> Option<&'a [T]> {
        numbers::of(self.bytes)
    }
}

impl<'a> Array<'a, u8> {
    /// The elements as a slice.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

/// An array or a list that is written where it lies.
#[derive(Debug)]
pub struct ArrayMut<'a, T> {
    bytes: &'a mut [u8],
    element: PhantomData<T>,
}

impl<'a, T: Field> ArrayMut<'a, T> {
    pub(crate) fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes, element: PhantomData }
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.bytes.len() / T::SIZE
    }

    /// Whether there are none, as in a list there may be.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The element of this index, to be written, if there is one.
    pub fn get_mut(&mut self, index: usize) -> Option<T::Edit<'_>> {
        self.bytes.chunks_exact_mut(T::SIZE).nth(index).map(T::edit)
    }

    /// All elements, in their order, to be written.
    pub fn iter_mut(&mut self) -> impl ExactSizeIterator<Item = T::Edit<'_>> + DoubleEndedIterator {
        self.bytes.chunks_exact_mut(T::SIZE).map(T::edit)
    }

    /// Writes all of them. Panics if there are not as many.
    pub fn copy_from_slice(&mut self, elements: &[T]) {
        assert_eq!(elements.len(), self.len(), "as many elements");
        write_all(elements, self.bytes);
    }
}

impl<T: Number> ArrayMut<'_, T> {
    /// The numbers as a slice: see [`Array::as_slice`].
    pub fn as_slice(&mut self) -> Option<&mut [T]> {
        numbers::of_mut(self.bytes)
    }
}

impl<'a> ArrayMut<'a, u8> {
    /// The elements as a slice.
    pub fn as_bytes(&mut self) -> &mut [u8] {
        self.bytes
    }

    /// The elements as a slice, for as long as there is the message.
    pub fn into_bytes(self) -> &'a mut [u8] {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrays_are_read_and_written_where_they_lie() {
        let mut bytes = [0; 6];
        [1u16, 2, 3].write(&mut bytes);
        let mut array = <[u16; 3]>::edit(&mut bytes);
        array.get_mut(1).unwrap().set(7);
        assert!(array.get_mut(3).is_none());
        let array = <[u16; 3]>::view(&bytes);
        assert_eq!((array.len(), array.get(1), array.get(3)), (3, Some(7), None));
        assert_eq!(array.iter().collect::<Vec<_>>(), [1, 7, 3]);
        assert_eq!(<[u16; 3]>::read(&bytes), [1, 7, 3]);
    }

    #[test]
    fn numbers_are_a_slice_where_they_lie_as_in_memory() {
        let mut bytes = [0; 24];
        let start = bytes.as_ptr().align_offset(8);
        let bytes = &mut bytes[start..][..16];
        ArrayMut::new(bytes).copy_from_slice(&[7u64, 8]);
        let is_little = cfg!(target_endian = "little");
        assert_eq!(Array::<u64>::new(bytes).as_slice(), is_little.then_some(&[7, 8][..]));
        if let Some(numbers) = ArrayMut::<u64>::new(bytes).as_slice() {
            numbers[1] = 9;
            assert_eq!(Array::<u64>::new(bytes).get(1), Some(9));
        }
        assert_eq!(Array::<u16>::new(&bytes[1..3]).as_slice(), None);
    }
}
