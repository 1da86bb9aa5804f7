//! Practice 4: whatever the files are called and however the disk is, the files stay as they are.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::shop::Shop;

/// A file system of its own, unmounted when dropped.
struct Disk(PathBuf);

impl Disk {
    /// None where this user may not mount.
    fn try_new(path: PathBuf) -> Option<Self> {
        fs::create_dir_all(&path).expect("a folder");
        if mount(&["-t", "tmpfs", "-o", "size=2m", "tmpfs"], &path) {
            return Some(Self(path));
        }
        println!("skipped: mounting a tmpfs is not allowed here");
        None
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn mount(arguments: &[&str], path: &Path) -> bool {
    let status = Command::new("mount").args(arguments).arg(path).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

#[test]
fn a_full_or_read_only_store_says_so_and_costs_nothing() {
    let shop = Shop::new();
    let repo = &shop.context.repo;
    let Some(disk) = Disk::try_new(repo.temporary().join("disk")) else { return };
    let root = repo.read("lamp.toml");
    repo.write("lamp.toml", format!("{root}store = \"{}/store\"\n", disk.0.display()));
    shop.lamp("data add orders").succeeds().says("orders@1");

    let numbers = (0_u64..400_000).flat_map(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    let large: Vec<u8> = numbers.collect();
    repo.write("data/ovens/temperatures.bin", &large);
    shop.lamp("data add ovens data/ovens").exits(2).says("no room left at").hints("free some space there");
    assert!(fs::read(repo.path().join("data/ovens/temperatures.bin")).expect("the source") == large);
    shop.lamp("data verify").succeeds().says("orders@1  5 files  whole");
    repo.write("data/ovens/temperatures.bin", &large[..100_000]);
    shop.lamp("data add ovens data/ovens").succeeds().says("ovens@1");

    assert!(mount(&["-o", "remount,ro"], &disk.0), "remounted read-only");
    repo.write("data/ovens/temperatures.bin", &large[..200_000]);
    shop.lamp("data add ovens data/ovens").exits(2).says("not allowed to").hints("check the permissions there");
    shop.lamp("data verify").succeeds().says("ovens@1  1 files  whole").says("orders@1  5 files  whole");
    let back = repo.temporary().join("back");
    shop.lamp(&format!("data get ovens@1 --to {}", back.display())).succeeds().says("1 written");
    shop.lamp("data gc --dry-run").succeeds().says("nothing would go");
}

#[test]
fn awkward_names_and_links_come_back_as_they_were() {
    let shop = Shop::new();
    let repo = &shop.context.repo;
    let names = ["with space.txt", "münchen/日本 🛫.txt", "-rf", "a\nb", "back\\slash", "e\u{301}", "\u{e9}"];
    for name in names {
        repo.write(format!("data/odd/{name}"), name);
    }
    symlink("with space.txt", repo.path().join("data/odd/again")).expect("a link");
    shop.lamp("data add odd data/odd").succeeds().says("odd@1  8 files");
    shop.lamp("data verify odd@1").succeeds().says("whole");
    let back = repo.temporary().join("back");
    shop.lamp(&format!("data get odd@1 --to {}", back.display())).succeeds().says("8 written");
    for name in names {
        assert_eq!(fs::read_to_string(back.join(name)).expect(name), name);
    }
    assert_eq!(fs::read_link(back.join("again")).expect("a link"), Path::new("with space.txt"));
}
