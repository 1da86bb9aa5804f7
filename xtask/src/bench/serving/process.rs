//! Servers that are started for a measurement and end with it.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// The processor of whatever serves.
const SERVES: &str = "0";
/// The processor of whoever asks.
pub(super) const ASKS: &str = "1";
/// A server that does not answer by then never will.
const START_WITHIN: Duration = Duration::from_mins(2);

/// A process group, killed when this is dropped.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    name: String,
    log: PathBuf,
}

impl Server {
    /// Starts `command` on the processor of servers, with its output in `folder`.
    pub(super) fn start(name: &str, command: &Command, folder: &Path) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let output = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut pinned = Command::new("taskset");
        pinned.args(["-c", SERVES]).arg(command.get_program()).args(command.get_args()).process_group(0);
        if let Some(here) = command.get_current_dir() {
            pinned.current_dir(here);
        }
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                pinned.env(name, value);
            }
        }
        pinned.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let child = pinned.spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Self { child, name: name.to_owned(), log })
    }

    fn group(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap_or(i32::MAX))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = killpg(self.group(), Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

/// What is asked, and the servers that answer.
#[derive(Debug)]
pub(super) struct Started {
    /// Name and version.
    pub title: String,
    /// All processes behind the address.
    pub servers: Vec<Server>,
    /// Where it listens on this machine.
    pub port: u16,
    /// What is posted to.
    pub path: String,
    /// What is posted.
    pub body: PathBuf,
}

impl Started {
    /// The address that is posted to.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}{}", self.port, self.path)
    }

    /// Waits until the question is answered with 200.
    pub(super) fn wait_until_it_answers(&mut self) -> Result<()> {
        let body = std::fs::read(&self.body)?;
        let started = Instant::now();
        loop {
            match post(self.port, &self.path, &body) {
                Ok(200) => return Ok(()),
                _ if started.elapsed() < START_WITHIN => {
                    self.check()?;
                    std::thread::sleep(Duration::from_millis(100));
                }
                last => {
                    let logs: Vec<String> = self.servers.iter().map(|server| tail(&server.log)).collect();
                    bail!("{} does not answer ({last:?}): {}", self.title, logs.join(" / "));
                }
            }
        }
    }

    /// Resident bytes of the processes that were started last, which is what answers, and all below them.
    pub(super) fn resident(&self) -> u64 {
        self.servers.last().map_or(0, |server| resident_of_group(server.group()))
    }

    /// Whether all of it still runs.
    fn check(&mut self) -> Result<()> {
        for server in &mut self.servers {
            if let Some(status) = server.child.try_wait()? {
                bail!("{} ended with {status}: {}", server.name, tail(&server.log));
            }
        }
        Ok(())
    }
}

fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(3)..].join(" / ")
}

/// The status of the answer.
fn post(port: u16, path: &str, body: &[u8]) -> Result<u16> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
         connection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    let mut answer = [0; 64];
    let read = stream.read(&mut answer)?;
    let text = String::from_utf8_lossy(&answer[..read]);
    text.split_whitespace().nth(1).and_then(|word| word.parse().ok()).context("no status")
}

/// The sum over /proc of the processes in a group.
fn resident_of_group(group: Pid) -> u64 {
    let pages: u64 = std::fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            resident_pages(&stat, group.as_raw())
        })
        .sum();
    pages * 4_096
}

/// Field 24 of a line of /proc/PID/stat, if field 5 is `group`. The name before them may hold spaces.
fn resident_pages(stat: &str, group: i32) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    (fields.get(2)?.parse() == Ok(group)).then(|| fields.get(21)?.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resident_memory_is_that_of_the_group() {
        let stat = "17 (a (b) c) S 1 42 42 0 -1 4194304 9 0 0 0 1 2 0 0 20 0 1 0 5 1000 321 18446744073709551615";
        assert_eq!(resident_pages(stat, 42), Some(321));
        assert_eq!(resident_pages(stat, 41), None);
    }
}
