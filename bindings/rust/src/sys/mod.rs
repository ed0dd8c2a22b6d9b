//! The only module with unsafe code: memory that is shared, numbers in it, and what the standard library has no safe call for.
//!
//! What it hands out is safe to use in any way but these, which a type cannot say and the callers inside of this crate promise:
//! the bytes of a frame or of a body are borrowed only while they are mapped and the rules of ring and arena keep everybody else from
//! writing to them (see [`memory::Region::bytes`] and [`memory::RegionMut::bytes_mut`], which have one caller each in ring and in
//! arena), and nobody lends what is lent already ([`memory::RegionMut::lend`], [`memory::RegionMut::of_words`]). Everything else is
//! checked where it happens: bounds, alignment, sizes and seals.
#![allow(unsafe_code)]
#![deny(unsafe_op_in_unsafe_fn)]

pub(crate) mod futex;
pub(crate) mod memory;
pub(crate) mod numbers;
pub(crate) mod process;
pub(crate) mod ready;
pub(crate) mod segment;
pub(crate) mod socket;
pub(crate) mod stream;
pub(crate) mod timer;
