//! From packs back to files.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use lamp_core::dataset::FileEntry;
use lamp_core::digest::Digest;

use crate::error::StoreError;
use crate::index::Place;
use crate::pack::codec::decode;
use crate::pack::{Block, Codec, Kind, Part, read_recipe};
use crate::packs::Packs;

/// Bytes of decoded blocks that a reader keeps.
const KEPT_MAX: usize = 16 << 20;

/// Most blocks that are decoded one after the other to get at one.
pub(crate) const DEPTH_MAX: u8 = 40;

/// Why bytes cannot be had. What the disk or the network did is a [`StoreError`] instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Lost {
    /// No pack has them.
    Missing,
    /// The pack of that name has others.
    Damaged { pack: Digest, why: String },
}

/// What was read, or why it cannot be; and what went wrong on the way.
pub(crate) type Reading<T> = Result<Result<T, Lost>, StoreError>;

/// Bytes of a chunk or recipe, in the block that they are in.
pub(crate) struct Bytes {
    block: Arc<Vec<u8>>,
    range: std::ops::Range<usize>,
}

impl AsRef<[u8]> for Bytes {
    fn as_ref(&self) -> &[u8] {
        &self.block[self.range.clone()]
    }
}

/// A decoded block, by its pack and its number there.
type Decoded = ((Digest, u32), Arc<Vec<u8>>);

/// Reads from packs, and remembers the blocks that it decoded last.
pub(crate) struct Reader {
    packs: Arc<Packs>,
    kept: VecDeque<Decoded>,
    kept_bytes: usize,
}

impl Reader {
    pub(crate) fn new(packs: &Arc<Packs>) -> Self {
        let packs = Arc::clone(packs);
        Self { packs, kept: VecDeque::new(), kept_bytes: 0 }
    }

    /// The bytes of that digest, checked against it if they are a chunk.
    pub(crate) fn read(&mut self, kind: Kind, digest: &Digest) -> Reading<Bytes> {
        match self.read_at_depth(kind, digest, 0)? {
            // Packs are written anew in the background, and the old ones go away.
            Err(Lost::Missing) => {
                self.packs.refresh()?;
                let read = self.read_at_depth(kind, digest, 0)?;
                Ok(read.map_err(|lost| self.if_it_leans_on_nothing(kind, digest, lost)))
            }
            read => Ok(read),
        }
    }

    /// What is there and leans on something that is missing is damaged itself.
    fn if_it_leans_on_nothing(&self, kind: Kind, digest: &Digest, lost: Lost) -> Lost {
        let index = self.packs.index();
        let pack = index.find(kind, digest).and_then(|place| index.pack(place));
        match (lost, pack) {
            (Lost::Missing, Some(pack)) => {
                Lost::Damaged { pack: pack.name, why: "what a block leans on is missing".to_owned() }
            }
            (lost, _) => lost,
        }
    }

    fn read_at_depth(&mut self, kind: Kind, digest: &Digest, depth: u8) -> Reading<Bytes> {
        let Some(place) = self.packs.find(kind, digest) else { return Ok(Err(Lost::Missing)) };
        let (pack, block) = match self.block(kind, place, depth)? {
            Ok(found) => found,
            Err(lost) => return Ok(Err(lost)),
        };
        let start = place.start as usize;
        let range = start..start + place.length as usize;
        let Some(bytes) = block.get(range.clone()) else {
            return Ok(Err(Lost::Damaged { pack, why: "a block is too short".to_owned() }));
        };
        let is_right = kind == Kind::Recipe || Digest::of(bytes) == *digest;
        if is_right {
            return Ok(Ok(Bytes { block, range }));
        }
        let why = format!("chunk {} has other bytes", digest.short());
        Ok(Err(Lost::Damaged { pack, why }))
    }

    /// The decoded block of a place, and the name of its pack.
    fn block(&mut self, kind: Kind, place: Place, depth: u8) -> Reading<(Digest, Arc<Vec<u8>>)> {
        let found = self.packs.index().block(place).map(|(pack, block)| (pack.name, block.clone()));
        let Some((pack, block)) = found else { return Ok(Err(Lost::Missing)) };
        let key = (pack, place.block);
        if let Some((_, decoded)) = self.kept.iter().rev().find(|(of, _)| *of == key) {
            return Ok(Ok((pack, Arc::clone(decoded))));
        }
        if depth > DEPTH_MAX {
            return Ok(Err(Lost::Damaged { pack, why: "its blocks lean on each other without end".to_owned() }));
        }
        let mut base = Vec::new();
        for digest in &block.bases {
            match self.read_at_depth(kind, digest, depth + 1)? {
                Ok(bytes) => base.extend_from_slice(bytes.as_ref()),
                Err(lost) => return Ok(Err(lost)),
            }
        }
        let decoded = match self.decode(pack, &block, &base)? {
            Ok(decoded) => Arc::new(decoded),
            Err(lost) => return Ok(Err(lost)),
        };
        self.kept_bytes += decoded.len();
        self.kept.push_back((key, Arc::clone(&decoded)));
        while self.kept_bytes > KEPT_MAX
            && let Some((_, oldest)) = self.kept.pop_front()
        {
            self.kept_bytes -= oldest.len();
        }
        Ok(Ok((pack, decoded)))
    }

    fn decode(&self, pack: Digest, block: &Block, base: &[u8]) -> Reading<Vec<u8>> {
        let stored = match self.packs.backend.read_pack(pack, block.offset, block.stored) {
            Ok(Some(stored)) => stored,
            Ok(None) => return Ok(Err(Lost::Missing)),
            Err(StoreError::Io { source, .. }) if source.kind() == io::ErrorKind::UnexpectedEof => {
                return Ok(Err(Lost::Damaged { pack, why: "it is too short".to_owned() }));
            }
            Err(error) => return Err(error),
        };
        let needs_base = block.codec == Codec::Delta;
        let base = if needs_base { base } else { &[] };
        Ok(decode(block.codec, stored, base, block.raw as usize)
            .map_err(|error| Lost::Damaged { pack, why: format!("a block cannot be decoded: {error}") }))
    }

    /// The chunks of a file that has a recipe.
    pub(crate) fn recipe(&mut self, digest: &Digest) -> Reading<Vec<Part>> {
        let pack = |packs: &Packs| {
            let index = packs.index();
            let place = index.find(Kind::Recipe, digest)?;
            index.pack(place).map(|pack| pack.name)
        };
        let read = self.read(Kind::Recipe, digest)?;
        Ok(read.and_then(|bytes| {
            let parts = read_recipe(bytes.as_ref());
            let why = "a list of chunks is no such list".to_owned();
            parts.ok_or_else(|| pack(&self.packs).map_or(Lost::Missing, |pack| Lost::Damaged { pack, why }))
        }))
    }

    /// The chunks of a file, one of them for a small file and none for an empty one.
    pub(crate) fn parts(&mut self, digest: &Digest, size: u64) -> Reading<Vec<Part>> {
        if size == 0 {
            return Ok(Ok(Vec::new()));
        }
        let whole = |packs: &Packs| packs.find(Kind::Chunk, digest).filter(|place| u64::from(place.length) == size);
        let mut place = whole(&self.packs);
        if place.is_none() && self.packs.find(Kind::Recipe, digest).is_none() {
            self.packs.refresh()?;
            place = whole(&self.packs);
        }
        match place {
            Some(place) => Ok(Ok(vec![Part { digest: *digest, length: place.length }])),
            None => self.recipe(digest),
        }
    }

    /// Hands out the bytes of a file in order, in pieces. They are right if it returns well: every
    /// chunk and the whole are checked.
    pub(crate) fn file(
        &mut self,
        entry: &FileEntry,
        mut each: impl FnMut(&[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let lost = |lost: Lost| lost.of(entry);
        let parts = self.parts(&entry.digest, entry.size)?.map_err(lost)?;
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            let bytes = self.read(Kind::Chunk, &part.digest)?.map_err(lost)?;
            hasher.update(bytes.as_ref());
            each(bytes.as_ref())?;
        }
        let found = Digest::from_bytes(*hasher.finalize().as_bytes());
        if found == entry.digest {
            return Ok(());
        }
        let why = format!("its bytes have digest {found}");
        Err(StoreError::ObjectDamaged { digest: entry.digest, path: entry.path.clone(), why })
    }
}

impl Lost {
    /// The error that a reader of the file gets.
    pub(crate) fn of(self, entry: &FileEntry) -> StoreError {
        self.of_file(entry.digest, &entry.path)
    }

    /// The same, by the file's digest and name.
    pub(crate) fn of_file(self, digest: Digest, path: &str) -> StoreError {
        let path = path.to_owned();
        match self {
            Self::Missing => StoreError::ObjectMissing { digest, path },
            Self::Damaged { pack, why } => {
                let why = format!("pack {}: {why}", pack.short());
                StoreError::ObjectDamaged { digest, path, why }
            }
        }
    }
}
