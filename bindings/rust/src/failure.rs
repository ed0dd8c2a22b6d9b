//! What a handler tells the host when it cannot go on.

use crate::error::{Error, Unsent};
use core::fmt;
use std::backtrace::Backtrace;

/// What leaves a handler that cannot go on. Every error becomes one by `?`, with the backtrace of that place; the host is told
/// both, and the process ends with status 1.
pub struct Failure {
    text: String,
    is_host_gone: bool,
}

impl Failure {
    /// One that says this.
    pub fn new(text: impl fmt::Display) -> Self {
        Self::here(in_one_line(&text.to_string()))
    }

    /// One that says this, and from where.
    pub(crate) fn here(text: String) -> Self {
        let backtrace = shortened(&Backtrace::force_capture().to_string());
        Self { text: format!("{text}\n{backtrace}"), is_host_gone: false }
    }

    /// One that says where it is from by itself.
    pub(crate) fn from_text(text: String) -> Self {
        Self { text, is_host_gone: false }
    }

    /// The death of the host is no failure of this peer, and there is nobody to be told.
    pub(crate) fn is_host_gone(&self) -> bool {
        self.is_host_gone
    }

    /// What the host is told: the error, what it came from, and the backtrace.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl<E: std::error::Error + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let mut text = in_one_line(&error.to_string());
        let any = &error as &dyn std::error::Error;
        if matches!(any.downcast_ref().or_else(|| any.downcast_ref().map(Unsent::error)), Some(Error::HostGone(_))) {
            return Self { text, is_host_gone: true };
        }
        let mut source = error.source();
        while let Some(cause) = source {
            text = format!("{text}\nbecause: {cause}");
            source = cause.source();
        }
        Self::here(text)
    }
}

/// The reason is the first line of what the host is told.
pub(crate) fn in_one_line(text: &str) -> String {
    text.replace('\n', " ")
}

impl fmt::Debug for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.text)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.text.lines().next().unwrap_or_default())
    }
}

// What frames of the two kinds have in their names.
const MAKING: [&str; 4] = ["std::backtrace", "ringmail::failure::Failure", "FromResidual", "core::panicking"];
const BELOW: [&str; 2] = [" ringmail::run", "__rust_begin_short_backtrace"];

/// A backtrace without the frames that every one has: of its own making, and below the handler.
pub(crate) fn shortened(backtrace: &str) -> String {
    let mut frames: Vec<String> = Vec::new();
    for line in backtrace.lines() {
        let starts_frame = line.trim_start().starts_with(|c: char| c.is_ascii_digit());
        match frames.last_mut() {
            Some(frame) if !starts_frame => *frame = format!("{frame}\n{line}"),
            _ => frames.push(line.into()),
        }
    }
    let names = |words: &'static [&'static str]| move |frame: &String| words.iter().any(|word| frame.contains(word));
    let start = frames.iter().rposition(names(&MAKING)).map_or(0, |last| last + 1);
    let end = frames[start..].iter().position(names(&BELOW)).map_or(frames.len(), |first| start + first);
    frames[start..end].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_becomes_a_failure_that_says_what_and_where() {
        fn handler() -> Result<(), Failure> {
            Err(std::io::Error::new(std::io::ErrorKind::Other, "the disk is full"))?;
            Ok(())
        }
        let failure = handler().unwrap_err();
        assert_eq!(failure.to_string(), "the disk is full");
        assert!(failure.text().contains("an_error_becomes_a_failure"), "{}", failure.text());
        assert!(!failure.is_host_gone());
        assert!(Failure::from(Error::HostGone("gone".into())).is_host_gone());
    }

    #[test]
    fn a_backtrace_is_shortened_at_both_ends() {
        let whole = "   0: ringmail::failure::Failure::here\n             at ./failure.rs:1\n   1: shop::price\n             \
                     at ./shop.rs:7\n   2: shop::run::{{closure}}\n   3: ringmail::run::catch\n   4: main";
        assert_eq!(shortened(whole), "   1: shop::price\n             at ./shop.rs:7\n   2: shop::run::{{closure}}");
        let panic = "   0: ringmail::run::catch::{{closure}}\n   1: core::panicking::panic_fmt\n   2: shop::price\n   \
                     3: ringmail::run::catch";
        assert_eq!(shortened(panic), "   2: shop::price");
        assert_eq!(shortened("disabled backtrace"), "disabled backtrace");
    }
}
