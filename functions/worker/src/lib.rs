//! The worker: writes the rows of queue messages to the table, also through outages of the destination.
//!
//! A [`Worker`] decides about messages one by one. It works on any [`Destination`](sheetsync::supabase::Destination),
//! [`Inbox`](sheetsync::queue::Inbox) and [`SharedItem`](sheetsync::breaker::SharedItem), on any clock, with chance from any
//! seed: Lambda runs it on Supabase, SQS and DynamoDB, the tests' simulation takes the same code through outages of days.
//!
//! One message: [`delivery`] asks the breaker and the limiter, makes the call, repeats it, cuts the batch in two; [`verdict`]
//! says what an answer means; [`handler`] answers SQS.

pub mod delivery;
pub mod handler;
pub mod settings;
pub mod verdict;
pub mod worker;

pub use settings::Settings;
pub use worker::Worker;
