//! `lamp contract diff`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use console::style;
use lamp_core::contract::Contract;
use lamp_core::contract::diff::{Change, diff, version_advice};
use lamp_runner::git::Repo;
use serde::Serialize;

use crate::args::ContractDiff;
use crate::command::verdict;
use crate::failure::Failure;
use crate::open::find_root;
use crate::ui::{out, print_json};

/// Where a contract's text is.
enum Place {
    File(PathBuf),
    /// A revision, and a path from the root of the repository.
    Commit(String, String),
}

/// Two contracts and what is between them.
#[derive(Debug, Serialize)]
struct Compared {
    old: String,
    new: String,
    /// Whether there was a contract before.
    is_new: bool,
    breaking: bool,
    changes: Vec<Change>,
    advice: Option<String>,
}

pub async fn run(directory: Option<&Path>, args: &ContractDiff) -> Result<ExitCode, Failure> {
    let here = match directory {
        Some(directory) => directory.to_owned(),
        None => std::env::current_dir().map_err(|error| Failure::operation(format!("no current folder: {error}")))?,
    };
    let mut compared = Vec::new();
    for (old, new) in pairs(directory, &here, args).await? {
        compared.push(compare(&here, &old, &new).await?);
    }
    let is_fine = !compared.iter().any(|compared| compared.breaking);
    if args.json {
        print_json(&compared)?;
    } else {
        compared.iter().for_each(print);
    }
    Ok(verdict(is_fine))
}

async fn pairs(directory: Option<&Path>, here: &Path, args: &ContractDiff) -> Result<Vec<(Place, Place)>, Failure> {
    let base = |path: String| Place::Commit(args.base.clone(), path);
    match (&args.old, &args.new) {
        (Some(old), Some(new)) => Ok(vec![(place(here, old).await?, place(here, new).await?)]),
        (Some(one), None) => match place(here, one).await? {
            Place::File(path) => Ok(vec![(base(from_root(here, &path).await?), Place::File(path))]),
            Place::Commit(rev, path) => {
                let file = Repo::discover(here).await?.root().join(&path);
                Ok(vec![(Place::Commit(rev, path), Place::File(file))])
            }
        },
        (None, _) => {
            let root = find_root(directory)?;
            let workspace = lamp_app::workspace::load(&root)?;
            let mut pairs = Vec::new();
            for project in workspace.projects.values() {
                for contract in project.datasets.values().filter_map(|dataset| dataset.contract.as_ref()) {
                    let file = root.join(&project.dir).join(contract);
                    pairs.push((base(from_root(here, &file).await?), Place::File(file)));
                }
            }
            if pairs.is_empty() {
                return Err(Failure::operation("no dataset of lamp.toml has a contract")
                    .with_hint("lamp contract suggest DATASET -o contracts/DATASET.odcs.yaml"));
            }
            Ok(pairs)
        }
    }
}

/// `REV:FILE` names a commit, unless there is a file of that whole name.
async fn place(here: &Path, text: &str) -> Result<Place, Failure> {
    let file = here.join(text);
    match text.split_once(':') {
        Some((rev, path)) if !rev.is_empty() && !file.exists() => {
            let path = match path.strip_prefix("./") {
                Some(relative) => from_root(here, &here.join(relative)).await?,
                None => path.to_owned(),
            };
            Ok(Place::Commit(rev.to_owned(), path))
        }
        _ => Ok(Place::File(file)),
    }
}

/// A file's path from the root of its repository. The file itself need not be there any more.
async fn from_root(here: &Path, file: &Path) -> Result<String, Failure> {
    let repo = Repo::discover(here).await?;
    let outside = || Failure::operation(format!("`{}` is outside the repository", file.display()));
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else { return Err(outside()) };
    let folder =
        folder.canonicalize().map_err(|error| Failure::operation(format!("`{}`: {error}", folder.display())))?;
    let root = repo.root().canonicalize().unwrap_or_else(|_| repo.root().to_owned());
    let path = folder.join(name);
    Ok(path.strip_prefix(&root).map_err(|_| outside())?.to_string_lossy().into_owned())
}

async fn compare(here: &Path, old: &Place, new: &Place) -> Result<Compared, Failure> {
    let (old_label, new_label) = (old.label(here), new.label(here));
    let after = read(here, new).await?.ok_or_else(|| {
        Failure::operation(format!("there is no `{new_label}`")).with_hint("lamp contract diff OLD NEW")
    })?;
    let after = Contract::parse(&after, &new_label)?;
    let Some(before) = read(here, old).await? else {
        if matches!(old, Place::File(_)) {
            return Err(Failure::operation(format!("there is no `{old_label}`")));
        }
        return Ok(Compared {
            old: old_label,
            new: new_label,
            is_new: true,
            breaking: false,
            changes: Vec::new(),
            advice: None,
        });
    };
    let before = Contract::parse(&before, &old_label)?;
    let changes = diff(&before, &after);
    Ok(Compared {
        old: old_label,
        new: new_label,
        is_new: false,
        breaking: changes.iter().any(|change| change.breaking),
        advice: version_advice(&before, &after, &changes),
        changes,
    })
}

async fn read(here: &Path, place: &Place) -> Result<Option<String>, Failure> {
    let unreadable = |error: String| Failure::operation(format!("cannot read `{}`: {error}", place.label(here)));
    match place {
        Place::File(path) => match std::fs::read_to_string(path) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unreadable(error.to_string())),
        },
        Place::Commit(rev, path) => match Repo::discover(here).await?.show(rev, path).await? {
            Some(bytes) => String::from_utf8(bytes).map(Some).map_err(|error| unreadable(error.to_string())),
            None => Ok(None),
        },
    }
}

impl Place {
    fn label(&self, here: &Path) -> String {
        match self {
            Self::File(path) => path.strip_prefix(here).unwrap_or(path).display().to_string(),
            Self::Commit(rev, path) => format!("{rev}:{path}"),
        }
    }
}

fn print(compared: &Compared) {
    let breaking = compared.changes.iter().filter(|change| change.breaking).count();
    let word = match (compared.is_new, compared.changes.len(), breaking) {
        (true, _, _) => style("new".to_owned()).green(),
        (false, 0, _) => style("unchanged".to_owned()).green(),
        (false, _, 0) => style("compatible".to_owned()).green().bold(),
        (false, _, count) => style(format!("breaking ({count})")).red().bold(),
    };
    out!("{} → {}  {word}", compared.old, style(&compared.new).bold());
    for change in &compared.changes {
        let effect = if change.breaking { style(change.effect).red() } else { style(change.effect).green() };
        out!("  {effect} {}: {} (line {})", change.subject, change.message, change.line);
    }
    if let Some(advice) = &compared.advice {
        out!("  {}: {advice}", style("hint").cyan());
    }
}
