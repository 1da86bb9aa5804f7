//! Collecting what nothing refers to.
//!
//! What must stay is found first, from manifests down to blocks. A manifest that cannot be read
//! stops everything: who knows what it refers to. Then whole packs go, or are written anew without
//! what is dead in them. Nothing young goes: it may belong to a version that is just being made.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lamp_core::dataset::FileEntry;
use lamp_core::digest::Digest;

use crate::error::StoreError;
use crate::index::{Digests, Place};
use crate::layout::{MANIFESTS, manifest_key, parse_manifest_key, trash_key};
use crate::pack::codec::THOROUGH;
use crate::pack::{Kind, Named};
use crate::packing::Packing;
use crate::packs::Packs;
use crate::reader::Reader;
use crate::trash::{discard_pack, empty};

/// A pack is written anew if less than one byte of so many in it is needed.
const REWRITE_ONE_IN: u64 = 2;

/// What must stay, and for how long the rest stays all the same. Published versions stay always.
#[derive(Debug, Clone)]
pub struct Roots {
    /// Manifests that a model, a run, a lock file or a lease refers to.
    pub manifests: BTreeSet<Digest>,
    /// Files that are in no manifest yet, such as uploads under way.
    pub files: BTreeSet<Digest>,
    /// What was written or used within this time stays. Less than two days is taken as two days.
    pub unused_for: Duration,
    /// What goes stays in the trash for this time.
    pub keep_trash_for: Duration,
}

impl Default for Roots {
    fn default() -> Self {
        let two_weeks = Duration::from_hours(14 * 24);
        let (manifests, files) = (BTreeSet::new(), BTreeSet::new());
        Self { manifests, files, unused_for: two_weeks, keep_trash_for: two_weeks }
    }
}

/// A used pack is stamped once a day, so a younger stamp says nothing.
const UNUSED_FOR_LEAST: Duration = Duration::from_hours(48);

/// What a collection did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Collected {
    /// Packs moved to the trash, those written anew among them.
    pub packs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes of the packs written anew, without what was dead.
    pub bytes_rewritten: u64,
    /// Manifests moved to the trash.
    pub manifests: u64,
    /// Bytes removed from the trash for good, because their time was over.
    pub bytes_removed: u64,
}

/// What a collection needs to know of manifests.
pub(crate) struct Needed {
    /// The digests of all manifests that stay.
    pub(crate) manifests: BTreeSet<Digest>,
    /// The files of those.
    pub(crate) files: Vec<FileEntry>,
    /// Files that stay without a manifest.
    pub(crate) others: BTreeSet<Digest>,
}

/// Manifests that were written so lately that they stay whether or not something refers to them.
pub(crate) fn young_manifests(packs: &Packs, roots: &Roots) -> Result<BTreeSet<Digest>, StoreError> {
    let unused_since = unused_since(roots);
    let manifests = packs.backend.list_aged(MANIFESTS)?;
    let young = manifests.iter().filter(|manifest| manifest.modified_at > unused_since);
    Ok(young.filter_map(|manifest| parse_manifest_key(&manifest.key)).collect())
}

fn unused_since(roots: &Roots) -> SystemTime {
    SystemTime::now() - roots.unused_for.max(UNUSED_FOR_LEAST)
}

/// See [`Store::gc`](crate::Store::gc).
pub(crate) fn collect(packs: &Arc<Packs>, needed: &Needed, roots: &Roots) -> Result<Collected, StoreError> {
    let Some(_alone) = packs.backend.lock_for_repack()? else { return Ok(Collected::default()) };
    let now = SystemTime::now();
    packs.refresh()?;
    let mut done = Collected { bytes_removed: empty(&packs.backend, now)?, ..Collected::default() };
    let live = Live::find(packs, needed)?;
    let (unused_since, until) = (unused_since(roots), now + roots.keep_trash_for);
    let sizes = packs.backend.pack_sizes()?;
    let names: Vec<Digest> = packs.index().packs().iter().map(|pack| pack.name).collect();
    for name in names {
        let size = sizes.get(&name).copied().unwrap_or(0);
        let is_young = packs.backend.used_at(name)?.is_none_or(|used_at| used_at > unused_since);
        let needed_bytes = live.bytes.get(&name).copied().unwrap_or(0);
        let is_worth_it = needed_bytes * REWRITE_ONE_IN < size;
        if is_young || !is_worth_it {
            continue;
        }
        if needed_bytes > 0 {
            done.bytes_rewritten += rewrite(packs, name, &live)?;
        }
        if discard_pack(&packs.backend, name, unused_since, until)? {
            done.packs += 1;
            done.bytes += size;
        }
    }
    for manifest in packs.backend.list_aged(MANIFESTS)? {
        let digest = parse_manifest_key(&manifest.key);
        let Some(digest) = digest.filter(|digest| !needed.manifests.contains(digest)) else { continue };
        let is_young = manifest.modified_at > unused_since;
        let name = format!("{digest}.json");
        if !is_young && packs.backend.rename(&manifest_key(digest), &trash_key(until, &name))? {
            done.manifests += 1;
        }
    }
    packs.refresh()?;
    Ok(done)
}

/// Writes what is needed of a pack into a new one, and says how many bytes that has.
fn rewrite(packs: &Arc<Packs>, name: Digest, live: &Live) -> Result<u64, StoreError> {
    let tables = packs.backend.pack_tables(vec![name])?;
    let is_needed = |kind, digest: &Digest| live.of(kind).contains(digest);
    let made = copy_out(packs, name, tables, is_needed)?;
    let sizes = packs.backend.pack_sizes()?;
    Ok(made.iter().filter_map(|name| sizes.get(name)).sum())
}

/// Writes those entries of a pack into new ones that are `wanted` and can be read, and says which
/// packs that made. They lean on nothing.
pub(crate) fn copy_out(
    packs: &Arc<Packs>,
    name: Digest,
    tables: Vec<Named>,
    wanted: impl Fn(Kind, &Digest) -> bool,
) -> Result<Vec<Digest>, StoreError> {
    let packing = Packing::new(Arc::clone(packs), true, THOROUGH);
    let mut reader = Reader::new(packs);
    let mut block = packing.block();
    for entry in tables.into_iter().filter_map(|(_, table)| table.ok()).flat_map(|table| table.entries) {
        let is_elsewhere = packs.find(entry.kind, &entry.digest).is_none_or(|place| !packs.is_in(place, name));
        if is_elsewhere || !wanted(entry.kind, &entry.digest) {
            continue;
        }
        match entry.kind {
            Kind::Chunk => {
                if let Ok(bytes) = reader.read(Kind::Chunk, &entry.digest)? {
                    packing.copy(entry.digest, bytes.as_ref(), &mut block)?;
                }
            }
            Kind::Recipe => {
                if let Ok(parts) = reader.recipe(&entry.digest)? {
                    packing.copy_recipe(entry.digest, &parts);
                }
            }
        }
    }
    packing.put_back(block);
    packing.finish()?;
    Ok(packing.made())
}

/// Everything that is needed.
#[derive(Default)]
struct Live {
    chunks: Digests,
    recipes: Digests,
    /// Bytes of needed blocks by pack.
    bytes: BTreeMap<Digest, u64>,
    blocks: HashSet<(u32, u32)>,
}

impl Live {
    fn find(packs: &Arc<Packs>, needed: &Needed) -> Result<Self, StoreError> {
        let mut live = Self::default();
        let mut reader = Reader::new(packs);
        let files = needed.files.iter().filter(|file| file.link.is_none()).map(|file| file.digest);
        let files: BTreeSet<Digest> = files.chain(needed.others.iter().copied()).collect();
        for file in files {
            live.need(packs, Kind::Chunk, file);
            live.need(packs, Kind::Recipe, file);
            let has_recipe = packs.find(Kind::Recipe, &file).is_some();
            if has_recipe && let Ok(parts) = reader.recipe(&file)? {
                for part in parts {
                    live.need(packs, Kind::Chunk, part.digest);
                }
            }
        }
        Ok(live)
    }

    fn of(&self, kind: Kind) -> &Digests {
        match kind {
            Kind::Chunk => &self.chunks,
            Kind::Recipe => &self.recipes,
        }
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
            let Place { pack: number, block: at, .. } = place;
            let is_new_block = is_new && self.blocks.insert((number, at));
            if is_new_block && let Some((pack, block)) = index.block(place) {
                *self.bytes.entry(pack.name).or_default() += u64::from(block.stored);
                waiting.extend(&block.bases);
            }
        }
    }
}
