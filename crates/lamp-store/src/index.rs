//! Where everything in the packs is, in memory: some hundred bytes for each chunk.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hasher};

use lamp_core::digest::Digest;

use crate::pack::{Block, Kind, Table};

/// A digest is as good a hash as any.
#[derive(Default)]
pub(crate) struct DigestHasher(u64);

impl Hasher for DigestHasher {
    fn write(&mut self, bytes: &[u8]) {
        if let Some((first, _)) = bytes.split_first_chunk::<8>() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    /// The length of the array comes in here, and says nothing.
    fn write_usize(&mut self, _length: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A map by digest.
pub(crate) type ByDigest<V> = HashMap<Digest, V, BuildHasherDefault<DigestHasher>>;

/// A set of digests.
pub(crate) type Digests = HashSet<Digest, BuildHasherDefault<DigestHasher>>;

/// Where bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Number of the pack in [`Index`].
    pub(crate) pack: u32,
    pub(crate) block: u32,
    /// In bytes from the start of the decoded block.
    pub(crate) start: u32,
    pub(crate) length: u32,
}

/// A pack whose table was read.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) name: Digest,
    pub(crate) is_repacked: bool,
    /// When it was begun, in microseconds since the epoch.
    pub(crate) created_at_us: u64,
    pub(crate) blocks: Vec<Block>,
}

/// What is known of all packs.
#[derive(Debug, Default)]
pub(crate) struct Index {
    packs: Vec<Known>,
    names: BTreeMap<Digest, u32>,
    chunks: ByDigest<Place>,
    recipes: ByDigest<Place>,
    /// Packs that are no packs, with the reason.
    broken: BTreeMap<Digest, String>,
}

impl Index {
    /// Learns what is in a pack. Of two places for the same bytes, the one that needs fewer other
    /// blocks counts. So blocks lean only on blocks of less depth, and never on each other in a
    /// circle, whoever wrote the same bytes twice in whatever order.
    pub(crate) fn learn(&mut self, name: Digest, table: Table) {
        if self.names.contains_key(&name) {
            return;
        }
        let pack = u32::try_from(self.packs.len()).unwrap_or(u32::MAX);
        self.names.insert(name, pack);
        let Table { created_at_us, is_repacked, blocks, entries } = table;
        self.packs.push(Known { name, is_repacked, created_at_us, blocks });
        for entry in &entries {
            let place = Place { pack, block: entry.block, start: entry.start, length: entry.length };
            let known = self.find(entry.kind, &entry.digest);
            let is_nearer = known.is_none_or(|known| self.depth(place) < self.depth(known));
            if is_nearer {
                self.of_mut(entry.kind).insert(entry.digest, place);
            }
        }
    }

    /// Learns that a pack cannot be used.
    pub(crate) fn learn_broken(&mut self, name: Digest, why: String) {
        self.broken.insert(name, why);
    }

    fn of_mut(&mut self, kind: Kind) -> &mut ByDigest<Place> {
        match kind {
            Kind::Chunk => &mut self.chunks,
            Kind::Recipe => &mut self.recipes,
        }
    }

    pub(crate) fn find(&self, kind: Kind, digest: &Digest) -> Option<Place> {
        match kind {
            Kind::Chunk => self.chunks.get(digest).copied(),
            Kind::Recipe => self.recipes.get(digest).copied(),
        }
    }

    pub(crate) fn pack(&self, place: Place) -> Option<&Known> {
        self.packs.get(place.pack as usize)
    }

    /// The block that a place is in.
    pub(crate) fn block(&self, place: Place) -> Option<(&Known, &Block)> {
        let pack = self.pack(place)?;
        Some((pack, pack.blocks.get(place.block as usize)?))
    }

    /// How many blocks must be decoded before the one that a place is in.
    pub(crate) fn depth(&self, place: Place) -> u8 {
        self.block(place).map_or(0, |(_, block)| block.depth)
    }

    pub(crate) fn packs(&self) -> &[Known] {
        &self.packs
    }

    /// The packs that no repack wrote.
    pub(crate) fn new_packs(&self) -> impl Iterator<Item = &Known> {
        self.packs.iter().filter(|pack| !pack.is_repacked)
    }

    /// When a repack last wrote something, in microseconds since the epoch; nothing if none ever did.
    pub(crate) fn repacked_at_us(&self) -> Option<u64> {
        self.packs.iter().filter(|pack| pack.is_repacked).map(|pack| pack.created_at_us).max()
    }

    pub(crate) fn broken(&self) -> &BTreeMap<Digest, String> {
        &self.broken
    }

    /// Packs with blocks that cannot be decoded, because what they lean on is in no pack.
    pub(crate) fn packs_that_lean_on_nothing(&self) -> BTreeSet<Digest> {
        let is_missing = |base: &Digest| !self.chunks.contains_key(base) && !self.recipes.contains_key(base);
        let leans = |pack: &&Known| pack.blocks.iter().any(|block| block.bases.iter().any(is_missing));
        self.packs.iter().filter(leans).map(|pack| pack.name).collect()
    }

    /// The other packs that hold what the blocks of a pack lean on.
    pub(crate) fn leans_on(&self, pack: Digest) -> BTreeSet<Digest> {
        let blocks = self.packs.iter().filter(|known| known.name == pack).flat_map(|known| &known.blocks);
        let bases = blocks.flat_map(|block| &block.bases);
        let places =
            bases.flat_map(|base| [Kind::Chunk, Kind::Recipe].into_iter().filter_map(|kind| self.find(kind, base)));
        places.filter_map(|place| self.pack(place)).map(|known| known.name).filter(|name| *name != pack).collect()
    }

    /// Number of different chunks.
    pub(crate) fn chunks(&self) -> usize {
        self.chunks.len()
    }

    /// All recipes, in no order.
    pub(crate) fn recipes(&self) -> impl Iterator<Item = (&Digest, &Place)> {
        self.recipes.iter()
    }

    pub(crate) fn knows(&self, name: &Digest) -> bool {
        self.names.contains_key(name) || self.broken.contains_key(name)
    }

    /// Whether every pack that it knows is among `names`.
    pub(crate) fn is_within(&self, names: &Digests) -> bool {
        self.names.keys().chain(self.broken.keys()).all(|name| names.contains(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pack::{Codec, Entry};

    fn table(depth: u8, bases: Vec<Digest>, digest: Digest) -> Table {
        let block = Block { offset: 8, stored: 5, raw: 5, codec: Codec::Raw, depth, bases };
        let entry = Entry { kind: Kind::Chunk, digest, block: 0, start: 0, length: 5 };
        Table { blocks: vec![block], entries: vec![entry], ..Table::default() }
    }

    #[test]
    fn of_two_places_the_one_that_leans_on_less_counts_whichever_is_learnt_first() {
        let (chunk, base) = (Digest::of(b"chunk"), Digest::of(b"base"));
        let packs = [(Digest::of(b"1"), table(3, vec![base], chunk)), (Digest::of(b"2"), table(0, vec![], chunk))];
        for order in [[0, 1], [1, 0]] {
            let mut index = Index::default();
            for at in order {
                let (name, table) = packs[at].clone();
                index.learn(name, table);
            }
            let place = index.find(Kind::Chunk, &chunk).expect("learnt");
            assert_eq!(index.pack(place).map(|pack| pack.name), Some(packs[1].0));
            assert_eq!(index.packs_that_lean_on_nothing(), [packs[0].0].into());
        }
    }
}
