//! The server over HTTP: reading, writing, structure, Drive, credentials and errors. One suite, so that the
//! crate is linked once.

mod access;
mod control;
mod reading;
mod world;
mod writing;
