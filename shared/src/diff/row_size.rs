//! The size limit of a row in bytes: a row must fit into one message.

/// The most bytes of a message. SQS takes 1 MiB, body and attributes together; the rest is for the reason for which a message is
/// given up.
pub const MAX_MESSAGE_BYTES: usize = (1 << 20) - 8_192;

/// What the head of a message takes besides the names and letters of its columns.
const HEAD_BYTES: usize = 1_000;

/// The most bytes that one row may take in a message.
pub const MAX_ROW_BYTES: usize = 1_000_000;

/// The most bytes that a row of these columns may take: with many long column names the head of its message leaves less.
#[must_use]
pub fn max_row_bytes<'a>(columns: impl Iterator<Item = &'a str>) -> usize {
    // Two quotes and a comma, and the letters of its place: `"XFD",`.
    let head: usize = columns.map(|column| column.len() + 3 + 6).sum();
    MAX_ROW_BYTES.min(MAX_MESSAGE_BYTES.saturating_sub(HEAD_BYTES + head))
}
