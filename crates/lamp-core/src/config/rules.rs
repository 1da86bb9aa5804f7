//! Rules on single values, each with what is allowed.

use std::time::Duration;

use globset::{Glob, GlobBuilder};

use super::duty::{Every, EveryUnit, Handoff};
use super::service::{DEADLINE_MAX, DEADLINE_MIN};
use crate::error::{Classified, Kind};
use jiff::civil::{Time, Weekday};

/// A value that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(crate) struct Refusal {
    pub(crate) message: String,
    pub(crate) hint: String,
}

impl Refusal {
    pub(crate) fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }
}

impl Classified for Refusal {
    fn kind(&self) -> Kind {
        Kind::Invalid
    }

    fn hint(&self) -> Option<String> {
        Some(self.hint.clone())
    }
}

/// Longest command or expression, in bytes.
const LINE_MAX: usize = 16 * 1024;
/// Largest count in `every = "N days"`.
const EVERY_MAX: u32 = 366;
/// Variables that Lamplighter sets itself for every command.
const OWN_VARIABLES: [&str; 5] = ["PATH", "PYTHONPATH", "PYTHONHASHSEED", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV"];

/// A text with something in it: a command, an expression.
pub(crate) fn not_empty(what: &str, text: &str) -> Result<String, Refusal> {
    if text.trim().is_empty() {
        return Err(Refusal::new(format!("the {what} is empty"), format!("write the {what}, or leave the key out")));
    }
    if text.len() > LINE_MAX || text.contains('\0') {
        let message = format!("the {what} is longer than {LINE_MAX} bytes or has a NUL in it");
        return Err(Refusal::new(message, "put it into a script and call that"));
    }
    Ok(text.to_owned())
}

/// A word of lower-case letters, digits, `-` and `_` (a test's name, a role).
pub(crate) fn word(what: &str, text: &str) -> Result<String, Refusal> {
    let starts_well = text.starts_with(|c: char| c.is_ascii_lowercase());
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if !starts_well || text.len() > crate::names::NAME_MAX || !text.chars().all(allowed) {
        let hint = "use lower-case letters, digits, `-` and `_`, starting with a letter";
        return Err(Refusal::new(format!("`{text}` is not a name for a {what}"), hint));
    }
    Ok(text.to_owned())
}

/// A folder or file below the root, in normal form: no `.`, no `..`, no empty part. `None` if it leaves the root.
pub(crate) fn normal_path(base: &str, path: &str) -> Option<String> {
    if path.starts_with('/') || path.contains('\\') || path.contains('\0') {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in base.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// A committed file, named relative to the project's folder `dir`.
pub(crate) fn committed_file(dir: &str, text: &str) -> Result<String, Refusal> {
    let names_a_file = !text.is_empty() && !text.ends_with('/');
    let inside = normal_path(dir, text).is_some_and(|path| !path.is_empty());
    if names_a_file && inside {
        return Ok(text.to_owned());
    }
    let hint = "name a committed file, relative to the project's folder, with `/` between its parts";
    Err(Refusal::new(format!("`{text}` is not a file of this workspace"), hint))
}

/// A file inside a model package.
pub(crate) fn packaged_file(text: &str) -> Result<String, Refusal> {
    let plain = normal_path("", text).is_some_and(|path| path == text && !path.is_empty());
    if plain {
        return Ok(text.to_owned());
    }
    let hint = "name a file that training saves into the package, for example `model.onnx`";
    Err(Refusal::new(format!("`{text}` is not a file of the package"), hint))
}

/// A glob whose `*` stays within one folder.
pub(crate) fn glob(text: &str) -> Result<Glob, Refusal> {
    let hint = "write for example `data/flights/*.parquet`; `**` goes into folders";
    if text.trim().is_empty() || text.len() > LINE_MAX {
        return Err(Refusal::new("the pattern is empty or too long", hint));
    }
    let built = GlobBuilder::new(text).literal_separator(true).build();
    built.map_err(|error| Refusal::new(format!("`{text}` is not a pattern: {}", error.kind()), hint))
}

/// A glob of project folders, relative to the root.
pub(crate) fn member_glob(text: &str) -> Result<Glob, Refusal> {
    let trimmed = text.trim_end_matches('/');
    let below_root = normal_path("", trimmed).is_some_and(|path| path == trimmed && !path.is_empty());
    if !below_root {
        let message = format!("`{text}` does not name folders below the root");
        return Err(Refusal::new(message, "write for example `members = [\"projects/*\"]`"));
    }
    glob(trimmed)
}

/// `module:Class`.
pub(crate) fn python_entry(text: &str) -> Result<String, Refusal> {
    let identifier = |word: &str| {
        word.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && word.chars().all(|c| c.is_alphanumeric() || c == '_')
    };
    let parts = text.split_once(':');
    if parts.is_some_and(|(module, class)| module.split('.').all(identifier) && identifier(class)) {
        return Ok(text.to_owned());
    }
    Err(Refusal::new(
        format!("`{text}` is not `module:Class`"),
        "write for example `serve = \"delay.serve:Predictor\"`",
    ))
}

/// The base address of an upstream.
pub(crate) fn http_url(text: &str) -> Result<String, Refusal> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let host_is_there = rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
    let plain = text.chars().all(|c| c.is_ascii_graphic()) && !text.contains('@');
    if host_is_there && plain {
        return Ok(text.trim_end_matches('/').to_owned());
    }
    let hint = "write `http://HOST:PORT` or `https://HOST`, without user or password";
    Err(Refusal::new(format!("`{text}` is not the address of a server"), hint))
}

/// `sqlite:PATH` or `postgres://…`.
pub(crate) fn ledger(text: &str) -> Result<String, Refusal> {
    let sqlite = text.strip_prefix("sqlite:").is_some_and(|path| !path.is_empty());
    let postgres = ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme));
    if sqlite || postgres {
        return Ok(text.to_owned());
    }
    let hint = "write `sqlite:PATH` or `postgres://USER@HOST/DATABASE`";
    Err(Refusal::new(format!("`{text}` is not the address of a ledger"), hint))
}

/// A folder, or the address of an object store.
pub(crate) fn store(text: &str) -> Result<String, Refusal> {
    let known = match text.split_once("://") {
        None => !text.trim().is_empty(),
        Some((scheme, rest)) => ["s3", "gs", "az"].contains(&scheme) && !rest.is_empty(),
    };
    if known {
        return Ok(text.to_owned());
    }
    let hint = "write a folder, `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`";
    Err(Refusal::new(format!("`{text}` is not the address of a store"), hint))
}

fn is_variable(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// The name of a variable that Lamplighter itself reads.
pub(crate) fn variable_name(text: &str) -> Result<String, Refusal> {
    if is_variable(text) {
        return Ok(text.to_owned());
    }
    let hint = "write the name alone, for example `secret_env = \"LAMP_WEBHOOK_SECRET\"`";
    Err(Refusal::new(format!("`{text}` is not the name of an environment variable"), hint))
}

/// The name of a variable that may be let through.
pub(crate) fn variable(text: &str) -> Result<String, Refusal> {
    if !is_variable(text) {
        let hint = "list names only, for example `env_pass = [\"CUDA_VISIBLE_DEVICES\"]`";
        return Err(Refusal::new(format!("`{text}` is not the name of an environment variable"), hint));
    }
    if OWN_VARIABLES.contains(&text) || text.starts_with("LAMP_") {
        let message = format!("`{text}` is set by lamp for every command and cannot be passed through");
        return Err(Refusal::new(message, "remove it from `env_pass`"));
    }
    Ok(text.to_owned())
}

/// An e-mail address, as far as one can tell by looking.
pub(crate) fn email(text: &str) -> Result<String, Refusal> {
    let parts = text.split_once('@');
    let shaped = parts.is_some_and(|(user, host)| !user.is_empty() && !host.is_empty() && !host.contains('@'));
    if shaped && !text.contains(char::is_whitespace) {
        return Ok(text.to_owned());
    }
    let hint = "use the address in each person's `git config user.email`";
    Err(Refusal::new(format!("`{text}` is not an e-mail address"), hint))
}

/// `20 GiB`, `500 MB`: a number of bytes.
pub(crate) fn size(text: &str) -> Result<u64, Refusal> {
    let error = || Refusal::new(format!("`{text}` is not a size"), "write for example `\"20 GiB\"` or `\"500 MB\"`");
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let amount: u64 = text[..digits].parse().map_err(|_| error())?;
    let unit: u64 = match text[digits..].trim() {
        "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "TiB" => 1 << 40,
        _ => return Err(error()),
    };
    amount.checked_mul(unit).ok_or_else(error)
}

/// `100ms`, `2s`.
pub(crate) fn deadline(text: &str) -> Result<Duration, Refusal> {
    let hint = "write `\"100ms\"` or `\"2s\"`, from 1ms to 60s";
    let error = || Refusal::new(format!("`{text}` is not a deadline"), hint);
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let amount: u64 = text[..digits].parse().map_err(|_| error())?;
    let duration = match text[digits..].trim() {
        "ms" => Duration::from_millis(amount),
        "s" => Duration::from_secs(amount),
        _ => return Err(error()),
    };
    if (DEADLINE_MIN..=DEADLINE_MAX).contains(&duration) { Ok(duration) } else { Err(error()) }
}

/// `day`, `7 days`, `1 month`.
pub(crate) fn every(text: &str) -> Result<Every, Refusal> {
    let error = || {
        let hint =
            format!("write `\"day\"`, `\"7 days\"`, `\"2 weeks\"` or `\"1 month\"`, at most {EVERY_MAX} of them");
        Refusal::new(format!("`{text}` is not a period"), hint)
    };
    let mut words = text.split_ascii_whitespace().rev();
    let unit = match words.next() {
        Some("day" | "days") => EveryUnit::Day,
        Some("week" | "weeks") => EveryUnit::Week,
        Some("month" | "months") => EveryUnit::Month,
        _ => return Err(error()),
    };
    let count = words.next().map_or(Ok(1), str::parse).map_err(|_| error())?;
    let fits = (1..=EVERY_MAX).contains(&count) && words.next().is_none();
    if fits { Ok(Every { count, unit }) } else { Err(error()) }
}

/// `Mon 09:00`.
pub(crate) fn handoff(text: &str) -> Result<Handoff, Refusal> {
    let error = || {
        let hint = "write a day and a time, for example `handoff = \"Mon 09:00\"`";
        Refusal::new(format!("`{text}` is not a day and a time"), hint)
    };
    let (day, clock) = text.split_once(' ').ok_or_else(error)?;
    let days = [
        ("Mon", Weekday::Monday),
        ("Tue", Weekday::Tuesday),
        ("Wed", Weekday::Wednesday),
        ("Thu", Weekday::Thursday),
        ("Fri", Weekday::Friday),
        ("Sat", Weekday::Saturday),
        ("Sun", Weekday::Sunday),
    ];
    let weekday = days.into_iter().find(|(name, _)| *name == day).map(|(_, weekday)| weekday).ok_or_else(error)?;
    Ok(Handoff { weekday, time: find_time(clock).ok_or_else(error)? })
}

/// `06:30`.
pub(crate) fn time_of_day(text: &str) -> Result<Time, Refusal> {
    let hint = "write hours and minutes, for example `at = \"06:30\"`";
    find_time(text).ok_or_else(|| Refusal::new(format!("`{text}` is not a time of day"), hint))
}

fn find_time(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let two_digits = |part: &str| -> Option<i8> {
        let shaped = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        shaped.then(|| part.parse().ok()).flatten()
    };
    Time::new(two_digits(hour)?, two_digits(minute)?, 0, 0).ok()
}
