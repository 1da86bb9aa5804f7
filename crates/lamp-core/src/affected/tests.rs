use std::fmt::Write;

use expect_test::{Expect, expect};

use super::*;
use crate::config::{ProjectConfig, RootConfig};

const ROOT: &str = "[workspace]\nmembers = [\"projects/*\"]\n";

const COMMON: &str = "[project]\nname = \"common\"\n[tests.geo]\ncommand = \"pytest\"\n";

const DATA: &str = r#"
[project]
name = "data"

[datasets.flights]
source = "data/*.parquet"
contract = "contracts/flights.odcs.yaml"

[datasets.weather]
source = "weather/*.csv"
"#;

const DELAY: &str = r#"
[project]
name = "delay"
environment = "../../requirements.lock"
uses = ["common"]

[datasets.trips]
build = "python -m delay.clean"
inputs = ["flights", "weather"]
partition = { column = "scheduled_at", by = "day" }

[models.delay]
task = "binary"
train = "python -m delay.train"
serve = "delay.serve:Predictor"
data = { train = "trips[..-1month]", valid = "trips[-1month..]" }
target = { sql = "arr_delay >= 15" }

[services.delay]
primary = "delay"

[tests.monotone]
command = "pytest"
"#;

fn workspace() -> Workspace {
    let root = RootConfig::parse(ROOT, "lamp.toml").expect("the root");
    let projects = [("common", COMMON), ("data", DATA), ("delay", DELAY)];
    let parse = |(name, text): (&str, &str)| {
        let dir = format!("projects/{name}");
        ProjectConfig::parse(text, &format!("{dir}/lamp.toml"), &dir).expect(name)
    };
    Workspace::assemble(root, projects.map(parse).into()).expect("a workspace")
}

fn render(affected: &Affected) -> String {
    let mut text = String::new();
    if let Some(why) = &affected.everything {
        writeln!(text, "EVERYTHING: {why}").expect("a string takes text");
    }
    let mut add =
        |what: &str, name: &str, why: &Why| writeln!(text, "{what} {name}: {why}").expect("a string takes text");
    affected.projects.iter().for_each(|(name, why)| add("project", name.as_str(), why));
    affected.datasets.iter().for_each(|(name, why)| add("dataset", name.as_str(), why));
    affected.models.iter().for_each(|(name, why)| add("model", name.as_str(), why));
    affected.services.iter().for_each(|(name, why)| add("service", name.as_str(), why));
    affected.tests.iter().for_each(|((project, name), why)| add("test", &format!("{project}/{name}"), why));
    for (path, why) in &affected.ignored {
        writeln!(text, "ignored {path}: {why}").expect("a string takes text");
    }
    text
}

fn check(paths: &[&str], locks: Option<(&str, &str)>, expected: &Expect) {
    let lock = |text: &str| LockFile::parse(text, "lamp.lock").expect("a lock");
    let locks = locks.map(|(before, after)| (lock(before), lock(after)));
    let changes = Changes { paths: paths.iter().map(|path| (*path).to_owned()).collect(), locks };
    expected.assert_eq(&render(&affected(&workspace(), &changes)));
}

#[test]
fn a_file_affects_its_project_and_all_that_use_it() {
    check(
        &["projects/common/geo.py"],
        None,
        &expect![[r#"
        project common: projects/common/geo.py changed
        project delay: projects/common/geo.py changed → project `delay` uses `common`
        dataset trips: projects/common/geo.py changed → project `delay` uses `common` → dataset `trips` is built by project `delay`
        model delay: projects/common/geo.py changed → project `delay` uses `common` → model `delay` is trained by project `delay`
        service delay: projects/common/geo.py changed → project `delay` uses `common` → service `delay` belongs to project `delay`
        test common/geo: projects/common/geo.py changed → test `geo` belongs to project `common`
        test delay/monotone: projects/common/geo.py changed → project `delay` uses `common` → test `monotone` belongs to project `delay`
    "#]],
    );
}

#[test]
fn code_beside_data_does_not_change_the_data() {
    check(
        &["projects/data/load.py"],
        None,
        &expect![[r#"
        project data: projects/data/load.py changed
    "#]],
    );
}

#[test]
fn a_contract_affects_its_dataset_and_what_is_made_of_it() {
    check(
        &["projects/data/contracts/flights.odcs.yaml"],
        None,
        &expect![[r#"
        project data: projects/data/contracts/flights.odcs.yaml changed
        dataset flights: projects/data/contracts/flights.odcs.yaml changed
        dataset trips: projects/data/contracts/flights.odcs.yaml changed → dataset `trips` is built from `flights`
        model delay: projects/data/contracts/flights.odcs.yaml changed → dataset `trips` is built from `flights` → model `delay` takes its train data from `trips`
        service delay: projects/data/contracts/flights.odcs.yaml changed → dataset `trips` is built from `flights` → model `delay` takes its train data from `trips` → service `delay` answers with `delay`
    "#]],
    );
}

#[test]
fn a_pin_affects_what_is_built_and_trained_from_it() {
    let digest = "0".repeat(64);
    let pins = |flights: u32| {
        format!(
            "[datasets.flights]\nversion = {flights}\ndigest = \"{digest}\"\n[datasets.weather]\nversion = 1\ndigest = \"{digest}\"\n"
        )
    };
    check(
        &["lamp.lock"],
        Some((&pins(1), &pins(2))),
        &expect![[r#"
        dataset flights: lamp.lock pins another version of `flights`
        dataset trips: lamp.lock pins another version of `flights` → dataset `trips` is built from `flights`
        model delay: lamp.lock pins another version of `flights` → dataset `trips` is built from `flights` → model `delay` takes its train data from `trips`
        service delay: lamp.lock pins another version of `flights` → dataset `trips` is built from `flights` → model `delay` takes its train data from `trips` → service `delay` answers with `delay`
    "#]],
    );
    check(
        &["lamp.lock"],
        Some((&pins(1), &pins(1))),
        &expect![[r#"
        ignored lamp.lock: it pins the same versions as before
    "#]],
    );
}

#[test]
fn what_belongs_to_nobody_affects_everything() {
    check(
        &["tools/build.sh", "README.md"],
        None,
        &expect![[r#"
        EVERYTHING: tools/build.sh changed and belongs to no project
        project common: tools/build.sh changed and belongs to no project
        project data: tools/build.sh changed and belongs to no project
        project delay: tools/build.sh changed and belongs to no project
        dataset flights: tools/build.sh changed and belongs to no project
        dataset trips: tools/build.sh changed and belongs to no project
        dataset weather: tools/build.sh changed and belongs to no project
        model delay: tools/build.sh changed and belongs to no project
        service delay: tools/build.sh changed and belongs to no project
        test common/geo: tools/build.sh changed and belongs to no project
        test delay/monotone: tools/build.sh changed and belongs to no project
        ignored README.md: documentation affects nothing
    "#]],
    );
    for path in [
        "lamp.toml",
        "lamp.lock",
        "projects/gone/x.py",
        "projects/delayed.py",
        ".github/workflows/ci.yml",
        "LICENSE.py",
    ] {
        let changes = Changes { paths: vec![path.to_owned()], locks: None };
        assert!(affected(&workspace(), &changes).everything.is_some(), "{path}");
    }
}

#[test]
fn documentation_affects_nothing_and_says_so() {
    check(
        &["README.md", "projects/delay/NOTES.md", "LICENSE"],
        None,
        &expect![[r#"
        ignored LICENSE: documentation affects nothing
        ignored README.md: documentation affects nothing
        ignored projects/delay/NOTES.md: documentation affects nothing
    "#]],
    );
    let nothing = affected(&workspace(), &Changes { paths: vec!["README.md".to_owned()], locks: None });
    assert!(nothing.is_nothing());
}

#[test]
fn a_project_file_affects_every_dataset_that_it_configures() {
    let changes = Changes { paths: vec!["projects/data/lamp.toml".to_owned()], locks: None };
    let found = affected(&workspace(), &changes);
    let datasets: Vec<_> = found.datasets.keys().map(DatasetName::as_str).collect();
    assert_eq!(datasets, ["flights", "trips", "weather"]);
}

#[test]
fn a_lock_outside_the_projects_affects_those_that_name_it() {
    let changes = Changes { paths: vec!["requirements.lock".to_owned()], locks: None };
    let found = affected(&workspace(), &changes);
    assert_eq!(found.projects.keys().map(ProjectName::as_str).collect::<Vec<_>>(), ["delay"]);
    assert_eq!(found.everything, None);
}
