use std::time::Duration;

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::error::Classified;
use crate::names::{DatasetName, ModelName, ProjectName, RotaName, ServiceName};
use crate::package::Task;
use crate::partition::Period;

mod refused_projects;
mod refused_roots;
mod refused_workspaces;

const ROOT: &str = r#"
[workspace]
members   = ["projects/*"]
ledger    = "sqlite:.lamp/ledger.db"      # or postgres://…
store     = ".lamp/store"                 # or s3://bucket/prefix
time_zone = "America/New_York"

[rota.ml]
people  = ["first@example.com", "second@example.com"]
handoff = "Mon 09:00"
"#;

const DELAY: &str = r#"
[project]
name = "delay"
environment = "requirements.lock"
env_pass = ["CUDA_VISIBLE_DEVICES"]

[datasets.flights]
source     = "data/flights/*.parquet"
contract   = "contracts/flights.odcs.yaml"
partition  = { column = "scheduled_at", by = "day" }
key        = ["carrier", "flight", "scheduled_at"]

[datasets.weather]
source     = "data/weather/*.csv"
partition  = { column = "observed_at", by = "month" }

[datasets.trips]
build      = "python -m delay.clean"
inputs     = ["flights", "weather"]
partition  = { column = "scheduled_at", by = "day" }
contract   = "contracts/trips.odcs.yaml"

[models.delay]
task   = "binary"
train  = "python -m delay.train"
serve  = "delay.serve:Predictor"
data   = { train = "trips[..-1month]", valid = "trips[-1month..]" }
target = { sql = "arr_delay >= 15" }
gate   = { metric = "roc_auc", goal = "max", min = 0.65 }
params = { max_iter = 1_200, learning_rate = 0.1, weights = "balanced", early = true }

[models.delay-simple]
task   = "binary"
train  = "python -m delay.train_simple"
onnx   = "model.onnx"
data   = { train = "trips[..-1month]", valid = "trips[-1month..]" }
target = { column = "is \"late\"" }
gate   = { metric = "log_loss", max = 1 }
seed   = 0x10

[services.delay]
primary = "delay"
shadow  = "delay-simple"
deadline = "250ms"
log = "required"

[cadence.delay]
every = "1 month"
at    = "06:30"

[duties]
labels     = { rota = "ml", every = "day", count = 10 }
histograms = { rota = "ml", every = "2 weeks", columns = 8 }
validate   = { rota = "ml", reviewer_is_not_author = true }

[tests.monotone-distance]
command = "python -m pytest tests/test_distance.py"
"#;

/// The problems as a terminal shows them: one line each, with its hint below.
fn render(error: &ConfigError) -> String {
    let line = |problem: &ConfigError| {
        let hint = problem.hint.as_ref().map(|hint| format!("  hint: {hint}\n")).unwrap_or_default();
        format!("{}:{}:{}: {}\n{hint}", problem.file, problem.line, problem.column, problem.message)
    };
    error.problems().map(line).collect()
}

fn root() -> RootConfig {
    RootConfig::parse(ROOT, "lamp.toml").expect("the root")
}

fn project(text: &str, dir: &str) -> ProjectConfig {
    ProjectConfig::parse(text, &format!("{dir}/lamp.toml"), dir).expect("a project")
}

fn workspace() -> Workspace {
    Workspace::assemble(root(), vec![project(DELAY, "projects/delay")]).expect("a workspace")
}

fn check_workspace(projects: &[&str], expected: &Expect) {
    let parsed = projects.iter().enumerate().map(|(index, text)| project(text, &format!("projects/p{index}")));
    let error = Workspace::assemble(root(), parsed.collect()).expect_err("it is refused");
    expected.assert_eq(&render(&error));
}

#[test]
fn the_root_is_read_in_full() {
    let root = root();
    assert_eq!(root.members, ["projects/*"]);
    assert_eq!((root.ledger.as_str(), root.store.as_str()), (LEDGER_DEFAULT, STORE_DEFAULT));
    assert_eq!(root.time_zone_name, "America/New_York");
    assert_eq!(root.time_zone.iana_name(), Some("America/New_York"));
    let rota = &root.rotas[&RotaName::parse("ml").expect("a name")];
    assert_eq!(rota.people, ["first@example.com", "second@example.com"]);
    assert_eq!(rota.handoff, Handoff::default());
}

#[test]
fn how_others_reach_the_server_is_read() {
    let text = "[workspace]\nmembers = [\"ml/*\"]\n[server]\npublic_url = \"https://lamp.example.com\"\n\
                tls_cert = \"/etc/lamp/cert.pem\"\ntls_key = \"/etc/lamp/key.pem\"\n\
                trusted_proxies = [\"10.0.0.7\", \"10.1.0.0/16\"]\nrequire_login = true\n";
    let serving = RootConfig::parse(text, "lamp.toml").expect("a root").serving;
    assert_eq!(serving.public_url.expect("an address").to_string(), "https://lamp.example.com");
    let tls = serving.tls.expect("a certificate");
    assert_eq!((tls.cert.as_str(), tls.key.as_str()), ("/etc/lamp/cert.pem", "/etc/lamp/key.pem"));
    let proxies: Vec<_> = serving.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(proxies, ["10.0.0.7", "10.1.0.0/16"]);
    assert!(serving.require_login);
}

#[test]
fn a_team_is_told_at_one_address() {
    let notify =
        |text: &str| RootConfig::parse(&format!("{ROOT}\n[notify]\n{text}\n"), "lamp.toml").expect(text).notify;
    assert_eq!(root().notify, None);
    let address = Webhook::Address("https://hooks.example.com/T1/B2?x=y".to_owned());
    let with_address = "webhook = \"https://hooks.example.com/T1/B2?x=y\"";
    assert_eq!(notify(with_address), Some(Notify { webhook: address.clone(), secret_env: None }));
    let signed = format!("{with_address}\nsecret_env = \"HOOK_SECRET\"");
    assert_eq!(notify(&signed), Some(Notify { webhook: address, secret_env: Some("HOOK_SECRET".to_owned()) }));
    let webhook = Webhook::Variable("LAMP_HOOK".to_owned());
    assert_eq!(notify("webhook_env = \"LAMP_HOOK\""), Some(Notify { webhook, secret_env: None }));
}

#[test]
fn a_team_says_how_many_pages_it_accepts() {
    let checks = |text: &str| RootConfig::parse(&format!("{ROOT}\n[checks]\n{text}\n"), "lamp.toml");
    let accepted = |text: &str| checks(text).expect(text).checks.pages_per_week;
    assert_eq!((accepted(""), accepted("pages_per_week = 2"), accepted("pages_per_week = 0.25")), (0.5, 2.0, 0.25));
    let refused = checks("pages_per_week = 0").expect_err("never is no budget").to_string();
    assert!(refused.contains("`pages_per_week` must be more than 0"), "{refused}");
}

#[test]
fn other_stores_and_the_bound_of_the_cache_are_read() {
    let text = "[workspace]\nmembers = []\ncache = \"20 GiB\"\n\
                [remotes.backup]\nurl = \"s3://team/kept\"\n[remotes.disk]\nurl = \"/mnt/disk\"\n";
    let root = RootConfig::parse(text, "lamp.toml").expect("a root");
    assert_eq!(root.cache, Some(20 << 30));
    let urls: Vec<_> = root.remotes.iter().map(|(name, remote)| (name.as_str(), remote.url.as_str())).collect();
    assert_eq!(urls, [("backup", "s3://team/kept"), ("disk", "/mnt/disk")]);
    let sizes = [("0 MB", 0), ("500MB", 500_000_000), ("1 TiB", 1 << 40), ("2 kB", 2_000)];
    for (text, bytes) in sizes {
        assert_eq!(rules::size(text), Ok(bytes), "{text}");
    }
    for text in ["", "20", "GiB", "-1 GiB", "1.5 GiB", "20 gib", "99999999999 TiB"] {
        assert!(rules::size(text).is_err(), "{text}");
    }
}

#[test]
fn what_the_root_leaves_out_has_a_default() {
    let root = RootConfig::parse("[workspace]\nmembers = [\"ml/*\"]", "lamp.toml").expect("a root");
    assert_eq!((root.ledger.as_str(), root.store.as_str()), ("sqlite:.lamp/ledger.db", ".lamp/store"));
    assert_eq!(root.time_zone_name, "UTC");
    assert!(root.is_member("ml/delay") && root.is_member("ml/delay/"));
    assert!(!root.is_member("ml/delay/inner") && !root.is_member("other/delay") && !root.is_member("ml"));
}

#[test]
fn the_datasets_of_the_house_plan_are_read_in_full() {
    let workspace = workspace();
    let dataset = |name: &str| workspace.dataset(&DatasetName::parse(name).expect("a name")).expect("a dataset");
    let (project, flights) = dataset("flights");
    assert_eq!((project.name.as_str(), project.dir.as_str()), ("delay", "projects/delay"));
    assert_eq!(project.environment, Environment::PipLock("requirements.lock".to_owned()));
    assert_eq!(project.env_pass, ["CUDA_VISIBLE_DEVICES"]);
    assert_eq!((flights.source(), flights.build()), (Some("data/flights/*.parquet"), None));
    assert_eq!(flights.key, ["carrier", "flight", "scheduled_at"]);
    let contract = flights.contract.as_deref().expect("a contract");
    let in_workspace = project.path_in_workspace(contract);
    assert_eq!(in_workspace.as_deref(), Some("projects/delay/contracts/flights.odcs.yaml"));
    let (_, trips) = dataset("trips");
    assert_eq!(trips.build(), Some("python -m delay.clean"));
    assert_eq!(trips.inputs().iter().map(DatasetName::as_str).collect::<Vec<_>>(), ["flights", "weather"]);
    assert_eq!(trips.partition.as_ref().map(|by| (by.column.as_str(), by.by)), Some(("scheduled_at", Period::Day)));
}

#[test]
fn the_models_of_the_house_plan_are_read_in_full() {
    let workspace = workspace();
    let model = |name: &str| workspace.model(&ModelName::parse(name).expect("a name")).expect("a model").1;
    let delay = model("delay");
    assert_eq!((delay.task, delay.train.as_str()), (Task::Binary, "python -m delay.train"));
    assert_eq!(delay.serve, Serve::Python("delay.serve:Predictor".to_owned()));
    assert_eq!(delay.data[ROLE_TRAIN].text, "trips[..-1month]");
    assert_eq!(delay.data[ROLE_VALID].text, "trips[-1month..]");
    assert_eq!((delay.target.as_str(), delay.seed), ("arr_delay >= 15", 42));
    let gate = Gate { metric: "roc_auc".to_owned(), goal: Goal::Max, min: Some(0.65), max: None };
    assert_eq!(delay.gate, Some(gate));
    let params = serde_json::to_string(&delay.params).expect("JSON");
    assert_eq!(params, r#"{"early":true,"learning_rate":0.1,"max_iter":1200,"weights":"balanced"}"#);
    let simple = model("delay-simple");
    assert_eq!((&simple.serve, simple.seed), (&Serve::Onnx("model.onnx".to_owned()), 16));
    assert_eq!(simple.target, r#""is ""late""""#);
    let gate = Gate { metric: "log_loss".to_owned(), goal: Goal::Min, min: None, max: Some(1.0) };
    assert_eq!(simple.gate, Some(gate));
}

#[test]
fn services_duties_and_tests_of_the_house_plan_are_read_in_full() {
    let workspace = workspace();
    let (project, service) = workspace.service(&ServiceName::parse("delay").expect("a name")).expect("a service");
    assert_eq!(service.models().map(|(_, model)| model.as_str()).collect::<Vec<_>>(), ["delay", "delay-simple"]);
    assert_eq!((service.deadline, service.log), (Duration::from_millis(250), LogPolicy::Required));
    assert!(!service.unattested);
    let duties = workspace.duties_of(project);
    assert_eq!(duties.labels.map(|duty| (duty.every.to_string(), duty.count)), Some(("day".to_owned(), 10)));
    assert_eq!(duties.histograms.map(|duty| (duty.every.to_string(), duty.columns)), Some(("2 weeks".to_owned(), 8)));
    assert!(workspace.reviewer_is_not_author(&project.name));
    let cadence = &project.cadence[&ModelName::parse("delay").expect("a name")];
    assert_eq!(cadence.every, Every { count: 1, unit: EveryUnit::Month });
    assert_eq!(cadence.at, jiff::civil::time(6, 30, 0, 0));
    assert_eq!(project.tests["monotone-distance"].command, "python -m pytest tests/test_distance.py");
}

#[test]
fn a_service_needs_only_its_primary() {
    let text = DELAY.split("[services.delay]").next().expect("the part before").to_owned()
        + "[services.delay]\nprimary = \"delay\"\n";
    let workspace = Workspace::assemble(root(), vec![project(&text, "projects/delay")]).expect("a workspace");
    let (_, service) = workspace.service(&ServiceName::parse("delay").expect("a name")).expect("a service");
    assert_eq!((service.deadline, service.log), (DEADLINE_DEFAULT, LogPolicy::BestEffort));
    assert_eq!(service.shadow, None);
}

#[test]
fn a_project_comes_before_what_it_uses() {
    let named = |name: &str, uses: &str| project(&format!("[project]\nname = \"{name}\"\nuses = [{uses}]"), name);
    let projects = vec![
        named("app", "\"features\", \"geo\""),
        named("features", "\"base\""),
        named("geo", "\"base\""),
        named("base", ""),
    ];
    let workspace = Workspace::assemble(root(), projects).expect("a workspace");
    let used = workspace.projects_used_by(&ProjectName::parse("app").expect("a name"));
    assert_eq!(used.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["app", "features", "geo", "base"]);
    assert!(workspace.projects_used_by(&ProjectName::parse("other").expect("a name")).is_empty());
}

#[test]
fn a_rule_of_the_root_binds_every_project() {
    let text = format!("{ROOT}\n[duties]\nvalidate = {{ reviewer_is_not_author = true }}\n");
    let root = RootConfig::parse(&text, "lamp.toml").expect("a root");
    let lax = "[project]\nname = \"lax\"\n[duties]\nvalidate = { reviewer_is_not_author = false }\n";
    let workspace = Workspace::assemble(root, vec![project(lax, "projects/lax")]).expect("a workspace");
    assert!(workspace.reviewer_is_not_author(&ProjectName::parse("lax").expect("a name")));
}

#[test]
fn a_model_may_learn_from_another_project_and_from_the_log_of_a_service() {
    let watcher = r#"
[project]
name = "watch"

[datasets.answers]
build = "python -m watch.answers"
inputs = ["predictions/delay", "flights"]
"#;
    let projects = vec![project(DELAY, "projects/delay"), project(watcher, "projects/watch")];
    assert!(Workspace::assemble(root(), projects).is_ok());
}

#[test]
fn an_error_says_all_that_a_renderer_needs() {
    let error = ProjectConfig::parse("[project]\nname = \"Delay\"\n", "lamp.toml", "p").expect_err("a bad name");
    assert_eq!((error.line, error.column, error.span), (2, 8, Some((17, 24))));
    assert_eq!(error.kind(), crate::error::Kind::Invalid);
    assert!(Classified::hint(&error).is_some_and(|hint| hint.contains("lower-case")));
    assert_eq!(error.to_string(), format!("lamp.toml:2:8: {}", error.message));
}

#[test]
fn a_run_can_ask_what_could_not_be_told_before() {
    let text = DELAY.replace("trips[-1month..]", "trips[2013-03..]");
    let workspace = Workspace::assemble(root(), vec![project(&text, "projects/delay")]).expect("it depends on the run");
    let (_, model) = workspace.model(&ModelName::parse("delay").expect("a name")).expect("a model");
    assert!(!model.data_overlaps(jiff::civil::date(2013, 4, 1)));
    assert!(model.data_overlaps(jiff::civil::date(2013, 5, 1)));
}

proptest! {
    #[test]
    fn a_damaged_file_is_refused_at_a_place_in_it(from in 0_usize..DELAY.len(), cut in 1_usize..40, put in "[\\[\\]\"'={}.a0é\n]{0,3}") {
        let until = (from + cut).min(DELAY.len());
        let text = format!("{}{put}{}", &DELAY[..from], &DELAY[until..]);
        if let Err(error) = ProjectConfig::parse(&text, "lamp.toml", "projects/delay") {
            for problem in error.problems() {
                let (start, end) = problem.span.expect("a parsed file has places");
                prop_assert!(start <= end && end <= text.len() && text.is_char_boundary(start));
                prop_assert!(problem.line <= text.split('\n').count());
                prop_assert!(!problem.message.is_empty());
            }
        }
    }
}
