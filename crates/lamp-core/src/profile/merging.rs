//! Hundreds of parts put together so that the errors of their sketches hardly add up.

use super::{ColumnProfile, Profile, ProfileError};

/// What follows another part of the same table and becomes one with it.
pub trait Part: Sized {
    /// Both, one after the other.
    fn followed_by(&self, later: &Self) -> Result<Self, ProfileError>;
}

impl Part for Profile {
    fn followed_by(&self, later: &Self) -> Result<Self, ProfileError> {
        self.merge(later)
    }
}

impl Part for ColumnProfile {
    fn followed_by(&self, later: &Self) -> Result<Self, ProfileError> {
        self.merge(later)
    }
}

/// Parts that come one after the other and are merged as the leaves of a tree: `n` of them go through about `log2 n`
/// merges each instead of up to `n`, and each merge may move a rank
/// ([`rank_error`](super::QuantileSketch::rank_error)). At most `log2 n` parts are kept.
#[derive(Debug)]
pub struct Merging<P> {
    /// At `i` the merge of `2^i` parts that are later than those of all higher levels.
    levels: Vec<Option<P>>,
}

impl<P> Default for Merging<P> {
    fn default() -> Self {
        Self { levels: Vec::new() }
    }
}

impl<P: Part> Merging<P> {
    /// Adds the next part.
    pub fn push(&mut self, part: P) -> Result<(), ProfileError> {
        let mut carried = part;
        for level in &mut self.levels {
            let Some(earlier) = level.take() else {
                *level = Some(carried);
                return Ok(());
            };
            carried = earlier.followed_by(&carried)?;
        }
        self.levels.push(Some(carried));
        Ok(())
    }

    /// All parts as one; none if there was none.
    pub fn finish(self) -> Result<Option<P>, ProfileError> {
        let mut latest: Option<P> = None;
        for earlier in self.levels.into_iter().flatten() {
            latest = Some(match latest {
                Some(later) => earlier.followed_by(&later)?,
                None => earlier,
            });
        }
        Ok(latest)
    }
}
