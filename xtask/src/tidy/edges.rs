//! Who may use whom.

use toml::{Table, Value};

use super::{File, Finding};

/// The crates and what each may use. There are no other edges.
const EDGES: &[(&str, &[&str])] = &[
    ("lamp-core", &[]),
    ("lamp-ledger", &["lamp-core"]),
    ("lamp-store", &["lamp-core"]),
    ("lamp-engine", &["lamp-core"]),
    ("lamp-runner", &["lamp-core"]),
    ("lamp-model", &["lamp-core"]),
    ("lamp-gateway", &["lamp-core", "lamp-model"]),
    (
        "lamp-app",
        &["lamp-core", "lamp-ledger", "lamp-store", "lamp-engine", "lamp-runner", "lamp-model", "lamp-gateway"],
    ),
    ("lamp-web", &["lamp-core", "lamp-app"]),
    (
        "lamp-cli",
        &[
            "lamp-core",
            "lamp-ledger",
            "lamp-store",
            "lamp-engine",
            "lamp-runner",
            "lamp-model",
            "lamp-gateway",
            "lamp-app",
            "lamp-web",
        ],
    ),
    ("lamp-testkit", &["lamp-core"]),
    ("xtask", &[]),
];

/// The crate that any crate's tests may use.
const TESTKIT: &str = "lamp-testkit";

/// Crates whose tests put a whole application together, as the composition root does.
const TESTED_ON_AN_APP: &[&str] = &["lamp-web"];

/// Libraries that are known in one place only, and where.
const OWNED: &[(&str, &[&str])] = &[
    ("datafusion", &["lamp-engine"]),
    ("arrow", &["lamp-engine"]),
    ("parquet", &["lamp-engine"]),
    ("sqlx", &["lamp-ledger"]),
    ("object_store", &["lamp-store"]),
    ("ort", &["lamp-model"]),
    ("askama", &["lamp-web"]),
    ("ruff_python_parser", &["lamp-app"]),
    ("clap", &["lamp-cli"]),
    ("anyhow", &["lamp-cli", "xtask"]),
    ("fantoccini", &["lamp-testkit"]),
];

/// Checks one crate's manifest.
pub fn check(file: &File) -> Vec<Finding> {
    let manifest: Table = match file.text.parse() {
        Ok(manifest) => manifest,
        Err(error) => return vec![Finding::new(&file.path, 0, format!("not TOML: {error}"))],
    };
    // The workspace's own manifest names no package.
    let Some(name) = manifest.get("package").and_then(|package| package.get("name")).and_then(Value::as_str) else {
        return Vec::new();
    };
    let Some((_, allowed)) = EDGES.iter().find(|(package, _)| *package == name) else {
        let message = format!("`{name}` is new: say in xtask/src/tidy/edges.rs whom it may use");
        return vec![Finding::new(&file.path, 0, message)];
    };
    let mut findings = Vec::new();
    for (section, dependency) in dependencies(&manifest) {
        if let Some(message) = objection(name, allowed, section, &dependency) {
            findings.push(Finding::new(&file.path, line_of(&file.text, &dependency), message));
        }
    }
    let has_lints = manifest.get("lints").and_then(|lints| lints.get("workspace")) == Some(&Value::Boolean(true));
    if !has_lints {
        findings.push(Finding::new(&file.path, 0, "add `[lints] workspace = true`"));
    }
    findings
}

fn objection(name: &str, allowed: &[&str], section: &str, dependency: &str) -> Option<String> {
    let is_ours = EDGES.iter().any(|(package, _)| *package == dependency);
    let is_testkit_in_tests = dependency == TESTKIT && section == "dev-dependencies";
    let is_app_in_tests = TESTED_ON_AN_APP.contains(&name) && section == "dev-dependencies";
    if is_ours && !allowed.contains(&dependency) && !is_testkit_in_tests && !is_app_in_tests {
        let list = if allowed.is_empty() { "no crate of ours".to_owned() } else { allowed.join(", ") };
        return Some(format!("`{name}` may not use `{dependency}`; it may use {list}"));
    }
    let family = |owned: &str| dependency == owned || dependency.starts_with(&format!("{owned}-"));
    let (_, owners) = OWNED.iter().find(|(owned, _)| family(owned))?;
    let is_owner = owners.contains(&name);
    (!is_owner).then(|| format!("only {} may use `{dependency}`", owners.join(" and ")))
}

/// Every dependency with the section that names it, by the package's own name.
fn dependencies(manifest: &Table) -> Vec<(&'static str, String)> {
    let targets = manifest.get("target").and_then(Value::as_table);
    let per_target = targets.into_iter().flat_map(|targets| targets.values().filter_map(Value::as_table));
    let mut found = Vec::new();
    for table in std::iter::once(manifest).chain(per_target) {
        for section in ["dependencies", "dev-dependencies", "build-dependencies"] {
            let Some(entries) = table.get(section).and_then(Value::as_table) else { continue };
            for (key, value) in entries {
                let renamed = value.get("package").and_then(Value::as_str);
                found.push((section, renamed.unwrap_or(key).to_owned()));
            }
        }
    }
    found
}

fn line_of(text: &str, dependency: &str) -> usize {
    let names_it = |line: &str| line.trim_start().strip_prefix(dependency).is_some_and(|rest| !rest.starts_with('-'));
    text.lines().position(names_it).map_or(0, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::said;

    fn manifest(name: &str, rest: &str) -> String {
        format!("[package]\nname = \"{name}\"\n[lints]\nworkspace = true\n{rest}")
    }

    fn check_manifest(name: &str, rest: &str) -> String {
        said(check, "Cargo.toml", &manifest(name, rest))
    }

    #[test]
    fn crates_use_whom_they_may() {
        assert_eq!(
            check_manifest("lamp-gateway", "[dependencies]\nlamp-core.workspace = true\nlamp-model.workspace = true"),
            ""
        );
        assert_eq!(
            check_manifest("lamp-gateway", "[dependencies]\nlamp-core.workspace = true\nlamp-ledger.workspace = true"),
            "Cargo.toml:7: `lamp-gateway` may not use `lamp-ledger`; it may use lamp-core, lamp-model"
        );
        assert_eq!(
            check_manifest("lamp-core", "[dev-dependencies]\nlamp-store.workspace = true"),
            "Cargo.toml:6: `lamp-core` may not use `lamp-store`; it may use no crate of ours"
        );
    }

    #[test]
    fn the_testkit_is_for_tests() {
        assert_eq!(check_manifest("lamp-web", "[dev-dependencies]\nlamp-testkit.workspace = true"), "");
        assert_eq!(
            check_manifest("lamp-web", "[dependencies]\nlamp-testkit.workspace = true"),
            "Cargo.toml:6: `lamp-web` may not use `lamp-testkit`; it may use lamp-core, lamp-app"
        );
    }

    #[test]
    fn some_libraries_are_known_in_one_place() {
        assert_eq!(check_manifest("lamp-engine", "[dependencies]\ndatafusion = \"1\"\narrow-schema = \"1\""), "");
        for (rest, found) in [
            ("[dependencies]\nsqlx = \"1\"", "Cargo.toml:6: only lamp-ledger may use `sqlx`"),
            ("[dev-dependencies]\narrow-schema = \"1\"", "Cargo.toml:6: only lamp-engine may use `arrow-schema`"),
            ("[dependencies]\ndb = { package = \"sqlx\" }", "Cargo.toml: only lamp-ledger may use `sqlx`"),
            ("[target.'cfg(unix)'.dependencies]\nort = \"2\"", "Cargo.toml:6: only lamp-model may use `ort`"),
            ("[dependencies]\nanyhow = \"1\"", "Cargo.toml:6: only lamp-cli and xtask may use `anyhow`"),
        ] {
            assert_eq!(check_manifest("lamp-app", rest), found);
        }
    }

    #[test]
    fn a_new_crate_is_given_its_place_and_our_lints() {
        let found = said(check, "crates/lamp-x/Cargo.toml", &manifest("lamp-x", ""));
        assert!(found.ends_with("`lamp-x` is new: say in xtask/src/tidy/edges.rs whom it may use"), "{found}");
        let found = said(check, "Cargo.toml", "[package]\nname = \"xtask\"\n");
        assert_eq!(found, "Cargo.toml: add `[lints] workspace = true`");
        assert_eq!(said(check, "Cargo.toml", "[workspace]\nmembers = []\n"), "");
    }
}
