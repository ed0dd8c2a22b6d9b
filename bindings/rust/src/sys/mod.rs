//! The only module with unsafe code: memory that is shared, numbers in it, and what the standard library has no safe call for.
//!
//! What it hands out is safe to use in any way but two, which a type cannot say and the callers inside of this crate promise:
//! the bytes of a frame are borrowed only while the ring's rules keep everybody else from writing to them (see
//! [`memory::Region::bytes`] and [`memory::RegionMut::bytes`], which have one caller each). Everything else is checked where it
//! happens: bounds, alignment, sizes and seals.
#![allow(unsafe_code)]
#![deny(unsafe_op_in_unsafe_fn)]

pub(crate) mod futex;
pub(crate) mod memory;
pub(crate) mod numbers;
pub(crate) mod process;
pub(crate) mod segment;
pub(crate) mod stream;
