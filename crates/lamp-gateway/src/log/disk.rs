//! How full the log's disk is, and what that means for the log.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// From this share of the disk on, somebody is warned.
pub const WARN_ABOVE: f64 = 0.80;

/// From this share on, rows are kept without their inputs.
pub const TIGHT_ABOVE: f64 = 0.95;

/// How often the disk is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

type Used = dyn Fn(&Path) -> Option<f64> + Send + Sync;

/// Tells which share of the log's disk is used, from 0 to 1; none when it cannot be told.
#[derive(Clone)]
pub struct DiskGauge(Arc<Used>);

impl fmt::Debug for DiskGauge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DiskGauge").finish_non_exhaustive()
    }
}

impl DiskGauge {
    /// A gauge that asks `used`.
    pub fn new(used: impl Fn(&Path) -> Option<f64> + Send + Sync + 'static) -> Self {
        Self(Arc::new(used))
    }

    /// The file system's own word: the share that is not there for this user.
    pub fn of_system() -> Self {
        Self::new(|folder| {
            let stat = nix::sys::statvfs::statvfs(folder).ok()?;
            // Blocks are counted in their thousands of millions at most: the last digits do not matter.
            #[allow(clippy::cast_precision_loss)]
            let (all, free) = (stat.blocks() as f64, stat.blocks_available() as f64);
            (all > 0.0).then(|| (1.0 - free / all).clamp(0.0, 1.0))
        })
    }
}

/// How much room the log has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DiskState {
    /// Enough.
    #[default]
    Roomy,
    /// More than 80 % are used.
    Filling,
    /// More than 95 % are used: rows are kept without their inputs.
    Tight,
}

impl DiskState {
    fn of(used: f64) -> Self {
        if used >= TIGHT_ABOVE {
            Self::Tight
        } else if used >= WARN_ABOVE {
            Self::Filling
        } else {
            Self::Roomy
        }
    }

    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Roomy => 0,
            Self::Filling => 1,
            Self::Tight => 2,
        }
    }

    pub(super) const fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Roomy,
            1 => Self::Filling,
            _ => Self::Tight,
        }
    }
}

/// Looks at the disk now and then.
#[derive(Debug)]
pub(super) struct DiskWatch {
    gauge: DiskGauge,
    looked_at: Option<Instant>,
}

impl DiskWatch {
    pub(super) fn new(gauge: DiskGauge) -> Self {
        Self { gauge, looked_at: None }
    }

    /// The state, where it is time to look again and the gauge knows.
    pub(super) fn look(&mut self, folder: &Path) -> Option<DiskState> {
        let is_due = self.looked_at.is_none_or(|at| at.elapsed() >= LOOK_EVERY);
        if !is_due {
            return None;
        }
        self.looked_at = Some(Instant::now());
        (self.gauge.0)(folder).map(DiskState::of)
    }
}
