//! Which processes there are, and whether one is still the one that it was.
//!
//! A process id comes back after a while; an id together with the time of its start does not.

use std::collections::HashSet;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// One line of the table of processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) pid: i32,
    pub(crate) parent: i32,
    pub(crate) group: i32,
    /// Ended, but not waited for.
    pub(crate) zombie: bool,
    /// Resident memory in bytes.
    pub(crate) resident: u64,
}

/// Page size that `/proc/PID/stat` counts in.
fn page_size() -> u64 {
    let size = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE);
    size.ok().flatten().and_then(|size| u64::try_from(size).ok()).unwrap_or(4_096)
}

/// The fields of `/proc/PID/stat` after the command's name, which may hold spaces and `)`.
/// The first is the state (field 3 of proc(5)).
fn stat_fields(pid: i32) -> Option<Vec<String>> {
    let text = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let (_, fields) = text.rsplit_once(')')?;
    Some(fields.split_whitespace().map(str::to_owned).collect())
}

fn has_proc() -> bool {
    Path::new("/proc/self/stat").exists()
}

/// What tells this process from any other that has had, or will have, its id; none when no
/// such process runs.
pub(crate) fn identity(pid: i32) -> Option<String> {
    if !has_proc() {
        return identity_by_ps(pid);
    }
    let fields = stat_fields(pid)?;
    let ended = matches!(fields.first()?.as_str(), "Z" | "X");
    if ended {
        return None;
    }
    // Field 22: start, in ticks since boot; so the boot belongs to it.
    let start = fields.get(19)?;
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    Some(format!("{}:{start}", boot.trim()))
}

fn identity_by_ps(pid: i32) -> Option<String> {
    let output = Command::new("ps").args(["-o", "state=,lstart=", "-p", &pid.to_string()]).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let (state, start) = text.split_once(' ')?;
    (!state.starts_with('Z')).then(|| start.trim().to_owned())
}

/// Every process that we can see.
pub(crate) fn table() -> Vec<Row> {
    if !has_proc() {
        return table_by_ps();
    }
    let page = page_size();
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    pids.filter_map(|pid| {
        let fields = stat_fields(pid)?;
        let number = |index: usize| fields.get(index).and_then(|field| field.parse::<i64>().ok());
        Some(Row {
            pid,
            parent: i32::try_from(number(1)?).ok()?,
            group: i32::try_from(number(2)?).ok()?,
            zombie: fields.first().is_some_and(|state| state == "Z" || state == "X"),
            resident: u64::try_from(number(21)?).unwrap_or(0) * page,
        })
    })
    .collect()
}

fn table_by_ps() -> Vec<Row> {
    let Ok(output) = Command::new("ps").args(["-axo", "pid=,ppid=,pgid=,rss=,state="]).output() else {
        return Vec::new();
    };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let parse = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let number = |index: usize| fields.get(index).and_then(|field| field.parse::<i32>().ok());
        Some(Row {
            pid: number(0)?,
            parent: number(1)?,
            group: number(2)?,
            zombie: fields.get(4).is_some_and(|state| state.starts_with('Z')),
            resident: u64::try_from(number(3)?).unwrap_or(0) * 1_024,
        })
    };
    text.lines().filter_map(parse).collect()
}

/// The rows of `table` below `root`: its children, their children, and so on; not `root`.
pub(crate) fn descendants(table: &[Row], root: i32) -> Vec<Row> {
    let mut known = HashSet::from([root]);
    let mut found = Vec::new();
    loop {
        let before = found.len();
        for row in table {
            if known.contains(&row.parent) && known.insert(row.pid) {
                found.push(*row);
            }
        }
        if found.len() == before {
            return found;
        }
    }
}

/// Processes other than this one that carry `NAME=value` in the environment that they were
/// started with. Needs `/proc`; elsewhere none are found.
pub(crate) fn with_variable(name: &str, value: &Path) -> Vec<i32> {
    let wanted = [name.as_bytes(), b"=", value.as_os_str().as_encoded_bytes()].concat();
    let carries = |row: &Row| {
        let environment = std::fs::read(format!("/proc/{}/environ", row.pid)).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_slice())
    };
    let own = nix::unistd::getpid().as_raw();
    table().iter().filter(|row| !row.zombie && row.pid != own && carries(row)).map(|row| row.pid).collect()
}

/// Sends a signal; a process that is gone is fine.
pub(crate) fn signal(pid: i32, signal: Signal) {
    // The only other failure, no permission, leaves nothing for us to do either.
    let _ = kill(Pid::from_raw(pid), signal);
}

/// Sends a signal to a whole process group.
pub(crate) fn signal_group(group: i32, signal: Signal) {
    let is_a_group_of_others = group > 1;
    if is_a_group_of_others {
        let _ = nix::sys::signal::killpg(Pid::from_raw(group), signal);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(pid: i32, parent: i32) -> Row {
        Row { pid, parent, group: pid, zombie: false, resident: 0 }
    }

    #[test]
    fn descendants_are_found_in_any_order() {
        let table = [row(5, 4), row(4, 3), row(3, 1), row(9, 1), row(1, 0)];
        let pids: Vec<_> = descendants(&table, 3).iter().map(|row| row.pid).collect();
        assert_eq!(pids, [4, 5]);
        assert!(descendants(&table, 5).is_empty());
    }

    #[test]
    fn a_process_keeps_its_identity_until_it_ends() {
        let mut child = Command::new("sleep").arg("60").spawn().expect("sleep");
        let pid = i32::try_from(child.id()).expect("a pid");
        let first = identity(pid).expect("it runs");
        assert_eq!(identity(pid), Some(first));
        signal(pid, Signal::SIGKILL);
        child.wait().expect("ended");
        assert_eq!(identity(pid), None);
    }
}
