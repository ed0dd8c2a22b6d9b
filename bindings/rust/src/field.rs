//! What a field of a message may be, and how it lies in bytes: docs/spec/message.md.

use core::marker::PhantomData;

/// How a value lies in bytes: a [`Field`], content of variable length, or a whole [`Message`](crate::Message). Generated code
/// implements it for enums and messages.
///
/// All of its functions but [`is_valid`](Format::is_valid) panic where there are fewer bytes than the value has.
pub trait Format: Sized + 'static {
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

/// A value of a fixed size: a number, a `bool`, a [`Text`](crate::Text), an enum, a message without content of variable length,
/// or an array or [`Option`] of one of them.
pub trait Field: Format + Copy {
    /// How many bytes it has.
    const SIZE: usize;

    /// It starts at a multiple of this.
    const ALIGN: usize;
}

/// Where a number, a `bool`, an enum, a text or something optional is to be written.
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

/// A number, which on most machines lies in the bytes of a message as it does in memory.
pub trait Number: Field + sealed::Number {}

/// No other type is safe to be looked at as bytes, and bytes as it.
pub(crate) mod sealed {
    pub trait Number: Copy {}
}

macro_rules! numbers {
    ($($number:ty)*) => {$(
        impl Format for $number {
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

        impl Field for $number {
            const SIZE: usize = core::mem::size_of::<$number>();
            const ALIGN: usize = Self::SIZE;
        }

        impl Number for $number {}
        impl sealed::Number for $number {}
    )*};
}

numbers!(u8 u16 u32 u64 i8 i16 i32 i64 f32 f64);

impl Format for bool {
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

impl Field for bool {
    const SIZE: usize = 1;
    const ALIGN: usize = 1;
}

/// A `T?`: the value, a byte that is 1 if there is one and else 0, and padding.
impl<T: Field> Format for Option<T> {
    type View<'a> = Option<T::View<'a>>;
    type Edit<'a> = Slot<'a, Option<T>>;

    fn is_valid(bytes: &[u8]) -> bool {
        bytes[T::SIZE] == 0 || (bytes[T::SIZE] == 1 && T::is_valid(&bytes[..T::SIZE]))
    }

    #[inline]
    fn view(bytes: &[u8]) -> Option<T::View<'_>> {
        bool::view(&bytes[T::SIZE..]).then(|| T::view(&bytes[..T::SIZE]))
    }

    fn edit(bytes: &mut [u8]) -> Slot<'_, Option<T>> {
        Slot::new(bytes)
    }

    fn read(bytes: &[u8]) -> Option<T> {
        bool::view(&bytes[T::SIZE..]).then(|| T::read(&bytes[..T::SIZE]))
    }

    fn write(&self, bytes: &mut [u8]) {
        bytes[..Self::SIZE].fill(0);
        if let Some(value) = self {
            value.write(&mut bytes[..T::SIZE]);
            bytes[T::SIZE] = 1;
        }
    }
}

impl<T: Field> Field for Option<T> {
    const SIZE: usize = (T::SIZE / T::ALIGN + 1) * T::ALIGN;
    const ALIGN: usize = T::ALIGN;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_little_endian() {
        let mut bytes = [0; 4];
        u32::edit(&mut bytes).set(0x01020304);
        assert_eq!((bytes, <u32 as Format>::view(&bytes)), ([4, 3, 2, 1], 0x01020304));
        assert_eq!(<f64 as Format>::view(&1.5f64.to_le_bytes()), 1.5);
    }

    #[test]
    fn what_is_optional_is_a_value_and_a_byte_that_says_whether_there_is_one() {
        let mut bytes = [0xee; 4];
        Some(7u16).write(&mut bytes);
        assert_eq!((bytes, <Option<u16>>::read(&bytes)), ([7, 0, 1, 0], Some(7)));
        None::<u16>.write(&mut bytes);
        assert_eq!((bytes, <Option<u16>>::view(&bytes)), ([0; 4], None));
        assert_eq!((<Option<u64>>::SIZE, <Option<[u8; 3]>>::SIZE, <Option<bool>>::SIZE), (16, 4, 2));
    }

    #[test]
    fn what_is_not_there_is_not_looked_at() {
        assert!(<Option<bool>>::is_valid(&[7, 0]) && <Option<bool>>::is_valid(&[1, 1]));
        assert!(!<Option<bool>>::is_valid(&[7, 1]) && !<Option<bool>>::is_valid(&[1, 2]));
    }

    #[test]
    fn a_bool_is_0_or_1() {
        assert!(<[bool; 2]>::is_valid(&[0, 1]) && !<[bool; 2]>::is_valid(&[0, 2]));
    }
}
