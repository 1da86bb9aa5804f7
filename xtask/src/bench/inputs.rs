//! What the benches read: made once, and kept below the target folder.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::Setting;
use super::peers::{self, Installed};

/// How large the inputs are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sizes {
    /// Small files, of ten kilobytes each.
    pub files: u32,
    /// Scale factor of TPC-H.
    pub scale: &'static str,
    /// Versions of the growing table.
    pub versions: u32,
    /// Rows and columns of the wide table.
    pub wide: (u32, u32),
}

impl Sizes {
    /// Those of the published tables, or small ones.
    pub(super) const fn of(quick: bool) -> Self {
        if quick {
            Self { files: 500, scale: "0.01", versions: 6, wide: (5_000, 60) }
        } else {
            Self { files: 20_000, scale: "1", versions: 30, wide: (200_000, 300) }
        }
    }
}

/// Bytes of a small file.
const SMALL_BYTES: u32 = 10_000;

/// Makes inputs, or finds those made before.
#[derive(Debug)]
pub(super) struct Inputs {
    sizes: Sizes,
    folder: PathBuf,
    script: PathBuf,
    python: Installed,
}

impl Inputs {
    /// Sets up what makes them.
    pub(super) fn prepare(setting: &Setting<'_>) -> Result<Self> {
        let folder = setting.kept.join("inputs");
        std::fs::create_dir_all(&folder)?;
        let python = peers::PYARROW.install(&setting.kept).context("nothing can make the inputs")?;
        let script = setting.root.join("xtask/src/bench/inputs.py");
        Ok(Self { sizes: Sizes::of(setting.options.quick), folder, script, python })
    }

    /// A folder of many small files.
    pub(super) fn small(&self) -> Result<PathBuf> {
        let files = self.sizes.files.to_string();
        self.scripted("small", &format!("small-{files}"), &[&files, &SMALL_BYTES.to_string()])
    }

    /// The versions of a growing Parquet file, in order.
    pub(super) fn versions(&self) -> Result<Vec<PathBuf>> {
        let count = self.sizes.versions.to_string();
        let folder = self.scripted("versions", &format!("versions-{count}"), &[&count])?;
        let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)?.flatten().map(|entry| entry.path()).collect();
        files.sort();
        Ok(files)
    }

    /// A wide Parquet file.
    pub(super) fn wide(&self) -> Result<PathBuf> {
        let (rows, columns) = self.sizes.wide;
        let (rows, columns) = (rows.to_string(), columns.to_string());
        self.scripted("wide", &format!("wide-{rows}x{columns}.parquet"), &[&rows, &columns])
    }

    /// Rows and columns of the wide file, for people.
    pub(super) fn wide_shape(&self) -> String {
        let (rows, columns) = self.sizes.wide;
        format!("{rows} × {columns}")
    }

    /// TPC-H's table of order lines, as Parquet.
    pub(super) fn lineitem(&self) -> Result<PathBuf> {
        let wanted = self.folder.join(format!("lineitem-{}.parquet", self.sizes.scale));
        if !wanted.exists() {
            println!("making {}", wanted.display());
            let made = self.folder.join("tpch");
            let generate = self.python.program("tpchgen-cli", &self.folder);
            let generate = generate.args(["parquet", "-s", self.sizes.scale, "--tables=lineitem", "--output-dir=tpch"]);
            generate.run()?;
            std::fs::rename(made.join("lineitem.parquet"), &wanted)?;
        }
        Ok(wanted)
    }

    /// The scale factor.
    pub(super) fn scale(&self) -> &'static str {
        self.sizes.scale
    }

    fn scripted(&self, what: &str, name: &str, arguments: &[&str]) -> Result<PathBuf> {
        let wanted = self.folder.join(name);
        if !wanted.exists() {
            println!("making {}", wanted.display());
            // Under another name until it is whole.
            let unfinished = self.folder.join(format!("unfinished-{name}"));
            remove(&unfinished)?;
            let make = self.python.script(&self.script, &self.folder).args([what]);
            make.args([unfinished.as_os_str()]).args(arguments.iter().copied()).run()?;
            std::fs::rename(&unfinished, &wanted)?;
        }
        Ok(wanted)
    }
}

/// Removes a file or a folder, if it is there.
pub(super) fn remove(path: &Path) -> Result<()> {
    match path.symlink_metadata() {
        Ok(found) if found.is_dir() => std::fs::remove_dir_all(path)?,
        Ok(_) => std::fs::remove_file(path)?,
        Err(_) => {}
    }
    Ok(())
}
