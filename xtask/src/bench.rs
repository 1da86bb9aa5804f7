//! `cargo xtask bench`: Lamplighter beside the tools that users would pick instead, in one go on one machine.
//!
//! A bench sets up its peers, prepares the inputs, measures whole processes ([`measure`]), and writes its tables into
//! `docs/benchmarks.md` ([`table`]).

mod alarms;
mod data;
mod faults;
mod inputs;
mod lamp;
mod machine;
mod measure;
mod peers;
mod profile;
mod serving;
mod table;
mod tools;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use machine::Scratch;

/// What `cargo xtask bench` says of itself.
const HELP: &str = "\
Usage: cargo xtask bench WHAT [OPTIONS]

  data       versions of data, beside git, git-lfs, DVC and Oxen
  profile    profiles of tables, beside Polars, DuckDB, whylogs, ydata-profiling, Great Expectations and Evidently
  alarms     how well data beside its history is judged, beside GATE and a test on each column
  faults     what becomes of requests when models, disks and replicas fail
  serving    predictions, beside nginx, HAProxy and Envoy as proxies, and MLServer and BentoML

      --lamp PATH      measure this binary, and build none
      --only WORDS     these contenders and workloads alone, with commas between: `--only lamp,git,small`
      --quick          small inputs: to see that it works
      --repeat N       times that quick work is done (3)
      --limit SECONDS  after which a contender is stopped (60)

The tables go into docs/benchmarks.md, unless --only or --quick leaves something out: then they are printed.
";

/// The page that the tables are written into.
const PAGE: &str = "docs/benchmarks.md";

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bench {
    Data,
    Profile,
    Alarms,
    Faults,
    Serving,
}

impl Bench {
    fn parse(word: &str) -> Option<Self> {
        match word {
            "data" => Some(Self::Data),
            "profile" => Some(Self::Profile),
            "alarms" => Some(Self::Alarms),
            "faults" => Some(Self::Faults),
            "serving" => Some(Self::Serving),
            _ => None,
        }
    }

    /// Names of its section of the page, and of what it takes on the command line.
    fn name(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Profile => "profile",
            Self::Alarms => "alarms",
            Self::Faults => "faults",
            Self::Serving => "serving",
        }
    }

    /// The words that `--only` knows here.
    fn words(self) -> Vec<&'static str> {
        match self {
            Self::Data => data::words(),
            Self::Profile => profile::words(),
            Self::Alarms | Self::Faults => Vec::new(),
            Self::Serving => serving::words(),
        }
    }
}

/// What was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    lamp: Option<PathBuf>,
    only: Vec<String>,
    quick: bool,
    repeat: u32,
    limit: Duration,
}

impl Options {
    /// Parses what follows the bench's name; `words` are those that `--only` may name.
    fn parse(arguments: &[String], words: &[&str]) -> Result<Self> {
        let mut options = Self { lamp: None, only: Vec::new(), quick: false, repeat: 3, limit: Duration::from_mins(1) };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value = || rest.next().with_context(|| format!("{argument} wants a value\n\n{HELP}"));
            match argument.as_str() {
                "--quick" => options.quick = true,
                "--lamp" => options.lamp = Some(PathBuf::from(value()?)),
                "--only" => options.only = value()?.split(',').map(str::to_owned).collect(),
                "--repeat" => options.repeat = value()?.parse().context("--repeat wants a number")?,
                "--limit" => {
                    options.limit = Duration::from_secs(value()?.parse().context("--limit wants whole seconds")?);
                }
                other => bail!("there is no option {other}\n\n{HELP}"),
            }
        }
        if let Some(unknown) = options.only.iter().find(|word| !words.contains(&word.as_str())) {
            bail!("--only does not know `{unknown}`; it knows {}", words.join(", "));
        }
        options.repeat = options.repeat.max(1);
        Ok(options)
    }

    /// Whether `word` is to be measured, one of several `alternatives`: all are unless one of them was named.
    fn wants(&self, word: &str, alternatives: &[&str]) -> bool {
        let names_one = self.only.iter().any(|only| alternatives.contains(&only.as_str()));
        !names_one || self.only.iter().any(|only| only == word)
    }

    /// Whether nothing is left out, so that the page may be written.
    fn is_whole(&self) -> bool {
        self.only.is_empty() && !self.quick
    }
}

/// All that a bench works with.
struct Setting<'a> {
    options: &'a Options,
    /// The repository.
    root: &'a Path,
    /// Where peers and prepared inputs are kept from one run to the next.
    kept: PathBuf,
    /// Where the measured work is done; removed at the end.
    scratch: Scratch,
    /// The binary.
    lamp: PathBuf,
}

/// Runs the bench that the first argument names.
pub fn run(root: &Path, arguments: &[String]) -> Result<ExitCode> {
    let Some((what, rest)) = arguments.split_first() else {
        print!("{HELP}");
        return Ok(ExitCode::from(2));
    };
    if what == measure::CHILD {
        return measure::child(rest);
    }
    let Some(bench) = Bench::parse(what) else { bail!("there is no bench of {what}\n\n{HELP}") };
    let options = Options::parse(rest, &bench.words())?;
    let kept = crate::target_directory(root).join("xtask").join("bench");
    std::fs::create_dir_all(&kept).with_context(|| format!("cannot make {}", kept.display()))?;
    let scratch = Scratch::make(&kept)?;
    let inputs = kept.clone();
    let beside_peers = |scratch: Scratch, measure: fn(&Setting<'_>) -> Result<String>| {
        let lamp = lamp::binary(root, options.lamp.as_deref())?;
        let setting = Setting { options: &options, root, kept, scratch, lamp };
        let tables = measure(&setting)?;
        anyhow::Ok(format!("{}\n\n{tables}", machine::describe(&setting)?))
    };
    let body = match bench {
        Bench::Alarms => alarms::run(root, &options, &inputs)?,
        Bench::Faults => faults::run(root, &options, &scratch)?,
        Bench::Data => beside_peers(scratch, data::run)?,
        Bench::Profile => beside_peers(scratch, profile::run)?,
        Bench::Serving => beside_peers(scratch, serving::run)?,
    };
    if !options.is_whole() {
        println!("\n{body}");
        return Ok(ExitCode::SUCCESS);
    }
    let page = root.join(PAGE);
    let text = std::fs::read_to_string(&page).with_context(|| format!("cannot read {PAGE}"))?;
    std::fs::write(&page, table::spliced(&text, bench.name(), &body)?)
        .with_context(|| format!("cannot write {PAGE}"))?;
    println!("\n{body}\nwritten into {PAGE}");
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Options> {
        let arguments: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Options::parse(&arguments, &["lamp", "git", "small", "versions"])
    }

    #[test]
    fn what_is_left_out_is_printed_and_not_published() {
        assert!(parsed("--repeat 5 --limit 300").expect("options").is_whole());
        assert!(!parsed("--quick").expect("options").is_whole());
        let only = parsed("--only lamp,small").expect("options");
        assert!(!only.is_whole());
        let (tools, work) = (["lamp", "git"], ["small", "versions"]);
        assert!(only.wants("lamp", &tools) && !only.wants("git", &tools));
        assert!(only.wants("small", &work) && !only.wants("versions", &work));
        let only = parsed("--only git").expect("options");
        assert!(only.wants("versions", &work), "no workload is named, so all are wanted");
    }

    #[test]
    fn what_cannot_be_understood_is_refused() {
        for (line, why) in [
            ("--only hg", "--only does not know `hg`"),
            ("--limit soon", "--limit wants whole seconds"),
            ("--lamp", "--lamp wants a value"),
            ("--fast", "there is no option --fast"),
        ] {
            let error = format!("{:#}", parsed(line).expect_err(line));
            assert!(error.starts_with(why), "{line}: {error}");
        }
    }
}
