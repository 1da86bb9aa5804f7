//! What can go wrong in a store, each with its remedy.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use lamp_core::dataset::VersionNumber;
use lamp_core::digest::Digest;
use lamp_core::error::{Classified, Kind};

/// How many names an error message lists before it only counts.
const LISTED_MAX: usize = 10;

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The location cannot be one of a store.
    #[error("`{location}` is not a place for a store: {why}")]
    Location {
        /// As given.
        location: String,
        /// Which rule it breaks.
        why: String,
    },
    /// A folder with other things in it.
    #[error("`{location}` is not empty and not a store")]
    NotAStore {
        /// The folder.
        location: String,
    },
    /// Nobody has put anything there yet.
    #[error("there is no store at `{location}`")]
    NoStore {
        /// The place.
        location: String,
    },
    /// The format marker does not say what this build can read.
    #[error("the store at `{location}` has an unknown layout: {why}")]
    Layout {
        /// The store.
        location: String,
        /// What the marker says.
        why: String,
    },
    /// A name that a file in a version may not have.
    #[error("`{name}` cannot be the name of a file in a version: {why}")]
    Name {
        /// As given.
        name: String,
        /// Which rule it breaks.
        why: &'static str,
    },
    /// A text that is not the name of a series.
    #[error("`{series}` is not the name of a series: {why}")]
    Series {
        /// As given.
        series: String,
        /// Which rule it breaks.
        why: &'static str,
    },
    /// The file to be added is not there.
    #[error("`{}` does not exist", .path.display())]
    SourceMissing {
        /// The file.
        path: PathBuf,
    },
    /// The file to be added cannot be read.
    #[error("cannot read `{}`: {source}", .path.display())]
    SourceUnreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Neither a file nor a symbolic link.
    #[error("`{}` is {what}, and only files and symbolic links can be stored", .path.display())]
    SourceUnsupported {
        /// Where it is.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// Somebody wrote to the file while it was being read.
    #[error("`{}` changed while it was being read", .path.display())]
    SourceChanged {
        /// The file.
        path: PathBuf,
    },
    /// No room.
    #[error("no room left at `{place}`")]
    Full {
        /// The file or folder being written.
        place: String,
    },
    /// Not allowed to write or read there.
    #[error("not allowed to {action} `{place}`: {why}")]
    Denied {
        /// What was tried.
        action: &'static str,
        /// Where.
        place: String,
        /// What the system said.
        why: String,
    },
    /// The disk or the file system failed.
    #[error("cannot {action} `{}`: {source}", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The bucket did not answer, or not as it should.
    #[error("cannot {action} `{key}` at `{location}`: {source}")]
    Remote {
        /// What was tried.
        action: &'static str,
        /// The key within the store.
        key: String,
        /// The store.
        location: String,
        /// What came back.
        source: Box<object_store::Error>,
    },
    /// An object that a manifest names is not in the store.
    #[error("object {digest} (`{path}`) is missing from the store")]
    ObjectMissing {
        /// Its digest.
        digest: Digest,
        /// The file that it is.
        path: String,
    },
    /// An object whose bytes are not those that its name promises.
    #[error("object {digest} (`{path}`) is damaged: {why}")]
    ObjectDamaged {
        /// Its digest.
        digest: Digest,
        /// The file that it is.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// Symbolic links have no bytes to read in place.
    #[error("`{path}` is a symbolic link to `{target}` and has no content of its own")]
    IsLink {
        /// The entry.
        path: String,
        /// Where it points.
        target: String,
    },
    /// No manifest of that digest.
    #[error("manifest {digest} is not in the store")]
    ManifestMissing {
        /// Its digest.
        digest: Digest,
    },
    /// A manifest that is there and cannot be used.
    #[error("manifest {digest} is unreadable: {why}")]
    ManifestUnreadable {
        /// Its digest.
        digest: Digest,
        /// What is wrong with it.
        why: String,
    },
    /// The published name is unreadable.
    #[error("the published name `{key}` is unreadable: {why}")]
    NameUnreadable {
        /// Its key in the store.
        key: String,
        /// What is wrong with it.
        why: String,
    },
    /// That version has a digest already.
    #[error("version {version} of `{series}` is already published with digest {existing}, not {wanted}")]
    VersionTaken {
        /// The series.
        series: String,
        /// The version.
        version: VersionNumber,
        /// The digest that it has.
        existing: Digest,
        /// The digest that it was to have.
        wanted: Digest,
    },
    /// Files are in the way of a checkout.
    #[error("{} file(s) under `{}` have other content: {}", .files.len(), .to.display(), listed(.files))]
    WouldOverwrite {
        /// The destination.
        to: PathBuf,
        /// All of them, relative to it.
        files: Vec<String>,
    },
    /// A checkout would write outside its destination, or leave a link that points there.
    #[error("`{path}` would lead outside of `{}`: {why}", .to.display())]
    Escapes {
        /// The entry.
        path: String,
        /// The destination.
        to: PathBuf,
        /// How.
        why: String,
    },
    /// More than the store takes in one piece.
    #[error("{what} of {bytes} bytes is larger than the {max} bytes that are accepted")]
    TooLarge {
        /// What.
        what: &'static str,
        /// Its size in bytes.
        bytes: u64,
        /// The limit in bytes.
        max: u64,
    },
    /// The work was dropped half-way because the process is going down.
    #[error("the work was interrupted")]
    Interrupted,
}

fn listed(names: &[String]) -> String {
    let mut text = names.iter().take(LISTED_MAX).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if names.len() > LISTED_MAX {
        let _ = write!(text, " and {} more", names.len() - LISTED_MAX);
    }
    text
}

impl StoreError {
    /// Classes a failure of the file system.
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        let place = path.display().to_string();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
                Self::Full { place }
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::Denied { action, place, why: source.to_string() }
            }
            _ => Self::Io { action, path: path.to_owned(), source },
        }
    }

    /// Compression works in memory; it fails where there is none left.
    pub(crate) fn compressing(source: io::Error) -> Self {
        Self::Io { action: "compress a block of", path: PathBuf::from("a pack"), source }
    }

    /// Classes a failure to read a file that is to be added.
    pub(crate) fn source(path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::NotFound => Self::SourceMissing { path: path.to_owned() },
            _ => Self::SourceUnreadable { path: path.to_owned(), source },
        }
    }

    /// Classes a failure of a bucket.
    pub(crate) fn remote(action: &'static str, location: &str, key: &str, source: object_store::Error) -> Self {
        match source {
            object_store::Error::PermissionDenied { .. } | object_store::Error::Unauthenticated { .. } => {
                // The first line says it; the rest is the provider's XML.
                let why = source.to_string().lines().next().unwrap_or_default().to_owned();
                Self::Denied { action, place: format!("{location}/{key}"), why }
            }
            source => {
                Self::Remote { action, key: key.to_owned(), location: location.to_owned(), source: Box::new(source) }
            }
        }
    }
}

impl Classified for StoreError {
    fn kind(&self) -> Kind {
        match self {
            Self::Location { .. }
            | Self::Name { .. }
            | Self::Series { .. }
            | Self::SourceUnsupported { .. }
            | Self::IsLink { .. }
            | Self::Escapes { .. }
            | Self::TooLarge { .. } => Kind::Invalid,
            Self::NoStore { .. }
            | Self::SourceMissing { .. }
            | Self::ObjectMissing { .. }
            | Self::ManifestMissing { .. } => Kind::NotFound,
            Self::NotAStore { .. }
            | Self::Layout { .. }
            | Self::SourceChanged { .. }
            | Self::ObjectDamaged { .. }
            | Self::ManifestUnreadable { .. }
            | Self::NameUnreadable { .. }
            | Self::VersionTaken { .. }
            | Self::WouldOverwrite { .. } => Kind::Conflict,
            Self::Denied { .. } => Kind::Forbidden,
            Self::SourceUnreadable { .. }
            | Self::Full { .. }
            | Self::Io { .. }
            | Self::Remote { .. }
            | Self::Interrupted => Kind::Unavailable,
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Location { .. } => {
                "`[workspace] store` is a folder, or s3://bucket/prefix, gs://bucket/prefix, az://container/prefix with the \
                 provider's variables in the environment"
            }
            Self::NotAStore { .. } => "name an empty or new folder in `[workspace] store`",
            Self::NoStore { .. } => "check its address; a push makes one",
            Self::Layout { .. } => "use the version of lamp that wrote it, or a newer one",
            Self::Name { .. } => "names are relative, with `/` between their parts, and each occurs once",
            Self::Series { .. } => "use lower-case letters, digits, `-` and `_`, with `/` between the parts",
            Self::SourceMissing { .. } => "check the path",
            Self::SourceUnreadable { .. } => "make the file readable for you and run the same command again",
            Self::SourceUnsupported { .. } => "leave it out",
            Self::SourceChanged { .. } => "wait until its writer is done and run the same command again",
            Self::Full { .. } => {
                "free some space there, or name a larger disk in `[workspace] store`, and run the same command again; \
                 your files are as they were"
            }
            Self::Denied { .. } => "check the permissions there (buckets: the credentials in the environment)",
            Self::Io { .. } => "check the disk and run the same command again",
            Self::Remote { .. } => {
                "check the network, the endpoint and the credentials in the environment, and run the same command again"
            }
            Self::ObjectMissing { .. } | Self::ObjectDamaged { .. } => {
                "`lamp data verify` lists all damage; `lamp data add` of the original file brings a missing object back"
            }
            Self::IsLink { .. } => "name the file that it points to",
            Self::ManifestMissing { .. } | Self::ManifestUnreadable { .. } | Self::NameUnreadable { .. } => {
                "restore it from a copy of the store"
            }
            Self::VersionTaken { .. } => "run the same command again: it will take the next version",
            Self::WouldOverwrite { .. } => "move them away, choose another folder, or ask for them to be replaced",
            Self::Escapes { .. } => "choose another folder, or remove the link that is in the way",
            Self::TooLarge { .. } => "cut it into smaller pieces",
            Self::Interrupted => "run the same command again",
        };
        Some(hint.to_owned())
    }
}
