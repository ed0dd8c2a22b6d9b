//! What a field of a message may be, and how it lies in bytes: docs/spec/message.md.

use core::marker::PhantomData;

/// A value that a field can have: a number, a `bool`, a [`Text`](crate::Text), an enum, a message, or an array of one of them.
///
/// Generated code implements it for enums and messages. All its functions take exactly [`SIZE`](Field::SIZE) bytes, and panic
/// if there are fewer.
pub trait Field: Copy + 'static {
    /// How many bytes it has.
    const SIZE: usize;

    /// How it is read where it lies: itself, where it is as small as a number, or a view.
    type View<'a>: Copy;

    /// How it is written where it lies.
    type Edit<'a>;

    /// Whether these bytes are a value.
    fn is_valid(bytes: &[u8]) -> bool;

    /// Reads the value where it lies. The bytes are a valid value.
    fn view(bytes: &[u8]) -> Self::View<'_>;

    /// Writes a value where it lies, a part at a time.
    fn edit(bytes: &mut [u8]) -> Self::Edit<'_>;

    /// A copy of the value. The bytes are a valid value.
    fn read(bytes: &[u8]) -> Self;

    /// Writes all of the value, and zeroes where it has padding.
    fn write(&self, bytes: &mut [u8]);
}

/// Where a number, a `bool`, an enum or a text is to be written.
#[derive(Debug)]
pub struct Slot<'a, T> {
    bytes: &'a mut [u8],
    value: PhantomData<T>,
}

impl<'a, T: Field> Slot<'a, T> {
    /// Of these bytes, exactly as many as the value has.
    pub fn new(bytes: &'a mut [u8]) -> Self {
        Self { bytes, value: PhantomData }
    }

    /// Writes the value.
    pub fn set(self, value: T) {
        value.write(self.bytes);
    }
}

macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl Field for $number {
            const SIZE: usize = core::mem::size_of::<$number>();
            type View<'a> = $number;
            type Edit<'a> = Slot<'a, $number>;

            fn is_valid(_: &[u8]) -> bool {
                true
            }

            #[inline]
            fn view(bytes: &[u8]) -> $number {
                <$number>::from_le_bytes(bytes[..Self::SIZE].try_into().expect("as many bytes"))
            }

            fn edit(bytes: &mut [u8]) -> Slot<'_, $number> {
                Slot::new(bytes)
            }

            #[inline]
            fn read(bytes: &[u8]) -> $number {
                Self::view(bytes)
            }

            #[inline]
            fn write(&self, bytes: &mut [u8]) {
                bytes[..Self::SIZE].copy_from_slice(&self.to_le_bytes());
            }
        }
    )*};
}

numbers!(u8 u16 u32 u64 i8 i16 i32 i64 f32 f64);

impl Field for bool {
    const SIZE: usize = 1;
    type View<'a> = bool;
    type Edit<'a> = Slot<'a, bool>;

    fn is_valid(bytes: &[u8]) -> bool {
        bytes[0] <= 1
    }

    #[inline]
    fn view(bytes: &[u8]) -> bool {
        bytes[0] != 0
    }

    fn edit(bytes: &mut [u8]) -> Slot<'_, bool> {
        Slot::new(bytes)
    }

    #[inline]
    fn read(bytes: &[u8]) -> bool {
        Self::view(bytes)
    }

    #[inline]
    fn write(&self, bytes: &mut [u8]) {
        bytes[0] = u8::from(*self);
    }
}

impl<T: Field, const N: usize> Field for [T; N] {
    const SIZE: usize = N * T::SIZE;
    type View<'a> = Array<'a, T>;
    type Edit<'a> = ArrayMut<'a, T>;

    fn is_valid(bytes: &[u8]) -> bool {
        bytes.chunks_exact(T::SIZE).all(T::is_valid)
    }

    #[inline]
    fn view(bytes: &[u8]) -> Array<'_, T> {
        Array { bytes: &bytes[..Self::SIZE], element: PhantomData }
    }

    #[inline]
    fn edit(bytes: &mut [u8]) -> ArrayMut<'_, T> {
        ArrayMut { bytes: &mut bytes[..Self::SIZE], element: PhantomData }
    }

    fn read(bytes: &[u8]) -> [T; N] {
        core::array::from_fn(|i| T::read(&bytes[i * T::SIZE..][..T::SIZE]))
    }

    fn write(&self, bytes: &mut [u8]) {
        for (element, bytes) in self.iter().zip(bytes.chunks_exact_mut(T::SIZE)) {
            element.write(bytes);
        }
    }
}

/// An array that is read where it lies.
#[derive(Clone, Copy, Debug)]
pub struct Array<'a, T> {
    bytes: &'a [u8],
    element: PhantomData<T>,
}

impl<'a, T: Field> Array<'a, T> {
    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.bytes.len() / T::SIZE
    }

    /// Never: an array has at least one element.
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

impl<'a> Array<'a, u8> {
    /// The elements as a slice.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

/// An array that is written where it lies.
#[derive(Debug)]
pub struct ArrayMut<'a, T> {
    bytes: &'a mut [u8],
    element: PhantomData<T>,
}

impl<T: Field> ArrayMut<'_, T> {
    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.bytes.len() / T::SIZE
    }

    /// Never: an array has at least one element.
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
}

impl ArrayMut<'_, u8> {
    /// The elements as a slice.
    pub fn as_bytes(&mut self) -> &mut [u8] {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_little_endian() {
        let mut bytes = [0; 4];
        <u32 as Field>::edit(&mut bytes).set(0x01020304);
        assert_eq!((bytes, <u32 as Field>::view(&bytes)), ([4, 3, 2, 1], 0x01020304));
        assert_eq!(<f64 as Field>::view(&1.5f64.to_le_bytes()), 1.5);
    }

    #[test]
    fn arrays_are_read_and_written_where_they_lie() {
        let mut bytes = [0; 6];
        [1u16, 2, 3].write(&mut bytes);
        let mut array = <[u16; 3] as Field>::edit(&mut bytes);
        array.get_mut(1).unwrap().set(7);
        assert!(array.get_mut(3).is_none());
        let array = <[u16; 3] as Field>::view(&bytes);
        assert_eq!((array.len(), array.get(1), array.get(3)), (3, Some(7), None));
        assert_eq!(array.iter().collect::<Vec<_>>(), [1, 7, 3]);
        assert_eq!(<[u16; 3] as Field>::read(&bytes), [1, 7, 3]);
    }

    #[test]
    fn a_bool_is_0_or_1() {
        assert!(<[bool; 2] as Field>::is_valid(&[0, 1]) && !<[bool; 2] as Field>::is_valid(&[0, 2]));
    }
}
