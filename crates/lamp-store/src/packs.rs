//! All packs of a store, wherever they are kept. Its calls block.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use lamp_core::digest::Digest;

use crate::backend::Backend;
use crate::error::StoreError;
use crate::index::{Digests, Index, Place};
use crate::pack::Kind;
use crate::pack::write::Sealed;
use crate::reader::Reader;

/// The packs and what is known of them.
#[derive(Debug)]
pub(crate) struct Packs {
    pub(crate) backend: Backend,
    index: RwLock<Index>,
    /// Whether packs as they came in are treated as if they were not there.
    only_repacked: bool,
}

impl Packs {
    pub(crate) fn new(backend: Backend) -> Self {
        Self { backend, index: RwLock::default(), only_repacked: false }
    }

    /// Only those of the packs that a repack wrote, which stay as they are.
    pub(crate) fn only_repacked(&self) -> Result<Self, StoreError> {
        let rest = Self { backend: self.backend.clone(), index: RwLock::default(), only_repacked: true };
        rest.refresh()?;
        Ok(rest)
    }

    pub(crate) fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks which packs there are now: other processes add some, and take some away.
    pub(crate) fn refresh(&self) -> Result<(), StoreError> {
        let names: Digests = self.backend.list_packs()?.into_iter().collect();
        let has_lost_some = !self.index().is_within(&names);
        let unknown: Vec<Digest> = {
            let index = self.index();
            names.into_iter().filter(|name| has_lost_some || !index.knows(name)).collect()
        };
        if unknown.is_empty() && !has_lost_some {
            return Ok(());
        }
        let tables = self.backend.pack_tables(unknown)?;
        let mut index = self.index.write().unwrap_or_else(PoisonError::into_inner);
        if has_lost_some {
            *index = Index::default();
        }
        for (name, table) in tables {
            match table {
                Ok(table) if self.only_repacked && !table.is_repacked => {}
                Ok(table) => index.learn(name, table),
                Err(why) => {
                    tracing::warn!(pack = %name, why, "a pack cannot be used");
                    index.learn_broken(name, why);
                }
            }
        }
        Ok(())
    }

    /// Gives a pack its name, for good, and learns what is in it.
    pub(crate) fn keep(&self, pack: Sealed) -> Result<Digest, StoreError> {
        let Sealed { temp, name, table, size: _ } = pack;
        self.backend.keep_pack(temp, name)?;
        self.index.write().unwrap_or_else(PoisonError::into_inner).learn(name, table);
        Ok(name)
    }

    /// Whether a place is in the pack of that name.
    pub(crate) fn is_in(&self, place: Place, pack: Digest) -> bool {
        self.index().pack(place).is_some_and(|known| known.name == pack)
    }

    pub(crate) fn find(&self, kind: Kind, digest: &Digest) -> Option<Place> {
        self.index().find(kind, digest)
    }

    /// The packs that hold a file, if all of it is there.
    pub(crate) fn find_file(self: &Arc<Self>, digest: &Digest, size: u64) -> Result<Option<Vec<Digest>>, StoreError> {
        if size == 0 {
            return Ok(Some(Vec::new()));
        }
        let whole = self.find(Kind::Chunk, digest).filter(|place| u64::from(place.length) == size);
        if let Some(place) = whole {
            return Ok(self.index().pack(place).map(|pack| vec![pack.name]));
        }
        let is_there = self.find(Kind::Recipe, digest).is_some();
        if !is_there {
            return Ok(None);
        }
        let Ok(parts) = Reader::new(self).recipe(digest)? else { return Ok(None) };
        let has_that_size = parts.iter().map(|part| u64::from(part.length)).sum::<u64>() == size;
        if !has_that_size {
            return Ok(None);
        }
        let index = self.index();
        let pack = |kind, digest: &Digest| index.pack(index.find(kind, digest)?).map(|pack| pack.name);
        let mut packs: Vec<Option<Digest>> = parts.iter().map(|part| pack(Kind::Chunk, &part.digest)).collect();
        packs.push(pack(Kind::Recipe, digest));
        packs.sort_unstable();
        packs.dedup();
        Ok(packs.into_iter().collect())
    }
}
