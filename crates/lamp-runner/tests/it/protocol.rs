//! A whole run, as a project sees it: commit, worktree, request, command, outputs.

use std::path::PathBuf;

use lamp_core::digest::Digest;
use lamp_core::names::{DatasetName, ModelName, ProjectName};
use lamp_core::package::Task;
use lamp_core::partition::PartitionKey;
use lamp_core::run::Purpose;
use lamp_runner::environment::{EnvironmentSpec, Environments};
use lamp_runner::launch::{LaunchSpec, Limits, launch, wait};
use lamp_runner::protocol::{InputFile, InputFiles, PROTOCOL, RunRequest, TargetSql};
use lamp_runner::sdk::write_sdk;
use lamp_runner::variables::{cleaned_environment, protocol_variables};

use crate::support::{repository, run_folder, run_id, shim, write};

const TRAIN: &str = r#"
import json, os, pathlib, tempfile
from multiprocessing.connection import Listener
import shared, lamplighter_stub

run = pathlib.Path(os.environ["LAMP_RUN"])
request = json.loads((run / "run.json").read_text())
rows = sum(len(open(file["path"]).readlines()) for file in request["datasets"]["train"]["files"])
with Listener(family="AF_UNIX"):
    pass
with open(run / "metrics.jsonl", "a") as metrics:
    for step in range(3):
        metrics.write(json.dumps({"step": step, "loss": 1 / (step + 1)}) + "\n")
seen = {
    "rows": rows, "seed": request["seed"], "hash_seed": os.environ["PYTHONHASHSEED"],
    "code": pathlib.Path(__file__).read_text().count("uncommitted"), "home": os.environ["HOME"],
    "shared": shared.WHO, "sdk": lamplighter_stub.WHO,
}
(run / "model" / "model.json").write_text(json.dumps(seen))
print("trained on", rows, "rows")
"#;

fn request(file: PathBuf, commit: &str) -> RunRequest {
    let day = PartitionKey::parse("2013-01-01").expect("a day");
    let train = InputFiles {
        dataset: DatasetName::parse("trips").expect("a name"),
        version: 3,
        digest: Digest::of(b"trips"),
        slice: "trips[..-1month]".to_owned(),
        partitions: vec![day.clone()],
        files: vec![InputFile { path: file, name: "2013-01-01.csv".to_owned(), partition: Some(day), rows: Some(2) }],
    };
    RunRequest {
        protocol: PROTOCOL,
        run: run_id(),
        purpose: Purpose::Train(ModelName::parse("delay").expect("a name")),
        task: Some(Task::Binary),
        project: ProjectName::parse("delay").expect("a name"),
        commit: commit.to_owned(),
        as_of: "2013-04-01T04:00:00Z".parse().expect("a time"),
        seed: 42,
        params: [("max_iter".to_owned(), 200.into())].into(),
        target: Some(TargetSql { sql: "arr_delay >= 15".to_owned() }),
        datasets: [("train".to_owned(), train)].into(),
        tiny: None,
    }
}

#[test]
fn the_request_is_written_as_the_protocol_says() {
    let temp = tempfile::tempdir().expect("a folder");
    let folder = run_folder(temp.path());
    let request = request(PathBuf::from("/data/2013-01-01.csv"), &"a".repeat(40));
    folder.write_request(&request).expect("written");
    let text = std::fs::read_to_string(folder.path().join("run.json")).expect("there");
    let written: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let expected = serde_json::json!({
        "protocol": 1, "run": run_id().to_string(), "kind": "train", "name": "delay", "task": "binary",
        "project": "delay", "commit": "a".repeat(40), "as_of": "2013-04-01T04:00:00Z", "seed": 42,
        "params": {"max_iter": 200}, "target": {"sql": "arr_delay >= 15"},
        "datasets": {"train": {
            "dataset": "trips", "version": 3, "digest": Digest::of(b"trips").to_hex(),
            "slice": "trips[..-1month]", "partitions": ["2013-01-01"],
            "files": [{"path": "/data/2013-01-01.csv", "name": "2013-01-01.csv", "partition": "2013-01-01", "rows": 2}]
        }},
        "tiny": null
    });
    assert_eq!(written, expected);
    assert_eq!(folder.request().expect("read back"), request);
}

#[tokio::test]
async fn a_project_trains_from_its_commit() {
    let (temp, repo, _) = repository().await;
    write(repo.root(), "projects/delay/delay/__init__.py", "");
    write(repo.root(), "projects/delay/delay/train.py", TRAIN);
    write(repo.root(), "projects/common/shared.py", "WHO = 'the other project'\n");
    let commit = repo.add_and_commit_all("a project", None).await.expect("committed").expect("a commit");
    write(repo.root(), "projects/delay/delay/train.py", "# uncommitted\nraise SystemExit('not this one')\n");
    let data = temp.path().join("2013-01-01.csv");
    std::fs::write(&data, "1\n2\n").expect("written");

    // A path as deep as real ones are.
    let lamp = repo.root().join(".lamp/a-folder-with-quite-a-long-name/and-another-one");
    let worktree = lamp.join("worktrees/run-1");
    repo.worktree_add(&commit, &worktree).await.expect("checked out");
    let environments = Environments::new(lamp.join("envs"));
    let environment = environments.prepare(&EnvironmentSpec::default(), &|_| ()).await.expect("python3");
    let sdk = write_sdk(&lamp.join("sdk/1"), &[("lamplighter_stub.py", b"WHO = 'the SDK'\n")]).expect("written");
    let folder = run_folder(&lamp.join("runs"));
    folder.write_request(&request(data, &commit.hash)).expect("written");

    let cwd = worktree.join("projects/delay");
    let path = [cwd.clone(), worktree.join("projects/common"), sdk];
    let extra = protocol_variables(folder.path(), &path, 42).expect("variables");
    let env = cleaned_environment(&environment, folder.path(), &[], &extra).expect("variables");
    let command = "python3 -m delay.train".to_owned();
    let spec = LaunchSpec { folder: folder.clone(), command, cwd, env, limits: Limits::default() };
    launch(&spec, &shim()).await.expect("launched");
    let mut log = String::new();
    let exit = wait(&folder, &mut |line| log = format!("{log}\n{line}")).await.expect("ended");
    assert!(exit.is_success(), "{log}");
    assert!(log.contains("trained on 2 rows"), "{log}");

    let metrics = folder.metrics().expect("metrics");
    assert_eq!(metrics.iter().filter_map(|line| line.step).collect::<Vec<_>>(), [0, 1, 2]);
    let outputs = folder.outputs("model").expect("outputs");
    assert_eq!(outputs.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(), ["model/model.json"]);
    let text = std::fs::read_to_string(folder.path().join("model/model.json")).expect("there");
    let seen: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let home = folder.path().join("home").display().to_string();
    let expected = serde_json::json!({
        "rows": 2, "seed": 42, "hash_seed": "42", "code": 1, "home": home,
        "shared": "the other project", "sdk": "the SDK"
    });
    assert_eq!(seen, expected);
    assert!(!folder.path().join("home").exists(), "the scratch is gone");
    assert!(repo.worktree_is_pristine(&worktree).await.expect("asked"), "the command left its worktree as it was");
    repo.worktree_remove(&worktree).await.expect("removed");
}
