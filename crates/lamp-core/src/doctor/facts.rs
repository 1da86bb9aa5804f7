//! What was found, before it is judged.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::names::{DatasetName, ModelName, ProjectName, ServiceName};
use crate::route::ModelRef;

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// For practice 1.
    pub hooks: HooksFacts,
    /// For practice 2.
    pub code: CodeFacts,
    /// For practice 3.
    pub repository: RepositoryFacts,
    /// For practice 4.
    pub data: DataFacts,
    /// For practice 5.
    pub quality: QualityFacts,
    /// For practice 6.
    pub labels: Vec<LabelFacts>,
    /// For practice 7.
    pub retraining: RetrainingFacts,
    /// For practice 8.
    pub services: Vec<ServiceFacts>,
    /// For practice 9.
    pub tests: TestFacts,
}

/// Hooks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HooksFacts {
    /// Ids of the hooks that the file lacks; none where there is no file.
    pub missing: Option<Vec<String>>,
    /// Who wrote the hook that git calls: a manager's command, or `somebody else`; none where there is no hook.
    pub called_by: Option<String>,
}

/// Where models come from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeFacts {
    /// The models that are declared.
    pub models: Vec<ModelName>,
    /// Number of versions of models in the ledger.
    pub versions: usize,
    /// Versions whose commit git does not have any more.
    pub lost: Vec<ModelRef>,
    /// Versions that serve although no branch reaches their commit or holds its tree.
    pub off_branch: Vec<ModelRef>,
}

/// What the repository holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryFacts {
    /// The projects.
    pub projects: Vec<ProjectName>,
    /// Projects with a model or a build, and no locked environment.
    pub unlocked: Vec<ProjectName>,
    /// Whether `lamp.lock` is in the last commit.
    pub lock_is_committed: bool,
}

/// Versions of data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFacts {
    /// The datasets that are declared.
    pub datasets: Vec<DatasetFacts>,
}

/// One dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetFacts {
    /// Its name.
    pub name: DatasetName,
    /// Whether a build makes it.
    pub is_derived: bool,
    /// Number of versions.
    pub versions: u64,
    /// Whether `lamp.lock` pins one.
    pub is_locked: bool,
}

/// Promises of data, and who looks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QualityFacts {
    /// The datasets that are declared.
    pub datasets: Vec<ChecksFacts>,
    /// Whether people look, for each project with data.
    pub looks: Vec<LookFacts>,
}

/// Whether a person looks at the histograms of a project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookFacts {
    /// The project.
    pub project: ProjectName,
    /// The rotation that a duty asks, if there is one.
    pub rota: Option<String>,
    /// Time since somebody last signed that they looked; none where nobody ever did.
    pub last: Option<Duration>,
    /// Time within which somebody is to have looked: two periods of the duty.
    pub within: Duration,
}

/// Checks of one dataset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChecksFacts {
    /// Its name.
    pub name: DatasetName,
    /// Whether it has a contract.
    pub has_contract: bool,
    /// Whether its newest version was checked; none where it has no version.
    pub newest_is_checked: Option<bool>,
}

/// Labels of one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelFacts {
    /// The service.
    pub service: ServiceName,
    /// The rotation that a duty asks for labels, if there is one.
    pub rota: Option<String>,
    /// Labels given by hand in the last two periods of the duty (days, where none says otherwise).
    pub labels: u64,
    /// Time since the last label; none where there never was one.
    pub last: Option<Duration>,
    /// Whether an estimate of a metric stands on them.
    pub is_measured: bool,
}

/// How models are trained again.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetrainingFacts {
    /// The models that are the primary of a service.
    pub models: Vec<ModelFacts>,
    /// Versions that serve without a person's signature. The rules do not let it come to that.
    pub unsigned: Vec<ModelRef>,
    /// Candidates that nobody has decided on, the oldest first.
    pub waiting: Vec<ModelRef>,
}

/// One model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelFacts {
    /// Its name.
    pub name: ModelName,
    /// Its cadence, in words.
    pub every: Option<String>,
    /// Whether the cadence names a study that the ledger has.
    pub has_evidence: bool,
}

/// One service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceFacts {
    /// Its name.
    pub name: ServiceName,
    /// Who is the main model.
    pub primary: Option<ModelRef>,
    /// Who stands behind it.
    pub shadow: Option<ModelRef>,
    /// Gateways that were heard of just now.
    pub gateways: usize,
    /// Those of them in which the shadow could answer.
    pub with_shadow_ready: usize,
}

/// Tests.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestFacts {
    /// A workflow of CI that calls `lamp test`: its path.
    pub workflow: Option<String>,
    /// The models that are declared.
    pub models: Vec<ModelName>,
    /// Models whose last tests passed, and not longer ago than they are worth anything.
    pub passed: Vec<ModelName>,
    /// Models whose last tests failed.
    pub failed: Vec<ModelName>,
}
