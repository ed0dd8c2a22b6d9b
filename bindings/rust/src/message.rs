//! Messages, and who they go to.

use crate::field::{Field, Format};
use core::fmt;
use core::marker::PhantomData;

/// A message of a `.mail` file. `ringmail gen --lang rust` writes the implementations.
///
/// [`is_valid`](Format::is_valid) and what reads it take the payload of any version of the message: a longer one of a newer
/// version, or a shorter one of an older version.
pub trait Message: Format {
    /// The type id: what a frame says that it carries.
    const TYPE: u32;
    /// The qualified name: `market.Tick`.
    const NAME: &'static str;
    /// The canonical schema of the file that it is from.
    const SCHEMA: &'static str;

    /// How much content of variable length there is: a struct with a field for each `text`, `bytes` and list, or `()`.
    type Lengths;

    /// How much content this one has.
    fn lengths(&self) -> Self::Lengths;

    /// How many bytes the message has with so much content.
    fn size_of(lengths: &Self::Lengths) -> usize;

    /// Writes a new message, whose fields have their defaults, and its content zeroes; to exactly as many bytes as it has.
    fn start(bytes: &mut [u8], lengths: &Self::Lengths);

    /// How many bytes this message has: as many as [`write`](Format::write) wants.
    fn encoded_size(&self) -> usize {
        Self::size_of(&self.lengths())
    }

    /// Reads the message where it lies, if these bytes are one: as many as a version of it has, each `bool` 0 or 1, each enum
    /// a declared number, all content inside of them.
    fn try_view(bytes: &[u8]) -> Option<Self::View<'_>> {
        Self::is_valid(bytes).then(|| Self::view(bytes))
    }
}

/// The type id of a qualified name: what a frame says that it carries.
///
/// ```
/// assert_eq!(ringmail::type_id("ringmail.Done"), 0xc68c_bb46);
/// ```
pub const fn type_id(name: &str) -> u32 {
    let name = name.as_bytes();
    let mut hash = 0x811c_9dc5_u32; // FNV-1a
    let mut at = 0;
    while at < name.len() {
        hash = (hash ^ name[at] as u32).wrapping_mul(0x0100_0193);
        at += 1;
    }
    hash
}

/// What an actor accepts: implemented by generated code for `dyn Protocol`, once for each message.
pub trait Accepts<M: Message> {
    /// What it replies when it is asked.
    type Reply: Message;
}

/// The reply of whoever has handled an ask to which the protocol promises no reply: it is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Done;

impl Field for Done {
    const SIZE: usize = 0;
    const ALIGN: usize = 1;
}

impl Format for Done {
    type View<'a> = Done;
    type Edit<'a> = ();

    fn is_valid(_: &[u8]) -> bool {
        true
    }
    fn view(_: &[u8]) -> Done {
        Done
    }
    fn edit(_: &mut [u8]) {}
    fn read(_: &[u8]) -> Done {
        Done
    }
    fn write(&self, _: &mut [u8]) {}
}

impl Message for Done {
    const TYPE: u32 = type_id(Self::NAME);
    const NAME: &'static str = "ringmail.Done";
    const SCHEMA: &'static str = "ringmail-schema 1\n";
    type Lengths = ();

    fn lengths(&self) {}
    fn size_of(_: &()) -> usize {
        0
    }
    fn start(_: &mut [u8], _: &()) {}
}

/// An actor of the host. Good for the life of this process, and not to be stored beyond it.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mailbox(pub(crate) u64);

impl Mailbox {
    /// None for 0, which is nobody.
    pub(crate) fn new(number: u64) -> Option<Self> {
        (number != 0).then_some(Self(number))
    }

    /// The same actor, of which the caller knows that it speaks this protocol: `mailbox.speaks::<dyn market::Pricer>()`.
    pub fn speaks<P: ?Sized>(self) -> Address<P> {
        Address { mailbox: self, protocol: PhantomData }
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Mailbox({:#x})", self.0)
    }
}

/// An actor of the host that speaks a protocol: only what that protocol accepts can be sent to it.
pub struct Address<P: ?Sized> {
    mailbox: Mailbox,
    protocol: PhantomData<fn(&P)>,
}

impl<P: ?Sized> Address<P> {
    /// The same actor, whatever it accepts.
    pub fn mailbox(self) -> Mailbox {
        self.mailbox
    }
}

impl<P: ?Sized> Clone for Address<P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P: ?Sized> Copy for Address<P> {}

impl<P: ?Sized> fmt::Debug for Address<P> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.mailbox.fmt(out)
    }
}

/// Where a message of type `M` can be sent: any [`Mailbox`], and the [`Address`] of who accepts it.
pub trait Target<M: Message> {
    /// The actor.
    fn mailbox(self) -> Mailbox;
}

impl<M: Message> Target<M> for Mailbox {
    fn mailbox(self) -> Mailbox {
        self
    }
}

impl<M: Message, P: Accepts<M> + ?Sized> Target<M> for Address<P> {
    fn mailbox(self) -> Mailbox {
        self.mailbox
    }
}
