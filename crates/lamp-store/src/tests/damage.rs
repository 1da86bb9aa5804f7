//! Damage is found, whatever it keeps up.

use super::*;
use crate::{Damage, DamageKind};

fn kinds(damages: &[Damage]) -> Vec<(&str, &DamageKind)> {
    damages.iter().map(|damage| (damage.path.as_str(), &damage.kind)).collect()
}

#[tokio::test]
async fn a_flipped_byte_that_keeps_size_time_and_mode_is_found() {
    let bench = Bench::new();
    let content = noise(2_500_000, 7);
    bench.write("rotten", &content);
    bench.write("also rotten", &content);
    bench.write("sound", b"sound");
    std::os::unix::fs::symlink("sound", bench.sources().join("link")).expect("a link");
    let store = bench.open().await;
    let names = ["rotten", "also rotten", "sound", "link"];
    let entries = bench.add(&store, &names).await.expect("added");
    let whole = manifest(entries.clone());
    assert_eq!(store.verify(&whole, quiet()).await.expect("verified"), Vec::new());

    flip_in(&bench.packs()[0], &content[2_000_000..2_000_050]);
    let watched = Arc::new(Watched::default());
    let damages = store.verify(&whole, watched.clone()).await.expect("verified");
    let [("also rotten", DamageKind::Unreadable { why }), ("rotten", DamageKind::Unreadable { .. })] =
        &kinds(&damages)[..]
    else {
        panic!("{damages:?}")
    };
    assert!(why.contains("has other bytes"), "{why}");
    assert_eq!(watched.files.lock().expect("unpoisoned").len(), 2, "the same bytes are read once, links never");
}

#[tokio::test]
async fn after_a_verification_files_in_place_are_right() {
    let bench = Bench::new();
    bench.write("a", b"good bytes");
    let store = bench.open().await;
    let entries = bench.add(&store, &["a"]).await.expect("added");
    let path = store.local_path(&entries[0]).await.expect("kept");
    flip_in(&path, b"good bytes");
    assert_eq!(store.verify(&manifest(entries.clone()), quiet()).await.expect("verified"), Vec::new());
    assert_eq!(store.local_path(&entries[0]).await.expect("made anew"), path);
    assert_eq!(fs::read(path).expect("a file"), b"good bytes");
}

#[tokio::test]
async fn what_leans_on_a_damaged_chunk_is_set_aside_with_it_and_comes_back_by_adding() {
    let bench = Bench::new();
    let store = bench.open().await;
    let contents: Vec<_> = [100_000, 101_500, 103_000].map(|length| noise(200_000, 1)[..length].to_vec()).into();
    let mut entries = Vec::new();
    for content in &contents {
        bench.write("grown", content);
        entries.extend(bench.add(&store, &["grown"]).await.expect("added"));
        store.repack().await.expect("a pack for each, which leans on the one before");
    }
    assert_eq!(bench.packs().len(), 3);
    let first = bench.packs().into_iter().max_by_key(|pack| fs::metadata(pack).expect("there").len()).expect("one");
    flip_in(&first, &contents[0][99_900..99_950]);
    for (number, entry) in entries.iter().enumerate() {
        let damage = store.verify(&manifest(vec![entry.clone()]), quiet()).await.expect("verified");
        assert_eq!(damage.len(), 1, "version {number} has or leans on the end of the first");
    }
    for (content, entry) in contents.iter().zip(&entries) {
        bench.write("grown", content);
        assert_eq!(bench.add(&store, &["grown"]).await.expect("added again"), std::slice::from_ref(entry));
        assert_eq!(store.verify(&manifest(vec![entry.clone()]), quiet()).await.expect("verified"), Vec::new());
    }
}

#[tokio::test]
async fn adding_the_file_again_brings_back_what_a_missing_or_shortened_pack_held() {
    let bench = Bench::new();
    bench.write("a", &noise(100_000, 1));
    let store = bench.open().await;
    let entries = bench.add(&store, &["a"]).await.expect("added");
    for harm in [0, 1] {
        let pack = bench.packs().remove(0);
        if harm == 0 {
            fs::remove_file(&pack).expect("removed");
        } else {
            tamper(&pack, |file| file.set_len(3_000).expect("cut"));
        }
        let store = bench.open().await;
        assert!(store.local_path(&entries[0]).await.is_err());
        bench.add(&store, &["a"]).await.expect("added again");
        assert_eq!(store.verify(&manifest(entries.clone()), quiet()).await.expect("verified"), Vec::new());
        assert_eq!(bench.add(&store, &["a"]).await.expect("known"), entries);
    }
}

#[tokio::test]
async fn a_damaged_list_of_chunks_is_set_aside_and_the_file_comes_back_by_adding() {
    let bench = Bench::new();
    bench.write("a", &noise(40_000, 1));
    let store = bench.open().await;
    let whole = manifest(bench.add(&store, &["a"]).await.expect("added"));
    damage_the_last_block(&bench.packs()[0]);
    let store = bench.open().await;
    let damages = store.verify(&whole, quiet()).await.expect("verified");
    assert!(matches!(&kinds(&damages)[..], [("a", DamageKind::Unreadable { .. })]), "{damages:?}");
    assert_eq!(kinds(&store.verify(&whole, quiet()).await.expect("again")), [("a", &DamageKind::Missing)]);
    bench.add(&store, &["a"]).await.expect("added again");
    assert_eq!(store.verify(&whole, quiet()).await.expect("verified"), Vec::new());
}

#[tokio::test]
async fn every_damaged_pack_of_a_file_is_set_aside_at_once() {
    let bench = Bench::new();
    let store = bench.open().await;
    bench.write("grown", &noise(40_000, 1));
    bench.add(&store, &["grown"]).await.expect("added");
    bench.write("grown", &[noise(40_000, 1), noise(20_000, 2)].concat());
    let grown = manifest(bench.add(&store, &["grown"]).await.expect("added"));
    assert_eq!(bench.packs().len(), 2, "the second has what is new");
    for pack in bench.packs() {
        tamper(&pack, |file| file.write_all_at(&[0; 64], 40).expect("damaged"));
    }
    assert_eq!(bench.open().await.verify(&grown, quiet()).await.expect("verified").len(), 1);
    assert_eq!(names_in(&bench.store_dir().join("quarantine")).len(), 2);
}
