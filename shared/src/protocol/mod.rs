//! What the parts say to each other: messages on the queue, calls of the database's functions and their answers, metrics.
//! Data and its forms only (docs/PROTOCOL.md); who sends it is in `clients`.
//!
//! - [`batch`]: the message with rows or keys, and how it is packed and halved;
//! - [`run`]: how a run begins, what becomes of its batches, how it ends; [`adoption`]: what a run withheld of an adoption;
//! - [`difference`]: what plans and verifications are answered; [`standing`]: where every sync stands;
//! - [`metrics`]: what CloudWatch gets.
//!
//! Uses `diff`, `definition`, `mapping` and `platform`.

pub mod adoption;
pub mod batch;
pub mod difference;
pub mod metrics;
pub mod run;
pub mod standing;
