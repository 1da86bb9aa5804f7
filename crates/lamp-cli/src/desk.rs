//! Where a command's requests are answered: here, or at the team's server.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use lamp_app::App;
use lamp_app::affected::affected_since;
use lamp_app::cadence::adopt::{AdoptStudy, Adopted};
use lamp_app::call::{Call, CallError, DoctorFacts, Pins, PullData, PushData, VerifyData};
use lamp_app::data::add::{AddData, Added};
use lamp_app::data::get::{GetData, Got};
use lamp_app::data::lockfile;
use lamp_app::data::remotes::{Between, Moved};
use lamp_app::data::verify::Verified;
use lamp_app::doctor::{CloneFacts, diagnose_clone};
use lamp_app::labels::file::{self, WrittenLabel};
use lamp_app::training::code::{CodeChoice, clean_head};
use lamp_core::affected::Affected;
use lamp_core::config::{ProjectConfig, Workspace};
use lamp_core::dataset::DatasetVersion;
use lamp_core::doctor::Finding;
use lamp_core::exposure::ServerUrl;
use lamp_core::ids::RunId;
use lamp_core::names::DatasetName;
use lamp_core::run::Run;
use lamp_engine::{Engine, EngineSettings};

use crate::command::hooks;
use crate::failure::Failure;
use crate::remote::Remote;
use crate::ui::{self, Spinner};

/// Says that a command does not travel.
pub fn works_on_the_server_only(server: &ServerUrl) -> Failure {
    let command = crate::command::name();
    Failure::operation(format!("`lamp {command}` works on the server only yet, and this clone works on {server}"))
        .with_hint(format!("on the server, in its own clone: lamp {command}"))
}

/// The desk of a clone.
pub enum Desk {
    /// The application in this process, on the ledger and the store of this clone.
    Here(Box<App>),
    /// The team's server, which alone has a ledger and a store.
    Server(Box<Remote>),
}

impl Desk {
    /// The answer to a request.
    pub async fn ask<C: Call>(&self, call: C) -> Result<C::Answer, Failure> {
        self.ask_saying(call, &|_| {}).await
    }

    /// The same; `say` is told what goes on meanwhile, where that is known.
    pub async fn ask_saying<C: Call>(&self, call: C, say: lamp_runner::Progress<'_>) -> Result<C::Answer, Failure> {
        self.try_ask(call, say).await?.map_err(|error| {
            let is_verdict = error.is_verdict();
            let failure = Failure::from(error);
            if is_verdict { failure.into_verdict() } else { failure }
        })
    }

    /// The same, with a refusal as it came, for commands that ask again after a slip.
    pub async fn try_ask<C: Call>(
        &self,
        call: C,
        say: lamp_runner::Progress<'_>,
    ) -> Result<Result<C::Answer, CallError>, Failure> {
        match self {
            Self::Here(app) => Ok(Box::pin(call.answer(app, say)).await),
            Self::Server(remote) => remote.client().call(&call).await,
        }
    }

    /// This clone's configuration.
    pub fn workspace(&self) -> &Workspace {
        match self {
            Self::Here(app) => app.workspace(),
            Self::Server(remote) => remote.workspace(),
        }
    }

    /// The zone of days and times.
    pub fn zone(&self) -> &TimeZone {
        &self.workspace().root.time_zone
    }

    /// The application, where it is in this process.
    pub fn app(&self) -> Option<&App> {
        match self {
            Self::Here(app) => Some(app),
            Self::Server(_) => None,
        }
    }

    /// The application, for commands that do not travel yet.
    pub fn require_here(&self) -> Result<&App, Failure> {
        match self {
            Self::Here(app) => Ok(app),
            Self::Server(remote) => Err(works_on_the_server_only(remote.client().server())),
        }
    }

    fn root(&self) -> &std::path::Path {
        match self {
            Self::Here(app) => app.root(),
            Self::Server(remote) => remote.root(),
        }
    }

    /// What this clone's `lamp.lock` pins.
    pub fn pins(&self) -> Result<Pins, Failure> {
        let lock = lockfile::read(self.root())?;
        Ok(lock.datasets.into_iter().map(|(name, entry)| (name, entry.version)).collect::<BTreeMap<_, _>>())
    }

    /// `NAME` or `NAME[RANGE]` as a server must be asked for it: with the version that this clone's lock pins.
    pub fn pinned(&self, reference: &str) -> Result<String, Failure> {
        let Self::Server(_) = self else { return Ok(reference.to_owned()) };
        let (name, range) = reference.split_at(reference.find('[').unwrap_or(reference.len()));
        let pins = self.pins()?;
        let pinned = DatasetName::parse(name).ok().and_then(|name| pins.get(&name).copied());
        Ok(pinned.map_or_else(|| reference.to_owned(), |version| format!("{name}@{version}{range}")))
    }

    /// The code of a run, as whoever runs it can find it. What is checked here is what a run here checks.
    pub async fn code(&self, choice: CodeChoice, project: Option<&ProjectConfig>) -> Result<CodeChoice, Failure> {
        let Self::Server(remote) = self else { return Ok(choice) };
        let commit = match &choice {
            CodeChoice::Head => clean_head(remote.repo(), remote.workspace(), project).await?,
            CodeChoice::Rev(rev) | CodeChoice::Pushed(rev) => remote.repo().resolve(rev).await?,
            CodeChoice::Wip => {
                return Err(Failure::operation("a server runs what was pushed, and work in progress is here only")
                    .with_hint("commit and push it to a branch: git push origin HEAD:refs/heads/NAME"));
            }
        };
        Ok(CodeChoice::Pushed(commit.hash))
    }

    /// What a change touches: asked of this clone's git, wherever the ledger is.
    pub async fn affected(&self, base: &str) -> Result<Affected, Failure> {
        match self {
            Self::Here(app) => Ok(app.affected(base).await?),
            Self::Server(remote) => Ok(affected_since(base, remote.repo(), remote.workspace()).await?),
        }
    }

    /// How the practices stand: files are this clone's, wherever the ledger is.
    pub async fn doctor(&self) -> Result<Vec<Finding>, Failure> {
        match self {
            Self::Here(app) => Ok(Box::pin(app.doctor()).await?),
            Self::Server(remote) => {
                let facts = self.ask(DoctorFacts {}).await?;
                let hooks = hooks::of_workspace(remote.root()).await?;
                let here = CloneFacts::of(remote.workspace(), remote.repo(), &hooks).await?;
                let pins = self.pins()?;
                Ok(diagnose_clone(facts, here, |dataset| pins.contains_key(dataset)))
            }
        }
    }

    /// Waits for a run to end, with its log as it comes.
    pub async fn follow(&self, run: RunId, on_log: &mut (dyn FnMut(&str) + Send)) -> Result<Run, Failure> {
        match self {
            Self::Here(app) => Ok(app.follow_run(run, on_log).await?),
            Self::Server(remote) => remote.follow(run, on_log).await,
        }
    }

    /// Adds a version of files that are here, and pins it here.
    pub async fn add_data(&self, request: AddData) -> Result<Added, Failure> {
        match self {
            Self::Here(app) => Ok(app.add_data(request, ui::byte_bar()).await?),
            Self::Server(remote) => remote.add_data(request).await,
        }
    }

    /// Brings a version here.
    pub async fn get_data(&self, request: GetData) -> Result<Got, Failure> {
        match self {
            Self::Here(app) => Ok(app.get_data(request, ui::byte_bar()).await?),
            Self::Server(remote) => remote.get_data(request).await,
        }
    }

    /// The rows of a file of labels, which lies here.
    pub async fn read_label_file(&self, path: &std::path::Path) -> Result<Vec<WrittenLabel>, Failure> {
        match self {
            Self::Here(app) => Ok(app.read_label_file(path).await?),
            Self::Server(_) => Ok(file::read(path, &Engine::new(EngineSettings::default())).await?),
        }
    }

    /// Hashes again what the store holds, where the store is.
    pub async fn verify_data(&self, request: VerifyData) -> Result<Vec<Verified>, Failure> {
        match self {
            Self::Here(app) => Ok(request.verify(app, ui::byte_bar()).await?),
            Self::Server(_) => {
                let _spinner = Spinner::start("the server hashes its data");
                self.ask(request).await
            }
        }
    }

    /// Sends versions to a remote, from where the store is.
    pub async fn push_data(&self, between: Between) -> Result<Moved, Failure> {
        match self {
            Self::Here(app) => Ok(app.push_data(&between, ui::byte_bar()).await?),
            Self::Server(_) => {
                let _spinner = Spinner::start("the server sends its data");
                self.ask(PushData { between }).await
            }
        }
    }

    /// Brings versions from a remote to where the store is.
    pub async fn pull_data(&self, between: Between) -> Result<Moved, Failure> {
        match self {
            Self::Here(app) => Ok(app.pull_data(&between, ui::byte_bar()).await?),
            Self::Server(_) => {
                let _spinner = Spinner::start("the server fetches data");
                self.ask(PullData { between }).await
            }
        }
    }

    /// Every dataset that `lamp.lock` pins and that has a home in this clone.
    pub fn locked_datasets(&self) -> Result<Vec<String>, Failure> {
        match self {
            Self::Here(app) => Ok(app.locked_datasets()?),
            Self::Server(remote) => remote.locked_datasets(),
        }
    }

    /// Writes what a study advises into this clone's lamp.toml.
    pub async fn adopt_study(&self, request: AdoptStudy) -> Result<Adopted, Failure> {
        match self {
            Self::Here(app) => Ok(app.adopt_study(&request).await?),
            Self::Server(remote) => remote.adopt_study(request).await,
        }
    }

    /// Pins a version that a run has built.
    pub async fn pin_built(&self, run: &Run, commit: bool) -> Result<Option<DatasetVersion>, Failure> {
        match self {
            Self::Here(app) => Ok(app.pin_built(run, commit).await?),
            Self::Server(remote) => remote.pin_built(run, commit).await,
        }
    }
}
