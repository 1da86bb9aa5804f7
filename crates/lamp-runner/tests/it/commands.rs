//! Commands behind their shim.

use std::process::{Command, Stdio};
use std::time::Duration;

use lamp_runner::launch::{self, ChildStatus, ExitCause, LaunchError, Limits};
use lamp_runner::run_folder::RunFolder;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::{eventually, run_folder, run_id, shim, spec};

fn ignore(_: &str) {}

/// A process id that a command wrote into a file of its run folder.
fn pid_in(folder: &RunFolder, name: &str) -> Option<Pid> {
    let text = std::fs::read_to_string(folder.path().join(name)).ok()?;
    text.trim().parse().ok().map(Pid::from_raw)
}

fn runs(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, fields)| !fields.trim_start().starts_with('Z'))
}

/// Starts a grandchild that has left the group and the session, and ignores SIGTERM.
const STUBBORN: &str = "import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        open('grandchild', 'w').write(str(os.getpid()))
        time.sleep(300)
    os._exit(0)
time.sleep(300)
";

fn stubborn(folder: &RunFolder) -> String {
    std::fs::write(folder.path().join("stubborn.py"), STUBBORN).expect("written");
    "python3 stubborn.py".to_owned()
}

fn short_grace() -> Limits {
    Limits { grace: Duration::from_millis(500), ..Limits::default() }
}

#[tokio::test]
async fn a_command_runs_with_its_variables_and_leaves_a_record() {
    let temp = tempfile::tempdir().expect("a folder");
    let folder = run_folder(temp.path());
    assert_eq!(launch::status(&folder).expect("asked"), ChildStatus::NotStarted);
    let command = "echo \"$GREETING\"; echo oops >&2; env > model/env; printf 'no newline'; exit 3";
    launch::launch(&spec(&folder, command, Limits::default()), &shim()).await.expect("launched");
    let mut lines = Vec::new();
    let exit = launch::wait(&folder, &mut |line| lines.push(line.to_owned())).await.expect("ended");
    assert_eq!((exit.cause, exit.code, exit.signal), (ExitCause::Command, Some(3), None));
    assert!(!exit.is_success() && exit.shell_code() == 3);
    assert!(exit.ended_at >= exit.started_at && exit.peak_memory_bytes > 0);
    for said in ["hello there", "oops", "no newline"] {
        assert!(lines.iter().any(|line| line.ends_with(said)), "{said}: {lines:?}");
    }
    let variables = std::fs::read_to_string(folder.path().join("model/env")).expect("written");
    let names: Vec<_> = variables.lines().filter_map(|line| line.split_once('=').map(|(name, _)| name)).collect();
    assert!(names.contains(&"LAMP_RUN") && !names.contains(&"HOME"), "{names:?}");
    assert!(!names.iter().any(|name| name.starts_with("LAMP_CHILD")), "{names:?}");
    assert_eq!(launch::status(&folder).expect("asked"), ChildStatus::Exited(exit));
    let told = std::fs::read_to_string(folder.path().join("child.json")).expect("written");
    assert!(told.contains("GREETING") && !told.contains("hello there"), "values of variables are not written down");

    let again = launch::launch(&spec(&folder, "true", Limits::default()), &shim()).await;
    assert!(matches!(again, Err(LaunchError::AlreadyStarted)), "{again:?}");
}

#[tokio::test]
async fn a_command_outlives_the_one_that_started_it() {
    let temp = tempfile::tempdir().expect("a folder");
    let mut launcher = Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", "launcher_entry", "--nocapture"])
        .arg(temp.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a launcher");
    eventually("the command begins", || {
        let log = RunFolder::open(temp.path(), run_id()).map(|folder| folder.log_path());
        log.is_ok_and(|log| std::fs::read_to_string(log).is_ok_and(|text| text.contains("begun")))
    })
    .await;
    launcher.kill().expect("killed with SIGKILL");
    launcher.wait().expect("gone");
    let folder = RunFolder::open(temp.path(), run_id()).expect("the folder");
    assert!(matches!(launch::status(&folder).expect("asked"), ChildStatus::Running { .. }));
    let exit = launch::wait(&folder, &mut ignore).await.expect("ended");
    assert!(exit.is_success(), "{exit:?}");
    assert_eq!(folder.outputs("model").expect("outputs").len(), 1);
    assert!(exit.duration_ms >= 1_500, "{exit:?}");
}

#[tokio::test]
async fn stopping_ends_even_grandchildren_that_went_their_own_way() {
    let temp = tempfile::tempdir().expect("a folder");
    let folder = run_folder(temp.path());
    let command = stubborn(&folder);
    launch::launch(&spec(&folder, &command, short_grace()), &shim()).await.expect("launched");
    eventually("the grandchild is there", || pid_in(&folder, "grandchild").is_some_and(runs)).await;
    let grandchild = pid_in(&folder, "grandchild").expect("a pid");
    let ended = launch::stop(&folder).await.expect("stopped");
    assert!(matches!(&ended, ChildStatus::Exited(exit) if exit.cause == ExitCause::Stopped), "{ended:?}");
    assert!(!runs(grandchild));
    assert_eq!(launch::stop(&folder).await.expect("stopped twice"), ended);
}

#[tokio::test]
async fn a_polite_command_may_clean_up_when_stopped() {
    let temp = tempfile::tempdir().expect("a folder");
    let folder = run_folder(temp.path());
    let command = "trap 'echo saved > model/checkpoint; exit 0' TERM; echo > ready; while :; do sleep 0.05; done";
    launch::launch(&spec(&folder, command, Limits::default()), &shim()).await.expect("launched");
    eventually("the trap is set", || folder.path().join("ready").exists()).await;
    let ended = launch::stop(&folder).await.expect("stopped");
    assert!(matches!(&ended, ChildStatus::Exited(exit) if exit.code == Some(0) && !exit.is_success()), "{ended:?}");
    assert!(folder.path().join("model/checkpoint").exists());
}

#[tokio::test]
async fn nothing_that_a_command_leaves_in_the_background_stays() {
    let temp = tempfile::tempdir().expect("a folder");
    let folder = run_folder(temp.path());
    let command = "setsid sleep 300 & echo $! > left; exit 0";
    launch::launch(&spec(&folder, command, Limits::default()), &shim()).await.expect("launched");
    let mut log = String::new();
    let exit = launch::wait(&folder, &mut |line| log.push_str(line)).await.expect("ended");
    assert!(exit.is_success(), "{exit:?}");
    assert!(pid_in(&folder, "left").is_some_and(|pid| !runs(pid)));
    assert!(log.contains("left behind"), "{log}");
}

#[tokio::test]
async fn a_killed_shim_takes_its_command_along_and_is_found_out() {
    let temp = tempfile::tempdir().expect("a folder");
    let folder = run_folder(temp.path());
    let command = stubborn(&folder);
    let launched = launch::launch(&spec(&folder, &command, short_grace()), &shim()).await.expect("launched");
    eventually("the grandchild is there", || pid_in(&folder, "grandchild").is_some_and(runs)).await;
    let grandchild = pid_in(&folder, "grandchild").expect("a pid");

    let pids = std::fs::read_to_string(folder.path().join("child.pid.json")).expect("written");
    let pids: serde_json::Value = serde_json::from_str(&pids).expect("JSON");
    let shim_pid = pids["shim_pid"].as_i64().and_then(|pid| i32::try_from(pid).ok()).expect("a pid");
    kill(Pid::from_raw(shim_pid), Signal::SIGKILL).expect("killed");
    eventually("the command dies with its shim", || !runs(Pid::from_raw(launched.pid))).await;
    eventually("it is found out", || matches!(launch::status(&folder), Ok(ChildStatus::Vanished))).await;
    let gone = launch::wait(&folder, &mut ignore).await;
    assert!(matches!(gone, Err(LaunchError::Vanished)), "{gone:?}");

    // What got away from the shim is found by the name of its run.
    assert!(runs(grandchild));
    assert_eq!(launch::stop(&folder).await.expect("stopped"), ChildStatus::Vanished);
    assert!(!runs(grandchild));
}

#[tokio::test]
async fn a_process_that_got_the_same_id_later_is_not_mistaken_for_the_shim() {
    let temp = tempfile::tempdir().expect("a folder");
    let folder = run_folder(temp.path());
    let mut other = Command::new("sleep").arg("60").spawn().expect("another process");
    let pids = serde_json::json!({
        "shim_pid": other.id(), "shim_identity": "a boot long ago:123", "pid": 1, "started_at": "2013-04-01T04:00:00Z"
    });
    std::fs::write(folder.path().join("child.pid.json"), pids.to_string()).expect("written");
    assert_eq!(launch::status(&folder).expect("asked"), ChildStatus::Vanished);
    launch::stop(&folder).await.expect("stopped");
    assert!(other.try_wait().expect("asked").is_none(), "a stranger is left alone");
    other.kill().expect("killed");
    other.wait().expect("gone");
}

#[tokio::test]
async fn limits_end_a_command_and_say_so() {
    let hungry = "import time; x = b'x' * (300 << 20); open('eaten', 'w').close(); time.sleep(300)";
    let hungry = format!("python3 -c \"{hungry}\"");
    let cases = [
        ("sleep 300", Limits { wall: Some(Duration::from_millis(700)), ..short_grace() }, ExitCause::WallLimit),
        ("head -c 3000000 /dev/zero; sleep 300", Limits { log_bytes: 1 << 20, ..short_grace() }, ExitCause::LogLimit),
        (hungry.as_str(), Limits { memory_bytes: Some(100 << 20), ..short_grace() }, ExitCause::MemoryLimit),
    ];
    for (command, limits, cause) in cases {
        let temp = tempfile::tempdir().expect("a folder");
        let folder = run_folder(temp.path());
        launch::launch(&spec(&folder, command, limits), &shim()).await.expect("launched");
        let exit = launch::wait(&folder, &mut ignore).await.expect("ended");
        assert_eq!(exit.cause, cause, "{exit:?}");
        assert!(exit.duration_ms < 20_000 && !exit.is_success(), "{exit:?}");
        if cause == ExitCause::MemoryLimit {
            assert!(exit.peak_memory_bytes > 100 << 20, "{exit:?}");
        }
    }
}

#[tokio::test]
async fn of_two_that_start_the_same_run_one_is_refused() {
    let temp = tempfile::tempdir().expect("a folder");
    let folder = run_folder(temp.path());
    let spec = spec(&folder, "echo once >> times; sleep 1", Limits::default());
    let shim = shim();
    let (one, two) = tokio::join!(launch::launch(&spec, &shim), launch::launch(&spec, &shim));
    let refused = [&one, &two].iter().filter(|start| matches!(start, Err(LaunchError::AlreadyStarted))).count();
    assert_eq!(refused, 1, "{one:?} {two:?}");
    launch::wait(&folder, &mut ignore).await.expect("ended");
    assert_eq!(std::fs::read_to_string(folder.path().join("times")).expect("it ran"), "once\n");
}

#[tokio::test]
async fn a_long_log_is_followed_line_by_line() {
    let temp = tempfile::tempdir().expect("a folder");
    let folder = run_folder(temp.path());
    let command = "seq 1 200000; head -c 150000 /dev/zero | tr '\\0' x; printf 'é\\r\\nend\\n'";
    launch::launch(&spec(&folder, command, Limits::default()), &shim()).await.expect("launched");
    let (mut numbers, mut longest, mut last) = (0_u64, 0, String::new());
    launch::wait(&folder, &mut |line| {
        // The test harness around the shim has lines of its own.
        numbers += u64::from(line.parse() == Ok(numbers + 1));
        longest = longest.max(line.len());
        last = line.to_owned();
    })
    .await
    .expect("ended");
    assert_eq!(numbers, 200_000);
    assert!(longest > 64 << 10 && longest < 256 << 10, "a line without end is cut: {longest}");
    assert_eq!(last, "end");
}

#[tokio::test]
async fn a_command_that_cannot_start_says_why() {
    let temp = tempfile::tempdir().expect("a folder");
    let folder = run_folder(temp.path());
    let mut missing = spec(&folder, "true", Limits::default());
    missing.cwd = temp.path().join("not/there");
    let refused = launch::launch(&missing, &shim()).await;
    assert!(matches!(refused, Err(LaunchError::NoCwd(_))), "{refused:?}");
    // The refusal has used nothing up.
    launch::launch(&spec(&folder, "no-such-program --x", Limits::default()), &shim()).await.expect("launched");
    let mut log = String::new();
    let exit = launch::wait(&folder, &mut |line| log.push_str(line)).await.expect("ended");
    assert_eq!(exit.code, Some(127));
    assert!(log.contains("no-such-program"), "{log}");
}
