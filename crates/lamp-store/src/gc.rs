//! Collecting what nothing refers to.
//!
//! What must stay is found first, from manifests down to blocks. A manifest that cannot be read
//! stops everything: who knows what it refers to. Then whole packs go, or are written anew without
//! what is dead in them. Nothing young goes: it may belong to a version that is just being made.

mod live;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lamp_core::dataset::FileEntry;
use lamp_core::digest::Digest;
use serde::{Deserialize, Serialize};

use crate::backend::Aged;
use crate::error::StoreError;
use crate::index::{ByDigest, Known};
use crate::layout::{MANIFESTS, parse_manifest_key};
use crate::pack::codec::THOROUGH;
use crate::pack::{Kind, Named};
use crate::packing::Packing;
use crate::packs::Packs;
use crate::reader::Reader;
use crate::trash::{discard_manifest, discard_pack, empty, overdue};
use live::Live;

/// A pack is written anew if less than one byte of so many in its blocks is needed. Its table does not count: a small
/// pack is mostly table, and would be written anew for ever.
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

/// What a collection did, or would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
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

/// Packs that go, and what is needed of all packs.
struct Plan {
    live: Live,
    going: BTreeSet<Digest>,
    /// Bytes of whole packs.
    sizes: ByDigest<u64>,
    /// Bytes of their blocks.
    blocks: ByDigest<u64>,
}

impl Plan {
    /// Young packs stay, and those of which enough is needed.
    fn make(packs: &Arc<Packs>, needed: &Needed, unused_since: SystemTime) -> Result<Self, StoreError> {
        let (live, sizes) = (Live::find(packs, needed)?, packs.backend.pack_sizes()?);
        let stored = |pack: &Known| (pack.name, pack.blocks.iter().map(|block| u64::from(block.stored)).sum());
        let blocks: ByDigest<u64> = packs.index().packs().iter().map(stored).collect();
        let names: Vec<Digest> = blocks.keys().copied().collect();
        let mut plan = Self { live, going: BTreeSet::new(), sizes, blocks };
        for name in names {
            let is_young = packs.backend.used_at(name)?.is_none_or(|used_at| used_at > unused_since);
            if is_young {
                plan.live.need_what_it_leans_on(packs, name);
            } else {
                plan.going.insert(name);
            }
        }
        plan.keep_what_is_worth_it(packs);
        Ok(plan)
    }

    fn size(&self, pack: Digest) -> u64 {
        self.sizes.get(&pack).copied().unwrap_or(0)
    }

    /// Takes packs off the list of which enough is needed. Each of them may need more of the others.
    fn keep_what_is_worth_it(&mut self, packs: &Packs) {
        loop {
            let is_worth_it = |name: &Digest| {
                let needed = self.live.bytes_in(*name);
                needed > 0 && needed * REWRITE_ONE_IN >= self.blocks.get(name).copied().unwrap_or(0)
            };
            let staying: Vec<Digest> = self.going.iter().copied().filter(is_worth_it).collect();
            if staying.is_empty() {
                return;
            }
            for name in staying {
                self.keep(packs, name);
            }
        }
    }

    fn keep(&mut self, packs: &Packs, name: Digest) {
        self.going.remove(&name);
        self.live.need_what_it_leans_on(packs, name);
    }

    /// The next one to go: one that no other on the list leans on. So whoever still relies on a pack
    /// that leans on others keeps these too. Those that lean on each other in a circle stay.
    fn next(&mut self, packs: &Packs) -> Option<Digest> {
        let leant_on: BTreeSet<Digest> = self.going.iter().flat_map(|name| packs.index().leans_on(*name)).collect();
        let next = self.going.iter().copied().find(|name| !leant_on.contains(name))?;
        self.going.remove(&next);
        Some(next)
    }
}

/// What a collection would do now.
pub(crate) fn foresee(packs: &Arc<Packs>, needed: &Needed, roots: &Roots) -> Result<Collected, StoreError> {
    packs.refresh()?;
    let (now, unused_since) = (SystemTime::now(), unused_since(roots));
    let plan = Plan::make(packs, needed, unused_since)?;
    let manifests = packs.backend.list_aged(MANIFESTS)?;
    let goes = |manifest: &&Aged| find_dead(manifest, needed).is_some() && manifest.modified_at <= unused_since;
    Ok(Collected {
        packs: plan.going.len() as u64,
        bytes: plan.going.iter().map(|name| plan.size(*name)).sum(),
        bytes_rewritten: plan.going.iter().map(|name| plan.live.bytes_in(*name)).sum(),
        manifests: manifests.iter().filter(goes).count() as u64,
        bytes_removed: overdue(&packs.backend, now)?.iter().map(|found| found.bytes).sum(),
    })
}

/// See [`Store::gc`](crate::Store::gc).
pub(crate) fn collect(packs: &Arc<Packs>, needed: &Needed, roots: &Roots) -> Result<Option<Collected>, StoreError> {
    let Some(_alone) = packs.backend.lock_for_repack()? else { return Ok(None) };
    let now = SystemTime::now();
    packs.refresh()?;
    let mut done = Collected { bytes_removed: empty(&packs.backend, now)?, ..Collected::default() };
    let (unused_since, until) = (unused_since(roots), now + roots.keep_trash_for);
    let mut plan = Plan::make(packs, needed, unused_since)?;
    while let Some(name) = plan.next(packs) {
        if plan.live.bytes_in(name) > 0 {
            done.bytes_rewritten += rewrite(packs, name, &plan.live)?;
        }
        if discard_pack(&packs.backend, name, unused_since, until)? {
            done.packs += 1;
            done.bytes += plan.size(name);
        } else {
            plan.keep(packs, name);
            plan.keep_what_is_worth_it(packs);
        }
    }
    for manifest in packs.backend.list_aged(MANIFESTS)? {
        if let Some(digest) = find_dead(&manifest, needed)
            && discard_manifest(&packs.backend, digest, unused_since, until)?
        {
            done.manifests += 1;
        }
    }
    packs.refresh()?;
    Ok(Some(done))
}

/// The digest of a manifest that nothing refers to.
fn find_dead(manifest: &Aged, needed: &Needed) -> Option<Digest> {
    parse_manifest_key(&manifest.key).filter(|digest| !needed.manifests.contains(digest))
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
