//! Practice 1: hooks keep the code clean, run by the real `prek` and the real `pre-commit`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use lamp_testkit::{SKIP_PYTHON_VARIABLE, python};

use super::shop::{Said, Shop};

/// A folder for the managers' environments that outlives this run of the tests: each is built once.
fn manager_home(manager: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).to_owned();
    let folder = target.join("hooks").join(manager);
    std::fs::create_dir_all(&folder).expect("a folder for environments");
    folder
}

/// The bakery with the hooks of `lamp init`, not yet installed.
struct Kitchen {
    shop: Shop,
}

impl Kitchen {
    fn new() -> Self {
        let shop = Shop::new();
        let said = shop.lamp("init --yes").succeeds();
        said.says("create  .pre-commit-config.yaml").says("create  .github/workflows/lamp.yml");
        Self { shop }
    }

    /// `git …`, as a person would type it: with `lamp` and the managers on PATH, and hooks.
    fn git(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("git");
        command.args(arguments).current_dir(self.shop.context.repo.path());
        self.shop.context.repo.isolate(&mut command);
        Self::add_tools(&mut command);
        command.output().expect("git runs")
    }

    fn add_tools(command: &mut Command) {
        for (name, value) in Self::variables() {
            command.env(name, value);
        }
        let folder = |program: &Path| program.parent().expect("a folder").to_owned();
        let tools = [folder(Path::new(env!("CARGO_BIN_EXE_lamp"))), folder(&python())];
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = tools.into_iter().chain(std::env::split_paths(&path));
        command.env("PATH", std::env::join_paths(folders).expect("a PATH"));
    }

    fn variables() -> [(&'static str, PathBuf); 2] {
        [("PREK_HOME", manager_home("prek")), ("PRE_COMMIT_HOME", manager_home("pre-commit"))]
    }

    fn lamp(&self, words: &[&str]) -> Said {
        let command = Self::variables()
            .into_iter()
            .fold(self.shop.context.lamp(words), |command, (name, value)| command.env(name, value));
        Said(command.run())
    }

    fn commits(&self) -> usize {
        let listed = self.shop.context.repo.git(&["rev-list", "--count", "HEAD"]);
        listed.parse().expect("a number")
    }

    /// Stages everything and commits; what the hooks said, and whether there is a commit more.
    fn commit(&self, message: &str) -> (String, bool) {
        assert!(self.git(&["add", "-A"]).status.success());
        let before = self.commits();
        let output = self.git(&["commit", "-m", message]);
        let said = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes).into_owned()).concat();
        let is_committed = self.commits() == before + 1;
        assert_eq!(output.status.success(), is_committed, "{said}");
        (said, is_committed)
    }
}

/// A line of a manager's listing: `black....Failed`.
#[track_caller]
fn assert_line(said: &str, hook: &str, word: &str) {
    let is_there = said.lines().any(|line| line.starts_with(&format!("{hook}.")) && line.ends_with(word));
    assert!(is_there, "`{hook}` is not `{word}` in:\n{said}");
}

/// Clean code for the bakery, in the place of what the other tests are content with.
fn tidy_up(kitchen: &Kitchen) {
    let repo = &kitchen.shop.context.repo;
    for module in ["train", "train_simple", "serve", "elm", "fields"] {
        std::fs::remove_file(repo.path().join(format!("projects/bakery/bakery/{module}.py"))).expect("removed");
    }
    repo.write("projects/bakery/bakery/__init__.py", "\"\"\"Late bread.\"\"\"\n");
    repo.write("projects/streets/streets/__init__.py", "\"\"\"Streets.\"\"\"\n");
    let names = "\"\"\"Names of streets.\"\"\"\n\n\ndef tidy(name: str) -> str:\n    \"\"\"Give a name its one form.\"\"\"\n    \
                 return name.strip().lower()\n";
    repo.write("projects/streets/streets/names.py", names);
    let used = "\"\"\"How long names are.\"\"\"\n\nimport json\n\nfrom streets.names import tidy\n\nfrom bakery.oven import HEAT\n\n\n\
                def length(name: str) -> int:\n    \"\"\"Count the letters.\"\"\"\n    return len(json.dumps(tidy(name) + \"!\")) + HEAT\n";
    repo.write("projects/bakery/bakery/length.py", used.replace("\n\nfrom bakery.oven", "\nfrom bakery.oven"));
    repo.write("projects/bakery/bakery/oven.py", "\"\"\"The oven.\"\"\"\n\nHEAT: int = 200\n");
}

#[test]
fn a_bad_file_is_refused_and_a_good_commit_passes_under_both_managers() {
    if lamp_testkit::is_skipped(SKIP_PYTHON_VARIABLE) {
        return;
    }
    for manager in ["prek", "pre-commit"] {
        let kitchen = Kitchen::new();
        tidy_up(&kitchen);
        let installed = kitchen.lamp(&["hooks", "install", "--with", manager]).succeeds();
        installed.says(&format!("installed by {manager} ")).says(".git/hooks/pre-commit");
        sort_imports(&kitchen);
        let (said, is_committed) = kitchen.commit("Hooks, and code that passes them");
        assert!(is_committed, "{manager}: {said}");
        for hook in ["end-of-file-fixer", "check-ast", "isort", "black", "pydocstyle", "mypy", "lamp hooks check"] {
            assert_line(&said, hook, "Passed");
        }
        assert_line(&said, "nbstripout", "Skipped");
        bad_files_are_refused(&kitchen);
        the_lock_is_committed_under_the_hooks(&kitchen);
        all_files_are_judged(&kitchen, manager);
    }
}

/// The first run mends what isort and black would write otherwise; then it is staged again, as people do.
fn sort_imports(kitchen: &Kitchen) {
    assert!(kitchen.git(&["add", "-A"]).status.success());
    kitchen.lamp(&["hooks", "run"]);
}

fn bad_files_are_refused(kitchen: &Kitchen) {
    let repo = &kitchen.shop.context.repo;
    // Python that does not parse, no doc comment, a type that is wrong in a project that uses the file.
    repo.write("projects/bakery/bakery/broken.py", "def knead(:\n    pass\n");
    let (said, is_committed) = kitchen.commit("Broken");
    assert!(!is_committed, "{said}");
    assert_line(&said, "check-ast", "Failed");
    assert_line(&said, "lamp hooks check", "Failed");
    assert!(said.contains("projects/bakery/bakery/broken.py:1:11: it does not parse"), "{said}");
    std::fs::remove_file(repo.path().join("projects/bakery/bakery/broken.py")).expect("removed");

    let names = repo.read("projects/streets/streets/names.py");
    repo.write(
        "projects/streets/streets/names.py",
        names.replace("-> str:", "-> bytes:").replace(".lower()", ".lower().encode()"),
    );
    repo.write("notes.md", "two blanks  \nno end");
    let (said, is_committed) = kitchen.commit("Other types");
    assert!(!is_committed, "{said}");
    assert_line(&said, "trailing-whitespace", "Failed");
    assert_line(&said, "end-of-file-fixer", "Failed");
    assert_line(&said, "check-ast", "Passed");
    assert!(said.contains("length.py"), "the project that uses the streets is checked too: {said}");
    assert_line(&said, "mypy", "Failed");
    assert_eq!(repo.read("notes.md"), "two blanks\nno end\n", "mended, to be staged again");
    repo.write("projects/streets/streets/names.py", names);

    // What came out of a notebook, and data where git would keep it for ever.
    let notebook = r#"{"cells": [{"cell_type": "code", "execution_count": 7, "id": "a", "metadata": {}, "outputs": [], "source": ["1"]}], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}"#;
    repo.write("look.ipynb", format!("{notebook}\n"));
    let mut rows = b"PAR1".to_vec();
    rows.resize(200 * 1024, 7);
    repo.write("rows.bin", rows);
    let (said, is_committed) = kitchen.commit("Data and a notebook");
    assert!(!is_committed, "{said}");
    assert_line(&said, "nbstripout", "Failed");
    assert!(said.contains("rows.bin: 204.8 kB of data (Parquet) in git"), "{said}");
    assert!(repo.read("look.ipynb").contains("\"execution_count\": null"), "mended");
    std::fs::remove_file(repo.path().join("rows.bin")).expect("removed");
    let (said, is_committed) = kitchen.commit("A notebook without what it printed");
    assert!(is_committed, "{said}");
}

/// `lamp data add --commit` commits as a person would.
fn the_lock_is_committed_under_the_hooks(kitchen: &Kitchen) {
    let before = kitchen.commits();
    kitchen.lamp(&["data", "add", "orders", "--commit"]).succeeds();
    assert_eq!(kitchen.commits(), before + 1);
}

fn all_files_are_judged(kitchen: &Kitchen, manager: &str) {
    kitchen.lamp(&["hooks", "run", "--all-files"]).succeeds().says("lamp hooks check");
    let repo = &kitchen.shop.context.repo;
    repo.write("projects/bakery/bakery/oven.py", "\"\"\"The oven.\"\"\"\n\nHEAT: int = 'warm'\n");
    kitchen.lamp(&["hooks", "run", "projects/bakery/bakery/oven.py"]).exits(1).says("mypy").says("black");
    // Something that is no verdict on a file is told apart from one.
    repo.write(".pre-commit-config.yaml", "repos: [");
    let broken = kitchen.lamp(&["hooks", "run", "--all-files"]).exits(2);
    assert!(broken.0.stderr.contains(".pre-commit-config.yaml") || manager == "pre-commit", "{}", broken.0.text());
}

#[test]
fn lamps_own_check_names_what_must_not_be_committed() {
    let shop = Shop::with_orders();
    shop.lamp("hooks check").succeeds().says("files: fine");
    let repo = &shop.context.repo;
    // A declared dataset's file that somebody forced into git.
    repo.git(&["add", "--force", "projects/bakery/data/orders/2013-03-27.csv"]);
    shop.lamp("hooks check")
        .exits(1)
        .says("projects/bakery/data/orders/2013-03-27.csv: it is a file of dataset `orders`")
        .says("hint: git rm --cached projects/bakery/data/orders/2013-03-27.csv && lamp data add orders");
    repo.git(&["rm", "--cached", "--quiet", "projects/bakery/data/orders/2013-03-27.csv"]);

    // Small data in a test's folder is welcome; a lock with a merge in it, a contract and a configuration that
    // cannot be read are not.
    repo.write("tests/three-rows.parquet", b"PAR1 three rows PAR1");
    repo.write("lamp.lock", "<<<<<<< ours\n");
    repo.write("projects/bakery/contracts/orders.odcs.yaml", "kind: [");
    repo.write("projects/streets/lamp.toml", "[project]\nname = \"streets\"\ncolour = \"red\"\n");
    repo.git(&["add", "-A"]);
    let found = shop.lamp("hooks check --json").exits(1).json();
    let findings = found["findings"].as_array().expect("findings");
    let named: Vec<_> = findings.iter().map(|finding| finding["path"].as_str().expect("a path")).collect();
    assert_eq!(named, ["lamp.lock", "projects/bakery/contracts/orders.odcs.yaml", "projects/streets/lamp.toml"]);
    assert!(findings.iter().all(|finding| finding["rule"] == "config"), "{found}");
    shop.lamp("hooks check").exits(1).says("projects/streets/lamp.toml:3:1: unknown key `colour`");
    // Only what is asked about, and the configuration, which any change may break.
    let asked = shop.lamp("hooks check README.md --json").exits(1).json();
    assert_eq!(asked["files"], 1);
    assert_eq!(asked["findings"].as_array().map(Vec::len), Some(1), "{asked}");
}

#[test]
fn without_hooks_or_a_manager_the_way_is_named() {
    let shop = Shop::new();
    shop.lamp("hooks install").exits(2).says("has no .pre-commit-config.yaml").hints("lamp init");
    shop.lamp("hooks run").exits(2).hints("lamp init");
    shop.lamp("init --yes").succeeds().says("lamp hooks install");
    let without = |words: &[&str]| Said(shop.context.lamp(words).env("PATH", "/usr/bin:/bin").run());
    without(&["hooks", "install"]).exits(2).says("neither `prek` nor `pre-commit`").hints("pip install prek");
    without(&["hooks", "install", "--with", "pre-commit"])
        .exits(2)
        .says("`pre-commit`")
        .hints("pip install pre-commit");
    without(&["hooks", "run", "--all-files"]).exits(2).hints("pip install prek");
    shop.lamp("hooks install --with husky").exits(2).says("one of: prek, pre-commit");
}
