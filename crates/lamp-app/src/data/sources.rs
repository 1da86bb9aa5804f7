//! Which files of the working tree make up a version, and under which names.

use std::path::{Path, PathBuf};

use lamp_core::config::Workspace;
use lamp_core::names::DatasetName;
use lamp_store::{SourceFile, why_it_leads_out};
use walkdir::WalkDir;

use super::DataError;
use crate::parts::PartError;

/// The files that `paths` mean, or, without any, those of the dataset's `source`.
pub fn of(
    workspace: &Workspace,
    root: &Path,
    dataset: &DatasetName,
    paths: &[PathBuf],
) -> Result<Vec<SourceFile>, DataError> {
    let declared = workspace.dataset(dataset);
    let source = declared.and_then(|(project, config)| config.source().map(|glob| (root.join(&project.dir), glob)));
    match (paths, source) {
        ([], Some((folder, glob))) => matching(&folder, glob),
        ([], None) => Err(DataError::Undeclared { dataset: dataset.clone() }),
        (paths, source) => {
            let base = source.map(|(folder, glob)| folder.join(fixed_prefix(glob)));
            explicit(paths, base.as_deref())
        }
    }
}

/// The folder in which the files of a declared dataset are at home.
pub fn home(workspace: &Workspace, root: &Path, dataset: &DatasetName) -> Result<PathBuf, DataError> {
    let undeclared = || DataError::Undeclared { dataset: dataset.clone() };
    let (project, config) = workspace.dataset(dataset).ok_or_else(undeclared)?;
    let glob = config.source().ok_or_else(undeclared)?;
    Ok(root.join(&project.dir).join(fixed_prefix(glob)))
}

/// Files that match `pattern` (relative to `folder`), named relative to the pattern's fixed part.
pub fn matching(folder: &Path, pattern: &str) -> Result<Vec<SourceFile>, DataError> {
    let fixed = fixed_prefix(pattern);
    let base = folder.join(&fixed);
    let glob = globset::GlobBuilder::new(pattern)
        .literal_separator(true)
        .build()
        .map_err(|error| DataError::NothingToAdd { what: format!("`{pattern}` ({error})") })?
        .compile_matcher();
    let mut files = Vec::new();
    if base.is_dir() {
        for file in walk(&base)? {
            let relative = file.path.strip_prefix(folder).unwrap_or(&file.path);
            if glob.is_match(relative) {
                files.push(named(&base, file)?);
            }
        }
    }
    if files.is_empty() {
        return Err(DataError::NothingToAdd { what: format!("`{pattern}` in {}", folder.display()) });
    }
    Ok(files)
}

/// Explicit files and folders. A path under `base` (the fixed part of the dataset's source) is
/// named relative to it; else a file is named by its file name, a folder's files relative to it.
pub fn explicit(paths: &[PathBuf], base: Option<&Path>) -> Result<Vec<SourceFile>, DataError> {
    let mut files = Vec::new();
    for path in paths {
        let absolute = std::path::absolute(path).map_err(PartError::file("find", path))?;
        let metadata = absolute.symlink_metadata().map_err(PartError::file("read", path))?;
        let under_base = base.filter(|base| absolute.starts_with(base));
        if metadata.is_dir() {
            let root = under_base.unwrap_or(&absolute);
            for file in walk(&absolute)? {
                files.push(named(root, file)?);
            }
        } else {
            let parent = absolute.parent().unwrap_or(&absolute).to_owned();
            let base = under_base.unwrap_or(&parent);
            files.push(named(base, Walked { is_link: metadata.is_symlink(), path: absolute.clone() })?);
        }
    }
    if files.is_empty() {
        let what = paths.iter().map(|path| format!("`{}`", path.display())).collect::<Vec<_>>().join(", ");
        return Err(DataError::NothingToAdd { what });
    }
    Ok(files)
}

/// The folders of a glob before its first wildcard: `data/flights` of `data/flights/*.parquet`.
pub fn fixed_prefix(pattern: &str) -> PathBuf {
    let is_plain = |part: &&str| !part.contains(['*', '?', '[', '{']);
    let parts: Vec<&str> = pattern.split('/').collect();
    let folders = &parts[..parts.len() - 1];
    folders.iter().copied().take_while(is_plain).collect()
}

/// A file that is there, or a link.
struct Walked {
    path: PathBuf,
    is_link: bool,
}

fn walk(folder: &Path) -> Result<Vec<Walked>, DataError> {
    let mut files = Vec::new();
    for entry in WalkDir::new(folder).sort_by_file_name().follow_links(false) {
        let entry = entry.map_err(|error| {
            let path = error.path().unwrap_or(folder).to_owned();
            PartError::file("read", &path)(error.into())
        })?;
        if !entry.file_type().is_dir() {
            files.push(Walked { is_link: entry.path_is_symlink(), path: entry.into_path() });
        }
    }
    Ok(files)
}

fn named(base: &Path, file: Walked) -> Result<SourceFile, DataError> {
    let Walked { path, is_link } = file;
    let relative = path.strip_prefix(base).unwrap_or(&path);
    let mut parts = Vec::new();
    for part in relative.components() {
        let text = part
            .as_os_str()
            .to_str()
            .ok_or_else(|| DataError::NothingToAdd { what: format!("`{}`: its name is not UTF-8", path.display()) })?;
        parts.push(text);
    }
    let name = parts.join("/");
    if is_link {
        refuse_to_follow_out(base, &path, &name)?;
    }
    Ok(SourceFile { path, name })
}

/// A link that leads out of the folder would be kept without the bytes that it points to.
/// One that the store would not lay out again is refused here, while its file is at hand.
fn refuse_to_follow_out(base: &Path, path: &Path, name: &str) -> Result<(), DataError> {
    let Ok(target) = path.read_link() else { return Ok(()) };
    let real = |path: &Path| path.canonicalize().ok();
    let stays_inside = real(path).zip(real(base)).is_some_and(|(file, folder)| file.starts_with(folder));
    let can_be_made_again = target.to_str().is_some_and(|target| why_it_leads_out(name, target).is_none());
    if can_be_made_again && stays_inside {
        return Ok(());
    }
    Err(DataError::LinkLeadsOut { file: path.to_owned(), target })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fixed_part_of_a_glob_is_its_folders() {
        assert_eq!(fixed_prefix("data/flights/*.parquet"), PathBuf::from("data/flights"));
        assert_eq!(fixed_prefix("data/*/x.csv"), PathBuf::from("data"));
        assert_eq!(fixed_prefix("x.csv"), PathBuf::new());
    }

    #[test]
    fn a_link_that_could_not_be_laid_out_again_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let base = folder.path();
        std::fs::create_dir(base.join("b")).expect("a folder");
        std::fs::write(base.join("c"), "here").expect("a file");
        for (link, target) in [("straight", "c"), ("detour", "b/../c")] {
            std::os::unix::fs::symlink(target, base.join(link)).expect("a link");
        }
        let link = |name: &str| Walked { path: base.join(name), is_link: true };
        let straight = named(base, link("straight")).expect("it stays inside");
        assert_eq!(straight.name, "straight");
        let refused = named(base, link("detour")).expect_err("the store refuses to make it");
        assert!(matches!(refused, DataError::LinkLeadsOut { .. }), "{refused}");
    }
}
