//! Identifiers that are the same in every run of a test.

use std::sync::atomic::{AtomicU64, Ordering};

use lamp_core::ids::Ids;

/// Counts instead of drawing: the n-th identifier of a test is always the same.
#[derive(Debug, Default)]
pub struct FixedIds {
    next: AtomicU64,
}

impl FixedIds {
    /// Starts at 1.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts after `seed`, for two sources in one test that must not collide.
    pub fn starting_after(seed: u64) -> Self {
        Self { next: AtomicU64::new(seed) }
    }
}

impl Ids for FixedIds {
    fn random(&self) -> [u8; 10] {
        let number = self.next.fetch_add(1, Ordering::Relaxed) + 1;
        let mut bytes = [0; 10];
        bytes[2..].copy_from_slice(&number.to_be_bytes());
        bytes
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use lamp_core::ids::RunId;

    use super::*;

    #[test]
    fn two_tests_see_the_same_ids_in_ascending_order() {
        let at: Timestamp = crate::TEST_START.parse().expect("a timestamp");
        let series = |ids: &FixedIds| (0..300).map(|_| RunId::new(at, ids)).collect::<Vec<_>>();
        let first = series(&FixedIds::new());
        assert_eq!(first, series(&FixedIds::new()));
        assert!(first.is_sorted_by(|a, b| a < b));
        assert!(!series(&FixedIds::starting_after(300)).iter().any(|id| first.contains(id)));
    }
}
