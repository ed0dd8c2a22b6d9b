//! What can go wrong.

use crate::arena::BodyLoan;
use core::fmt;

/// What a function of this crate could not do. Its text is one line that names the cause.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// Nobody spawned this process as a peer.
    NotSpawned(String),
    /// The host refused this peer, or this peer what the host offered.
    Refused(String),
    /// The host has died, or has closed the link, and no other has come in its place: the process should exit. Or a peer that had
    /// connected has, and why.
    HostGone(String),
    /// Another peer of the same host has ended, or has broken the protocol, and cannot be sent to any more.
    PeerGone(String),
    /// The other side wrote what it must not. The link is dead.
    Protocol(String),
    /// The ring to the other side had no room for the message in the time given, or the arena none for the body.
    Full,
    /// The message is longer than half the ring can ever take.
    TooLong {
        /// Its length in bytes.
        length: usize,
        /// The most that there may be.
        most: u64,
    },
    /// What is sent for one message, all of it together, is more than can be published at once to a host that wants it exactly once.
    TooMuch {
        /// So many bytes of frames may be.
        most: u64,
    },
    /// No mailbox has this name.
    NotFound(String),
    /// A mailbox is none of this link's.
    NoMailbox,
    /// An answer did not come in time.
    TimedOut,
    /// An ask will not be answered, and why.
    NoReply(Reason),
    /// A message's bytes are none of its type: what the type is, and how many bytes came.
    NotValid {
        /// The qualified name of the type.
        name: &'static str,
        /// The length of the payload.
        length: usize,
    },
    /// The host is older than what was wanted of it.
    Unsupported(&'static str),
    /// The caller broke a rule that is stated at the function.
    Misuse(&'static str),
    /// This process is a fork of the peer, whose link stays with its parent.
    Forked,
    /// The operating system refused something.
    System(std::io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NotSpawned(text) => write!(out, "this process was not spawned by a Ringmail system: {text}"),
            Error::Refused(text) | Error::HostGone(text) | Error::PeerGone(text) => out.write_str(text),
            Error::Protocol(text) => write!(out, "the other side broke the protocol: {text}"),
            Error::Full => out.write_str("no room in the ring or the arena to the other side"),
            Error::TooLong { length, most } => write!(out, "{length} bytes are more than the ring or the arena takes ({most})"),
            Error::TooMuch { most } => write!(
                out,
                "what is sent for one message is more than a quarter of the ring ({most} bytes), and the host wants it exactly once"
            ),
            Error::NotFound(name) => write!(out, "no mailbox has the name {name:?}"),
            Error::NoMailbox => out.write_str("there is no such mailbox"),
            Error::TimedOut => out.write_str("no answer came in time"),
            Error::NoReply(reason) => write!(out, "the ask was not answered: {reason}"),
            Error::NotValid { name, length } => write!(out, "the {length} bytes that came are no {name}"),
            Error::Unsupported(text) | Error::Misuse(text) => out.write_str(text),
            Error::Forked => out.write_str("this process is a fork of the peer, whose link stays with its parent"),
            Error::System(error) => error.fmt(out),
        }
    }
}

impl std::error::Error for Error {}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Error::System(error)
    }
}

/// A message with a body that could not be sent, and the body's room, which can be sent again.
#[derive(Debug)]
pub struct Unsent {
    error: Error,
    body: BodyLoan,
}

impl Unsent {
    pub(crate) fn new(error: Error, body: BodyLoan) -> Self {
        Self { error, body }
    }

    /// Why.
    pub fn error(&self) -> &Error {
        &self.error
    }

    /// What was to be sent, as it was written.
    pub fn into_body(self) -> BodyLoan {
        self.body
    }
}

impl fmt::Display for Unsent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(out)
    }
}

impl std::error::Error for Unsent {}

impl From<Unsent> for Error {
    fn from(unsent: Unsent) -> Self {
        unsent.error
    }
}

/// Why an ask is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Nobody handles messages of this type.
    NoHandler,
    /// The handler failed.
    Failed,
    /// The receiver stops.
    Stopped,
    /// The receiver's mailbox is full, and drops.
    Full,
    /// No answer came in time. This is found out here, and cannot be sent.
    TimedOut,
    /// The host was restarted: what the dead one was asked is not answered. This is found out here, too.
    HostRestarted,
}

impl Reason {
    /// Beyond what hosts send.
    pub(crate) const HOST_RESTARTED: u32 = 0x10001;

    pub(crate) fn from_number(number: u32) -> Self {
        match number {
            1 => Reason::NoHandler,
            3 => Reason::Stopped,
            4 => Reason::Full,
            Reason::HOST_RESTARTED => Reason::HostRestarted,
            _ => Reason::Failed,
        }
    }

    pub(crate) fn number(self) -> u32 {
        match self {
            Reason::NoHandler => 1,
            Reason::Failed | Reason::TimedOut | Reason::HostRestarted => 2,
            Reason::Stopped => 3,
            Reason::Full => 4,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Reason::NoHandler => "nobody handles it",
            Reason::Failed => "its handler failed",
            Reason::Stopped => "the receiver stops",
            Reason::Full => "the receiver's mailbox is full",
            Reason::TimedOut => "the time is up",
            Reason::HostRestarted => "the host was restarted",
        })
    }
}
