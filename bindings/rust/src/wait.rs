use core::time::Duration;
use std::time::Instant;

/// How long to wait, for a message or for room.
///
/// ```
/// # use {ringmail::Wait, std::time::Duration};
/// let wait: Wait = Duration::from_millis(20).into();
/// assert!(matches!(wait, Wait::Until(_)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Not at all: what is not there now is not there.
    No,
    /// Until then.
    Until(Instant),
    /// As long as it takes, or the host lives.
    Forever,
}

impl From<Duration> for Wait {
    fn from(time: Duration) -> Self {
        Instant::now().checked_add(time).map_or(Wait::Forever, Wait::Until)
    }
}

impl Wait {
    pub(crate) fn may_wait(self) -> bool {
        self != Wait::No
    }

    pub(crate) fn deadline(self) -> Option<Instant> {
        match self {
            Wait::Until(deadline) => Some(deadline),
            Wait::No | Wait::Forever => None,
        }
    }
}
