//! The server over HTTP: reading, writing, structure, Drive, credentials and errors. One suite, so that the
//! crate is linked once.

#![expect(clippy::unwrap_used, reason = "a test ends where something is not as it should be")]

mod access;
mod control;
mod reading;
mod world;
mod writing;
