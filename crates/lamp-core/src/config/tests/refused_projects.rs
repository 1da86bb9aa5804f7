use super::*;

const MODEL: &str = r#"[project]
name = "delay"
[models.delay]
task = "binary"
train = "python -m delay.train"
serve = "delay.serve:Predictor"
data = { train = "trips[..-1month]", valid = "trips[-1month..]" }
target = { sql = "late" }
"#;

fn check(text: &str, expected: &Expect) {
    let error = ProjectConfig::parse(text, "projects/delay/lamp.toml", "projects/delay").expect_err("it is refused");
    expected.assert_eq(&render(&error));
}

/// Checks the body of a project that is called `delay`.
fn check_body(body: &str, expected: &Expect) {
    check(&format!("[project]\nname = \"delay\"\n{body}"), expected);
}

/// Checks a good model in which one text is replaced by another.
fn check_model(good: &str, bad: &str, expected: &Expect) {
    assert!(MODEL.contains(good), "{good} is part of the model");
    check(&MODEL.replace(good, bad), expected);
}

#[test]
fn unknown_keys() {
    check_body(
        "[datasets.trips]\nbuild = \"x\"\npartitoin = { column = \"at\", by = \"day\" }\n",
        &expect![[r#"
        projects/delay/lamp.toml:5:1: unknown key `partitoin` in [datasets.trips]
          hint: did you mean `partition`?
    "#]],
    );
    check_body(
        "[dataset.trips]\nbuild = \"x\"\n",
        &expect![[r#"
        projects/delay/lamp.toml:3:2: unknown key `dataset` in the file
          hint: did you mean `datasets`?
    "#]],
    );
    check_body(
        "[datasets.trips]\nbuild = \"x\"\npartition = { colum = \"at\", by = \"hour\" }\n",
        &expect![[r#"
        projects/delay/lamp.toml:5:1: [datasets.trips.partition] has no `column`
          hint: add `column = "scheduled_at"`
        projects/delay/lamp.toml:5:15: unknown key `colum` in [datasets.trips.partition]
          hint: did you mean `column`?
        projects/delay/lamp.toml:5:34: `hour` is not a period
          hint: known periods: `day`, `month`
    "#]],
    );
    check_body(
        "[rota.ml]\npeople = []\n",
        &expect![[r#"
        projects/delay/lamp.toml:3:2: `rota` does not belong in a project's file
          hint: put it into the lamp.toml at the root
    "#]],
    );
}

#[test]
fn several_problems_at_once_in_the_order_of_lines() {
    check(
        "[project]\nname = \"Delay\"\nenviroment = \"none\"\n[datasets.a]\n[datasets.b]\nsource = 3\n[tests.x]\n",
        &expect![[r#"
            projects/delay/lamp.toml:2:8: `Delay` is not a project name: it does not start with a lower-case letter
              hint: use lower-case letters, digits, `-` and `_`, starting with a letter
            projects/delay/lamp.toml:3:1: unknown key `enviroment` in [project]
              hint: did you mean `environment`?
            projects/delay/lamp.toml:4:11: [datasets.a] has neither a `source` nor a `build`
              hint: add `source = "data/*.parquet"`, or `build = "python -m …"` and its `inputs`
            projects/delay/lamp.toml:6:10: `source` must be a text in quotes, not a whole number
            projects/delay/lamp.toml:7:8: [tests.x] has no `command`
              hint: add `command = "python -m pytest"`
        "#]],
    );
}

#[test]
fn bad_projects() {
    check(
        "",
        &expect![[r#"
        projects/delay/lamp.toml:1:1: the file has no `project`
          hint: add `[project]`
    "#]],
    );
    check(
        "[project]\nenvironment = \"uv.lock\"\n",
        &expect![[r#"
        projects/delay/lamp.toml:1:2: [project] has no `name`
          hint: add `name = "delay"`
        projects/delay/lamp.toml:2:15: `uv.lock` cannot be installed by pip
          hint: write a hashed pip lock with `uv export --format requirements-txt -o requirements.lock`
    "#]],
    );
    check_body(
        "environment = \"/etc/passwd\"\n",
        &expect![[r#"
        projects/delay/lamp.toml:3:15: `/etc/passwd` is not a file of this workspace
          hint: name a committed file, relative to the project's folder, with `/` between its parts
    "#]],
    );
    check_body(
        "environment = \"../../../outside.lock\"\n",
        &expect![[r#"
        projects/delay/lamp.toml:3:15: `../../../outside.lock` is not a file of this workspace
          hint: name a committed file, relative to the project's folder, with `/` between its parts
    "#]],
    );
    check_body(
        "env_pass = [\"A B\", \"PYTHONPATH\", \"LAMP_RUN\"]\n",
        &expect![[r#"
        projects/delay/lamp.toml:3:13: `A B` is not the name of an environment variable
          hint: list names only, for example `env_pass = ["CUDA_VISIBLE_DEVICES"]`
        projects/delay/lamp.toml:3:20: `PYTHONPATH` is set by lamp for every command and cannot be passed through
          hint: remove it from `env_pass`
        projects/delay/lamp.toml:3:34: `LAMP_RUN` is set by lamp for every command and cannot be passed through
          hint: remove it from `env_pass`
    "#]],
    );
    check_body(
        "uses = \"common\"\n",
        &expect![[r#"
            projects/delay/lamp.toml:3:8: `uses` must be a list of texts (`uses = ["…"]`), not a text
        "#]],
    );
    check_body(
        "[tests.\"Not A Name\"]\ncommand = \" \"\n",
        &expect![[r#"
        projects/delay/lamp.toml:3:8: `Not A Name` is not a name for a test
          hint: use lower-case letters, digits, `-` and `_`, starting with a letter
        projects/delay/lamp.toml:4:11: the test command is empty
          hint: write the test command, or leave the key out
    "#]],
    );
}

#[test]
fn bad_datasets() {
    check_body(
        "[datasets.x]\nsource = \"a\"\nbuild = \"b\"\n",
        &expect![[r#"
        projects/delay/lamp.toml:5:9: a dataset has a `source` or a `build`, not both
          hint: keep `source` for files that are brought, `build` for a dataset that a command makes
    "#]],
    );
    check_body(
        "[datasets.x]\nsource = \"a\"\ninputs = [\"b\"]\n",
        &expect![[r#"
        projects/delay/lamp.toml:5:11: a dataset with a `source` has no inputs
          hint: only a dataset with a `build` has inputs
    "#]],
    );
    check_body(
        "[datasets.x]\nsource = \"a/[\"\ncontract = \"\"\nkey = [\"a\", \"a\"]\n",
        &expect![[r#"
        projects/delay/lamp.toml:4:10: `a/[` is not a pattern: unclosed character class; missing ']'
          hint: write for example `data/flights/*.parquet`; `**` goes into folders
        projects/delay/lamp.toml:5:12: `` is not a file of this workspace
          hint: name a committed file, relative to the project's folder, with `/` between its parts
        projects/delay/lamp.toml:6:13: column `a` is in the key twice
    "#]],
    );
    check_body(
        "[datasets.\"predictions/delay\"]\nsource = \"a\"\n",
        &expect![[r#"
        projects/delay/lamp.toml:3:11: `predictions/delay` cannot be configured
          hint: remove it: the log of each service is a dataset already
    "#]],
    );
}

#[test]
fn bad_models() {
    check_model(
        "\"binary\"",
        "\"ranking\"",
        &expect![[r#"
        projects/delay/lamp.toml:4:8: unknown task `ranking`
          hint: known tasks: binary, multiclass, regression
    "#]],
    );
    check_model(
        "serve = \"delay.serve:Predictor\"\n",
        "",
        &expect![[r#"
        projects/delay/lamp.toml:3:9: [models.delay] does not say how it is served
          hint: add `serve = "module:Class"`, `onnx = "model.onnx"` or `upstream = "http://…"`
    "#]],
    );
    check_model(
        "delay.serve:Predictor",
        "delay.serve.Predictor",
        &expect![[r#"
        projects/delay/lamp.toml:6:9: `delay.serve.Predictor` is not `module:Class`
          hint: write for example `serve = "delay.serve:Predictor"`
    "#]],
    );
    check_model(
        "serve =",
        "onnx = \"../m.onnx\"\nserve =",
        &expect![[r#"
        projects/delay/lamp.toml:3:9: [models.delay] is served in more than one way: `onnx`, `serve`
          hint: keep one of them
        projects/delay/lamp.toml:6:8: `../m.onnx` is not a file of the package
          hint: name a file that training saves into the package, for example `model.onnx`
    "#]],
    );
    check_model(
        "serve = \"delay.serve:Predictor\"",
        "upstream = \"127.0.0.1:9000\"",
        &expect![[r#"
        projects/delay/lamp.toml:6:12: `127.0.0.1:9000` is not the address of a server
          hint: write `http://HOST:PORT` or `https://HOST`, without user or password
    "#]],
    );
    check_model(
        "valid =",
        "vaild =",
        &expect![[r#"
            projects/delay/lamp.toml:7:1: [models.delay.data] has no `valid`
              hint: rename `vaild` if it is meant to be `valid`
        "#]],
    );
    check_model(
        "trips[-1month..]",
        "trips[-1year..]",
        &expect![[r#"
        projects/delay/lamp.toml:7:46: `-1year..` is not a range of partitions: a relative end counts in days, weeks or months
          hint: write `2013-01..2013-03`, `2013-01-01..=2013-01-31`, `..-1month` or `-7days..`
    "#]],
    );
    check_model(
        "sql =",
        "sql = \"a\", column =",
        &expect![[r#"
        projects/delay/lamp.toml:8:1: a target is an `sql` expression or a `column`
          hint: write `target = { sql = "…" }` or `target = { column = "…" }`
    "#]],
    );
    check_model(
        "target = { sql = \"late\" }",
        "target = \"late\"",
        &expect![[r#"
        projects/delay/lamp.toml:8:10: `target` must be a table, not a text
    "#]],
    );
    check_model(
        "task =",
        "seed = -1\nparams = { a = nan, b = [1] }\ntask =",
        &expect![[r#"
        projects/delay/lamp.toml:4:8: `seed` must be a whole number from 0 to 4294967295
        projects/delay/lamp.toml:5:16: parameter `a` must not be an infinite or undefined number
          hint: a parameter is a text, a finite number, `true` or `false`
        projects/delay/lamp.toml:5:25: parameter `b` must not be a list
          hint: a parameter is a text, a finite number, `true` or `false`
    "#]],
    );
    check_model(
        "task =",
        "seed = 4294967296\ntask =",
        &expect![[r#"
        projects/delay/lamp.toml:4:8: `seed` must be a whole number from 0 to 4294967295
    "#]],
    );
}

#[test]
fn bad_gates() {
    check_model(
        "task =",
        "gate = { metric = \"auc\", min = 0.6 }\ntask =",
        &expect![[r#"
            projects/delay/lamp.toml:4:19: unknown metric `auc` for a binary task
              hint: did you mean `roc_auc`?
        "#]],
    );
    check_model(
        "task =",
        "gate = { metric = \"rmse\", max = 3 }\ntask =",
        &expect![[r#"
        projects/delay/lamp.toml:4:19: unknown metric `rmse` for a binary task
          hint: known metrics of a binary task: `accuracy`, `brier`, `f1`, `log_loss`, `precision`, `recall`, `roc_auc`
    "#]],
    );
    check_model(
        "task =",
        "gate = { metric = \"roc_auc\" }\ntask =",
        &expect![[r#"
        projects/delay/lamp.toml:4:1: the gate has no bound
          hint: add `min = …` or `max = …`
    "#]],
    );
    check_model(
        "task =",
        "gate = { metric = \"log_loss\", goal = \"max\", min = 0.6 }\ntask =",
        &expect![[r#"
        projects/delay/lamp.toml:4:1: `log_loss` is better when it is smaller
          hint: write `goal = "min"`, or leave it out
    "#]],
    );
    check_model(
        "task =",
        "gate = { metric = \"f1\", min = 0.9, max = 0.1 }\ntask =",
        &expect![[r#"
        projects/delay/lamp.toml:4:42: `max` is smaller than `min`: nothing passes this gate
    "#]],
    );
    check_model(
        "task =",
        "gate = { metric = \"f1\", min = nan }\ntask =",
        &expect![[r#"
        projects/delay/lamp.toml:4:31: `min` must be a finite number, not an infinite or undefined number
    "#]],
    );
}

#[test]
fn bad_services_and_duties() {
    check_body(
        "[services.delay]\nprimary = \"delay\"\ndeadline = \"100\"\nlog = \"always\"\n",
        &expect![[r#"
        projects/delay/lamp.toml:5:12: `100` is not a deadline
          hint: write `"100ms"` or `"2s"`, from 1ms to 60s
        projects/delay/lamp.toml:6:7: `always` is not a log policy
          hint: known policies: `best_effort`, `required`
    "#]],
    );
    check_body(
        "[services.delay]\nprimary = \"delay\"\ndeadline = \"61s\"\n",
        &expect![[r#"
        projects/delay/lamp.toml:5:12: `61s` is not a deadline
          hint: write `"100ms"` or `"2s"`, from 1ms to 60s
    "#]],
    );
    check_body(
        "[services.delay]\nshadow = \"delay\"\ndeadline = 100\n",
        &expect![[r#"
        projects/delay/lamp.toml:3:11: [services.delay] has no `primary`
          hint: add `primary = "MODEL"`
        projects/delay/lamp.toml:5:12: `deadline` must be a text in quotes, not a whole number
    "#]],
    );
    check_body(
        "[cadence.delay]\nevery = \"0 days\"\n",
        &expect![[r#"
        projects/delay/lamp.toml:4:9: `0 days` is not a period
          hint: write `"day"`, `"7 days"`, `"2 weeks"` or `"1 month"`, at most 366 of them
    "#]],
    );
    check_body(
        "[cadence.delay]\nevery = \"day\"\nat = \"6 am\"\n",
        &expect![[r#"
        projects/delay/lamp.toml:5:6: `6 am` is not a time of day
          hint: write hours and minutes, for example `at = "06:30"`
    "#]],
    );
    check_body(
        "[duties]\nvalidate = { reviewer_is_not_author = \"yes\" }\n",
        &expect![[r#"
        projects/delay/lamp.toml:4:39: `reviewer_is_not_author` must be `true` or `false`, not a text
    "#]],
    );
}
