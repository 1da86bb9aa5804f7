//! What a table looks like: one mergeable summary a column.
//!
//! Counts, moments and extremes are exact. Once a column has more than [`TOP_MAX`] values, quantiles come from a
//! [sketch with a proven error](QuantileSketch), the number of distinct values from HyperLogLog and the heaviest
//! values from a Misra–Gries summary; below that, all of these are exact too. Profiles of partitions merge into the
//! profile of their union, and the same data in the same order gives the same bytes. No verdict on uniqueness rests
//! on a sketch: whoever needs one asks whether [`Distinct::exact`] holds, and else counts.

mod builder;
mod column;
mod compare;
mod contrast;
pub mod drift;
mod histogram;
mod merging;
mod moments;
mod notes;
mod quantiles;
mod scalar;
mod sketch;
mod tally;
mod top;

use serde::{Deserialize, Serialize};

use crate::error::{Classified, Kind};

pub use builder::{ColumnBuilder, room_for};
pub use column::{ColumnKind, ColumnProfile, Distinct, NumberSummary, TextSummary};
pub use compare::{PairedBin, PairedHistogram, distance, merged, side_by_side};
pub use contrast::{ColumnContrast, ColumnSummary, Measure, Measured, contrast};
pub use histogram::{Bin, Histogram};
pub use merging::Merging;
pub use moments::Moments;
pub use notes::{Note, notes};
pub use quantiles::{QUANTILE_RANK_ERROR, QuantileSketch};
pub use scalar::Scalar;
pub use sketch::{DISTINCT_RELATIVE_ERROR, DistinctSketch};
pub use top::{TOP_MAX, TOP_TEXT_MAX, TopValues};

/// The format that this build writes.
pub const PROFILE_FORMAT: u32 = 2;

/// The summary of a table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// Format of this document; [`PROFILE_FORMAT`].
    pub format: u32,
    /// Number of rows.
    pub rows: u64,
    /// The columns, in the order in which they were first seen.
    pub columns: Vec<ColumnProfile>,
}

/// Why two profiles cannot be one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// A column means different things in the two.
    #[error("column `{column}` is {left} in one part and {right} in another")]
    TypeConflict {
        /// The column.
        column: String,
        /// Its type here.
        left: String,
        /// Its type there.
        right: String,
    },
    /// Written by another build.
    #[error("this profile has format {found}, and this build reads {PROFILE_FORMAT}")]
    Format {
        /// The format found.
        found: u32,
    },
    /// Not a profile.
    #[error("this is not a profile: {0}")]
    Unreadable(String),
}

impl Classified for ProfileError {
    fn kind(&self) -> Kind {
        match self {
            Self::TypeConflict { .. } => Kind::Invalid,
            Self::Format { .. } => Kind::Conflict,
            Self::Unreadable(_) => Kind::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::TypeConflict { column, .. } => Some(format!("write `{column}` with one type in every partition")),
            Self::Format { found } if *found > PROFILE_FORMAT => Some("use a newer build of lamp".to_owned()),
            Self::Format { .. } | Self::Unreadable(_) => {
                Some("profile the version again; a profile can always be rebuilt".to_owned())
            }
        }
    }
}

impl Profile {
    /// A profile of `rows` rows.
    pub fn new(rows: u64, columns: Vec<ColumnProfile>) -> Self {
        Self { format: PROFILE_FORMAT, rows, columns }
    }

    /// Finds a column by name.
    pub fn find(&self, name: &str) -> Option<&ColumnProfile> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The profile of both tables, one after the other. Columns are united by name; the rows of a
    /// table that lacks one count as nulls of it, and as `absent`. Integers beside floats become
    /// floats, dates beside instants instants; any other difference is an error.
    pub fn merge(&self, other: &Self) -> Result<Self, ProfileError> {
        let mut columns = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            columns.push(match other.find(&column.name) {
                Some(theirs) => column.merge(theirs)?,
                None => column.followed_by_absent(other.rows),
            });
        }
        for column in other.columns.iter().filter(|column| self.find(&column.name).is_none()) {
            columns.push(column.followed_by_absent(self.rows));
        }
        Ok(Self::new(self.rows + other.rows, columns))
    }

    /// The compact stored form: JSON whose sketches are base64.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads the stored form.
    pub fn from_json(text: &str) -> Result<Self, ProfileError> {
        /// What every format has.
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let unreadable = |e: serde_json::Error| ProfileError::Unreadable(e.to_string());
        let Head { format } = serde_json::from_str(text).map_err(unreadable)?;
        if format != PROFILE_FORMAT {
            return Err(ProfileError::Format { found: format });
        }
        serde_json::from_str(text).map_err(unreadable)
    }
}

#[cfg(test)]
mod tests;
