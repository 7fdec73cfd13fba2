//! Sheetsync.
