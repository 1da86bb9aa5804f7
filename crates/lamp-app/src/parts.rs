//! Failures of the parts of the house, as use cases pass them on.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use lamp_core::error::{Classified, Kind};

/// The list of parts, once: it makes [`PartError`] and lets each use case's error take them in.
macro_rules! with_parts {
    ($then:ident $($argument:ty)?) => {
        $crate::parts::$then! {
            $($argument;)?
            /// The ledger.
            Ledger(lamp_ledger::LedgerError),
            /// The store.
            Store(lamp_store::StoreError),
            /// The engine.
            Engine(lamp_engine::EngineError),
            /// Git.
            Git(lamp_runner::git::GitError),
            /// A Python environment.
            Environment(lamp_runner::environment::EnvironmentError),
            /// The ONNX runtime's library.
            OnnxRuntime(lamp_runner::onnxruntime::OnnxRuntimeError),
            /// A run's folder.
            RunFolder(lamp_runner::run_folder::RunFolderError),
            /// A child process.
            Launch(lamp_runner::launch::LaunchError),
            /// Variables of a child process.
            Variables(lamp_runner::variables::VariableError),
            /// The embedded Python package.
            Sdk(lamp_runner::sdk::SdkError),
            /// A package that does not come to life.
            Load(lamp_model::LoadError),
            /// Golden rows.
            Golden(lamp_model::GoldenError),
            /// A model asked for many rows.
            Predict(lamp_model::TableError),
            /// The gateway.
            Gateway(lamp_gateway::GatewayError),
            /// A metric or gate.
            Metric(lamp_core::metric::MetricError),
            /// A profile.
            Profile(lamp_core::profile::ProfileError),
            /// `lamp.toml` or `lamp.lock`.
            Config(lamp_core::config::ConfigError),
            /// Writing into `lamp.toml`.
            Edit(lamp_core::config::EditError),
            /// A name.
            Name(lamp_core::names::NameError),
            /// A reference.
            Reference(lamp_core::reference::ReferenceError),
            /// A range of partitions.
            Range(lamp_core::partition::RangeError),
            /// A contract.
            Contract(lamp_core::contract::ContractError),
            /// The actor's role.
            Denied(lamp_core::access::Denied),
        }
    };
}

macro_rules! part_error {
    ($($(#[$doc:meta])* $variant:ident($error:ty),)*) => {
        /// A part of the house failed.
        #[derive(Debug, thiserror::Error)]
        pub enum PartError {
            $($(#[$doc])* #[error(transparent)] $variant(#[from] $error),)*
            /// A file of the workspace.
            #[error("cannot {action} `{}`: {source}", path.display())]
            File {
                /// What was tried: `read`, `write`, …
                action: &'static str,
                /// Where.
                path: PathBuf,
                /// What the system said.
                source: io::Error,
            },
        }

        impl PartError {
            fn inner(&self) -> Option<&dyn Classified> {
                match self {
                    $(Self::$variant(error) => Some(error),)*
                    Self::File { .. } => None,
                }
            }
        }
    };
}
pub(crate) use part_error;

with_parts!(part_error);

/// `impl From<part> for $error` for every part.
macro_rules! from_parts {
    ($into:ty; $($(#[$doc:meta])* $variant:ident($error:ty),)*) => {
        $(impl From<$error> for $into {
            fn from(error: $error) -> Self {
                Self::Part($crate::parts::PartError::$variant(error))
            }
        })*
    };
}
pub(crate) use from_parts;

/// Lets a use case's error take in the failure of any part with `?`.
macro_rules! take_parts {
    ($error:ty) => {
        $crate::parts::with_parts!(from_parts $error);
    };
}
pub(crate) use {take_parts, with_parts};

impl PartError {
    /// Wraps an I/O error with what was tried and where.
    pub fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self::File { action, path, source }
    }
}

impl Classified for PartError {
    fn kind(&self) -> Kind {
        match self {
            Self::File { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => Kind::NotFound,
                io::ErrorKind::PermissionDenied => Kind::Forbidden,
                _ => Kind::Unavailable,
            },
            _ => self.inner().map_or(Kind::Internal, Classified::kind),
        }
    }

    fn hint(&self) -> Option<String> {
        self.inner().and_then(Classified::hint)
    }
}

impl PartError {
    /// Whether the same attempt may succeed later, without anybody changing what was attempted.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::Ledger(_) | Self::Store(_) | Self::OnnxRuntime(_) | Self::Environment(_) | Self::File { .. } => {
                self.kind() == Kind::Unavailable
            }
            Self::Engine(_)
            | Self::Git(_)
            | Self::RunFolder(_)
            | Self::Launch(_)
            | Self::Variables(_)
            | Self::Sdk(_)
            | Self::Load(_)
            | Self::Golden(_)
            | Self::Predict(_)
            | Self::Gateway(_)
            | Self::Metric(_)
            | Self::Profile(_)
            | Self::Config(_)
            | Self::Edit(_)
            | Self::Name(_)
            | Self::Reference(_)
            | Self::Range(_)
            | Self::Contract(_)
            | Self::Denied(_) => false,
        }
    }
}

/// Takes an exclusive lock on a file if nobody has it, and holds it until the file is dropped.
pub(crate) fn try_lock_file(path: &Path) -> Result<Option<File>, PartError> {
    let file = File::create(path).map_err(PartError::file("lock", path))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(PartError::file("lock", path)(error)),
    }
}

/// Waits for an exclusive lock on a file and holds it until the file is dropped. The kernel lets go
/// when a process dies.
pub(crate) async fn lock_file(path: &Path) -> Result<File, PartError> {
    let locked = tokio::task::spawn_blocking({
        let path = path.to_owned();
        move || {
            let file = File::create(&path)?;
            file.lock()?;
            Ok::<_, io::Error>(file)
        }
    });
    let file = locked.await.map_err(|error| PartError::file("lock", path)(io::Error::other(error)))?;
    file.map_err(PartError::file("lock", path))
}
