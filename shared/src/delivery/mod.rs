//! When Supabase is called, and when not: what stands between the queue and the database.
//!
//! - [`breaker`]: stops calls while the destination is down; [`evidence`]: what an answer of Supabase says to it;
//! - [`limiter`]: so many requests a second;
//! - [`redrive`]: what is done with dead letters;
//! - [`connections`]: what a function connects to, by its environment.
//!
//! Uses `clients`, `protocol` and `platform`.

pub mod breaker;
pub mod connections;
pub mod evidence;
pub mod limiter;
pub mod redrive;
