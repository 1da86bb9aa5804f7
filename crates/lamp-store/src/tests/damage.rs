//! Damage is found, whatever it keeps up.

use std::os::unix::fs::{FileExt, PermissionsExt};

use lamp_core::digest::Digest;

use super::*;
use crate::{Damage, DamageKind};

/// Changes an object in place and restores its mode and times.
fn tamper(path: &Path, change: impl FnOnce(&fs::File)) {
    let before = fs::metadata(path).expect("an object");
    fs::set_permissions(path, fs::Permissions::from_mode(0o644)).expect("writable");
    let file = fs::File::options().write(true).open(path).expect("opens");
    change(&file);
    file.set_modified(before.modified().expect("a time")).expect("its time");
    fs::set_permissions(path, before.permissions()).expect("its mode");
}

#[tokio::test]
async fn a_flipped_byte_that_keeps_size_time_and_mode_is_found() {
    let bench = Bench::new();
    let mut content = noise(2_500_000, 7);
    bench.write("rotten", &content);
    bench.write("also rotten", &content);
    bench.write("sound", b"sound");
    bench.write("short", b"shortened");
    bench.write("gone", b"gone");
    std::os::unix::fs::symlink("sound", bench.sources().join("link")).expect("a link");
    let store = bench.open().await;
    let names = ["rotten", "also rotten", "sound", "short", "gone", "link"];
    let entries = bench.add(&store, &names).await.expect("added");
    let whole = manifest(entries.clone());
    assert_eq!(store.verify(&whole, quiet()).await.expect("verified"), Vec::new());

    let path = async |index: usize| store.local_path(&entries[index]).await.expect("a path");
    content[2_000_000] ^= 1;
    tamper(&path(0).await, |file| file.write_all_at(&content[2_000_000..2_000_001], 2_000_000).expect("flipped"));
    tamper(&path(3).await, |file| file.set_len(5).expect("cut"));
    fs::remove_file(path(4).await).expect("removed");

    let found = Digest::of(&content);
    let damage = |index: usize, kind| Damage { path: names[index].to_owned(), digest: entries[index].digest, kind };
    let watched = Arc::new(Watched::default());
    let mut damages = store.verify(&whole, watched.clone()).await.expect("verified");
    damages.sort_by(|a, b| b.path.cmp(&a.path));
    assert_eq!(
        damages,
        [
            damage(3, DamageKind::WrongSize { found: 5 }),
            damage(0, DamageKind::Corrupt { found }),
            damage(4, DamageKind::Missing),
            damage(1, DamageKind::Corrupt { found }),
        ]
    );
    assert_eq!(watched.files.lock().expect("unpoisoned").len(), 4, "shared objects are read once, links never");
}

#[tokio::test]
async fn adding_the_file_again_brings_a_missing_or_shortened_object_back() {
    let bench = Bench::new();
    bench.write("a", b"some bytes");
    let store = bench.open().await;
    let entries = bench.add(&store, &["a"]).await.expect("added");
    let path = store.local_path(&entries[0]).await.expect("a path");
    for harm in [0, 1] {
        if harm == 0 {
            fs::remove_file(&path).expect("removed");
        } else {
            tamper(&path, |file| file.set_len(3).expect("cut"));
        }
        assert!(store.local_path(&entries[0]).await.is_err());
        bench.add(&store, &["a"]).await.expect("added again");
        assert_eq!(store.verify(&manifest(entries.clone()), quiet()).await.expect("verified"), Vec::new());
    }
}
