//! `.pre-commit-config.yaml`: our own lines in it, and what a team's own file lacks.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::Value;

/// Name of the file, at the root of the repository.
pub const CONFIG_FILE: &str = ".pre-commit-config.yaml";

/// The line that our own lines begin with, after its indentation.
pub const FIRST_LINE: &str = "# >>> lamplighter";

/// The line that they end with.
pub const LAST_LINE: &str = "# <<< lamplighter";

/// What runs the hooks where nobody has chosen: a package with the manager, and one with what it makes
/// environments with.
pub const MANAGER_PINS: [&str; 2] = ["prek==0.5.11", "uv==0.13.9"];

/// The tools of the hooks. One list for all hooks, so that a manager builds one environment.
const TOOLS: [&str; 5] =
    ["black==26.10.1", "isort==9.0.2", "nbstripout==0.9.1", "pre-commit-hooks==6.0.0", "pydocstyle==6.3.0"];

/// What is said above our lines in a file that we write.
const HEADER: &str = "\
# Hooks of this repository, for `prek` and `pre-commit` alike: `lamp hooks install` sets them up,
# `lamp hooks run --all-files` runs them all, and `SKIP=mypy git commit` leaves one out for once.
# Their tools come from your package index; no hook repository is cloned.
default_install_hook_types: [pre-commit]
repos:
";

/// A hook that practice 1 asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hook {
    /// Its id.
    pub id: &'static str,
    /// Ids of other hooks that do the same, or can be set to.
    pub stand_ins: &'static [&'static str],
    entry: &'static str,
    args: &'static [&'static str],
    types: &'static str,
    runs_in: RunsIn,
    about: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RunsIn {
    /// The environment of all tools.
    Tools,
    /// The machine, where `lamp` is.
    Machine,
}

const fn tool(id: &'static str, types: &'static str) -> Hook {
    Hook { id, stand_ins: &[], entry: id, args: &[], types, runs_in: RunsIn::Tools, about: None }
}

/// The hooks, in the order in which they run: what mends a file comes before what judges it.
pub const HOOKS: [Hook; 10] = [
    tool("end-of-file-fixer", "types: [text]"),
    Hook { entry: "trailing-whitespace-fixer", ..tool("trailing-whitespace", "types: [text]") },
    Hook { stand_ins: &["nb-clean"], ..tool("nbstripout", "types: [jupyter]") },
    tool("check-added-large-files", ""),
    tool("check-ast", "types: [python]"),
    Hook { stand_ins: &["ruff", "ruff-check"], ..tool("isort", "types_or: [python, pyi]") },
    Hook { stand_ins: &["ruff-format"], ..tool("black", "types_or: [python, pyi]") },
    Hook { stand_ins: &["ruff", "ruff-check"], ..tool("pydocstyle", "types: [python]") },
    Hook {
        stand_ins: &["pyright", "basedpyright"],
        entry: "lamp hooks mypy",
        runs_in: RunsIn::Machine,
        about: Some("In each project's own locked environment: elsewhere mypy would not see what the code imports."),
        ..tool("mypy", "types_or: [python, pyi]")
    },
    Hook {
        entry: "lamp hooks check",
        runs_in: RunsIn::Machine,
        about: Some("Python that does not parse, outputs left in notebooks, data in git, broken configuration."),
        ..tool("lamp", "")
    },
];

/// What `lamp init` has to do about the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigPlan {
    /// There is none: write it.
    Create(String),
    /// Our lines are there and as they should be.
    Keep,
    /// Our lines are there and other than they should be: the whole text with the right ones.
    Renew(String),
    /// The team's own file, without our lines: it stays, and lacks these hooks.
    Theirs {
        /// Ids of the hooks that nothing in it does.
        missing: Vec<&'static str>,
    },
}

/// Looks at the file's text, if there is one. `members` are the globs of project folders.
pub fn plan(existing: Option<&str>, members: &[String]) -> ConfigPlan {
    let Some(text) = existing.filter(|text| !text.trim().is_empty()) else {
        return ConfigPlan::Create(format!("{HEADER}{}", block("  ", members)));
    };
    match renewed(text, members) {
        None => ConfigPlan::Theirs { missing: missing(text) },
        Some(right) if right == text => ConfigPlan::Keep,
        Some(right) => ConfigPlan::Renew(right),
    }
}

/// Ids of the hooks that neither stand in the file nor have a stand-in there. Of a text that is no YAML: all.
pub fn missing(text: &str) -> Vec<&'static str> {
    let ids = hook_ids(text);
    let is_there = |hook: &Hook| ids.contains(hook.id) || hook.stand_ins.iter().any(|id| ids.contains(*id));
    HOOKS.iter().filter(|hook| !is_there(hook)).map(|hook| hook.id).collect()
}

fn hook_ids(text: &str) -> BTreeSet<String> {
    let document: Value = serde_saphyr::from_str(text).unwrap_or_default();
    let lists = |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let hooks = lists(&document, "repos").into_iter().flat_map(|repo| lists(&repo, "hooks"));
    hooks.filter_map(|hook| hook.get("id").and_then(Value::as_str).map(str::to_owned)).collect()
}

/// The text with our lines as they should be; none when it does not have both markers, in order.
fn renewed(text: &str, members: &[String]) -> Option<String> {
    let mut before = String::new();
    let mut lines = text.split_inclusive('\n');
    let first = loop {
        let line = lines.next()?;
        if line.trim_start().starts_with(FIRST_LINE) {
            break line;
        }
        before.push_str(line);
    };
    lines.find(|line| line.trim_start().starts_with(LAST_LINE))?;
    let indent = &first[..first.len() - first.trim_start().len()];
    let after: String = lines.collect();
    Some(format!("{before}{}{after}", block(indent, members)))
}

/// Our lines: an entry of `repos`, between the markers.
fn block(indent: &str, members: &[String]) -> String {
    let mut lines = vec![
        format!("{FIRST_LINE}: written by `lamp init`, which keeps these lines up to date; yours go outside of them"),
        "- repo: local".to_owned(),
        "  hooks:".to_owned(),
    ];
    let mut tools_are_listed = false;
    for hook in &HOOKS {
        if let Some(about) = hook.about {
            lines.push(format!("    # {about}"));
        }
        let name = if hook.id == "lamp" { "lamp hooks check" } else { hook.id };
        lines.extend([format!("    - id: {}", hook.id), format!("      name: {name}")]);
        lines.push(format!("      entry: {}", hook.entry));
        let args = arguments(hook, members);
        if !args.is_empty() {
            lines.push(format!("      args: [{}]", args.join(", ")));
        }
        if !hook.types.is_empty() {
            lines.push(format!("      {}", hook.types));
        }
        match hook.runs_in {
            RunsIn::Machine => {
                lines.extend(["      language: system".to_owned(), "      require_serial: true".to_owned()]);
            }
            RunsIn::Tools if tools_are_listed => {
                lines.extend(
                    ["      language: python", "      additional_dependencies: *lamplighter"].map(str::to_owned),
                );
            }
            RunsIn::Tools => {
                tools_are_listed = true;
                lines.push("      language: python".to_owned());
                lines.push("      # The same list for every hook: one environment, built once.".to_owned());
                lines.push("      additional_dependencies: &lamplighter".to_owned());
                lines.extend(TOOLS.iter().map(|tool| format!("        - {tool}")));
            }
        }
    }
    lines.push(LAST_LINE.to_owned());
    let mut text = String::new();
    for line in lines {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{indent}{line}");
    }
    text
}

/// isort is told where the projects are: their own code is first-party wherever it is sorted from. It
/// and black take the root's settings, so that the whole repository has one style.
fn arguments(hook: &Hook, members: &[String]) -> Vec<String> {
    if hook.id != "isort" {
        return hook.args.iter().map(|arg| (*arg).to_owned()).collect();
    }
    let mut args = ["--profile", "black", "--settings-path", ".", "--filter-files"].map(str::to_owned).to_vec();
    args.extend(members.iter().flat_map(|member| ["--src".to_owned(), format!("\"{}\"", member.replace('"', "\\\""))]));
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members() -> Vec<String> {
        vec!["projects/*".to_owned()]
    }

    fn created() -> String {
        match plan(None, &members()) {
            ConfigPlan::Create(text) => text,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_new_file_has_every_hook_and_nothing_from_elsewhere() {
        let text = created();
        assert_eq!(missing(&text), Vec::<&str>::new(), "{text}");
        let document: Value = serde_saphyr::from_str(&text).expect("YAML");
        let repos = document["repos"].as_array().expect("repos");
        assert_eq!(repos.len(), 1);
        assert_eq!(repos[0]["repo"], "local", "no hook repository is cloned");
        let hooks = repos[0]["hooks"].as_array().expect("hooks");
        let in_tools = hooks.iter().filter(|hook| hook["language"] == "python");
        let lists: Vec<&Value> = in_tools.map(|hook| &hook["additional_dependencies"]).collect();
        assert_eq!(lists.len(), 8);
        assert!(lists.iter().all(|list| *list == lists[0]), "one list, one environment: {lists:?}");
        let pinned =
            lists[0].as_array().expect("a list").iter().all(|tool| tool.as_str().is_some_and(|t| t.contains("==")));
        assert!(pinned, "{lists:?}");
    }

    #[test]
    fn what_is_ours_is_kept_and_renewed_and_what_is_theirs_is_not_touched() {
        let ours = created();
        assert_eq!(plan(Some(&ours), &members()), ConfigPlan::Keep);
        assert_eq!(plan(Some("\n"), &members()), ConfigPlan::Create(ours.clone()));

        let old = ours.replace("black==26.10.1", "black==22.1.0");
        assert_eq!(plan(Some(&old), &members()), ConfigPlan::Renew(ours.clone()));

        // Around our lines everything stays, and a pair of bare markers asks for them, at its own indentation.
        let around = "repos:\n- repo: local\n  hooks: [{id: mine}]\n# >>> lamplighter\n# <<< lamplighter\n# the end";
        let ConfigPlan::Renew(filled) = plan(Some(around), &members()) else { panic!("markers ask for lines") };
        assert!(filled.starts_with("repos:\n- repo: local\n  hooks: [{id: mine}]\n# >>> lamplighter"), "{filled}");
        assert!(filled.contains("\n- repo: local\n  hooks:\n    - id: end-of-file-fixer\n"), "{filled}");
        assert!(filled.ends_with("# <<< lamplighter\n# the end"), "{filled}");
        assert_eq!(missing(&filled), Vec::<&str>::new(), "{filled}");
        assert_eq!(plan(Some(&filled), &members()), ConfigPlan::Keep);
    }

    #[test]
    fn what_a_teams_own_file_lacks_is_named() {
        let theirs = "repos:\n  - repo: https://example.com/hooks\n    rev: v1\n    hooks:\n      - id: ruff-check\n      \
                      - id: ruff-format\n      - id: check-ast\n      - {id: trailing-whitespace, args: [x]}\n";
        let lacks = ["end-of-file-fixer", "nbstripout", "check-added-large-files", "mypy", "lamp"];
        assert_eq!(plan(Some(theirs), &members()), ConfigPlan::Theirs { missing: lacks.to_vec() });
        // A marker without its other end is no claim to anything.
        for text in ["repos: [", "# >>> lamplighter\nrepos: []\n", "# <<< lamplighter\n# >>> lamplighter\n"] {
            let ConfigPlan::Theirs { missing } = plan(Some(text), &members()) else { panic!("{text:?} is theirs") };
            assert_eq!(missing.len(), HOOKS.len(), "{text:?}");
        }
    }

    #[test]
    fn isort_knows_every_members_own_code() {
        let ConfigPlan::Create(text) = plan(None, &["ml/*".to_owned(), "apps/x".to_owned()]) else { panic!("new") };
        assert!(text.contains(r#"--src, "ml/*", --src, "apps/x"]"#), "{text}");
    }
}
