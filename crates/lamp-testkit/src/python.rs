//! The Python interpreter that tests may use.

use std::path::{Path, PathBuf};

/// Environment variable that names an interpreter with the packages of
/// `python/requirements-test.lock`. `cargo xtask test` makes one and sets it.
pub const PYTHON_VARIABLE: &str = "LAMP_TEST_PYTHON";

/// The interpreter that tests may use, if there is one.
pub fn find_python() -> Option<PathBuf> {
    std::env::var_os(PYTHON_VARIABLE).map(PathBuf::from).filter(|path| path.is_file())
}

/// The interpreter that tests may use.
///
/// # Panics
/// When there is none, saying how to get one.
pub fn python() -> PathBuf {
    find_python().unwrap_or_else(|| {
        panic!("{PYTHON_VARIABLE} does not name a Python interpreter; type `cargo xtask setup` and set it as that says")
    })
}

/// Environment variable that names an interpreter with the packages of
/// `python/requirements-clients.lock`. `cargo xtask test` makes one and sets it.
pub const CLIENTS_VARIABLE: &str = "LAMP_TEST_CLIENTS_PYTHON";

/// The interpreter with stock clients of the Open Inference Protocol.
///
/// # Panics
/// When there is none, saying how to get one.
pub fn clients_python() -> PathBuf {
    let named = std::env::var_os(CLIENTS_VARIABLE).map(PathBuf::from).filter(|path| path.is_file());
    named.unwrap_or_else(|| {
        panic!(
            "{CLIENTS_VARIABLE} does not name a Python interpreter; type `cargo xtask setup` and set it as that says"
        )
    })
}

/// The ONNX Runtime library of that interpreter's environment.
///
/// # Panics
/// When there is no interpreter, or its environment has no `onnxruntime`.
pub fn onnxruntime_library() -> PathBuf {
    let interpreter = python();
    let environment =
        interpreter.parent().and_then(Path::parent).expect("an interpreter in an environment's bin folder");
    let packages = subfolders(&environment.join("lib")).into_iter().map(|version| version.join("site-packages"));
    let files = packages.flat_map(|folder| entries(&folder.join("onnxruntime").join("capi")));
    let mut libraries = files.filter(|file| is_onnxruntime(file));
    libraries.next().unwrap_or_else(|| panic!("{} has no onnxruntime; type `cargo xtask setup`", environment.display()))
}

/// `libonnxruntime.so.1.23.2`, and not `libonnxruntime_providers_shared.so`.
fn is_onnxruntime(file: &Path) -> bool {
    file.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libonnxruntime."))
}

fn subfolders(folder: &Path) -> Vec<PathBuf> {
    entries(folder).into_iter().filter(|path| path.is_dir()).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
    paths.sort();
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_test_environment_has_what_models_need() {
        if crate::is_skipped(crate::SKIP_PYTHON_VARIABLE) {
            return;
        }
        assert!(onnxruntime_library().is_file());
        let imports = "import numpy, onnx, pandas, pyarrow, pytest, skl2onnx, sklearn";
        let output = std::process::Command::new(python()).args(["-c", imports]).output().expect("Python runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
