//! A team: two clones of two people on one server, over a real Postgres and a real S3 server.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use lamp_testkit::command::Running;
use lamp_testkit::http::{self, Request, free_port};
use lamp_testkit::postgres::TestPostgres;
use lamp_testkit::s3::TestS3;
use lamp_testkit::{SKIP_POSTGRES_VARIABLE, SKIP_PYTHON_VARIABLE, TempRepo, TestContext};

use super::process::SOON;
use super::shop::{Said, Shop, training_day, words};

const PASSWORD: &str = "four words at random";

/// The server's clone with `lamp up` in it, and the remote that everybody pushes to.
struct Team {
    server: Shop,
    origin: TempRepo,
    database: TestPostgres,
    bucket: TestS3,
    predictions: String,
    running: Option<Running>,
}

impl Team {
    fn start() -> Self {
        let (database, bucket) = (TestPostgres::start(), TestS3::start("team"));
        let server = Shop::new();
        let origin = TempRepo::without_git();
        origin.git(&["init", "--quiet", "--bare", "--initial-branch=main"]);
        let repo = &server.context.repo;
        let [pages, predictions] = [free_port(), free_port()];
        let url = format!("http://127.0.0.1:{pages}");
        let root = repo.read("lamp.toml");
        let rota = "[rota.ml]\npeople = [\"grace@example.com\", \"alan@example.com\"]\n";
        repo.write("lamp.toml", format!("{root}server    = \"{url}\"\n\n{rota}"));
        let bakery = repo.read("projects/bakery/lamp.toml");
        let duties = "[duties]\nvalidate = { reviewer_is_not_author = true }\n\
                      histograms = { rota = \"ml\", columns = 2 }\n";
        repo.write("projects/bakery/lamp.toml", format!("{bakery}\n{duties}"));
        let place = format!("ledger = \"{}\"\nstore = \"{}\"\n", database.url(), bucket.location("ml"));
        repo.write(".lamp/server.toml", place);
        repo.commit("Work on one server");
        repo.git(&["remote", "add", "origin", &origin.path().to_string_lossy()]);
        repo.git(&["push", "--quiet", "origin", "main"]);
        let predictions = format!("127.0.0.1:{predictions}");
        let mut team = Self { server, origin, database, bucket, predictions, running: None };
        for (name, role) in [("ada", "admin"), ("grace", "approver"), ("alan", "approver"), ("vera", "viewer")] {
            let add = format!("users add {name}@example.com --role {role} --password-stdin");
            team.on_server(&add, PASSWORD).succeeds().says(&format!("added as {role}"));
        }
        let listen = format!("127.0.0.1:{pages}");
        let up = ["up", "--listen", &listen, "--predictions", &team.predictions, "--require-login"];
        let mut command = team.server.context.lamp(up);
        for (name, value) in team.bucket.environment() {
            command = command.env(name, value);
        }
        let running = command.start();
        running.wait_for("pages on http://");
        team.running = Some(running);
        team
    }

    /// Runs `lamp` in the server's clone, where the credentials are.
    fn on_server(&self, line: &str, stdin: &str) -> Said {
        let mut command = self.server.context.lamp(words(line)).stdin(stdin);
        for (name, value) in self.bucket.environment() {
            command = command.env(name, value);
        }
        Said(command.run())
    }

    /// A clone of somebody who has signed in.
    fn clone_of(&self, person: &str) -> Shop {
        let shop = self.clone_without_login(person);
        shop.lamp("models ls").exits(2).says("you are not signed in to http://127.0.0.1").hints("lamp login");
        let login = shop.context.lamp(["login", "--password-stdin"]).stdin(PASSWORD).run();
        Said(login).succeeds().says(&format!("as {person}@example.com, until"));
        shop
    }

    fn clone_without_login(&self, person: &str) -> Shop {
        let repo = TempRepo::new();
        repo.git(&["config", "user.email", &format!("{person}@example.com")]);
        repo.git(&["remote", "add", "origin", &self.origin.path().to_string_lossy()]);
        repo.git(&["pull", "--quiet", "origin", "main"]);
        let mut context = TestContext::with_repo(env!("CARGO_BIN_EXE_lamp"), repo);
        context.use_real_clock();
        Shop { context }
    }
}

fn push(shop: &Shop) {
    shop.context.repo.git(&["push", "--quiet", "origin", "HEAD:main"]);
}

fn pull(shop: &Shop) {
    shop.context.repo.git(&["pull", "--quiet", "--rebase", "origin", "main"]);
}

fn is_skipped() -> bool {
    lamp_testkit::is_skipped(SKIP_POSTGRES_VARIABLE) || lamp_testkit::is_skipped(SKIP_PYTHON_VARIABLE)
}

#[test]
fn two_clones_of_two_people_work_on_one_server() {
    if is_skipped() {
        return;
    }
    let team = Team::start();
    let (grace, alan) = (team.clone_of("grace"), team.clone_of("alan"));

    add_and_get(&team, &grace, &alan);
    train_at_once(&team, &grace, &alan);
    sign_and_deploy(&team, &grace, &alan);
    do_duties(&team, &grace, &alan);
    ask_how_it_stands(&grace);
    test_here(&team, &grace);
    others_look_or_are_refused(&team, &grace);
    hold_no_credentials(&team, &[&grace, &alan]);

    let log = team.on_server("audit ls -n 1000", "").succeeds();
    log.line_with(&["grace@example.com", "data.added", "orders@1"]);
    log.line_with(&["alan@example.com", "model.approved", "late@"]);
    team.on_server("audit verify", "").succeeds().says("whole");
    grace.lamp("logout").succeeds().says("the token lets nobody in any more");
    grace.lamp("runs ls").exits(2).says("you are not signed in");
}

/// What one adds, the other gets, byte for byte; nothing is sent twice.
fn add_and_get(team: &Team, grace: &Shop, alan: &Shop) {
    for (day, text) in super::shop::raw_days() {
        grace.write_day(&day, &text);
    }
    grace.lamp("data add orders --commit --note 'the first week'").succeeds().says("orders@1  5 files");
    grace.lamp("data add orders").succeeds().says("the same bytes as before");
    push(grace);
    pull(alan);
    alan.lamp("data get").succeeds().says("orders@1  5 written");
    assert_eq!(alan.read_day("2013-03-27"), grace.read_day("2013-03-27"));
    alan.lamp("data get").succeeds().says("0 written, 5 unchanged");
    alan.lamp("data log orders").succeeds().line_with(&["orders@1 (locked)", "grace@example.com", "the first week"]);

    // One changed day is one that is sent; the others are carried over.
    let waiting = team.server.context.repo.path().join(".lamp/incoming");
    alan.write_day("2013-03-29", &training_day("2013-03-29").replace("oak,1,0", "oak,2,0"));
    alan.lamp("data get").exits(2).says("2013-03-29.csv").hints("--force");
    let added = alan.lamp("data add orders projects/bakery/data/orders/2013-03-29.csv").succeeds();
    added.says("orders@2  5 files").says("4 carried over from orders@1");
    assert_eq!(std::fs::read_dir(&waiting).expect("a folder").count(), 0, "nothing waits any more");
    alan.lamp("data ls").succeeds().line_with(&["orders", "@2", "@2"]);
    grace.lamp("data ls").succeeds().line_with(&["orders", "@2", "@1"]);
    alan.context.repo.git(&["checkout", "--quiet", "lamp.lock"]);
    alan.lamp("data get").succeeds().says("orders@1  1 written");
    alan.lamp("check orders").succeeds().says("orders@1  kept");
}

/// Both train the same model at the same time: two versions, each once.
fn train_at_once(team: &Team, grace: &Shop, alan: &Shop) {
    let code = "projects/bakery/bakery/train.py";
    alan.context.repo.write(code, format!("{}# half a thought\n", alan.context.repo.read(code)));
    alan.lamp("train late").exits(2).says(code);
    alan.context.repo.commit("A whole thought");
    alan.lamp("train late").exits(2).says("cannot find commit").hints("git push");
    push(alan);
    let trained: Vec<String> = std::thread::scope(|scope| {
        let runs = [grace, alan].map(|shop| scope.spawn(move || shop.lamp("train late").succeeds()));
        let said = runs.map(|run| run.join().expect("a training"));
        said.map(|said| said.says("counted 24 orders").line("  candidate  ")).into()
    });
    let mut models: Vec<&str> = trained.iter().filter_map(|line| line.split_whitespace().next()).collect();
    models.sort_unstable();
    assert_eq!(models, ["late@1", "late@2"]);
    assert_eq!(team.database.sql("SELECT count(*) FROM models"), "2");
    let by = "SELECT count(DISTINCT created_by) FROM runs WHERE state = 'succeeded'";
    assert_eq!(team.database.sql(by), "2", "each in their own name");
    let listed = alan.lamp("runs ls").succeeds();
    listed.line_with(&["late", "succeeded", "grace@example.com"]);
    listed.line_with(&["late", "succeeded", "alan@example.com"]);

    let failed = grace.lamp("train late -p fail=true").exits(2).says("the oven is cold");
    failed.hints("lamp runs logs");
    let lingering = grace.lamp("train late -p linger=300.0 --detach --json").succeeds().json();
    let run = lingering["id"].as_str().expect("a run").to_owned();
    alan.lamp(&format!("runs stop {run}")).succeeds().says("stopped");
    grace.lamp(&format!("runs logs {run} --follow")).succeeds();
}

/// Whoever trained it does not sign for it; whoever did not, does.
fn sign_and_deploy(team: &Team, grace: &Shop, alan: &Shop) {
    let of_grace =
        "SELECT m.version FROM models m JOIN runs r ON r.id = m.run_id WHERE r.created_by = 'grace@example.com'";
    let model = format!("late@{}", team.database.sql(of_grace));
    let approve = format!("approve {model} --note 'looked at both streets'");
    grace.lamp(&approve).exits(2).says("cannot be the one who approves it").hints("another person");
    alan.lamp(&approve).succeeds().says(&format!("{model} approved by alan@example.com"));
    alan.lamp(&approve).exits(2).says("is approved, not a candidate");
    grace.lamp(&format!("models show {model}")).succeeds().says("looked at both streets").says("gate");

    // A gateway is running: at the server.
    let deployed = grace.lamp(&format!("deploy late {model} --as primary")).succeeds();
    deployed.says(&format!("primary {model}")).says("1 replica(s) obey");
    let ready = format!("http://{}/v2/health/ready", team.predictions);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(http::wait_until_ready(&ready, SOON));
    let why = grace.lamp(&format!("why {model}")).succeeds();
    why.says("approved by person alan@example.com").says("orders@1").says("grace@example.com");
    grace.lamp("why orders").succeeds().says("orders@1");
    grace.lamp("affected --base HEAD~1").succeeds();
}

/// Somebody looks, and somebody else signs for it, each in their own clone.
fn do_duties(team: &Team, grace: &Shop, alan: &Shop) {
    let swap = "rota swap ml --from 2013-04-01 --to 2013-04-03 --person alan@example.com --why 'a wedding'";
    grace.lamp(swap).succeeds().says("then alan@example.com (swapped: a wedding)");
    alan.lamp("rota").succeeds().says("alan@example.com (you) until Mon 2013-04-01 09:00");
    grace.lamp("duty").succeeds().line_with(&["histograms 2013-04-01 of bakery", "0/2"]);
    grace.lamp("duty histograms").succeeds().says("1. orders[2013-03-31]").says("2. orders[2013-03-31]");
    let signed = alan.lamp("duty sign --right 1 --suspicious 2 --note 'no order before noon'").succeeds();
    signed.says("incident opened: orders[2013-03-31]").says("histograms 2013-04-01 of bakery is done, evidence");
    grace.lamp("duty ls").succeeds().line_with(&["histograms 2013-04-01", "done", "2/2", "alan@example.com"]);
    let log = team.on_server("audit ls -n 1000", "").succeeds();
    log.line_with(&["alan@example.com", "duty.done"]);
    log.line_with(&["grace@example.com", "rota.swapped", "ml"]);

    grace.lamp("label next").succeeds().says("Nothing waits for a label");
    grace.lamp("label").succeeds().says("Nothing waits for a label");
    let outcomes = "prediction_id,value\n013d0000-0000-7000-8000-000000000000,yes\n";
    grace.context.repo.write("projects/bakery/data/outcomes.csv", outcomes);
    let imported = grace.lamp("label import projects/bakery/data/outcomes.csv").succeeds();
    imported.says("0 labels added").says("013d0000-0000-7000-8000-000000000000");
    grace.lamp("label ls").succeeds().says("No label yet");
}

/// Questions whose answers come from the server.
fn ask_how_it_stands(grace: &Shop) {
    grace.lamp("metrics late").succeeds().says("there are none");
    grace.lamp("cadence ls").succeeds().says("No model is trained on a cadence yet");
    grace.lamp("cadence studies").succeeds().says("No study yet");
    grace.lamp("cadence adopt 0").exits(2).says("no study `0`");
    grace.lamp("profile 'orders[2013-03-31]'").succeeds().says("orders@1  3 rows").says("street");
    grace.lamp("data verify").succeeds().line_with(&["orders@1", "5 files", "whole"]);
    grace.lamp("audit ls -n 1000").succeeds().line_with(&["model.approved", "late@"]);
    grace.lamp("audit verify").succeeds().says("whole");
    grace.lamp("notify").succeeds().says("The team was not told anything yet.");
    grace.lamp("doctor").succeeds().says("no .pre-commit-config.yaml").says("are this clone's");
}

/// The tests run on this clone's code; whether they pass is not the question here.
fn test_here(team: &Team, grace: &Shop) {
    let said = grace.lamp("test late --json");
    assert!([Some(0), Some(1)].contains(&said.0.code), "{}", said.0.text());
    let tested = said.json();
    assert_eq!(tested["recorded"], true, "{tested}");
    assert_eq!(tested["reports"][0]["data"][0], "orders@1 as orders[..2013-03-30]", "{tested}");
    let log = team.on_server("audit ls -n 1000", "").succeeds();
    log.line_with(&["grace@example.com", "tests.reported", "late"]);
}

/// A viewer looks and changes nothing; CI comes with a token; what does not travel says so.
fn others_look_or_are_refused(team: &Team, grace: &Shop) {
    let vera = team.clone_of("vera");
    vera.lamp("models ls").succeeds().line_with(&["late@1"]);
    vera.write_day("2013-03-29", &training_day("2013-03-29"));
    for line in
        ["train late", "data add orders", "approve late@2 --note x", "switch late shadow --why x", "runs stop 01"]
    {
        let refused = vera.lamp(line).exits(2);
        refused.says("vera@example.com is a viewer, and this needs the role approver").hints("ask an admin");
    }
    vera.lamp("profile orders").succeeds().says("orders@1");
    vera.lamp("data verify").exits(2).says("vera@example.com is a viewer, and this needs the role labeller");
    vera.lamp("test late").exits(2).says("vera@example.com is a viewer, and this needs the role approver");
    vera.lamp("reproduce 01").exits(2).says("`lamp reproduce` works on the server only yet").hints("lamp reproduce");
    vera.lamp("cadence study late").exits(2).says("`lamp cadence study` works on the server only yet");
    vera.lamp("train late --wip").exits(2).hints("git push");

    let ci = team.clone_without_login("ci");
    let made = team.on_server("tokens create ci --user alan@example.com --days 1 --json", "").succeeds().json();
    let token = made["secret"].as_str().expect("a secret").to_owned();
    let check = |token: &str| Said(ci.context.lamp(["check"]).env("LAMP_TOKEN", token).run());
    check(&token).succeeds().says("orders@1  kept");
    let id = made["token"]["id"].as_str().expect("an id");
    team.on_server(&format!("tokens revoke {id}"), "").succeeds();
    check(&token).exits(2).says("this token lets nobody in").hints("lamp login, or ask an admin");
    check("lamp_nonsense").exits(2).says("LAMP_TOKEN does not hold a token");
    ci.lamp("login").exits(2).hints("--password-stdin");
    let refused = ci.context.lamp(["login", "--email", "grace@example.com", "--password-stdin"]).stdin("a guess").run();
    Said(refused).exits(2).says("this e-mail address and this password do not go together");

    let kept = grace.context.repo.home().join(".config/lamplighter/credentials.json");
    let permissions = kept.metadata().expect("the tokens").permissions();
    assert_eq!(permissions.mode() & 0o777, 0o600);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let server = grace.context.repo.read("lamp.toml");
    let url = server.split('"').find(|text| text.starts_with("http://")).expect("the server");
    let nobody = runtime.block_on(Request::get(&format!("{url}/api/v1/services")).send());
    assert_eq!(nobody.status, 401, "{}", nobody.body);
}

/// No file of a clone has what only the server may know.
fn hold_no_credentials(team: &Team, clones: &[&Shop]) {
    let [_, (_, secret), ..] = team.bucket.environment();
    for shop in clones {
        let repo = &shop.context.repo;
        assert!(!repo.path().join(".lamp/ledger.db").exists());
        for folder in [repo.path(), repo.home()] {
            no_file_has(&folder, &[&secret, team.database.url()]);
        }
    }
}

fn no_file_has(folder: &Path, secrets: &[&str]) {
    for entry in std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()) {
        if entry.is_dir() && !entry.is_symlink() {
            no_file_has(&entry, secrets);
        } else if let Ok(bytes) = std::fs::read(&entry) {
            let text = String::from_utf8_lossy(&bytes);
            assert!(!secrets.iter().any(|secret| text.contains(secret)), "{}", entry.display());
        }
    }
}
