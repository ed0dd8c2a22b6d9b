#![deny(unsafe_code)]
#![allow(dead_code)]
mod bell;
mod error;
mod layout;
mod ring;
mod spin;
mod stream;
mod sys;
mod wire;
