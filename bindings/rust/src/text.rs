//! `text<N>`: up to N bytes of UTF-8, and then zeroes; and how any text is read where it lies.

use crate::field::{Field, Format, Slot};
use core::fmt;
use core::str::Utf8Error;
use std::borrow::Cow;

/// A `text<N>` of a message. What is longer than N bytes is cut between two characters.
///
/// ```
/// let symbol = ringmail::Text::<4>::from("Größe");
/// assert_eq!(symbol, "Gr\u{f6}");
/// assert_eq!(symbol.get().to_str(), Ok("Grö"));
/// ```
#[derive(Clone, Copy)]
pub struct Text<const N: usize> {
    bytes: [u8; N],
}

impl<const N: usize> Text<N> {
    /// What is in it.
    pub fn get(&self) -> TextView<'_> {
        TextView::up_to_zero(&self.bytes)
    }
}

/// A text that is read where it lies. It comes from another process, which may have written what is not UTF-8.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TextView<'a> {
    bytes: &'a [u8],
}

impl<'a> TextView<'a> {
    fn up_to_zero(bytes: &'a [u8]) -> Self {
        let length = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        Self { bytes: &bytes[..length] }
    }

    /// A text of variable length, which may hold zeroes.
    pub(crate) fn whole(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    /// Its bytes, of a `text<N>` without the zeroes behind them.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The text, if it is UTF-8.
    pub fn to_str(&self) -> Result<&'a str, Utf8Error> {
        core::str::from_utf8(self.bytes)
    }

    /// The text, with U+FFFD where it is not UTF-8.
    pub fn to_string_lossy(&self) -> Cow<'a, str> {
        String::from_utf8_lossy(self.bytes)
    }
}

impl<'a> From<&'a str> for TextView<'a> {
    fn from(text: &'a str) -> Self {
        Self::whole(text.as_bytes())
    }
}

impl<const N: usize> Default for Text<N> {
    fn default() -> Self {
        Self { bytes: [0; N] }
    }
}

impl<const N: usize> From<&str> for Text<N> {
    fn from(text: &str) -> Self {
        let text = text.split('\0').next().unwrap_or_default();
        let mut length = text.len().min(N);
        while !text.is_char_boundary(length) {
            length -= 1;
        }
        let mut bytes = [0; N];
        bytes[..length].copy_from_slice(&text.as_bytes()[..length]);
        Self { bytes }
    }
}

impl<const N: usize> From<TextView<'_>> for Text<N> {
    /// The same text; what does not fit is cut, between two characters where it is UTF-8.
    fn from(view: TextView<'_>) -> Self {
        if let Ok(text) = view.to_str() {
            return text.into();
        }
        let mut bytes = [0; N];
        let length = view.bytes.len().min(N);
        bytes[..length].copy_from_slice(&view.bytes[..length]);
        Self { bytes }
    }
}

impl<const N: usize> Field for Text<N> {
    const SIZE: usize = N;
    const ALIGN: usize = 1;
}

impl<const N: usize> Format for Text<N> {
    type View<'a> = TextView<'a>;
    type Edit<'a> = Slot<'a, Text<N>>;

    fn is_valid(_: &[u8]) -> bool {
        true
    }

    fn view(bytes: &[u8]) -> TextView<'_> {
        TextView::up_to_zero(&bytes[..N])
    }

    fn edit(bytes: &mut [u8]) -> Slot<'_, Text<N>> {
        Slot::new(bytes)
    }

    fn read(bytes: &[u8]) -> Self {
        Self::view(bytes).into()
    }

    fn write(&self, bytes: &mut [u8]) {
        bytes[..N].copy_from_slice(&self.bytes);
    }
}

// Two texts are equal if their contents are, whatever stands behind them.

impl<const N: usize> PartialEq for Text<N> {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

impl<const N: usize> Eq for Text<N> {}

impl<const N: usize> PartialEq<&str> for Text<N> {
    fn eq(&self, other: &&str) -> bool {
        self.get() == *other
    }
}

impl PartialEq<&str> for TextView<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.bytes == other.as_bytes()
    }
}

impl PartialEq<str> for TextView<'_> {
    fn eq(&self, other: &str) -> bool {
        self.bytes == other.as_bytes()
    }
}

impl fmt::Display for TextView<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_string_lossy().fmt(out)
    }
}

impl fmt::Debug for TextView<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string_lossy(), out)
    }
}

impl<const N: usize> fmt::Display for Text<N> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.get().fmt(out)
    }
}

impl<const N: usize> fmt::Debug for Text<N> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.get(), out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_two_characters_and_ends_before_a_zero() {
        assert_eq!(Text::<4>::from("abcdef"), "abcd");
        assert_eq!(Text::<4>::from("abcö"), "abc");
        assert_eq!(Text::<4>::from("a\0b"), "a");
        assert_eq!(Text::<2>::from("€"), "");
    }

    #[test]
    fn what_stands_behind_a_zero_is_ignored() {
        assert_eq!(<Text<4>>::view(b"a\0bc"), *"a");
        assert_eq!(<Text<4>>::read(b"a\0bc"), Text::<4>::from("a"));
    }

    #[test]
    fn what_is_not_utf8_is_kept_and_shown_as_such() {
        let view = <Text<3>>::view(b"a\xffb");
        assert!(view.to_str().is_err());
        assert_eq!(view.to_string(), "a\u{fffd}b");
        assert_eq!(Text::<3>::from(view).get().as_bytes(), b"a\xffb");
    }
}
