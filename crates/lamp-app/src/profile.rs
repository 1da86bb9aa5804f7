//! Profiles: the mergeable summary of each column, computed once per content of a partition.

use std::collections::BTreeMap;

use lamp_core::dataset::{DatasetVersion, FileEntry};
use lamp_core::digest::Digest;
use lamp_core::partition::PartitionKey;
use lamp_core::profile::{ColumnContrast, Merging, Profile, contrast};
use lamp_store::DocumentKind;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::data::DataError;
use crate::data::resolve::{Slice, split_range};

/// Called after each partition: how many are done, and of how many.
pub type OnPartition<'a> = &'a (dyn Fn(usize, usize) + Send + Sync);

/// One partition's files (or all files of a dataset without partitions).
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub partition: Option<PartitionKey>,
    pub files: Vec<FileEntry>,
}

impl Piece {
    /// A digest of the content alone: the same bytes in another version have the same profile.
    pub fn content(&self) -> Digest {
        let lines: Vec<String> = self.files.iter().map(|file| format!("{}\n", file.digest)).collect();
        Digest::of(lines.concat().as_bytes())
    }
}

/// A profile with what it is of.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProfileView {
    /// The version.
    pub version: DatasetVersion,
    /// Partitions taken in, in order.
    pub partitions: Vec<PartitionKey>,
    /// The profile.
    pub profile: Profile,
}

/// Two profiles side by side.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProfileContrast {
    /// The version looked at.
    pub version: DatasetVersion,
    /// Rows looked at.
    pub rows: u64,
    /// What it is compared with.
    pub against: DatasetVersion,
    /// Rows of that.
    pub rows_against: u64,
    /// Every column, those furthest apart first.
    pub columns: Vec<ColumnContrast>,
}

impl App {
    /// Two profiles side by side: `against` is the reference. Each is named as in [`profile`](Self::profile).
    pub async fn profile_contrast(
        &self,
        text: &str,
        against: &str,
        on_partition: OnPartition<'_>,
    ) -> Result<ProfileContrast, DataError> {
        let after = self.profile(text, on_partition).await?;
        let before = self.profile(against, on_partition).await?;
        Ok(ProfileContrast {
            columns: contrast(&before.profile, &after.profile),
            version: after.version,
            rows: after.profile.rows,
            against: before.version,
            rows_against: before.profile.rows,
        })
    }

    /// The profile of `NAME`, `NAME@V`, `NAME[RANGE]` or `NAME@V[RANGE]`.
    pub async fn profile(&self, text: &str, on_partition: OnPartition<'_>) -> Result<ProfileView, DataError> {
        let slice = self.slice_of(text).await?;
        let profile = self.slice_profile(&slice, on_partition).await?;
        Ok(ProfileView { partitions: slice.partitions(), version: slice.version, profile })
    }

    /// The profile of a slice, from the stored ones of its partitions where there are any.
    pub(crate) async fn slice_profile(
        &self,
        slice: &Slice,
        on_partition: OnPartition<'_>,
    ) -> Result<Profile, DataError> {
        let pieces = pieces_of(&slice.files);
        let mut merging = Merging::default();
        for (done, piece) in pieces.iter().enumerate() {
            merging.push(self.piece_profile(piece).await?)?;
            on_partition(done + 1, pieces.len());
        }
        Ok(merging.finish()?.unwrap_or_else(|| Profile::new(0, Vec::new())))
    }

    /// The files that `NAME[@V][[RANGE]]` names; a bare name means the version that `lamp.lock` pins,
    /// or the latest. Relative ranges count from now.
    pub(crate) async fn slice_of(&self, text: &str) -> Result<Slice, DataError> {
        let (name, range) = split_range(text)?;
        let version = self.wanted_version(name).await?;
        self.slice(version, &range, text, self.now()).await
    }

    /// The stored profile of a piece, if there is one that this build reads.
    pub(crate) async fn stored_profile(&self, piece: &Piece) -> Result<Option<Profile>, DataError> {
        let stored = self.store().find_document(DocumentKind::Profile, &piece.content()).await?;
        let readable = stored.and_then(|bytes| String::from_utf8(bytes).ok());
        Ok(readable.and_then(|text| Profile::from_json(&text).ok()))
    }

    /// The stored profile of a piece, or a new one, stored.
    pub(crate) async fn piece_profile(&self, piece: &Piece) -> Result<Profile, DataError> {
        if let Some(profile) = self.stored_profile(piece).await? {
            return Ok(profile);
        }
        let files = self.data_files(&piece.files).await?;
        let profile = self.engine().profile(&files, None).await?;
        self.store().put_document(DocumentKind::Profile, &piece.content(), profile.to_json().as_bytes()).await?;
        Ok(profile)
    }
}

/// Files by partition, in order.
pub(crate) fn pieces_of(files: &[FileEntry]) -> Vec<Piece> {
    let mut by_key: BTreeMap<Option<PartitionKey>, Vec<FileEntry>> = BTreeMap::new();
    for file in files {
        by_key.entry(file.partition.clone()).or_default().push(file.clone());
    }
    by_key.into_iter().map(|(partition, files)| Piece { partition, files }).collect()
}
