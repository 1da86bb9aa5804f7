//! Practice 9 in CI: the GitHub Actions workflow that `lamp init` writes.
//!
//! Its steps are single commands that anybody can type; what CI does can be done, and debugged, at home.

use crate::hooks::MANAGER_PINS;

/// Path of the workflow, from the root of the repository.
pub const WORKFLOW_FILE: &str = ".github/workflows/lamp.yml";

/// The workflow, with `lamplighter` pinned to `version`. Actions are pinned by commit: a tag can be moved.
pub fn workflow(version: &str) -> String {
    let managers = MANAGER_PINS.join(" ");
    TEMPLATE.replace("{version}", version).replace("{managers}", &managers)
}

const TEMPLATE: &str = r#"# Written by `lamp init`. Every step that judges is one command, which you can type at home too.
name: lamp
on:
  push:
    branches: [main]
  pull_request:
permissions:
  contents: read
concurrency:
  group: lamp-${{ github.ref }}
  cancel-in-progress: true
jobs:
  lamp:
    runs-on: ubuntu-latest
    timeout-minutes: 60
    env:
      # Who acts, for the audit log.
      GIT_AUTHOR_EMAIL: ${{ github.actor }}@users.noreply.github.com
      # In a repository whose lamp.toml names a server, a token of it (lamp tokens create), and nothing else:
      # LAMP_TOKEN: ${{ secrets.LAMP_TOKEN }}
      # What the ledger and the store that lamp.toml names ask for, for example:
      # PGPASSWORD: ${{ secrets.LAMP_LEDGER_PASSWORD }}
      # AWS_ACCESS_KEY_ID: ${{ secrets.LAMP_STORE_KEY }}
      # AWS_SECRET_ACCESS_KEY: ${{ secrets.LAMP_STORE_SECRET }}
    steps:
      - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2
        with:
          fetch-depth: 0 # `lamp` asks where this branch left the main one
          persist-credentials: false
      - uses: actions/setup-python@a26af69be951a213d495a4c3e4e4022e16d87065 # v5.6.0
        with:
          python-version: "3.12"
      - name: Lamplighter, and what runs the hooks
        run: python -m pip install lamplighter=={version} {managers}
      - name: The hooks, on every file
        run: lamp hooks run --all-files
      - name: The data that this commit works with, from the store
        run: lamp data get
      - name: The tests of what the change touches
        if: github.event_name == 'pull_request'
        env:
          BASE: ${{ github.event.pull_request.base.sha }}
        run: lamp test --affected-by "$BASE" --junit lamp-tests.xml --summary "$GITHUB_STEP_SUMMARY"
      - name: All tests
        if: github.event_name != 'pull_request'
        run: lamp test --junit lamp-tests.xml --summary "$GITHUB_STEP_SUMMARY"
      - name: Keep the tests' report
        if: always()
        uses: actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02 # v4.6.2
        with:
          name: lamp-tests
          path: lamp-tests.xml
          if-no-files-found: ignore
"#;

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn every_action_and_every_package_is_pinned() {
        let text = workflow("1.2.3");
        let document: Value = serde_saphyr::from_str(&text).expect("YAML");
        let steps = document["jobs"]["lamp"]["steps"].as_array().expect("steps");
        for action in steps.iter().filter_map(|step| step["uses"].as_str()) {
            let (_, pin) = action.split_once('@').expect("a version");
            assert!(pin.len() == 40 && pin.chars().all(|c| c.is_ascii_hexdigit()), "{action}");
        }
        let installs = steps.iter().filter_map(|step| step["run"].as_str()).find(|run| run.contains("pip install"));
        let packages: Vec<&str> = installs.expect("a step").split_whitespace().skip(4).collect();
        assert!(packages.contains(&"lamplighter==1.2.3"), "{packages:?}");
        assert!(packages.iter().all(|package| package.contains("==")), "{packages:?}");
        // What comes from a pull request reaches no shell but by a variable.
        assert!(steps.iter().filter_map(|step| step["run"].as_str()).all(|run| !run.contains("${{")), "{text}");
        assert_eq!(document["permissions"]["contents"], "read");
    }

    #[test]
    fn what_judges_is_one_lamp_command_a_step() {
        let document: Value = serde_saphyr::from_str(&workflow("0.1.0")).expect("YAML");
        let steps = document["jobs"]["lamp"]["steps"].as_array().expect("steps");
        let runs: Vec<&str> = steps.iter().filter_map(|step| step["run"].as_str()).collect();
        let verbs: Vec<&str> = runs.iter().filter_map(|run| run.strip_prefix("lamp ")).collect();
        assert_eq!(verbs.len(), runs.len() - 1, "all but the installation: {runs:?}");
        for verb in ["hooks run --all-files", "data get", "test --affected-by \"$BASE\" --junit", "test --junit"] {
            assert!(verbs.iter().any(|run| run.starts_with(verb)), "no `lamp {verb}` in {verbs:?}");
        }
        assert!(runs.iter().all(|run| !run.contains(['\n', '|', ';']) && !run.contains("&&")), "{runs:?}");
    }
}
