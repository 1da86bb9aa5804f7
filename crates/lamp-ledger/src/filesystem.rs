//! Whether a folder is on a disk that SQLite can lock.

use std::io;
use std::path::Path;

/// The kind of network file system that holds `folder`, or nothing if it is local.
#[cfg(target_os = "linux")]
pub(crate) fn network_file_system(folder: &Path) -> io::Result<Option<&'static str>> {
    let stat = nix::sys::statfs::statfs(folder).map_err(io::Error::from)?;
    let magic = i128::from(stat.filesystem_type().0) & 0xffff_ffff;
    Ok(name_of(magic))
}

/// The kind of network file system that holds `folder`, or nothing if it is local.
#[cfg(target_os = "macos")]
pub(crate) fn network_file_system(folder: &Path) -> io::Result<Option<&'static str>> {
    let stat = nix::sys::statfs::statfs(folder).map_err(io::Error::from)?;
    let name = stat.filesystem_type_name();
    Ok(["nfs", "smbfs", "afpfs", "webdav"].into_iter().find(|network| *network == name))
}

/// Elsewhere nothing is known of the file system, and nothing is refused.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
pub(crate) fn network_file_system(_folder: &Path) -> io::Result<Option<&'static str>> {
    Ok(None)
}

/// Names a network file system by the number that Linux's `statfs(2)` gives.
///
/// FUSE is not in the list: it carries local folders (shared into containers, encrypted) as often as remote ones.
#[cfg(target_os = "linux")]
fn name_of(magic: i128) -> Option<&'static str> {
    match magic {
        0x6969 => Some("nfs"),
        0x517b | 0xff53_4d42 | 0xfe53_4d42 => Some("smb"),
        0x5346_414f | 0x6b41_4653 => Some("afs"),
        0x7375_7245 => Some("coda"),
        0x564c => Some("ncp"),
        0x00c3_6400 => Some("ceph"),
        0x0bd0_0bd0 => Some("lustre"),
        0x4750_4653 => Some("gpfs"),
        0x1983_0326 => Some("beegfs"),
        0x0102_1997 => Some("9p"),
        _ => None,
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn shared_folders_are_told_from_local_disks() {
        assert_eq!(name_of(0x6969), Some("nfs"));
        assert_eq!(name_of(0xff53_4d42), Some("smb"));
        for local in [0xef53, 0x9123_683e, 0x5846_5342, 0x0102_1994, 0x794c_7630] {
            assert_eq!(name_of(local), None, "{local:#x}");
        }
    }

    #[test]
    fn the_folder_of_temporary_files_is_local() {
        assert_eq!(network_file_system(&std::env::temp_dir()).expect("statfs"), None);
    }
}
