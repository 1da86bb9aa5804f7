//! When to stop waiting for a primary that keeps failing.

use std::time::{Duration, Instant};

/// So many failures in a row open the breaker.
const FAILURES_TO_OPEN: u32 = 5;

/// While it is open, one of so many requests still goes to the primary.
const PROBE_EVERY: u32 = 10;

/// Where requests are few, a probe is due after so long all the same.
const PROBE_AFTER: Duration = Duration::from_millis(100);

/// So many clean probes in a row close it again.
const PROBES_TO_CLOSE: u32 = 3;

/// What to do with the primary in one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// Ask it and wait for it.
    Ask,
    /// Ask it, but let the shadow answer.
    Probe,
    /// Leave it alone.
    Skip,
}

/// Counts in order; the time arrives as an argument.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Breaker {
    failures: u32,
    clean_probes: u32,
    skipped: u32,
    probed_at: Option<Instant>,
    is_open: bool,
}

impl Breaker {
    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Decides for the next request, which comes at `now`.
    pub(crate) fn admit(&mut self, now: Instant) -> Admission {
        if !self.is_open {
            return Admission::Ask;
        }
        self.skipped += 1;
        let probed_at = *self.probed_at.get_or_insert(now);
        let probe_is_due = self.skipped >= PROBE_EVERY || now.saturating_duration_since(probed_at) >= PROBE_AFTER;
        if !probe_is_due {
            return Admission::Skip;
        }
        self.skipped = 0;
        self.probed_at = Some(now);
        Admission::Probe
    }

    /// Takes note of how the primary did when it was asked: a valid answer in time, or not.
    pub(crate) fn record(&mut self, did_well: bool) {
        match (self.is_open, did_well) {
            (false, true) => self.failures = 0,
            (false, false) => {
                self.failures += 1;
                if self.failures >= FAILURES_TO_OPEN {
                    *self = Self { is_open: true, ..Self::default() };
                }
            }
            (true, true) => {
                self.clean_probes += 1;
                if self.clean_probes >= PROBES_TO_CLOSE {
                    *self = Self::default();
                }
            }
            (true, false) => self.clean_probes = 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened() -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..FAILURES_TO_OPEN {
            breaker.record(false);
        }
        breaker
    }

    #[test]
    fn only_failures_in_a_row_open_it() {
        let mut breaker = Breaker::default();
        for _ in 0..20 {
            for _ in 0..FAILURES_TO_OPEN - 1 {
                breaker.record(false);
            }
            breaker.record(true);
        }
        assert_eq!(breaker.admit(Instant::now()), Admission::Ask);
        assert!(opened().is_open());
    }

    #[test]
    fn while_open_one_request_in_ten_is_a_probe() {
        let mut breaker = opened();
        let now = Instant::now();
        let admitted: Vec<Admission> = (0..30).map(|_| breaker.admit(now)).collect();
        assert_eq!(admitted.iter().filter(|a| **a == Admission::Probe).count(), 3);
        assert!(!admitted.contains(&Admission::Ask));
    }

    #[test]
    fn where_requests_are_few_time_makes_a_probe_due() {
        let mut breaker = opened();
        let now = Instant::now();
        assert_eq!(breaker.admit(now), Admission::Skip);
        assert_eq!(breaker.admit(now + PROBE_AFTER / 2), Admission::Skip);
        assert_eq!(breaker.admit(now + PROBE_AFTER), Admission::Probe);
        assert_eq!(breaker.admit(now + PROBE_AFTER), Admission::Skip);
    }

    #[test]
    fn clean_probes_in_a_row_close_it() {
        let mut breaker = opened();
        for did_well in [true, true, false, true, true] {
            breaker.record(did_well);
        }
        assert!(breaker.is_open());
        breaker.record(true);
        assert_eq!(breaker.admit(Instant::now()), Admission::Ask);
    }
}
