//! The outside systems, each behind a client that knows the protocol and no handler: calls, their time limits, what is
//! repeated, what a failure is called. What a failure means for a batch or a run is the caller's business.
//!
//! - [`sheets`], for Google Sheets and Drive;
//! - [`supabase`], for Supabase REST, with the table of its errors (`classify`);
//! - [`queue`], for SQS.
//!
//! DynamoDB is behind `delivery::breaker::store`, Secrets Manager behind `platform::secrets`.
//!
//! Uses `protocol`, `diff`, `definition`, `mapping` and `platform`.

pub mod queue;
pub mod sheets;
pub mod supabase;
