//! From one store to another: pushing and pulling are the same in two directions.
//!
//! Only chunks that the other store lacks are sent, in packs of their own. Every full pack stays
//! where it arrived, so whatever was cut short goes on where it ended. A version gets its name last.

use std::collections::BTreeMap;
use std::ops::AddAssign;
use std::sync::Arc;

use lamp_core::dataset::{FileEntry, Manifest};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::pack::Kind;
use crate::pack::codec::QUICK;
use crate::packing::Packing;
use crate::packs::Packs;
use crate::progress::Progress;
use crate::reader::Reader;
use crate::workers::{blocking, on_each_with};

/// What was sent to another store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sent {
    /// Versions that it did not have.
    pub versions: u64,
    /// Files that it did not have, or not whole.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes of the packs that were made for it: only of chunks that it did not have.
    pub packed: u64,
}

impl AddAssign for Sent {
    fn add_assign(&mut self, other: Self) {
        self.versions += other.versions;
        self.files += other.files;
        self.bytes += other.bytes;
        self.packed += other.packed;
    }
}

/// How often sending is begun again when packs are taken away at the other end meanwhile.
const ATTEMPTS_MAX: usize = 3;

/// Sends the files of a manifest that the other store has not whole.
pub(crate) async fn send(
    from: &Arc<Packs>,
    to: &Arc<Packs>,
    manifest: &Manifest,
    progress: Arc<dyn Progress>,
) -> Result<Sent, StoreError> {
    for _ in 0..ATTEMPTS_MAX {
        if let Some(sent) = try_to_send(from, to, manifest, Arc::clone(&progress)).await? {
            return Ok(sent);
        }
    }
    Err(StoreError::Interrupted)
}

/// Nothing if a pack that the other store had has gone meanwhile.
async fn try_to_send(
    from: &Arc<Packs>,
    to: &Arc<Packs>,
    manifest: &Manifest,
    progress: Arc<dyn Progress>,
) -> Result<Option<Sent>, StoreError> {
    let packing = Arc::new(Packing::new(Arc::clone(to), false, QUICK));
    let files = manifest.files.iter().filter(|file| file.link.is_none());
    let files: BTreeMap<_, FileEntry> = files.map(|file| (file.digest, file.clone())).collect();
    let (there, into) = (Arc::clone(to), Arc::clone(&packing));
    let lacking = blocking(move || {
        there.refresh()?;
        let mut lacking = Vec::new();
        for file in files.into_values() {
            match there.find_file(&file.digest, file.size)? {
                Some(used) => into.note_used(&used),
                None => lacking.push(file),
            }
        }
        Ok(lacking)
    })
    .await?;
    let bytes = lacking.iter().map(|file| file.size).sum();
    let sent = Sent { versions: 0, files: lacking.len() as u64, bytes, packed: 0 };
    progress.begin(sent.files, sent.bytes);

    let (reading, into, threads) = (Arc::clone(from), Arc::clone(&packing), from.backend.threads());
    on_each_with(
        lacking,
        threads,
        move || Reader::new(&reading),
        move |file, reader| {
            send_file(file, reader, &into, progress.as_ref())?;
            progress.file_done(&file.path);
            Ok(())
        },
    )
    .await?;
    blocking(move || {
        let is_there = packing.finish()?;
        Ok(is_there.then(|| Sent { packed: packing.made_bytes(), ..sent }))
    })
    .await
}

fn send_file(
    file: &FileEntry,
    reader: &mut Reader,
    packing: &Packing,
    progress: &dyn Progress,
) -> Result<(), StoreError> {
    let parts = reader.parts(&file.digest, file.size)?.map_err(|lost| lost.of(file))?;
    let mut block = packing.block();
    for part in &parts {
        // What is there already is not even read.
        if !packing.is_there(&part.digest) {
            let bytes = reader.read(Kind::Chunk, &part.digest)?.map_err(|lost| lost.of(file))?;
            if let (_, Some(full)) = packing.chunk(bytes.as_ref(), &mut block) {
                packing.write(full)?;
            }
        }
        progress.advance(u64::from(part.length));
    }
    packing.put_back(block);
    packing.recipe(file.digest, &parts);
    Ok(())
}
