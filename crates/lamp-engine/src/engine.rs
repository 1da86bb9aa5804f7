//! The engine: settings and the one object that everything starts from.

use std::sync::Arc;
use std::time::Duration;

use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::prelude::{SessionConfig, SessionContext};

/// How much the engine may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EngineSettings {
    /// Memory that sorts and group-bys may hold before they spill to disk, in bytes.
    pub memory_bytes: usize,
    /// Files and row groups read at once, and partitions of a query; at least 1.
    pub threads: usize,
    /// How long the query of one rule of a contract may take.
    pub rule_query_max: Duration,
}

impl Default for EngineSettings {
    /// Half a gigabyte, every core, and five minutes for a rule.
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self { memory_bytes: 512 << 20, threads, rule_query_max: Duration::from_mins(5) }
    }
}

/// Reads files and computes. Cheap to clone; all clones share one memory limit.
#[derive(Debug, Clone)]
pub struct Engine {
    pub(crate) settings: EngineSettings,
    runtime: Arc<RuntimeEnv>,
}

/// Memory consumers named in the message when memory runs out.
const NAMED_CONSUMERS: std::num::NonZeroUsize = std::num::NonZeroUsize::new(3).expect("three is not zero");

impl Engine {
    /// An engine with limits of its own.
    pub fn new(settings: EngineSettings) -> Self {
        let settings = EngineSettings { threads: settings.threads.max(1), ..settings };
        let pool = TrackConsumersPool::new(FairSpillPool::new(settings.memory_bytes), NAMED_CONSUMERS);
        let runtime = RuntimeEnvBuilder::new().with_memory_pool(Arc::new(pool)).build_arc();
        Self { settings, runtime: runtime.unwrap_or_default() }
    }

    /// The same engine reading from one end to the other: the first rows come first.
    pub(crate) fn in_order(&self) -> Self {
        Self { settings: EngineSettings { threads: 1, ..self.settings }, runtime: Arc::clone(&self.runtime) }
    }

    /// A session whose names are case-sensitive, as the columns of files are.
    pub(crate) fn session(&self) -> SessionContext {
        let mut config =
            SessionConfig::new().with_target_partitions(self.settings.threads).with_information_schema(false);
        config.options_mut().sql_parser.enable_ident_normalization = false;
        config.options_mut().execution.time_zone = Some("UTC".to_owned());
        SessionContext::new_with_config_rt(config, Arc::clone(&self.runtime))
    }
}
