//! How often somebody may try to sign in.

use core::net::IpAddr;
use std::collections::HashMap;
use std::time::Duration;

/// Most sources that are remembered. Full: the one that was quiet longest is forgotten.
pub const ATTEMPTS_KEPT_MAX: usize = 10_000;

/// Attempts on one account that cost no waiting.
const FREE_PER_ACCOUNT: u32 = 5;

/// Attempts from one address that cost no waiting: several people may sit behind it.
const FREE_PER_ADDRESS: u32 = 20;

/// Longest wait on one account. Short, so that a stranger cannot lock its owner out for long.
const ACCOUNT_WAIT_MAX: Duration = Duration::from_mins(1);

/// Longest wait of one address.
const ADDRESS_WAIT_MAX: Duration = Duration::from_mins(15);

/// A source that was quiet for so long starts afresh.
const FORGOTTEN_AFTER: Duration = Duration::from_hours(1);

/// Who or what tries.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Source {
    /// An account, whether there is one of that name or not.
    Account(String),
    /// An address; of IPv6 the network (/64), which one customer has to themselves.
    Address(IpAddr),
}

impl Source {
    /// The source behind an address.
    pub fn of_address(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::Address(IpAddr::V4(v4)),
            IpAddr::V6(v6) => {
                let network = u128::from(v6) & !u128::from(u64::MAX);
                Self::Address(IpAddr::V6(network.into()))
            }
        }
    }

    /// The pause after so many attempts that failed.
    fn wait_after(&self, failures: u32) -> Duration {
        let (free, wait_max) = match self {
            Self::Account(_) => (FREE_PER_ACCOUNT, ACCOUNT_WAIT_MAX),
            Self::Address(_) => (FREE_PER_ADDRESS, ADDRESS_WAIT_MAX),
        };
        let doublings = match failures.checked_sub(free) {
            None => return Duration::ZERO,
            Some(beyond) => beyond.min(16),
        };
        Duration::from_secs(1 << doublings).min(wait_max)
    }
}

#[derive(Debug, Clone, Copy)]
struct Tried {
    failures: u32,
    last_at: Duration,
}

/// Attempts of late, each counted before it is made, so that many at once count as many. Times are
/// those of a clock that never goes back, from any start.
#[derive(Debug, Default)]
pub struct Attempts {
    tried: HashMap<Source, Tried>,
}

impl Attempts {
    /// Counts an attempt as failed until [`Self::succeeded`] says otherwise, or says how long to wait.
    /// While somebody waits, further attempts count for nothing.
    pub fn begin(&mut self, sources: &[Source], now: Duration) -> Result<(), Duration> {
        self.forget_old(now);
        let wait = sources.iter().filter_map(|source| {
            let tried = self.tried.get(source)?;
            let until = tried.last_at + source.wait_after(tried.failures);
            until.checked_sub(now).filter(|wait| !wait.is_zero())
        });
        if let Some(wait) = wait.max() {
            return Err(wait);
        }
        for source in sources {
            self.make_room(source);
            let tried = self.tried.entry(source.clone()).or_insert(Tried { failures: 0, last_at: now });
            *tried = Tried { failures: tried.failures.saturating_add(1), last_at: now };
        }
        Ok(())
    }

    /// The attempt succeeded: the account starts afresh, and for the address it counts for nothing.
    /// (Who owns one account must not win free guesses at others.)
    pub fn succeeded(&mut self, sources: &[Source]) {
        for source in sources {
            match source {
                Source::Account(_) => {
                    self.tried.remove(source);
                }
                Source::Address(_) => {
                    if let Some(tried) = self.tried.get_mut(source) {
                        tried.failures = tried.failures.saturating_sub(1);
                    }
                }
            }
        }
    }

    fn forget_old(&mut self, now: Duration) {
        self.tried.retain(|_, tried| now.saturating_sub(tried.last_at) < FORGOTTEN_AFTER);
    }

    fn make_room(&mut self, source: &Source) {
        if self.tried.len() < ATTEMPTS_KEPT_MAX || self.tried.contains_key(source) {
            return;
        }
        let quietest = self.tried.iter().min_by_key(|(_, tried)| tried.last_at).map(|(source, _)| source.clone());
        if let Some(quietest) = quietest {
            self.tried.remove(&quietest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(name: &str) -> Source {
        Source::Account(name.to_owned())
    }

    fn address(text: &str) -> Source {
        Source::of_address(text.parse().expect("an address"))
    }

    #[test]
    fn each_further_failure_costs_twice_the_wait() {
        let mut attempts = Attempts::default();
        let sources = [account("ada")];
        let mut now = Duration::ZERO;
        let mut waits = Vec::new();
        for _ in 0..14 {
            let wait = attempts.begin(&sources, now).err().unwrap_or_default();
            waits.push(wait.as_secs());
            now += wait;
            if !wait.is_zero() {
                attempts.begin(&sources, now).expect("having waited");
            }
        }
        assert_eq!(waits, [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }

    #[test]
    fn success_clears_the_account_and_not_the_address() {
        let mut attempts = Attempts::default();
        let from = address("192.0.2.1");
        for guess in 0..20 {
            let own = [account("mallory"), from.clone()];
            attempts.begin(&[account(&format!("victim {guess}")), from.clone()], Duration::ZERO).expect("free");
            if attempts.begin(&own, Duration::ZERO).is_ok() {
                attempts.succeeded(&own);
            }
        }
        assert!(attempts.begin(&[account("victim 20"), from], Duration::ZERO).is_err());
        assert!(attempts.begin(&[account("victim 20"), address("192.0.2.2")], Duration::ZERO).is_ok());
    }

    #[test]
    fn many_at_once_count_as_many() {
        let mut attempts = Attempts::default();
        let let_in = (0..100).filter(|_| attempts.begin(&[account("ada")], Duration::ZERO).is_ok()).count();
        assert_eq!(let_in, 5);
    }

    #[test]
    fn one_customer_is_one_address() {
        assert_eq!(address("2001:db8::1"), address("2001:db8::ffff:2"));
        assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
        assert_eq!(address("::ffff:192.0.2.1"), address("192.0.2.1"));
    }

    #[test]
    fn what_is_remembered_has_a_bound_and_an_end() {
        let mut attempts = Attempts::default();
        for number in 0..ATTEMPTS_KEPT_MAX + 10 {
            let now = Duration::from_millis(number as u64);
            attempts.begin(&[account(&number.to_string())], now).expect("the first");
        }
        assert_eq!(attempts.tried.len(), ATTEMPTS_KEPT_MAX);
        assert!(!attempts.tried.contains_key(&account("9")) && attempts.tried.contains_key(&account("10")));
        attempts.begin(&[account("later")], Duration::from_hours(2)).expect("the first");
        assert_eq!(attempts.tried.len(), 1);
    }
}
