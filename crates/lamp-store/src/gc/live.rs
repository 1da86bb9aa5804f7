//! What must stay, from files down to blocks.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use lamp_core::digest::Digest;

use super::Needed;
use crate::error::StoreError;
use crate::index::Digests;
use crate::pack::Kind;
use crate::packs::Packs;
use crate::reader::Reader;

/// Everything that is needed.
#[derive(Default)]
pub(super) struct Live {
    chunks: Digests,
    recipes: Digests,
    /// Bytes of needed blocks by pack.
    bytes: BTreeMap<Digest, u64>,
    /// Needed blocks: their packs, and their numbers there.
    blocks: HashSet<(Digest, u32)>,
    /// Packs that stay as they are, and whose bases were found.
    staying: BTreeSet<Digest>,
}

impl Live {
    /// What some files are made of. The list of chunks of one that cannot be read is an error: its
    /// chunks are unknown, and would go.
    pub(super) fn find(packs: &Arc<Packs>, needed: &Needed) -> Result<Self, StoreError> {
        let mut live = Self::default();
        let mut reader = Reader::new(packs);
        let mut files: BTreeMap<Digest, &str> = needed.others.iter().map(|digest| (*digest, "a file")).collect();
        files.extend(needed.files.iter().filter(|file| file.link.is_none()).map(|file| (file.digest, &*file.path)));
        for (file, path) in files {
            live.need(packs, Kind::Chunk, file);
            live.need(packs, Kind::Recipe, file);
            let has_recipe = packs.find(Kind::Recipe, &file).is_some();
            if has_recipe {
                for part in reader.recipe(&file)?.map_err(|lost| lost.of_file(file, path))? {
                    live.need(packs, Kind::Chunk, part.digest);
                }
            }
        }
        Ok(live)
    }

    pub(super) fn of(&self, kind: Kind) -> &Digests {
        match kind {
            Kind::Chunk => &self.chunks,
            Kind::Recipe => &self.recipes,
        }
    }

    /// Bytes of a pack that are needed.
    pub(super) fn bytes_in(&self, pack: Digest) -> u64 {
        self.bytes.get(&pack).copied().unwrap_or(0)
    }

    /// Whatever a pack that stays leans on is needed, even if what leans is dead: it will be found, and
    /// relied on, by whoever adds the same bytes again. Says whether that was news.
    pub(super) fn need_what_it_leans_on(&mut self, packs: &Packs, pack: Digest) -> bool {
        if !self.staying.insert(pack) {
            return false;
        }
        let bases: Digests = {
            let index = packs.index();
            let blocks = index.packs().iter().filter(|known| known.name == pack).flat_map(|known| &known.blocks);
            blocks.flat_map(|block| block.bases.iter().copied()).collect()
        };
        let before = self.blocks.len();
        for base in bases {
            self.need(packs, Kind::Chunk, base);
            self.need(packs, Kind::Recipe, base);
        }
        self.blocks.len() > before
    }

    /// Bytes are needed, and so is what their block leans on.
    fn need(&mut self, packs: &Packs, kind: Kind, digest: Digest) {
        let mut waiting = vec![digest];
        while let Some(digest) = waiting.pop() {
            let index = packs.index();
            let Some(place) = index.find(kind, &digest) else { continue };
            let is_new = match kind {
                Kind::Chunk => self.chunks.insert(digest),
                Kind::Recipe => self.recipes.insert(digest),
            };
            let Some((pack, block)) = index.block(place).filter(|_| is_new) else { continue };
            if self.blocks.insert((pack.name, place.block)) {
                *self.bytes.entry(pack.name).or_default() += u64::from(block.stored);
                waiting.extend(&block.bases);
            }
        }
    }
}
