//! Faults that once were, or could have been, put back on purpose: the hostile worlds (`tests/hostile`) must find each of them.
//! Only with the feature `faults` can one be switched on; without it [`is_on`] is `false` when compiled.

/// A fault of this crate or of the scheduler.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Rows whose key cannot be read do not keep others from being deleted.
    KeysUnreadable,
    /// The tab's size is read before the spreadsheet's version, and not again.
    GridFirst,
    /// The headers are read with the first chunk only.
    HeadersOnce,
}

#[cfg(feature = "faults")]
static ON: std::sync::Mutex<Option<Fault>> = std::sync::Mutex::new(None);

/// Switches a fault on, or all off.
#[cfg(feature = "faults")]
pub fn switch(fault: Option<Fault>) {
    *ON.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = fault;
}

/// Whether a fault is switched on.
#[cfg(feature = "faults")]
#[must_use]
pub fn is_on(fault: Fault) -> bool {
    *ON.lock().unwrap_or_else(std::sync::PoisonError::into_inner) == Some(fault)
}

/// Whether a fault is switched on: never.
#[cfg(not(feature = "faults"))]
#[must_use]
pub const fn is_on(_: Fault) -> bool {
    false
}
