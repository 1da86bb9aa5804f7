//! A small monorepo: a bakery that delivers bread and wants to know whether it will come late.
//!
//! Two projects (the bakery uses the streets), a dataset of a few rows a day, a model that counts
//! how often each street was late, and a simpler one that knows no streets. Python's standard
//! library is all it needs.

use std::path::Path;

use lamp_testkit::{Outcome, TestContext};
use serde_json::Value;

/// The instant at which the shop's clock starts: midnight in New York.
pub const NOW: &str = "2013-04-01T04:00:00Z";

const ROOT: &str = r#"[workspace]
members   = ["projects/*"]
time_zone = "America/New_York"
"#;

const STREETS: &str = r#"[project]
name = "streets"
"#;

const BAKERY: &str = r#"[project]
name = "bakery"
uses = ["streets"]

[datasets.orders]
source    = "data/orders/*.csv"
partition = { column = "at", by = "day" }
key       = ["at", "street"]
contract  = "contracts/orders.odcs.yaml"

[datasets.elm]
build     = "python3 -m bakery.elm"
inputs    = ["orders"]
partition = { column = "at", by = "day" }

[models.late]
task   = "binary"
train  = "python3 -m bakery.train"
serve  = "bakery.serve:Predictor"
data   = { train = "orders[..2013-03-30]", valid = "orders[2013-03-30..]" }
target = { sql = "late = 1" }
gate   = { metric = "roc_auc", goal = "max", min = 0.6 }

[models.late-simple]
task   = "binary"
train  = "python3 -m bakery.train_simple"
serve  = "bakery.serve:Constant"
data   = { train = "orders[..2013-03-30]", valid = "orders[2013-03-30..]" }
target = { sql = "late = 1" }

[models.guess]
task   = "binary"
train  = "python3 -m bakery.train_simple"
serve  = "bakery.serve:Constant"
data   = { train = "orders[..2013-03-30]", valid = "orders[2013-03-30..]" }
target = { sql = "late = 1" }
gate   = { metric = "roc_auc", goal = "max", min = 0.6 }

[services.late]
primary  = "late"
shadow   = "late-simple"
deadline = "3s"
"#;

const CONTRACT: &str = r#"apiVersion: v3.1.0
kind: DataContract
id: orders
version: 1.0.0
status: active
schema:
  - name: orders
    quality:
      - metric: rowCount
        mustBeGreaterOrEqualTo: 2
    properties:
      - name: at
        logicalType: timestamp
        required: true
      - name: street
        logicalType: string
        required: true
        quality:
          - metric: invalidValues
            mustBe: 0
            arguments:
              validValues: [elm, oak]
      - name: parcels
        logicalType: integer
        required: true
        logicalTypeOptions: {minimum: 1}
      - name: late
        logicalType: integer
"#;

const NAMES: &str = r#""""Names of streets."""


def tidy(name):
    return name.strip().lower()
"#;

const TRAIN: &str = r#""""Counts how often each street was late."""

import csv
import json
import subprocess
import sys
import time
from collections import Counter

import lamplighter
from streets.names import tidy

from bakery.fields import INPUTS, OUTPUTS


def main():
    run = lamplighter.current_run()
    if run.param("fail", False):
        sys.exit("the oven is cold")
    linger = run.param("linger", 0.0)
    if linger:
        child = subprocess.Popen(["sleep", "300"]) if run.param("child", False) else None
        print("lingering with", child.pid if child else "nobody", flush=True)
        time.sleep(linger)
    late, rows = Counter(), Counter()
    for file in run.dataset("train").files:
        with open(file.path, newline="") as lines:
            for row in csv.DictReader(lines):
                street = tidy(row["street"])
                rows[street] += 1
                late[street] += int(row["late"])
    shares = {street: late[street] / rows[street] for street in rows}
    stamp = run.param("stamp", "")
    if stamp == "answers":
        shares["elm"] = time.time() % 1
    run.log(step=1, streets=len(shares), rows=sum(rows.values()))
    print("counted", sum(rows.values()), "orders", flush=True)
    kept = {"shares": shares, "pause": run.param("pause", 0.0)}
    if stamp == "note":
        kept["trained_at"] = time.time()
    run.save_python(
        entry="bakery.serve:Predictor",
        inputs=INPUTS,
        outputs=OUTPUTS,
        golden_rows=[{"street": "elm", "parcels": 1}, {"street": "oak", "parcels": 2}],
        files={"shares.json": json.dumps(kept, sort_keys=True).encode()},
    )


if __name__ == "__main__":
    main()
"#;

const TRAIN_SIMPLE: &str = r#""""The share of late orders, whatever the street."""

import csv
import json

import lamplighter

from bakery.fields import INPUTS, OUTPUTS


def main():
    run = lamplighter.current_run()
    late = []
    for path in run.dataset("train").paths:
        with open(path, newline="") as lines:
            late += [int(row["late"]) for row in csv.DictReader(lines)]
    run.save_python(
        entry="bakery.serve:Constant",
        inputs=INPUTS,
        outputs=OUTPUTS,
        golden_rows=[{"street": "elm", "parcels": 1}],
        files={"share.json": json.dumps(sum(late) / len(late)).encode()},
    )


if __name__ == "__main__":
    main()
"#;

const FIELDS: &str = r#""""What both models take and give."""

from lamplighter import Field

INPUTS = [Field("street", "BYTES"), Field("parcels", "INT64")]
OUTPUTS = [Field("probability", "FP64", min=0, max=1)]
"#;

const SERVE: &str = r#""""The models, brought to life."""

import json
import time

from streets.names import tidy


class Predictor:
    def __init__(self, package):
        kept = json.loads((package / "shares.json").read_text())
        self.shares, self.pause = kept["shares"], kept["pause"]

    def predict(self, columns):
        time.sleep(self.pause)
        return {"probability": [self.shares[tidy(street)] for street in columns["street"]]}


class Constant:
    def __init__(self, package):
        self.share = json.loads((package / "share.json").read_text())

    def predict(self, columns):
        return {"probability": [self.share for _ in columns["street"]]}
"#;

const ELM: &str = r#""""Orders of Elm Street alone."""

import lamplighter

run = lamplighter.current_run()
for file in run.dataset("orders").files:
    lines = file.path.read_text().splitlines(keepends=True)
    kept = lines[:1] + [line for line in lines[1:] if ",elm," in line]
    run.output_path(file.partition, suffix=".csv").write_text("".join(kept))
"#;

/// The days of which there are orders. Elm Street is late three times in four, Oak Street once.
pub const TRAINING_DAYS: [&str; 3] = ["2013-03-27", "2013-03-28", "2013-03-29"];

/// Orders of one day: `(street, parcels, late)`, an hour apart.
pub fn orders(day: &str, rows: &[(&str, i64, Option<u8>)]) -> String {
    let mut text = "at,street,parcels,late\n".to_owned();
    for (at, (street, parcels, late)) in rows.iter().enumerate() {
        let late = late.map(|late| late.to_string()).unwrap_or_default();
        text.extend([format!("{day}T{:02}:00:00Z,{street},{parcels},{late}\n", 12 + at)]);
    }
    text
}

/// An ordinary day.
pub fn training_day(day: &str) -> String {
    let elm = [Some(1), Some(1), Some(1), Some(0)].map(|late| ("elm", 2, late));
    let oak = [Some(0), Some(0), Some(0), Some(1)].map(|late| ("oak", 1, late));
    orders(day, &[elm, oak].concat())
}

/// Every day of which there are orders, and its raw file.
pub fn raw_days() -> Vec<(String, String)> {
    let mut days: Vec<_> = TRAINING_DAYS.map(|day| (day.to_owned(), training_day(day))).into();
    let elm = [("elm", 1, Some(1)), ("elm", 3, Some(0))];
    days.push(("2013-03-30".to_owned(), orders("2013-03-30", &elm)));
    let oak = [("oak", 1, Some(0)), ("oak", 2, Some(0)), ("oak", 2, None)];
    days.push(("2013-03-31".to_owned(), orders("2013-03-31", &oak)));
    days
}

/// The bakery's repository, in a test workspace whose time goes on from [`NOW`].
pub struct Shop {
    pub context: TestContext,
}

impl Shop {
    /// All code committed, all raw files written, nothing added yet.
    pub fn new() -> Self {
        Self::served_by(Path::new(env!("CARGO_BIN_EXE_lamp")))
    }

    /// The same, with a copy of the binary at another place.
    pub fn served_by(binary: &Path) -> Self {
        let mut context = TestContext::new(binary);
        // All processes of a test share one clock: the mark's, not `LAMP_NOW`.
        context.use_real_clock();
        let shop = Self { context };
        shop.write_code();
        shop.write_days();
        shop.set_time(NOW);
        shop.context.repo.commit("A bakery");
        shop
    }

    /// The same with orders added and the lock committed.
    pub fn with_orders() -> Self {
        let shop = Self::new();
        shop.lamp("data add orders --commit").succeeds();
        shop
    }

    fn write_code(&self) {
        let repo = &self.context.repo;
        repo.write("lamp.toml", ROOT);
        repo.write(".gitignore", ".lamp/\ndata/\n__pycache__/\n");
        repo.write("README.md", "# The bakery\n");
        repo.write("projects/streets/lamp.toml", STREETS);
        repo.write("projects/streets/streets/__init__.py", "");
        repo.write("projects/streets/streets/names.py", NAMES);
        repo.write("projects/bakery/lamp.toml", BAKERY);
        repo.write("projects/bakery/contracts/orders.odcs.yaml", CONTRACT);
        let files = [
            ("__init__", ""),
            ("train", TRAIN),
            ("train_simple", TRAIN_SIMPLE),
            ("fields", FIELDS),
            ("serve", SERVE),
            ("elm", ELM),
        ];
        for (module, text) in files {
            repo.write(format!("projects/bakery/bakery/{module}.py"), text);
        }
    }

    fn write_days(&self) {
        for (day, text) in raw_days() {
            self.write_day(&day, &text);
        }
    }

    /// Writes (or overwrites) the raw file of a day.
    pub fn write_day(&self, day: &str, text: &str) {
        self.context.repo.write(day_file(day), text);
    }

    /// The raw file of a day as it stands.
    pub fn read_day(&self, day: &str) -> String {
        self.context.repo.read(day_file(day))
    }

    /// Marks the folder as a test workspace and sets its clock.
    pub fn set_time(&self, now: &str) {
        let written_at = jiff::Timestamp::now();
        let mark = serde_json::json!({"kind": "test", "now": now, "written_at": written_at});
        self.context.repo.write(".lamp/clock.json", mark.to_string());
    }

    /// Runs `lamp` with words as typed; quote with `'`.
    pub fn lamp(&self, line: &str) -> Said {
        Said(self.context.lamp(words(line)).run())
    }

    /// Trains at HEAD and gives back what `lamp train --json` says.
    pub fn train(&self, what: &str) -> Trained {
        let said = self.lamp(&format!("train {what} --json")).succeeds();
        // The log comes first, on the same stream.
        let start = said.0.stdout.find("\n{").map_or(0, |at| at + 1);
        let value: Value = serde_json::from_str(&said.0.stdout[start..])
            .unwrap_or_else(|error| panic!("not JSON ({error}):\n{}", said.0.text()));
        Trained(value)
    }

    /// Both models trained, approved and deployed.
    pub fn open_for_business(&self) {
        for (model, place) in [("late", "primary"), ("late-simple", "shadow")] {
            self.train(model);
            self.lamp(&format!("approve {model}@1 --note 'looked at it'")).succeeds();
            self.lamp(&format!("deploy late {model}@1 --as {place}")).succeeds();
        }
    }
}

/// Path of a day's raw file.
pub fn day_file(day: &str) -> String {
    format!("projects/bakery/data/orders/{day}.csv")
}

/// What `lamp train --json` said.
pub struct Trained(Value);

impl Trained {
    pub fn run(&self) -> String {
        self.0["run"]["id"].as_str().expect("a run").to_owned()
    }

    pub fn commit(&self) -> String {
        self.0["model"]["commit"].as_str().expect("a commit").to_owned()
    }

    pub fn metric(&self, name: &str) -> f64 {
        self.0["model"]["evidence"]["metrics"][name].as_f64().unwrap_or_else(|| panic!("no {name} in {}", self.0))
    }

    pub fn evidence(&self) -> &Value {
        &self.0["model"]["evidence"]
    }
}

/// What a command left behind, to be looked at.
pub struct Said(pub Outcome);

impl Said {
    #[track_caller]
    pub fn exits(self, code: i32) -> Self {
        assert_eq!(self.0.code, Some(code), "expected exit {code}:\n{}", self.0.text());
        self
    }

    #[track_caller]
    pub fn succeeds(self) -> Self {
        self.exits(0)
    }

    /// Somewhere in what was printed, on either stream, stands `text`.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        let is_said = self.0.stdout.contains(text) || self.0.stderr.contains(text);
        assert!(is_said, "`{text}` is not in:\n{}", self.0.text());
        self
    }

    #[track_caller]
    pub fn does_not_say(self, text: &str) -> Self {
        let is_said = self.0.stdout.contains(text) || self.0.stderr.contains(text);
        assert!(!is_said, "`{text}` is in:\n{}", self.0.text());
        self
    }

    /// The last word of help under an error is `hint: …text…`.
    #[track_caller]
    pub fn hints(self, text: &str) -> Self {
        let is_hinted = self.0.stderr.lines().any(|line| line.starts_with("hint:") && line.contains(text));
        assert!(is_hinted, "no hint has `{text}`:\n{}", self.0.text());
        self
    }

    /// One line of output that has `text`.
    #[track_caller]
    pub fn line(&self, text: &str) -> String {
        self.line_with(&[text])
    }

    /// One line of output that has all of `texts`.
    #[track_caller]
    pub fn line_with(&self, texts: &[&str]) -> String {
        let has_all = |line: &&str| texts.iter().all(|text| line.contains(text));
        let found = self.0.stdout.lines().find(has_all);
        found.unwrap_or_else(|| panic!("no line has {texts:?}:\n{}", self.0.text())).to_owned()
    }

    pub fn json(&self) -> Value {
        self.0.json()
    }
}

/// Splits a line into words, as a shell does with single quotes.
pub fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (at, part) in line.split('\'').enumerate() {
        let is_quoted = at % 2 == 1;
        if is_quoted {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}
