//! The environment variables of a command: few, named, and none of the caller's by accident.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use lamp_core::digest::Digest;
use lamp_core::error::{Classified, Kind};

use crate::environment::Environment;

/// Folders on PATH after the environment's own.
const SYSTEM_PATH: &str = "/usr/local/bin:/usr/bin:/bin";
/// Longest TMPDIR inside a scratch folder, in bytes: a socket's whole path may have 108 (104 on
/// Apple's systems), and Python adds about 35.
const TEMP_PATH_MAX: usize = 64;

/// Why variables could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VariableError {
    /// A path cannot stand in a variable that lists paths.
    #[error("the path `{}` cannot stand in {variable}: {why}", .path.display())]
    Path {
        /// The path.
        path: PathBuf,
        /// The variable.
        variable: &'static str,
        /// Which rule it breaks.
        why: &'static str,
    },
}

impl Classified for VariableError {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn hint(&self) -> Option<String> {
        Some("move the workspace to a folder whose path is plain text without `:`".to_owned())
    }
}

/// The variables of the run protocol: `LAMP_RUN`, `PYTHONPATH` and `PYTHONHASHSEED`.
///
/// `python_path` is the project's folder, the folders of the projects that it uses, then the
/// SDK's. Python takes hash seeds up to 2³² − 1, so a larger seed is cut to its low 32 bits.
pub fn protocol_variables(
    run_folder: &Path,
    python_path: &[PathBuf],
    seed: u64,
) -> Result<Vec<(String, String)>, VariableError> {
    let hash_seed = seed & u64::from(u32::MAX);
    Ok(vec![
        ("LAMP_RUN".to_owned(), text(run_folder, "LAMP_RUN")?),
        ("PYTHONPATH".to_owned(), joined(python_path, "PYTHONPATH")?),
        ("PYTHONHASHSEED".to_owned(), hash_seed.to_string()),
    ])
}

/// The folder that becomes TMPDIR for a command whose scratch folder is `scratch`: `tmp/` in
/// it, or, where that path is too long to hold the sockets that Python's multiprocessing puts
/// there, a short one in the system's own temporary folder.
pub fn temp_dir(scratch: &Path) -> PathBuf {
    let inside = scratch.join("tmp");
    if inside.as_os_str().len() <= TEMP_PATH_MAX {
        return inside;
    }
    let digest = Digest::of(inside.as_os_str().as_encoded_bytes());
    PathBuf::from("/tmp").join(format!("lamp-{}", digest.short()))
}

/// Creates `scratch` with its `home/`, and its [`temp_dir`]; existing ones stay. For workers:
/// [`crate::run_folder::RunFolder::create`] does it for runs.
pub fn create_scratch(scratch: &Path) -> io::Result<()> {
    std::fs::create_dir_all(scratch.join("home"))?;
    let temp = temp_dir(scratch);
    match std::fs::DirBuilder::new().mode(0o700).create(&temp) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    let meta = std::fs::symlink_metadata(&temp)?;
    let ours = meta.is_dir() && meta.uid() == nix::unistd::geteuid().as_raw();
    let error = || io::Error::new(io::ErrorKind::PermissionDenied, format!("`{}` is not ours", temp.display()));
    if ours { Ok(()) } else { Err(error()) }
}

/// Removes what [`create_scratch`] made, with all that is in it; but not `scratch` itself.
pub fn remove_scratch(scratch: &Path) -> io::Result<()> {
    for path in [scratch.join("home"), temp_dir(scratch)] {
        match std::fs::remove_dir_all(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The whole environment of a command or a worker, sorted by name.
///
/// `scratch` is a folder that [`create_scratch`] made, for a run its run folder; its `home/` and
/// its [`temp_dir`] become HOME and TMPDIR: a real home would leak configuration and caches into
/// the run. `pass` names variables of this process that are let
/// through (`env_pass` in `lamp.toml`; names that are not set are left out); nothing else is
/// inherited, so no token gets in by default. `extra` has the last word.
pub fn cleaned_environment(
    environment: &Environment,
    scratch: &Path,
    pass: &[String],
    extra: &[(String, String)],
) -> Result<Vec<(String, String)>, VariableError> {
    clean(environment, scratch, pass, extra, &|name| std::env::var(name).ok())
}

fn clean(
    environment: &Environment,
    scratch: &Path,
    pass: &[String],
    extra: &[(String, String)],
    inherited: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<(String, String)>, VariableError> {
    let bin = joined(std::slice::from_ref(&environment.bin), "PATH")?;
    let mut variables: BTreeMap<String, String> = [
        ("PATH", format!("{bin}:{SYSTEM_PATH}")),
        ("HOME", text(&scratch.join("home"), "HOME")?),
        ("TMPDIR", text(&temp_dir(scratch), "TMPDIR")?),
        ("LANG", "C.UTF-8".to_owned()),
        ("LC_ALL", "C.UTF-8".to_owned()),
        ("TZ", "UTC".to_owned()),
        ("PYTHONDONTWRITEBYTECODE", "1".to_owned()),
        ("PYTHONNOUSERSITE", "1".to_owned()),
        ("PYTHONUNBUFFERED", "1".to_owned()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    if let Some(dir) = &environment.dir {
        variables.insert("VIRTUAL_ENV".to_owned(), text(dir, "VIRTUAL_ENV")?);
    }
    for name in pass {
        variables.extend(inherited(name).map(|value| (name.clone(), value)));
    }
    variables.extend(extra.iter().cloned());
    Ok(variables.into_iter().collect())
}

fn text(path: &Path, variable: &'static str) -> Result<String, VariableError> {
    let error = || VariableError::Path { path: path.to_owned(), variable, why: "it is not UTF-8" };
    path.to_str().map(str::to_owned).ok_or_else(error)
}

fn joined(paths: &[PathBuf], variable: &'static str) -> Result<String, VariableError> {
    let mut parts = Vec::with_capacity(paths.len());
    for path in paths {
        let part = text(path, variable)?;
        if part.contains(':') {
            return Err(VariableError::Path { path: path.clone(), variable, why: "it contains `:`" });
        }
        parts.push(part);
    }
    Ok(parts.join(":"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> Environment {
        Environment {
            dir: None,
            python: PathBuf::from("/opt/py/bin/python3"),
            bin: PathBuf::from("/opt/py/bin"),
            digest: None,
            interpreter: "CPython 3.12.1".to_owned(),
        }
    }

    #[test]
    fn only_named_variables_get_in_and_the_protocol_has_the_last_word() {
        let ours = |name: &str| Some(format!("outer-{name}"));
        let extra = [("LAMP_RUN".to_owned(), "/runs/1".to_owned())];
        let pass = ["WANDB_MODE".to_owned(), "LAMP_RUN".to_owned()];
        let variables = clean(&plain(), Path::new("/runs/1"), &pass, &extra, &ours).expect("variables");
        let get = |name: &str| variables.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
        assert_eq!(get("WANDB_MODE"), Some("outer-WANDB_MODE"));
        assert_eq!(get("LAMP_RUN"), Some("/runs/1"));
        assert_eq!(get("HOME"), Some("/runs/1/home"));
        assert_eq!(get("AWS_SECRET_ACCESS_KEY"), None);
        assert!(get("PATH").is_some_and(|path| path.starts_with("/opt/py/bin:")));
    }

    #[test]
    fn a_path_that_would_split_in_two_is_refused() {
        let error = protocol_variables(Path::new("/r"), &[PathBuf::from("/a:b")], 1).expect_err("colon");
        assert!(error.to_string().contains("PYTHONPATH"), "{error}");
    }

    #[test]
    fn a_deep_workspace_gets_a_short_temporary_folder() {
        assert_eq!(temp_dir(Path::new("/w/.lamp/runs/1")), Path::new("/w/.lamp/runs/1/tmp"));
        let temp = tempfile::tempdir().expect("a folder");
        let deep = temp.path().join("d".repeat(80));
        let short = temp_dir(&deep);
        assert!(short.as_os_str().len() <= TEMP_PATH_MAX, "{short:?}");
        create_scratch(&deep).expect("created");
        create_scratch(&deep).expect("there already");
        std::fs::write(short.join("left"), "x").expect("writable");
        remove_scratch(&deep).expect("removed");
        remove_scratch(&deep).expect("removed twice");
        assert!(!short.exists() && !deep.join("home").exists());
    }

    #[test]
    fn a_large_seed_is_cut_to_what_python_takes() {
        let variables = protocol_variables(Path::new("/r"), &[], u64::MAX).expect("variables");
        assert!(variables.contains(&("PYTHONHASHSEED".to_owned(), u32::MAX.to_string())));
    }
}
