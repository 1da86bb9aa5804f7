//! From files to packs.
//!
//! Chunks of many files are gathered into blocks, and blocks into packs, in whatever order they
//! come. Recipes come last, into the last pack or one after it: where a recipe is, its chunks are.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lamp_core::digest::Digest;

use crate::error::StoreError;
use crate::index::Digests;
use crate::pack::write::{Encoded, Gathering, OpenPack};
use crate::pack::{Kind, Part, write_recipe};
use crate::packs::Packs;

/// A block that has so many bytes takes no further chunk.
const BLOCK_FULL: usize = 128 << 10;

/// Packs being made of what comes in, from several threads at once.
pub(crate) struct Packing {
    packs: Arc<Packs>,
    /// Whether this is a repack, and its effort.
    is_repacked: bool,
    level: i32,
    /// Chunks that some thread has taken on.
    claimed: Mutex<Digests>,
    /// Blocks that are not full, and that no thread is filling.
    gathering: Mutex<Vec<Gathering>>,
    recipes: Mutex<Vec<(Digest, Vec<u8>)>>,
    pack: Mutex<Option<OpenPack>>,
    /// Packs with something that was to come in and was there already.
    used: Mutex<Digests>,
    /// Packs that were put in their place, with their bytes.
    made: Mutex<Vec<(Digest, u64)>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Packing {
    pub(crate) fn new(packs: Arc<Packs>, is_repacked: bool, level: i32) -> Self {
        let (claimed, used, made) = (Mutex::default(), Mutex::default(), Mutex::default());
        let (gathering, recipes, pack) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { packs, is_repacked, level, claimed, gathering, recipes, pack, used, made }
    }

    /// A block to fill, to be given back with [`put_back`](Self::put_back).
    pub(crate) fn block(&self) -> Gathering {
        lock(&self.gathering).pop().unwrap_or_else(|| Gathering::new(Kind::Chunk))
    }

    pub(crate) fn put_back(&self, block: Gathering) {
        lock(&self.gathering).push(block);
    }

    /// Takes a chunk in, unless it is there or on its way. A block that is full now is returned, to be
    /// [written](Self::write).
    pub(crate) fn chunk(&self, bytes: &[u8], block: &mut Gathering) -> (Part, Option<Gathering>) {
        let digest = Digest::of(bytes);
        let part = Part { digest, length: u32::try_from(bytes.len()).unwrap_or(u32::MAX) };
        let is_new = !self.is_there(&digest) && lock(&self.claimed).insert(digest);
        let full = if is_new { block.push_up_to(BLOCK_FULL, digest, bytes) } else { None };
        (part, full)
    }

    /// Takes a chunk in, wherever else it is.
    pub(crate) fn copy(&self, digest: Digest, bytes: &[u8], block: &mut Gathering) -> Result<(), StoreError> {
        block.push_up_to(BLOCK_FULL, digest, bytes).map_or(Ok(()), |full| self.write(full))
    }

    /// Compresses a block and writes it.
    pub(crate) fn write(&self, block: Gathering) -> Result<(), StoreError> {
        if block.parts.is_empty() { Ok(()) } else { self.append(block.encode(self.level)?) }
    }

    /// Whether a chunk is there already. If so, its pack is remembered as used.
    pub(crate) fn is_there(&self, digest: &Digest) -> bool {
        let index = self.packs.index();
        let Some(pack) = index.find(Kind::Chunk, digest).and_then(|place| index.pack(place)) else { return false };
        lock(&self.used).insert(pack.name);
        true
    }

    /// Remembers that packs hold something that is relied on.
    pub(crate) fn note_used(&self, packs: &[Digest]) {
        lock(&self.used).extend(packs);
    }

    /// Takes the recipe of a file in. A small file is its own chunk and needs none.
    pub(crate) fn recipe(&self, digest: Digest, parts: &[Part]) {
        let is_own_chunk = matches!(parts, [] | [_]);
        let is_there = || self.packs.find(Kind::Recipe, &digest).is_some();
        if !is_own_chunk && !is_there() {
            lock(&self.recipes).push((digest, write_recipe(parts)));
        }
    }

    /// Takes the recipe of a file in, wherever else it is.
    pub(crate) fn copy_recipe(&self, digest: Digest, parts: &[Part]) {
        lock(&self.recipes).push((digest, write_recipe(parts)));
    }

    /// Writes a block. A full pack is put in its place at once, and no other thread writes meanwhile,
    /// so packs appear in the order in which they were filled.
    pub(crate) fn append(&self, block: Encoded) -> Result<(), StoreError> {
        let mut open = lock(&self.pack);
        let mut pack = match open.take() {
            Some(pack) => pack,
            None => OpenPack::begin(self.packs.backend.here(), self.is_repacked)?,
        };
        pack.append(block)?;
        if pack.is_full() {
            self.keep(pack)?;
        } else {
            *open = Some(pack);
        }
        Ok(())
    }

    fn keep(&self, pack: OpenPack) -> Result<(), StoreError> {
        let pack = pack.seal()?;
        let size = pack.size;
        let name = self.packs.keep(pack)?;
        lock(&self.made).push((name, size));
        Ok(())
    }

    /// The packs that were put in their place so far.
    pub(crate) fn made(&self) -> Vec<Digest> {
        lock(&self.made).iter().map(|(name, _)| *name).collect()
    }

    /// The bytes of those.
    pub(crate) fn made_bytes(&self) -> u64 {
        lock(&self.made).iter().map(|(_, size)| size).sum()
    }

    /// Writes what is left. Everything that was taken in is there afterwards; false if something
    /// that was relied on has gone meanwhile, and all must be done again.
    pub(crate) fn finish(&self) -> Result<bool, StoreError> {
        for block in std::mem::take(&mut *lock(&self.gathering)) {
            self.write(block)?;
        }
        let mut block = Gathering::new(Kind::Recipe);
        let mut recipes = std::mem::take(&mut *lock(&self.recipes));
        recipes.sort_unstable();
        recipes.dedup_by_key(|(digest, _)| *digest);
        for (digest, recipe) in recipes {
            if let Some(full) = block.push_up_to(BLOCK_FULL, digest, &recipe) {
                self.write(full)?;
            }
        }
        self.write(block)?;
        if let Some(pack) = lock(&self.pack).take() {
            self.keep(pack)?;
        }
        let used = std::mem::take(&mut *lock(&self.used));
        for pack in used {
            if !self.packs.backend.touch_pack(pack)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
