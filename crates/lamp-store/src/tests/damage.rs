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
