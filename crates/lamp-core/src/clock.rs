//! The port through which time arrives.

use jiff::Timestamp;

/// Source of the current instant. The demo and the tests live through a year in minutes.
pub trait Clock: Send + Sync {
    /// The current instant.
    fn now(&self) -> Timestamp;

    /// Whether this is injected time; it is marked so in the audit log.
    fn is_injected(&self) -> bool {
        false
    }
}

/// A clock that stands still.
#[derive(Debug, Clone, Copy)]
pub struct FixedClock(pub Timestamp);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.0
    }

    fn is_injected(&self) -> bool {
        true
    }
}
