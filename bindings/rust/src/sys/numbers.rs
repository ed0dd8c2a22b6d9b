//! Numbers in the bytes of a message, looked at as a slice.

use crate::field::sealed::Number;

/// These bytes as numbers; none where they lie otherwise than in memory.
pub(crate) fn of<T: Number>(bytes: &[u8]) -> Option<&[T]> {
    // SAFETY: only the numbers of this crate are `Number`: they have no padding, and any bytes are one of them.
    let (before, numbers, behind) = unsafe { bytes.align_to() };
    (cfg!(target_endian = "little") && before.is_empty() && behind.is_empty()).then_some(numbers)
}

/// As `of`, to be written.
pub(crate) fn of_mut<T: Number>(bytes: &mut [u8]) -> Option<&mut [T]> {
    // SAFETY: as in `of`, and any number leaves bytes behind that are bytes.
    let (before, numbers, behind) = unsafe { bytes.align_to_mut() };
    (cfg!(target_endian = "little") && before.is_empty() && behind.is_empty()).then_some(numbers)
}
