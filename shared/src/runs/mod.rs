//! What is done with one sync from end to end, by the scheduler and by the command alike.
//!
//! - [`survey`]: reads a tab and holds it against the database, for runs, plans and verifications;
//! - [`preview`]: what a run would do; [`verify`]: whether sheet and table are equal (it fails as a preview does);
//! - [`carry`]: what happens to the books when a key changes.
//!
//! Uses `clients`, `protocol`, `diff`, `definition`, `mapping` and `platform`.

pub mod carry;
pub mod preview;
pub mod survey;
pub mod verify;
