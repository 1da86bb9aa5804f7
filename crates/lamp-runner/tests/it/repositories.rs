//! Git, as people leave it lying around.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use lamp_core::error::Classified;
use lamp_runner::dirty::{Scope, require_clean};
use lamp_runner::git::{GitError, Repo, WorktreeState};

use crate::support::{git, repository, run_id, write};

#[tokio::test]
async fn a_repository_is_found_from_below_and_refused_when_there_is_none() {
    let (temp, repo, commit) = repository().await;
    let found = Repo::discover(&repo.root().join("projects/delay")).await.expect("found");
    assert_eq!(found.root(), repo.root());
    assert_eq!(found.head().await.expect("a head"), Some(commit));

    let none = Repo::discover(temp.path()).await.expect_err("no repository");
    assert!(matches!(none, GitError::NoRepository(_)), "{none}");
    assert_eq!(none.hint().as_deref(), Some("git init"));

    let bare = temp.path().join("bare.git");
    git(temp.path(), &["init", "--quiet", "--bare", "bare.git"]);
    assert!(matches!(Repo::discover(&bare).await, Err(GitError::Bare(_))));
}

#[tokio::test]
async fn before_the_first_commit_there_is_no_head() {
    let temp = tempfile::tempdir().expect("a folder");
    let repo = Repo::init(temp.path()).await.expect("a repository");
    assert_eq!(repo.head().await.expect("asked"), None);
    assert!(repo.status().await.expect("a status").is_clean());
    repo.set_identity("Ada", "ada@example.com").await.expect("an identity");
    write(repo.root(), "a.py", "1");
    let wip = repo.commit_wip(run_id(), "wip", &[]).await.expect("committed");
    assert_eq!(repo.list(&wip.hash, "").await.expect("listed"), ["a.py"]);
    assert_eq!(repo.head().await.expect("asked"), None);
}

#[tokio::test]
async fn every_sort_of_change_is_seen_under_its_own_name() {
    let (_temp, repo, _) = repository().await;
    let root = repo.root();
    write(root, "projects/delay/train.py", "print('two')\n");
    git(root, &["mv", "projects/other/x.py", "projects/other/renamed.py"]);
    for path in ["projects/delay/my notes.txt", "projects/delay/line\nbreak.py", "projects/délai/模型.py", "-rf.py"]
    {
        write(root, path, "");
    }
    write(root, "projects/delay/big.parquet", "ignored");
    // Somebody's settings must not hide anything.
    git(root, &["config", "status.showUntrackedFiles", "no"]);

    let status = repo.status().await.expect("a status");
    assert_eq!(status.changed, ["projects/delay/train.py", "projects/other/renamed.py", "projects/other/x.py"]);
    let expected = ["-rf.py", "projects/delay/line\nbreak.py", "projects/delay/my notes.txt", "projects/délai/模型.py"];
    assert_eq!(status.untracked, expected);

    let refusal = require_clean(&status, &Scope::new(["projects/delay"])).expect_err("dirty");
    assert_eq!(refusal.changed, ["projects/delay/train.py"]);
    assert_eq!(refusal.untracked.len(), 2);
    assert!(require_clean(&status, &Scope::new(["projects/fresh"])).is_ok());
}

#[tokio::test]
async fn a_changed_submodule_counts_as_changed() {
    let (temp, repo, _) = repository().await;
    let library = temp.path().join("library");
    let inner = Repo::init(&library).await.expect("a repository");
    inner.set_identity("Ada", "ada@example.com").await.expect("an identity");
    write(&library, "lib.py", "1");
    inner.add_and_commit_all("library", None).await.expect("committed");
    let source = library.display().to_string();
    git(repo.root(), &["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &source, "vendor/library"]);
    repo.add_and_commit_all("with a library", None).await.expect("committed");
    assert!(repo.status().await.expect("a status").is_clean());
    write(repo.root(), "vendor/library/lib.py", "2");
    assert_eq!(repo.status().await.expect("a status").changed, ["vendor/library"]);
}

#[tokio::test]
async fn a_wip_commit_touches_neither_branch_nor_index_nor_files() {
    let (_temp, repo, first) = repository().await;
    let root = repo.root();
    write(root, "projects/delay/train.py", "print('staged')\n");
    git(root, &["add", "projects/delay/train.py"]);
    write(root, "projects/delay/train.py", "print('on disk')\n");
    write(root, "projects/delay/new file.py", "new");
    write(root, "projects/delay/big.parquet", "ignored");
    write(root, "scratch/secret.txt", "excluded");
    std::fs::remove_file(root.join("projects/other/x.py")).expect("removed");
    let before =
        (git(root, &["status", "--porcelain"]), git(root, &["diff", "--cached"]), git(root, &["branch", "-v"]));

    let wip = repo.commit_wip(run_id(), "work in progress", &["scratch"]).await.expect("committed");

    let after = (git(root, &["status", "--porcelain"]), git(root, &["diff", "--cached"]), git(root, &["branch", "-v"]));
    assert_eq!(before, after);
    assert_eq!(repo.head().await.expect("a head").expect("a commit"), first);
    let files = repo.list(&wip.hash, "").await.expect("listed");
    assert_eq!(files, [".gitignore", "lamp.toml", "projects/delay/new file.py", "projects/delay/train.py"]);
    let shown = repo.show(&wip.hash, "projects/delay/train.py").await.expect("shown");
    assert_eq!(shown.as_deref(), Some(b"print('on disk')\n".as_slice()));
    let side_ref = format!("refs/lamp/wip/{}", run_id());
    assert_eq!(repo.resolve(&side_ref).await.expect("resolved"), wip);
    assert!(repo.branches_reaching(&wip).await.expect("asked").is_empty(), "a side ref is no branch");

    assert_eq!(repo.branch_with_tree(&wip.tree).await.expect("asked"), None);
    std::fs::remove_dir_all(root.join("scratch")).expect("removed");
    repo.add_and_commit_all("the same, for good", None).await.expect("committed");
    assert_eq!(repo.branch_with_tree(&wip.tree).await.expect("asked").as_deref(), Some("main"));
}

#[tokio::test]
async fn a_pinned_commit_survives_its_branch() {
    let (_temp, repo, _) = repository().await;
    let root = repo.root();
    git(root, &["switch", "--quiet", "-c", "feature"]);
    write(root, "lamp.toml", "[workspace]\nmembers = []\n");
    let commit = repo.add_and_commit_all("feature", None).await.expect("committed").expect("a commit");
    assert_eq!(repo.branches_reaching(&commit).await.expect("asked"), ["feature"]);
    repo.pin(run_id(), &commit).await.expect("pinned");
    repo.pin(run_id(), &commit).await.expect("pinned twice");
    git(root, &["switch", "--quiet", "main"]);
    git(root, &["branch", "--quiet", "-D", "feature"]);
    git(root, &["reflog", "expire", "--expire=now", "--all"]);
    git(root, &["gc", "--quiet", "--prune=now"]);
    assert_eq!(repo.resolve(&commit.hash).await.expect("still there"), commit);
    assert!(repo.branches_reaching(&commit).await.expect("asked").is_empty());
}

#[tokio::test]
async fn remote_branches_count_and_the_remote_s_head_does_not() {
    let (temp, repo, commit) = repository().await;
    let clone = temp.path().join("clone");
    git(temp.path(), &["clone", "--quiet", &repo.root().display().to_string(), "clone"]);
    let clone = Repo::discover(&clone).await.expect("a clone");
    assert_eq!(clone.branches_reaching(&commit).await.expect("asked"), ["main", "origin/main"]);
}

#[tokio::test]
async fn committing_one_file_leaves_the_rest_of_the_index_alone() {
    let (_temp, repo, _) = repository().await;
    let root = repo.root();
    write(root, "projects/delay/train.py", "print('staged, not yet')\n");
    git(root, &["add", "projects/delay/train.py"]);
    write(root, "lamp.lock", "[datasets.flights]\nversion = 1\n");
    write(root, "loose.py", "untracked");

    let commit = repo.commit_only(&["lamp.lock"], "flights@1").await.expect("committed").expect("a commit");
    let changed = git(root, &["show", "--name-only", "--format=", &commit.hash]);
    assert_eq!(changed.trim(), "lamp.lock");
    let rest = git(root, &["status", "--porcelain"]);
    assert_eq!(rest, "M  projects/delay/train.py\n?? loose.py\n");
    assert_eq!(repo.commit_only(&["lamp.lock"], "again").await.expect("nothing to do"), None);

    let info = repo.log1("HEAD").await.expect("a log");
    assert_eq!((info.author.as_str(), info.email.as_str()), ("Ada", "ada@example.com"));
    assert_eq!(info.subject, "flights@1");
}

#[tokio::test]
async fn a_hook_that_says_no_leaves_the_index_as_it_was() {
    let (_temp, repo, first) = repository().await;
    let hook = repo.root().join(".git/hooks/pre-commit");
    write(repo.root(), ".git/hooks/pre-commit", "#!/bin/sh\necho 'not today' >&2\nexit 1\n");
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).expect("executable");
    write(repo.root(), "lamp.lock", "");
    let refused = repo.commit_only(&["lamp.lock"], "x").await.expect_err("refused");
    assert!(refused.to_string().contains("not today"), "{refused}");
    assert_eq!(git(repo.root(), &["status", "--porcelain"]), "?? lamp.lock\n");
    assert_eq!(repo.head().await.expect("a head"), Some(first));
}

#[tokio::test]
async fn everything_works_from_inside_a_hook_of_another_repository() {
    let (_other_temp, other, _) = repository().await;
    let (_temp, repo, _) = repository().await;
    write(other.root(), "fresh.py", "new");
    let binary = std::env::current_exe().expect("this binary");
    let script = format!(
        "#!/bin/sh\nexport GIT_DIR=\"$(git rev-parse --absolute-git-dir)\"\n\
         exec '{}' --exact hook_entry --nocapture '{}'\n",
        binary.display(),
        other.root().display()
    );
    write(repo.root(), ".git/hooks/pre-commit", &script);
    let hook = repo.root().join(".git/hooks/pre-commit");
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).expect("executable");
    write(repo.root(), "lamp.toml", "[workspace]\nmembers = []\n");
    let committed = Command::new("git").arg("-C").arg(repo.root()).args(["commit", "-qam", "x"]).output().expect("git");
    assert!(committed.status.success(), "{}", String::from_utf8_lossy(&committed.stdout));

    let seen = std::fs::read_to_string(other.root().join(".git/seen")).expect("the hook ran");
    assert!(seen.starts_with(&format!("{}\n[\"fresh.py\"]\n", other.root().display())), "{seen}");
    assert!(seen.contains("\"fresh.py\", \"lamp.toml\""), "{seen}");
}

#[tokio::test]
async fn a_worktree_is_the_commit_and_nothing_else() {
    let (temp, repo, first) = repository().await;
    let root = repo.root();
    // A hook that would spoil the checkout.
    write(root, ".git/hooks/post-checkout", "#!/bin/sh\ntouch from-hook.py\n");
    let hook = root.join(".git/hooks/post-checkout");
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).expect("executable");
    write(root, "projects/delay/train.py", "print('two')\n");
    write(root, "loose.py", "untracked");

    let path = temp.path().join("trees/one two");
    assert_eq!(repo.worktree_state(&first, &path).await.expect("asked"), WorktreeState::Absent);
    repo.worktree_add(&first, &path).await.expect("added");
    assert_eq!(std::fs::read_to_string(path.join("projects/delay/train.py")).expect("there"), "print('one')\n");
    assert!(!path.join("loose.py").exists() && !path.join("from-hook.py").exists());
    assert_eq!(repo.worktree_state(&first, &path).await.expect("asked"), WorktreeState::Pristine);

    // From inside it, the world looks right.
    let inside = Repo::discover(&path.join("projects")).await.expect("found");
    assert_eq!(inside.root(), path.canonicalize().expect("a path"));
    assert_eq!(inside.branch().await.expect("asked"), None);
    assert!(inside.status().await.expect("a status").is_clean());
    let wip = inside.commit_wip(run_id(), "from a worktree", &[]).await.expect("committed");
    assert_eq!(wip.tree, first.tree);

    write(&path, "projects/delay/__pycache__/train.pyc", "bytecode");
    assert!(repo.worktree_is_pristine(&path).await.expect("asked"));
    write(&path, "projects/delay/shadow.parquet", "ignored, but there");
    assert!(!repo.worktree_is_pristine(&path).await.expect("asked"));

    let spoilt = repo.worktree_state(&first, &path).await.expect("asked");
    assert_eq!(spoilt, WorktreeState::Spoilt);
    repo.worktree_ensure(&first, &path).await.expect("made anew");
    assert!(!path.join("projects/delay/shadow.parquet").exists());
    repo.worktree_remove(&path).await.expect("removed");
    repo.worktree_remove(&path).await.expect("removed twice");
    assert!(!path.exists());
    assert_eq!(git(root, &["worktree", "list"]).lines().count(), 1);
}

/// Git has children that go on writing when it is killed.
#[tokio::test]
async fn a_checkout_that_is_cut_short_leaves_nothing_behind_after_its_removal() {
    let (temp, repo, _) = repository().await;
    for at in 0..2_000 {
        write(repo.root(), &format!("many/{at}.txt"), "one of many\n");
    }
    git(repo.root(), &["add", "."]);
    git(repo.root(), &["commit", "--quiet", "-m", "Many files"]);
    let commit = repo.head().await.expect("asked").expect("a commit");
    let path = temp.path().join("tree");
    for wait in [1, 5, 20, 60] {
        let added = tokio::time::timeout(Duration::from_millis(wait), repo.worktree_add(&commit, &path)).await;
        if let Ok(added) = added {
            added.expect("added in time");
        }
        repo.worktree_remove(&path).await.expect("removed");
        tokio::time::sleep(Duration::from_millis(200)).await;
        assert!(!path.exists(), "cut short after {wait} ms");
        assert_eq!(git(repo.root(), &["worktree", "list"]).lines().count(), 1, "cut short after {wait} ms");
    }
}

#[tokio::test]
async fn a_worktree_that_was_deleted_by_hand_can_be_made_again() {
    let (temp, repo, first) = repository().await;
    let path = temp.path().join("tree");
    repo.worktree_add(&first, &path).await.expect("added");
    std::fs::remove_dir_all(&path).expect("deleted");
    repo.worktree_ensure(&first, &path).await.expect("made again");
    // Half a checkout, as a crash leaves it.
    std::fs::remove_file(path.join("lamp.toml")).expect("deleted");
    std::fs::remove_file(path.join(".git")).expect("deleted");
    repo.worktree_ensure(&first, &path).await.expect("made again");
    assert!(path.join("lamp.toml").exists());
}

#[tokio::test]
async fn files_are_read_at_any_commit() {
    let (_temp, repo, first) = repository().await;
    write(repo.root(), "projects/delay/we*ird [name].py", "x");
    write(repo.root(), "projects/delay/weXird n.py", "y");
    repo.add_and_commit_all("second", None).await.expect("committed");
    assert_eq!(repo.show("HEAD", "projects/delay/we*ird [name].py").await.expect("shown"), Some(b"x".to_vec()));
    assert_eq!(repo.show(&first.hash, "projects/delay/we*ird [name].py").await.expect("asked"), None);
    assert_eq!(repo.show("HEAD", "projects/delay").await.expect("asked"), None, "a folder is no file");
    assert_eq!(repo.list("HEAD~1", "projects/delay/").await.expect("listed"), ["projects/delay/train.py"]);
    assert_eq!(repo.list("HEAD", "").await.expect("listed").len(), 6);
    for missing in ["no-such-branch", "--all", "0000000", "HEAD~99"] {
        assert!(matches!(repo.show(missing, "x").await, Err(GitError::NoCommit(_))), "{missing}");
    }
    assert!(repo.ignores(".lamp/ledger.db").await.expect("asked"));
    assert!(!repo.ignores("lamp.toml").await.expect("asked"));
}

#[tokio::test]
async fn what_a_branch_changed_includes_what_is_not_committed_yet() {
    let (_temp, repo, _) = repository().await;
    let root = repo.root();
    git(root, &["switch", "--quiet", "-c", "feature"]);
    write(root, "committed.py", "1");
    repo.add_and_commit_all("on the branch", None).await.expect("committed");
    // The other side moves on; that is not our change.
    git(root, &["switch", "--quiet", "main"]);
    write(root, "elsewhere.py", "1");
    repo.add_and_commit_all("on main", None).await.expect("committed");
    git(root, &["switch", "--quiet", "feature"]);
    write(root, "projects/delay/train.py", "changed\n");
    write(root, "un tracked.py", "1");
    git(root, &["mv", "projects/other/x.py", "projects/other/y.py"]);
    let changed = repo.changed_between("main").await.expect("compared");
    let expected =
        ["committed.py", "projects/delay/train.py", "projects/other/x.py", "projects/other/y.py", "un tracked.py"];
    assert_eq!(changed, expected);
}

#[tokio::test]
async fn a_commit_carries_the_time_it_is_given() {
    let (_temp, repo, _) = repository().await;
    let at = "2013-04-01T04:00:00Z".parse().expect("a time");
    write(repo.root(), "x", "1");
    let commit = repo.add_and_commit_all("in the past", Some(at)).await.expect("committed").expect("a commit");
    assert_eq!(repo.log1(&commit.hash).await.expect("a log").at, at);
    assert_eq!(repo.add_and_commit_all("nothing", None).await.expect("asked"), None);
}

#[tokio::test]
async fn without_an_identity_the_remedy_is_named() {
    let (_temp, repo, _) = repository().await;
    git(repo.root(), &["config", "user.useConfigOnly", "true"]);
    for key in ["user.email", "user.name"] {
        git(repo.root(), &["config", key, ""]);
    }
    assert_eq!(repo.user_email().await.expect("asked"), None);
    write(repo.root(), "x", "1");
    let refused = repo.commit_wip(run_id(), "x", &[]).await.expect_err("nobody");
    assert!(matches!(refused, GitError::NoIdentity), "{refused}");
    assert!(refused.hint().is_some_and(|hint| hint.contains("git config user.email")));
    assert!(Path::new(repo.root()).join("x").exists());
}

#[tokio::test]
async fn a_file_is_found_at_the_tip_of_every_ref() {
    let (_temp, repo, _) = repository().await;
    let root = repo.root();
    assert_eq!(repo.file_at_every_ref("lamp.lock").await.expect("none"), []);
    let first = git(root, &["symbolic-ref", "--short", "HEAD"]).trim().to_owned();
    for (branch, text) in [("one", "one\n"), ("two", "two\n")] {
        git(root, &["checkout", "--quiet", "-b", branch, &first]);
        write(root, "lamp.lock", text);
        git(root, &["add", "lamp.lock"]);
        git(root, &["commit", "--quiet", "-m", text]);
    }
    git(root, &["tag", "-a", "-m", "a tag", "v1", "one"]);
    git(root, &["update-ref", "refs/remotes/origin/gone", "one"]);
    git(root, &["checkout", "--quiet", "--detach", "one"]);
    // Neither what is not committed nor a folder of that name counts.
    write(root, "lamp.lock", "three\n");
    let mut found = repo.file_at_every_ref("lamp.lock").await.expect("found");
    found.sort_by(|a, b| a.bytes.cmp(&b.bytes));
    let found: Vec<(&[u8], Vec<&str>)> =
        found.iter().map(|file| (&*file.bytes, file.refs.iter().map(String::as_str).collect())).collect();
    let ones = vec!["refs/heads/one", "refs/remotes/origin/gone", "refs/tags/v1", "HEAD"];
    assert_eq!(found, [(&b"one\n"[..], ones), (b"two\n", vec!["refs/heads/two"])]);
    assert_eq!(repo.file_at_every_ref("projects").await.expect("a folder"), []);
}
