use super::*;

const FLIGHTS: &str = r#"[project]
name = "data"
[datasets.flights]
source = "*.parquet"
partition = { column = "at", by = "day" }
[datasets.plain]
source = "*.csv"
"#;

/// A project with one model that takes these slices.
fn learner(train: &str, valid: &str) -> String {
    format!(
        r#"[project]
name = "learn"
[models.delay]
task = "binary"
train = "train"
onnx = "model.onnx"
target = {{ sql = "late" }}

[models.delay.data]
train = "{train}"
valid = "{valid}"
"#
    )
}

#[test]
fn a_name_that_is_taken() {
    let again = "[project]\nname = \"data\"\n[datasets.flights]\nsource = \"*.csv\"\n";
    check_workspace(
        &[FLIGHTS, again],
        &expect![[r#"
        projects/p1/lamp.toml:2:8: project `data` exists already, in projects/p0/lamp.toml:2
          hint: names are unique in the whole workspace: rename one project
        projects/p1/lamp.toml:3:11: dataset `flights` exists already, in projects/p0/lamp.toml:3
          hint: names are unique in the whole workspace: rename one dataset
    "#]],
    );
    let one = project("[project]\nname = \"one\"\n", "projects/one");
    let two = project("[project]\nname = \"two\"\n", "projects/one");
    let error = Workspace::assemble(root(), vec![one, two]).expect_err("one folder, two projects");
    expect![[r#"
        projects/one/lamp.toml:1:2: folder `projects/one` exists already, in projects/one/lamp.toml:1
          hint: names are unique in the whole workspace: rename one folder
    "#]]
    .assert_eq(&render(&error));
}

#[test]
fn a_project_that_is_not_there_or_goes_in_a_circle() {
    let named = |name: &str, uses: &str| format!("[project]\nname = \"{name}\"\nuses = [\"{uses}\"]\n");
    check_workspace(
        &[&named("app", "comon"), "[project]\nname = \"common\"\n"],
        &expect![[r#"
        projects/p0/lamp.toml:3:9: there is no project `comon`
          hint: did you mean `common`?
    "#]],
    );
    check_workspace(
        &[&named("a", "b"), &named("b", "c"), &named("c", "a")],
        &expect![[r#"
        projects/p0/lamp.toml:3:8: projects use one another in a circle: `a` → `b` → `c` → `a`
          hint: move what both need into a project of its own
    "#]],
    );
    check_workspace(
        &[&named("a", "a")],
        &expect![[r#"
        projects/p0/lamp.toml:3:8: projects use one another in a circle: `a` → `a`
          hint: move what both need into a project of its own
    "#]],
    );
}

#[test]
fn a_dataset_that_is_not_there_or_is_built_from_itself() {
    let built = |name: &str, input: &str| {
        format!("[project]\nname = \"p-{name}\"\n[datasets.{name}]\nbuild = \"x\"\ninputs = [\n  \"{input}\",\n]\n")
    };
    check_workspace(
        &[FLIGHTS, &built("trips", "flihgts")],
        &expect![[r#"
        projects/p1/lamp.toml:6:3: there is no dataset `flihgts`
          hint: did you mean `flights`?
    "#]],
    );
    check_workspace(
        &[FLIGHTS, &built("trips", "predictions/delay")],
        &expect![[r#"
        projects/p1/lamp.toml:6:3: there is no dataset `predictions/delay`
          hint: known datasets: `flights`, `plain`, `trips`
    "#]],
    );
    check_workspace(
        &[&built("a", "b"), &built("b", "a")],
        &expect![[r#"
        projects/p0/lamp.toml:5:10: datasets are built from one another in a circle: `a` → `b` → `a`
    "#]],
    );
    check_workspace(
        &[FLIGHTS, &built("a", "flights\", \"flights")],
        &expect![[r#"
        projects/p1/lamp.toml:6:14: input `flights` is listed twice
    "#]],
    );
}

#[test]
fn training_data_that_overlaps_its_validation_data() {
    check_workspace(
        &[FLIGHTS, &learner("flights[..=-1month]", "flights[-1month..]")],
        &expect![[r#"
            projects/p1/lamp.toml:11:9: training data `flights[..=-1month]` and validation data `flights[-1month..]` overlap
              hint: `..` leaves its right end out, `..=` takes it in: write for example `[..-1month]` and `[-1month..]`
        "#]],
    );
    check_workspace(
        &[FLIGHTS, &learner("flights", "flights")],
        &expect![[r#"
            projects/p1/lamp.toml:11:9: training data `flights` and validation data `flights` overlap
              hint: `..` leaves its right end out, `..=` takes it in: write for example `[..-1month]` and `[-1month..]`
        "#]],
    );
    check_workspace(
        &[FLIGHTS, &learner("flights[2013-01..2013-03]", "flights[2013-02]")],
        &expect![[r#"
            projects/p1/lamp.toml:11:9: training data `flights[2013-01..2013-03]` and validation data `flights[2013-02]` overlap
              hint: `..` leaves its right end out, `..=` takes it in: write for example `[..-1month]` and `[-1month..]`
        "#]],
    );
}

#[test]
fn data_that_is_not_there_or_has_no_partitions() {
    check_workspace(
        &[FLIGHTS, &learner("trips", "plain[-1month..]")],
        &expect![[r#"
        projects/p1/lamp.toml:10:9: there is no dataset `trips`
          hint: known datasets: `flights`, `plain`
        projects/p1/lamp.toml:11:9: `plain[-1month..]` is a range, but `plain` has no partitions
          hint: add `partition = { column = "…", by = "day" }` to [datasets.plain]
    "#]],
    );
}

#[test]
fn services_that_cannot_answer() {
    let service = |text: &str| format!("{}[services.delay]\n{text}\n", learner("flights[..-1month]", "plain"));
    check_workspace(
        &[FLIGHTS, &service("primary = \"dealy\"\nshadow = \"nothing\"")],
        &expect![[r#"
        projects/p1/lamp.toml:13:11: there is no model `dealy`
          hint: did you mean `delay`?
        projects/p1/lamp.toml:14:10: there is no model `nothing`
          hint: known models: `delay`
    "#]],
    );
    let upstream =
        service("primary = \"delay\"").replace("onnx = \"model.onnx\"", "upstream = \"http://localhost:9000\"");
    check_workspace(
        &[FLIGHTS, &upstream],
        &expect![[r#"
        projects/p1/lamp.toml:13:11: `delay` is an upstream, which no commit of this workspace stands behind
          hint: add `unattested = true` to the service if it may answer all the same
    "#]],
    );
    let allowed = format!("{upstream}unattested = true\n");
    let projects = vec![project(FLIGHTS, "projects/data"), project(&allowed, "projects/learn")];
    assert!(Workspace::assemble(root(), projects).is_ok());
}

#[test]
fn a_shadow_that_predicts_something_else() {
    let models = learner("flights[..-1month]", "plain");
    let other = models.replace("models.delay", "models.minutes").replace("binary", "regression");
    let other = other.split_once("name = \"learn\"\n").expect("the head").1;
    let services = "[services.delay]\nprimary = \"delay\"\nshadow = \"minutes\"\n";
    check_workspace(
        &[FLIGHTS, &format!("{models}{other}{services}")],
        &expect![[r#"
        projects/p1/lamp.toml:23:10: `minutes` is a regression model and cannot stand behind a binary one
          hint: the primary and the shadow of a service predict the same thing
    "#]],
    );
}

#[test]
fn duties_of_nobody() {
    let text = "[project]\nname = \"p\"\n[cadence.delay]\nevery = \"month\"\n[duties]\nlabels = { rota = \"lm\" }\n";
    check_workspace(
        &[text],
        &expect![[r#"
        projects/p0/lamp.toml:3:10: project `p` has no model `delay`
          hint: there are no models
        projects/p0/lamp.toml:6:19: there is no rota `lm`
          hint: did you mean `ml`?
    "#]],
    );
    let root = RootConfig::parse("[workspace]\nmembers = []\n", "lamp.toml").expect("a root");
    let error = Workspace::assemble(root, vec![project(text, "projects/p")]).expect_err("there is no rota");
    expect![[r#"
        projects/p/lamp.toml:3:10: project `p` has no model `delay`
          hint: there are no models
        projects/p/lamp.toml:6:19: there is no rota `lm`
          hint: add [rota.lm] with its `people` to the lamp.toml at the root
    "#]]
    .assert_eq(&render(&error));
}

#[test]
fn months_that_differ_in_length() {
    check_workspace(
        &[FLIGHTS, &learner("flights[..-1month]", "flights[-30days..]")],
        &expect![[r#"
        projects/p1/lamp.toml:11:9: training data `flights[..-1month]` and validation data `flights[-30days..]` overlap in a run as of 2023-03-01, for example: months differ in length
          hint: `..` leaves its right end out, `..=` takes it in: write for example `[..-1month]` and `[-1month..]`
    "#]],
    );
}

#[test]
fn duties_of_the_root_name_its_own_rotas() {
    let text = format!("{ROOT}\n[duties]\nvalidate = {{ rota = \"team\" }}\n");
    let root = RootConfig::parse(&text, "lamp.toml").expect("the file alone is fine");
    let error = Workspace::assemble(root, Vec::new()).expect_err("there is no such rota");
    expect![[r#"
        lamp.toml:13:21: there is no rota `team`
          hint: known rotas: `ml`
    "#]]
    .assert_eq(&render(&error));
}
