#![deny(unsafe_code)]
#![allow(dead_code)]
mod layout;
mod ring;
mod sys;
