//! The client of Google Sheets and Drive: finds a tab, reads it in chunks of a bounded size, and reports whether the
//! spreadsheet was changed meanwhile. Cells come out as [`Cell`](crate::mapping::Cell)s; what they mean is the mapping's business.

mod auth;
mod client;
mod error;
mod quota;
mod reader;
mod tab;

pub use self::auth::ServiceAccount;
pub use self::client::{DRIVE_BASE_URL, SHEETS_BASE_URL, Sheets};
pub use self::error::SheetsError;
pub use self::quota::READS_PER_MINUTE;
pub use self::reader::{Chunk, Reader};
pub use self::tab::{Block, Grid, Tab, TabName, Tabs, Window};
