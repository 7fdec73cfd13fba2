//! What a run would do, without doing it: the plan that `sheetsync plan` prints and `dryRun` stores. It reads, maps and
//! compares by the run's own code ([`crate::runs::survey`]) and asks the database what each batch would do; it writes nothing.

mod build;
mod report;
mod table;
#[cfg(test)]
mod tests;

pub use self::build::{PreviewError, preview};
pub use self::report::{ColumnPreview, ColumnSample, Preview, PreviewRejection, Stop, Warning};
