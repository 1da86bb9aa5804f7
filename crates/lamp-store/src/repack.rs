//! Writing packs anew, smaller: each file against the earlier file that has most in common with it.
//!
//! A file that grew or was corrected shares most chunks with its predecessor. Between two shared
//! chunks lie, in both files, the two forms of what changed. So the new form is compressed with the
//! old one as its prefix, and what is left is about the change itself. Nothing is searched for, and no
//! more than one stretch of two files is in memory.
//!
//! New packs are on disk, read back and compared by digest, before an old one goes to the trash.

mod plan;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lamp_core::digest::Digest;
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::index::{ByDigest, Digests};
use crate::pack::codec::THOROUGH;
use crate::pack::write::Gathering;
use crate::pack::{Kind, Part, Table, write_recipe};
use crate::packing::Packing;
use crate::packs::Packs;
use crate::reader::{DEPTH_MAX, Lost, Reader};
use crate::trash::{discard_pack, empty};
use plan::{Run, runs};

/// How long packs stay in the trash whose content is in other packs.
const KEEP_REPLACED_FOR: Duration = Duration::from_hours(24);

/// Further in the future than any stamp.
const ALWAYS: Duration = Duration::from_hours(24 * 365);

/// Bytes of chunks that are compressed together where nothing similar is known.
const BLOCK_FULL: usize = 256 << 10;

/// Most bytes that a block is encoded against.
const BASE_MAX: usize = 2 << 20;

/// What a repack did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Repacked {
    /// Packs that were written anew.
    pub packs: u64,
    /// Their bytes.
    pub bytes_before: u64,
    /// Bytes of the packs in their place.
    pub bytes_after: u64,
}

/// A repack is worth it once so many packs came in, or so many bytes.
const DUE_PACKS: u64 = 16;
const DUE_BYTES: u64 = 64 << 20;

/// How long after a repack no other is due, so that it costs little whatever comes in.
const REST: Duration = Duration::from_hours(24);

/// Whether a repack that nobody asks for is worth it. A last one in the future, by a clock that was set
/// back, counts as one just now.
pub(crate) fn is_due(new_packs: u64, new_bytes: u64, repacked_at: Option<SystemTime>, now: SystemTime) -> bool {
    let is_rested = repacked_at.is_none_or(|at| now.duration_since(at).is_ok_and(|age| age >= REST));
    is_rested && (new_packs >= DUE_PACKS || new_bytes >= DUE_BYTES)
}

/// See [`Store::repack_some`](crate::Store::repack_some).
pub(crate) fn repack(packs: &Arc<Packs>, at_most: u64) -> Result<Option<Repacked>, StoreError> {
    let Some(_alone) = packs.backend.lock_for_repack()? else { return Ok(None) };
    let began_at = SystemTime::now();
    packs.refresh()?;
    empty(&packs.backend, began_at)?;
    let old: Vec<Digest> = packs.index().new_packs().map(|pack| pack.name).collect();
    let mut tables: Vec<(Digest, Table)> = Vec::new();
    for (name, table) in packs.backend.pack_tables(old)? {
        tables.extend(table.ok().map(|table| (name, table)));
    }
    tables.sort_unstable_by_key(|(name, table)| (table.created_at_us, *name));
    leave_for_later(&mut tables, &packs.backend.pack_sizes()?, at_most);
    if tables.is_empty() {
        return Ok(Some(Repacked::default()));
    }
    // As if the old packs were gone: what is still to be had need not be written again. Packs that come
    // in meanwhile do not count either. They will be written anew themselves, perhaps against what is
    // written now, and two blocks would lean on each other.
    let rest = Arc::new(packs.only_repacked()?);
    let mut rewriting = Rewriting::new(packs, &rest);
    rewriting.remember_earlier()?;
    for (_, table) in &tables {
        rewriting.files_of(table)?;
    }
    for (_, table) in &tables {
        rewriting.others_of(table)?;
    }
    let made = rewriting.finish()?;
    rest.refresh()?;
    let lost = std::mem::take(&mut rewriting.lost);
    check(&rest, &tables, &lost, &rewriting.recipes)?;
    discard(packs, &tables, &lost, &made, began_at).map(Some)
}

/// Leaves out what is beyond `at_most` bytes. What a list of chunks in the rest needs of it is written all
/// the same: packs only lean on such as stay.
fn leave_for_later(tables: &mut Vec<(Digest, Table)>, sizes: &ByDigest<u64>, at_most: u64) {
    let mut bytes = 0;
    let count = tables.iter().take_while(|(name, _)| {
        let is_first = bytes == 0;
        bytes += sizes.get(name).copied().unwrap_or(0);
        is_first || bytes <= at_most
    });
    let count = count.count();
    tables.truncate(count);
}

/// Reads everything that the old packs had from the others, and compares it by digest.
fn check(
    rest: &Arc<Packs>,
    tables: &[(Digest, Table)],
    lost: &Digests,
    recipes: &ByDigest<Digest>,
) -> Result<(), StoreError> {
    let mut reader = Reader::new(rest);
    let mut wanted: Vec<_> = Vec::new();
    for entry in tables.iter().flat_map(|(_, table)| &table.entries) {
        let place = rest.find(entry.kind, &entry.digest);
        wanted.push((place.map(|place| (place.pack, place.block)), entry.kind, entry.digest));
    }
    wanted.sort_unstable();
    wanted.dedup();
    for (_, kind, digest) in wanted {
        let is_there = match kind {
            Kind::Chunk => reader.read(kind, &digest)?.is_ok(),
            Kind::Recipe => {
                let found = reader.read(kind, &digest)?.ok().map(|bytes| Digest::of(bytes.as_ref()));
                found.is_some() && recipes.get(&digest).is_none_or(|written| found == Some(*written))
            }
        };
        if !is_there && !lost.contains(&digest) {
            let path = "a chunk that was written anew".to_owned();
            return Err(StoreError::ObjectDamaged { digest, path, why: "it cannot be read back".to_owned() });
        }
    }
    Ok(())
}

/// Moves the old packs to the trash, except damaged ones.
fn discard(
    packs: &Arc<Packs>,
    tables: &[(Digest, Table)],
    lost: &Digests,
    made: &[Digest],
    began_at: SystemTime,
) -> Result<Repacked, StoreError> {
    let mut done = Repacked::default();
    let sizes = packs.backend.pack_sizes()?;
    let bytes = |packs: &[Digest]| packs.iter().filter_map(|name| sizes.get(name)).sum();
    for (name, table) in tables {
        let is_damaged = table.entries.iter().any(|entry| lost.contains(&entry.digest));
        // All of it is elsewhere, so it does not matter who used it when.
        let (unused_since, until) = (began_at + ALWAYS, began_at + KEEP_REPLACED_FOR);
        if !is_damaged && discard_pack(&packs.backend, *name, unused_since, until)? {
            done.packs += 1;
            done.bytes_before += bytes(&[*name]);
        }
    }
    done.bytes_after = bytes(made);
    packs.refresh()?;
    Ok(done)
}

/// A repack under way.
struct Rewriting {
    packing: Packing,
    reader: Reader,
    /// The packs that stay.
    rest: Arc<Packs>,
    /// Which of `files` had a chunk last.
    latest: ByDigest<u32>,
    files: Vec<Digest>,
    /// What was written, and at what depth.
    written: [ByDigest<u8>; 2],
    /// Chunks that are being gathered.
    gathering: Gathering,
    /// The digests of the recipes that were written, by file.
    recipes: ByDigest<Digest>,
    /// What cannot be read.
    lost: Digests,
}

impl Rewriting {
    fn new(packs: &Arc<Packs>, rest: &Arc<Packs>) -> Self {
        Self {
            packing: Packing::new(Arc::clone(packs), true, THOROUGH),
            reader: Reader::new(packs),
            rest: Arc::clone(rest),
            latest: ByDigest::default(),
            files: Vec::new(),
            written: Default::default(),
            gathering: Gathering::new(Kind::Chunk),
            recipes: ByDigest::default(),
            lost: Digests::default(),
        }
    }

    fn of_kind(&mut self, kind: Kind) -> &mut ByDigest<u8> {
        match kind {
            Kind::Chunk => &mut self.written[0],
            Kind::Recipe => &mut self.written[1],
        }
    }

    /// Depth of what has its lasting place already; nothing for what is still to be written.
    fn depth(&mut self, kind: Kind, digest: &Digest) -> Option<u8> {
        if let Some(depth) = self.of_kind(kind).get(digest) {
            return Some(*depth);
        }
        let index = self.rest.index();
        index.find(kind, digest).map(|place| index.depth(place))
    }

    /// Learns the files of the packs that stay, so that new ones find their predecessors.
    fn remember_earlier(&mut self) -> Result<(), StoreError> {
        let earlier: Vec<Digest> = self.rest.index().recipes().map(|(digest, _)| *digest).collect();
        for file in earlier {
            if let Ok(parts) = self.reader.recipe(&file)? {
                self.remember(file, &parts);
            }
        }
        Ok(())
    }

    fn remember(&mut self, file: Digest, parts: &[Part]) {
        let number = u32::try_from(self.files.len()).unwrap_or(u32::MAX);
        self.files.push(file);
        self.latest.extend(parts.iter().map(|part| (part.digest, number)));
    }

    /// The file before that shares most bytes with these chunks.
    fn predecessor(&self, parts: &[Part]) -> Option<Digest> {
        let mut shared: BTreeMap<u32, u64> = BTreeMap::new();
        for part in parts {
            if let Some(file) = self.latest.get(&part.digest) {
                *shared.entry(*file).or_default() += u64::from(part.length);
            }
        }
        let (file, _) = shared.into_iter().max_by_key(|(file, bytes)| (*bytes, *file))?;
        self.files.get(file as usize).copied()
    }

    /// Writes the files whose recipes are in a pack, in the order in which they came.
    fn files_of(&mut self, table: &Table) -> Result<(), StoreError> {
        let mut recipes: Vec<_> = table.entries.iter().filter(|entry| entry.kind == Kind::Recipe).collect();
        recipes.sort_unstable_by_key(|entry| (entry.block, entry.start));
        for recipe in recipes {
            if self.depth(Kind::Recipe, &recipe.digest).is_some() {
                continue;
            }
            match self.reader.recipe(&recipe.digest)? {
                Ok(parts) => self.file(recipe.digest, &parts)?,
                Err(_) => _ = self.lost.insert(recipe.digest),
            }
        }
        Ok(())
    }

    fn file(&mut self, file: Digest, parts: &[Part]) -> Result<(), StoreError> {
        let predecessor = self.predecessor(parts);
        let earlier = match predecessor {
            Some(predecessor) => self.reader.recipe(&predecessor)?.unwrap_or_default(),
            None => Vec::new(),
        };
        let is_placed: Vec<bool> = parts.iter().map(|part| self.depth(Kind::Chunk, &part.digest).is_some()).collect();
        for run in runs(parts, &is_placed, &earlier, BLOCK_FULL, BASE_MAX) {
            self.run(&run)?;
        }
        self.recipe(file, parts, predecessor)?;
        self.remember(file, parts);
        Ok(())
    }

    /// Writes neighbouring chunks, against what was between the same neighbours before.
    fn run(&mut self, run: &Run<'_>) -> Result<(), StoreError> {
        let mut block = Gathering::new(Kind::Chunk);
        for part in run.new {
            // A chunk that occurs twice in a run was written with the first.
            let is_placed = self.depth(Kind::Chunk, &part.digest).is_some();
            if is_placed || block.parts.iter().any(|(digest, _)| *digest == part.digest) {
                continue;
            }
            match self.reader.read(Kind::Chunk, &part.digest)? {
                Ok(bytes) => block.push(part.digest, bytes.as_ref()),
                Err(_) => _ = self.lost.insert(part.digest),
            }
        }
        let bases: Vec<Digest> = run.old.iter().map(|part| part.digest).collect();
        self.write(block, bases)
    }

    /// Writes the list of a file's chunks, against that of its predecessor.
    fn recipe(&mut self, file: Digest, parts: &[Part], predecessor: Option<Digest>) -> Result<(), StoreError> {
        let mut block = Gathering::new(Kind::Recipe);
        block.push(file, &write_recipe(parts));
        self.recipes.insert(file, Digest::of(&block.raw));
        self.write(block, predecessor.into_iter().collect())
    }

    /// Writes a block against `bases` if they can be read and are not too deep.
    fn write(&mut self, block: Gathering, bases: Vec<Digest>) -> Result<(), StoreError> {
        if block.parts.is_empty() {
            return Ok(());
        }
        let kind = block.kind;
        let deepest = bases.iter().map(|base| self.depth(kind, base)).collect::<Option<Vec<u8>>>();
        let depth = deepest.and_then(|depths| depths.into_iter().max()).map(|depth| depth + 1);
        let base = match depth.filter(|depth| *depth < DEPTH_MAX) {
            Some(_) => self.bytes(kind, &bases)?,
            None => None,
        };
        let digests: Vec<Digest> = block.parts.iter().map(|(digest, _)| *digest).collect();
        let (encoded, depth) = match (base, depth) {
            (Some(base), Some(depth)) => {
                let encoded = block.encode_against(&base, bases, depth, THOROUGH)?;
                let depth = encoded.depth;
                (encoded, depth)
            }
            _ if kind == Kind::Chunk => return self.gather(block),
            _ => (block.encode(THOROUGH)?, 0),
        };
        self.packing.append(encoded)?;
        self.of_kind(kind).extend(digests.into_iter().map(|digest| (digest, depth)));
        Ok(())
    }

    /// Puts chunks with no predecessor together with others.
    fn gather(&mut self, block: Gathering) -> Result<(), StoreError> {
        let mut start = 0;
        for (digest, length) in block.parts {
            let end = start + length as usize;
            self.written[0].insert(digest, 0);
            if let Some(full) = self.gathering.push_up_to(BLOCK_FULL, digest, &block.raw[start..end]) {
                self.packing.write(full)?;
            }
            start = end;
        }
        Ok(())
    }

    /// The bytes of `bases`, one after the other; nothing if some cannot be read.
    fn bytes(&mut self, kind: Kind, bases: &[Digest]) -> Result<Option<Vec<u8>>, StoreError> {
        let mut bytes = Vec::new();
        for base in bases {
            match self.reader.read(kind, base)? {
                Ok(base) => bytes.extend_from_slice(base.as_ref()),
                Err(Lost::Missing | Lost::Damaged { .. }) => return Ok(None),
            }
        }
        Ok(Some(bytes))
    }

    /// Writes what is in no file that has a recipe: small files.
    fn others_of(&mut self, table: &Table) -> Result<(), StoreError> {
        let mut chunks: Vec<_> = table.entries.iter().filter(|entry| entry.kind == Kind::Chunk).collect();
        chunks.sort_unstable_by_key(|entry| (entry.block, entry.start));
        for chunk in chunks {
            if self.depth(Kind::Chunk, &chunk.digest).is_some() {
                continue;
            }
            match self.reader.read(Kind::Chunk, &chunk.digest)? {
                Ok(bytes) => {
                    let mut block = Gathering::new(Kind::Chunk);
                    block.push(chunk.digest, bytes.as_ref());
                    self.gather(block)?;
                }
                Err(_) => _ = self.lost.insert(chunk.digest),
            }
        }
        Ok(())
    }

    /// Writes what is left, and says which packs were made.
    fn finish(&mut self) -> Result<Vec<Digest>, StoreError> {
        self.packing.write(std::mem::replace(&mut self.gathering, Gathering::new(Kind::Chunk)))?;
        self.packing.finish()?;
        Ok(self.packing.made())
    }
}
