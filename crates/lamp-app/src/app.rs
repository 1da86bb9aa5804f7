//! The parts of the house, put together once at the composition root.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use lamp_core::access::{AccessRole, Denied, Permission};
use lamp_core::actor::Actor;
use lamp_core::audit::AuditEntry;
use lamp_core::clock::Clock;
use lamp_core::config::Workspace;
use lamp_core::ids::Ids;
use lamp_engine::Engine;
use lamp_ledger::Ledger;
use lamp_runner::git::Repo;
use lamp_store::Store;
use serde_json::Value;

use crate::layout::Layout;

/// What runs need to know of this binary.
#[derive(Debug, Clone)]
pub struct RunSettings {
    /// The `lamp` binary, for the shim around child processes.
    pub lamp_exe: PathBuf,
    /// The embedded Python package: path relative to the package's parent, and bytes.
    pub sdk: &'static [(&'static str, &'static [u8])],
}

/// What the composition root hands over.
pub struct AppParts {
    /// The workspace's root folder.
    pub root: PathBuf,
    /// Its configuration.
    pub workspace: Workspace,
    /// The ledger.
    pub ledger: Ledger,
    /// The store.
    pub store: Store,
    /// The engine.
    pub engine: Engine,
    /// The git repository.
    pub repo: Repo,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub ids: Arc<dyn Ids>,
    /// Who acts, until [`App::acting_as`] says otherwise.
    pub actor: Actor,
    /// What they are trusted with.
    pub role: AccessRole,
    /// For runs.
    pub runs: RunSettings,
}

/// The application: every use case is a method on it, each in its own file.
#[derive(Clone)]
pub struct App {
    pub(crate) parts: Arc<AppParts>,
    pub(crate) layout: Layout,
    actor: Actor,
    role: AccessRole,
}

impl App {
    /// Puts the parts together.
    pub fn new(parts: AppParts) -> Self {
        let layout = Layout::of(&parts.root);
        let (actor, role) = (parts.actor.clone(), parts.role);
        Self { parts: Arc::new(parts), layout, actor, role }
    }

    /// The same application in the hands of somebody else.
    #[must_use]
    pub fn acting_as(&self, actor: Actor, role: AccessRole) -> Self {
        Self { parts: Arc::clone(&self.parts), layout: self.layout.clone(), actor, role }
    }

    /// The application as the scheduler uses it.
    #[must_use]
    pub fn acting_as_system(&self) -> Self {
        self.acting_as(Actor::system(), AccessRole::Admin)
    }

    /// The first step of every use case that changes something.
    pub(crate) fn authorize(&self, permission: Permission) -> Result<(), Denied> {
        if self.role.may(permission) {
            return Ok(());
        }
        Err(Denied { actor: self.actor.name.clone(), role: self.role, needed: permission.needs() })
    }

    /// The workspace's root folder.
    pub fn root(&self) -> &Path {
        &self.parts.root
    }

    /// The configuration.
    pub fn workspace(&self) -> &Workspace {
        &self.parts.workspace
    }

    /// Who acts.
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// What they are trusted with.
    pub fn role(&self) -> AccessRole {
        self.role
    }

    /// Where things lie under `.lamp/`.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The current instant.
    pub fn now(&self) -> Timestamp {
        self.parts.clock.now()
    }

    /// The clock.
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.parts.clock)
    }

    /// The source of identifiers.
    pub fn ids(&self) -> Arc<dyn Ids> {
        Arc::clone(&self.parts.ids)
    }

    /// The civil date of `at` in the workspace's time zone.
    pub fn date_of(&self, at: Timestamp) -> Date {
        at.to_zoned(self.parts.workspace.root.time_zone.clone()).date()
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.parts.ledger
    }

    pub(crate) fn store(&self) -> &Store {
        &self.parts.store
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.parts.engine
    }

    pub(crate) fn repo(&self) -> &Repo {
        &self.parts.repo
    }

    /// An audit entry by the present actor at the present instant.
    #[expect(clippy::needless_pass_by_value, reason = "callers hand over what they have at hand, text or value")]
    pub(crate) fn entry(&self, action: &str, subject: impl ToString, details: Value) -> AuditEntry {
        AuditEntry {
            at: self.now(),
            injected_time: self.parts.clock.is_injected(),
            actor: self.actor.clone(),
            action: action.to_owned(),
            subject: subject.to_string(),
            details,
        }
    }
}
