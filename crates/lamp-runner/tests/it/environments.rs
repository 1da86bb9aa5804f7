//! Locked Python environments, from a package index of one wheel that is a folder.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use lamp_core::error::Classified;
use lamp_runner::environment::{Environment, EnvironmentError, EnvironmentSpec, Environments};
use lamp_runner::variables::cleaned_environment;

/// Writes the wheel of a package `lamptiny` 1.0 with one module, and prints its SHA-256.
const MAKE_WHEEL: &str = r"
import hashlib, sys, zipfile
path = sys.argv[1] + '/lamptiny-1.0-py3-none-any.whl'
with zipfile.ZipFile(path, 'w') as wheel:
    wheel.writestr('lamptiny.py', 'ANSWER = 42\n')
    wheel.writestr('lamptiny-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\nName: lamptiny\nVersion: 1.0\n')
    wheel.writestr('lamptiny-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n')
    wheel.writestr('lamptiny-1.0.dist-info/RECORD', 'lamptiny.py,,\n')
print(hashlib.sha256(open(path, 'rb').read()).hexdigest())
";

fn lock(dir: &Path) -> String {
    let output = Command::new("python3").args(["-c", MAKE_WHEEL]).arg(dir).output().expect("python3");
    let hash = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    assert_eq!(hash.len(), 64, "{}", String::from_utf8_lossy(&output.stderr));
    format!("--no-index\n--find-links {}\nlamptiny==1.0 \\\n    --hash=sha256:{hash}\n", dir.display())
}

fn spec(lock: &str) -> EnvironmentSpec {
    EnvironmentSpec { lock: Some(lock.as_bytes().to_vec()), python: None }
}

fn answer(environment: &Environment) -> String {
    let scratch = PathBuf::from("/nowhere");
    let variables = cleaned_environment(environment, &scratch, &[], &[]).expect("variables");
    let mut python = Command::new("sh");
    python.args(["-c", "python -c 'import lamptiny; print(lamptiny.ANSWER)'"]).env_clear().envs(variables);
    String::from_utf8_lossy(&python.output().expect("sh").stdout).trim().to_owned()
}

fn tell_nobody(_: &str) {}

#[tokio::test]
async fn two_at_once_build_once_and_the_next_one_builds_nothing() {
    let temp = tempfile::tempdir().expect("a folder");
    let lock = lock(temp.path());
    let dir = temp.path().join("envs");
    let heard = Mutex::new(Vec::new());
    let listen = |line: &str| heard.lock().expect("no panic").push(line.to_owned());
    // Two of them, as two processes would have.
    let (first, second) = (Environments::new(&dir), Environments::new(&dir));
    let spec = spec(&lock);
    let (one, two) = tokio::join!(first.prepare(&spec, &listen), second.prepare(&spec, &listen));
    let (one, two) = (one.expect("built"), two.expect("waited"));
    assert_eq!(one, two);
    assert_eq!(answer(&one), "42");
    let builds = |lines: &[String]| lines.iter().filter(|line| line.starts_with("making an environment")).count();
    assert_eq!(builds(&heard.lock().expect("no panic")), 1);
    assert!(heard.lock().expect("no panic").iter().any(|line| line.contains("waiting for another process")));

    heard.lock().expect("no panic").clear();
    let third = first.prepare(&spec, &listen).await.expect("there");
    assert_eq!(third, one);
    assert!(heard.lock().expect("no panic").is_empty(), "nothing was to be done");

    // A crash in the middle of a build: the folder is there, `ready` is not.
    let env_dir = one.dir.clone().expect("a folder");
    std::fs::remove_file(env_dir.join("ready")).expect("removed");
    std::fs::write(env_dir.join("half-written"), "").expect("written");
    let rebuilt = first.prepare(&spec, &listen).await.expect("rebuilt");
    assert_eq!(answer(&rebuilt), "42");
    assert!(!env_dir.join("half-written").exists());

    // The workspace was moved: scripts in the environment hold the old path.
    let moved = temp.path().join("moved");
    std::fs::rename(&dir, &moved).expect("moved");
    let there = Environments::new(&moved).prepare(&spec, &listen).await.expect("rebuilt");
    let pip = std::fs::read_to_string(there.bin.join("pip")).expect("a script");
    assert!(pip.contains("/moved/"), "{pip}");
}

#[tokio::test]
async fn a_failed_install_can_be_understood() {
    let temp = tempfile::tempdir().expect("a folder");
    let good = lock(temp.path());
    let environments = Environments::new(temp.path().join("envs"));
    let start = good.find("sha256:").expect("a hash") + 7;
    let other_hash = format!("{}{}\n", &good[..start], "0".repeat(64));
    let missing = good.replace("lamptiny", "lampabsent");
    for (lock, expected, hint) in [(other_hash, "HASHES", "find out why"), (missing, "lampabsent", "package index")] {
        let error = environments.prepare(&spec(&lock), &tell_nobody).await.expect_err("cannot be installed");
        let text = error.to_string();
        assert!(text.starts_with("could not install the locked packages"), "{text}");
        assert!(text.contains(expected), "{text}");
        assert!(error.hint().is_some_and(|said| said.contains(hint)), "{:?}", error.hint());
        let EnvironmentError::Install { log, .. } = error else { panic!("{text}") };
        assert!(std::fs::read_to_string(log).expect("the log is kept").contains(expected));
    }
}

#[tokio::test]
async fn without_a_lock_the_interpreter_on_path_will_do() {
    let temp = tempfile::tempdir().expect("a folder");
    let environments = Environments::new(temp.path().join("envs"));
    let plain = environments.prepare(&EnvironmentSpec::default(), &tell_nobody).await.expect("python3");
    assert_eq!((plain.dir, plain.digest), (None, None));
    assert!(plain.python.is_absolute() && plain.interpreter.contains("3."), "{}", plain.interpreter);
    assert!(!temp.path().join("envs").exists(), "nothing was built");
}

#[tokio::test]
async fn what_is_no_lock_and_what_is_no_python_is_refused_at_once() {
    let temp = tempfile::tempdir().expect("a folder");
    let environments = Environments::new(temp.path().join("envs"));
    let error = environments.prepare(&spec("six==1.17.0\n"), &tell_nobody).await.expect_err("no hash");
    assert!(error.hint().is_some_and(|hint| hint.contains("--generate-hashes")));

    let python = Some(temp.path().join("python9"));
    let missing = environments.prepare(&EnvironmentSpec { lock: None, python }, &tell_nobody).await;
    assert!(matches!(missing, Err(EnvironmentError::NoPython { .. })), "{missing:?}");
    let python = Some(PathBuf::from("/bin/true"));
    let odd = environments.prepare(&EnvironmentSpec { lock: None, python }, &tell_nobody).await;
    assert!(matches!(odd, Err(EnvironmentError::NotPython { .. })), "{odd:?}");

    let old = temp.path().join("python-old");
    let script = "#!/bin/sh\nexec python3 -c \"import json; print(json.dumps(dict(executable='/old/python', major=3, \
        minor=8, version='3.8.1', implementation='CPython', platform='x', venv=True, ensurepip=True)))\"\n";
    std::fs::write(&old, script).expect("written");
    let mode = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o755);
    std::fs::set_permissions(&old, mode).expect("executable");
    let error = environments.prepare(&EnvironmentSpec { lock: None, python: Some(old) }, &tell_nobody).await;
    assert!(error.expect_err("too old").to_string().contains("3.8.1"));
}
