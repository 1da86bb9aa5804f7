//! `lamp init`: a workspace in a new folder or an old repository.

use lamp_testkit::{Outcome, TempRepo, TestContext};

fn context(repo: TempRepo) -> TestContext {
    let mut context = TestContext::with_repo(env!("CARGO_BIN_EXE_lamp"), repo);
    context.use_real_clock();
    context
}

fn assert_says(outcome: &Outcome, texts: &[&str]) {
    for text in texts {
        let is_said = outcome.stdout.contains(text) || outcome.stderr.contains(text);
        assert!(is_said, "`{text}` is not in:\n{}", outcome.text());
    }
}

#[test]
fn a_new_folder_becomes_a_workspace() {
    let context = context(TempRepo::without_git());
    let done = context.lamp(["init", "--yes", "--project", "churn", "--time-zone", "Europe/Berlin"]).succeed();
    assert_says(&done, &["git init", "create  lamp.toml", "create  projects/churn/lamp.toml", ".lamp/", "Next:"]);
    assert!(context.repo.path().join(".git").is_dir());
    assert!(context.repo.read("lamp.toml").contains("\"Europe/Berlin\""));
    assert!(context.repo.read(".gitignore").lines().any(|line| line == ".lamp/"));

    // Who acts is recorded, so lamp must know who that is.
    let nobody = context.lamp(["data", "ls"]).run();
    assert_eq!(nobody.code, Some(2), "{}", nobody.text());
    assert_says(&nobody, &["hint: git config user.email"]);
    context.repo.git(&["config", "user.email", "ada@example.com"]);
    assert_says(&context.lamp(["data", "ls"]).succeed(), &["No dataset yet"]);

    // What was written is valid, and a second time there is nothing to do.
    let again = context.lamp(["init", "--project", "churn"]).succeed();
    assert_says(&again, &["keep    lamp.toml (as it is)", "Nothing to do"]);
}

#[test]
fn what_an_old_repository_has_stays_as_it_is() {
    let context = context(TempRepo::new());
    let own = "# ours\n[workspace]\nmembers = [\"ml/*\"]\n";
    context.repo.write("lamp.toml", own);
    // No line end after the last line.
    context.repo.write(".gitignore", "target/\n*.log");
    let hooks = "repos:\n  - repo: local\n    hooks: [{id: ruff}, {id: ruff-format}, {id: mypy}]\n";
    context.repo.write(".pre-commit-config.yaml", hooks);
    context.repo.commit("Before Lamplighter");

    let done = context.lamp(["init", "--yes"]).succeed();
    assert_says(&done, &["keep    lamp.toml (as it is)", "append  .gitignore: .lamp/"]);
    assert_says(&done, &["keep    .pre-commit-config.yaml (as it is; it lacks: hook end-of-file-fixer, hook"]);
    assert!(!done.stdout.contains("hook isort"), "ruff stands in for it: {}", done.text());
    assert_eq!(context.repo.read(".pre-commit-config.yaml"), hooks);
    assert_eq!(context.repo.read("lamp.toml"), own);
    let ignored = context.repo.read(".gitignore");
    assert!(ignored.starts_with("target/\n*.log\n.lamp/\n"), "{ignored:?}");
    let touched = context.repo.git(&["status", "--porcelain"]);
    assert_eq!(touched, "M .gitignore\n?? .github/", "nothing else was touched");

    // Two marker lines invite ours in, told where the members are; what is outside of them stays.
    context.repo.write(".pre-commit-config.yaml", format!("{hooks}  # >>> lamplighter\n  # <<< lamplighter\n"));
    let invited = context.lamp(["init", "--yes"]).succeed();
    assert_says(&invited, &["renew   .pre-commit-config.yaml (the lines of Lamplighter alone)"]);
    let renewed = context.repo.read(".pre-commit-config.yaml");
    assert!(renewed.starts_with(hooks) && renewed.contains("--src, \"ml/*\""), "{renewed}");
    assert_says(&context.lamp(["init"]).succeed(), &["keep    .pre-commit-config.yaml (as it is)", "Nothing to do"]);
}

#[test]
fn without_a_terminal_nothing_is_written_unasked() {
    let context = context(TempRepo::new());
    let refused = context.lamp(["init"]).run();
    assert_eq!(refused.code, Some(2), "{}", refused.text());
    assert_says(&refused, &["create  lamp.toml", "error: there is no terminal to ask on", "hint: lamp init --yes"]);
    assert_eq!(context.repo.git(&["status", "--porcelain"]), "");
}

#[test]
fn a_time_zone_that_is_none_is_refused() {
    let context = context(TempRepo::new());
    let refused = context.lamp(["init", "--yes", "--time-zone", "Mars/Olympus"]).run();
    assert_eq!(refused.code, Some(2), "{}", refused.text());
    assert_says(&refused, &["`Mars/Olympus` is no time zone", "hint: --time-zone Europe/Berlin"]);
    assert!(!context.repo.path().join("lamp.toml").exists());
}

#[test]
fn outside_a_workspace_the_way_in_is_named() {
    let context = context(TempRepo::new());
    let lost = context.lamp(["models", "ls"]).run();
    assert_eq!(lost.code, Some(2), "{}", lost.text());
    assert_says(&lost, &["is not inside a Lamplighter workspace", "hint: lamp init"]);
}
