//! A harness against faults of data: random worlds of one table, its sheets, its application and its syncs, played with the
//! product's own code on the real Postgres and judged by an oracle that uses none of it.
//!
//! A case is one value ([`world::World`]); all chance is in it ([`draw`]). [`play`] does its steps; [`product`] is the only
//! module that knows an interface of the product, but for the names of its [`calls`]. What should become of a row is said by [`oracle`] and by plain SQL on a
//! shadow of the table ([`table`]). [`judge`] looks at every commit, [`close`] at every run that ended. What is found is made
//! small by [`shrink`] and kept in `cases/`, which every run replays. [`mutants`] show that faults are found.

pub mod calls;
pub mod cases;
pub mod close;
pub mod draw;
pub mod fault;
pub mod judge;
pub mod mutants;
pub mod oracle;
pub mod palette;
pub mod play;
pub mod postgres;
pub mod product;
mod scene;
pub mod search;
pub mod sheet;
pub mod shrink;
pub mod stage;
pub mod table;
pub mod world;
