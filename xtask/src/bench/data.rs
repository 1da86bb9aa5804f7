//! `cargo xtask bench data`: versions of data, beside the tools that keep them.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::Setting;
use super::inputs::{Inputs, remove};
use super::machine::bytes_in;
use super::measure::{self, Cost, Invocation, Outcome};
use super::table::{COST_COLUMNS, Repeated, Table, megabytes, percent, times};
use super::tools::{Ready, Tool, copy};

/// The workloads.
const WORK: [&str; 4] = ["small", "lineitem", "versions", "start"];

/// Contenders other than [`Tool`]s.
const COPY: &str = "cp";

/// Times that a command which does next to nothing is started for one time of other work.
const STARTS: u32 = 10;

/// What `--only` knows here.
pub(super) fn words() -> Vec<&'static str> {
    contenders().into_iter().chain(WORK).collect()
}

fn contenders() -> Vec<&'static str> {
    Tool::ALL.iter().map(|tool| tool.word()).chain([COPY]).collect()
}

/// A tool that is ready, or why it is not.
struct Contender {
    tool: Tool,
    ready: Result<Ready, String>,
}

impl Contender {
    fn title(&self) -> String {
        self.ready.as_ref().map_or_else(|_| self.tool.word().to_owned(), |ready| ready.title.clone())
    }
}

/// Measures everything that is wanted. Returns the tables.
pub(super) fn run(setting: &Setting<'_>) -> Result<String> {
    let inputs = Inputs::prepare(setting)?;
    let wanted = |tool: &Tool| setting.options.wants(tool.word(), &contenders());
    let contenders: Vec<Contender> = Tool::ALL
        .into_iter()
        .filter(wanted)
        .map(|tool| Contender { tool, ready: tool.prepare(setting).map_err(|error| format!("{error:#}")) })
        .collect();
    let bench = DataBench { setting, inputs, contenders };
    let mut tables = Vec::new();
    for work in WORK {
        if setting.options.wants(work, &WORK) {
            tables.extend(bench.work(work)?);
        }
    }
    Ok(tables.iter().map(Table::markdown).collect::<Vec<_>>().join("\n"))
}

struct DataBench<'a> {
    setting: &'a Setting<'a>,
    inputs: Inputs,
    contenders: Vec<Contender>,
}

/// What is measured of one contender.
#[derive(Default)]
struct Measured {
    add: Repeated,
    again: Repeated,
    kept: u64,
}

impl DataBench<'_> {
    fn work(&self, work: &str) -> Result<Vec<Table>> {
        match work {
            "small" => self.small(),
            "lineitem" => self.lineitem(),
            "versions" => self.versions(),
            _ => self.starts().map(|table| vec![table]),
        }
    }

    fn scratch(&self) -> &Path {
        &self.setting.scratch.path
    }

    fn measure(&self, commands: &[Invocation]) -> Outcome {
        measure::all(commands, self.setting.options.limit, self.scratch())
    }

    fn small(&self) -> Result<Vec<Table>> {
        let source = self.staged(&self.inputs.small()?, "small")?;
        let bytes = bytes_in(&source);
        let (floor, measured) = self.once_added(&source, "files", true)?;
        let count = count_files(&source);
        let what = format!("{count} files of {} kB", bytes / count.max(1) / 1_000);
        let note = "Random bytes in folders of a thousand, added to an empty repository. git and git-lfs: `add` and \
                    `commit`; DVC: `dvc add`; Oxen: `add` and `commit`.";
        let add = self.add_table(&format!("Add {what}"), note, &floor, &measured, bytes);
        let again_note = "The same command again, when nothing has changed; of git and git-lfs, `git add`.";
        let mut again = Table::new(&format!("The same {what} again"), again_note, &cost_columns(&[]));
        for (contender, measured) in self.contenders.iter().zip(&measured) {
            again.row(std::iter::once(contender.title()).chain(cells_of(contender, &measured.again)));
        }
        remove(&source)?;
        Ok(vec![add, again])
    }

    fn lineitem(&self) -> Result<Vec<Table>> {
        let source = self.staged(&self.inputs.lineitem()?, "lineitem.parquet")?;
        let bytes = bytes_in(self.scratch().join("inputs").as_path());
        let (floor, measured) = self.once_added(&source, "lineitem.parquet", false)?;
        let heading = format!("Add `lineitem` of TPC-H, scale {}", self.inputs.scale());
        let note = format!("One Parquet file of {} MB, made by tpchgen-cli.", megabytes(bytes));
        remove(&source)?;
        Ok(vec![self.add_table(&heading, &note, &floor, &measured, bytes)])
    }

    /// Copies an input to where the work is done.
    fn staged(&self, input: &Path, name: &str) -> Result<PathBuf> {
        let folder = self.scratch().join("inputs");
        std::fs::create_dir_all(&folder)?;
        let staged = folder.join(name);
        copy(input, &staged)?;
        Ok(staged)
    }

    /// Adds `source`, as `name`, to new repositories of all contenders in turn, as often as is asked for. The first
    /// figures are those of `cp`.
    fn once_added(&self, source: &Path, name: &str, again: bool) -> Result<(Repeated, Vec<Measured>)> {
        let mut floor = Repeated::default();
        let mut measured: Vec<Measured> = self.contenders.iter().map(|_| Measured::default()).collect();
        let takes_floor = self.setting.options.wants(COPY, &contenders());
        for repetition in 1..=self.setting.options.repeat {
            if takes_floor {
                self.say(repetition, name, COPY);
                let target = self.scratch().join("copied");
                let copy = Invocation::new("cp", self.scratch()).args(["-r".as_ref(), source.as_os_str()]);
                floor.push(self.measure(&[copy.args([target.as_os_str()])]));
                remove(&target)?;
            }
            for (contender, measured) in self.contenders.iter().zip(&mut measured) {
                let Ok(ready) = &contender.ready else { continue };
                if contender.tool == Tool::LampCanonical || measured.add.is_hopeless() {
                    continue;
                }
                self.say(repetition, name, &ready.title);
                self.add_once(ready, source, name, again, measured)?;
            }
        }
        Ok((floor, measured))
    }

    fn add_once(&self, ready: &Ready, source: &Path, name: &str, again: bool, measured: &mut Measured) -> Result<()> {
        let folder = self.scratch().join(ready.tool.word());
        ready.start(&folder)?;
        copy(source, &folder.join(name))?;
        measured.add.push(self.measure(&ready.add(&folder, name, "first")));
        measured.kept = ready.kept(&folder);
        if again && !measured.add.is_hopeless() {
            measured.again.push(self.measure(&ready.again(&folder, name)));
        }
        remove(&folder)
    }

    fn say(&self, repetition: u32, work: &str, who: &str) {
        println!("[{repetition}/{}] {work}: {who}", self.setting.options.repeat);
    }

    fn add_table(&self, heading: &str, note: &str, floor: &Repeated, measured: &[Measured], bytes: u64) -> Table {
        let mut table = Table::new(heading, note, &cost_columns(&["× cp", "kept MB"]));
        let copied = floor.best();
        let row = |title: String, repeated: [String; 4], of_copy: String, kept: u64| {
            std::iter::once(title).chain(repeated).chain([of_copy, megabytes(kept)])
        };
        if !floor.is_empty() {
            table.row(row("`cp -r`".to_owned(), floor.cells(), times(copied, copied), bytes));
        }
        for (contender, measured) in self.contenders.iter().zip(measured) {
            if contender.tool == Tool::LampCanonical {
                continue;
            }
            let of_copy = times(measured.add.best(), copied);
            table.row(row(contender.title(), cells_of(contender, &measured.add), of_copy, measured.kept));
        }
        table
    }

    fn versions(&self) -> Result<Vec<Table>> {
        let files = self.inputs.versions()?;
        let bytes: u64 = files.iter().map(|file| std::fs::metadata(file).map_or(0, |found| found.len())).sum();
        let mut grown: Vec<Grown> = Vec::new();
        for contender in &self.contenders {
            grown.push(Grown::start(contender, &self.scratch().join(contender.tool.word()))?);
        }
        for (number, file) in (1..).zip(&files) {
            for grown in &mut grown {
                self.add_version(grown, number, file)?;
            }
        }
        let last = u32::try_from(files.len()).unwrap_or(u32::MAX);
        let heading = format!("{} versions of a growing Parquet file", files.len());
        let note = format!(
            "The flights of 2013 as pandas writes them, ten days more in each version, with corrections, rows deleted, \
             a new column and once another order of rows: {} MB in all. Seconds are the sum of all versions, a process \
             or two for each. *Back* is the time to bring version {} back, with no cache.",
            megabytes(bytes),
            last / 2,
        );
        let mut table =
            Table::new(&heading, &note, &["", "seconds", "CPU s", "peak MB", "kept MB", "of all bytes", "back"]);
        for grown in &grown {
            for row in self.grown_rows(grown, last, &files, bytes)? {
                table.row(row);
            }
        }
        for grown in &grown {
            remove(&grown.folder)?;
        }
        Ok(vec![table])
    }

    fn add_version(&self, grown: &mut Grown<'_>, number: u32, file: &Path) -> Result<()> {
        let (Ok(ready), Outcome::Done(so_far)) = (&grown.contender.ready, &grown.total) else { return Ok(()) };
        println!("version {number}: {}", ready.title);
        std::fs::copy(file, grown.folder.join(GROWING)).context("cannot copy a version")?;
        let message = label(number);
        grown.total = match self.measure(&ready.add(&grown.folder, GROWING, &message)) {
            Outcome::Done(cost) => {
                ready.name(&grown.folder, GROWING, &message)?;
                Outcome::Done(so_far.then(cost))
            }
            other => other,
        };
        Ok(())
    }

    /// One row of what the tool kept at once, and one of what it kept after packing.
    fn grown_rows(&self, grown: &Grown<'_>, last: u32, files: &[PathBuf], bytes: u64) -> Result<Vec<Vec<String>>> {
        let title = grown.contender.title();
        let ready = match &grown.contender.ready {
            Ok(ready) => ready,
            Err(why) => return Ok(vec![vec![title, format!("not measured: {why}")]]),
        };
        let mut total = Repeated::default();
        total.push(grown.total.clone());
        if total.is_hopeless() {
            return Ok(vec![std::iter::once(title).chain(total.cells()).collect()]);
        }
        let row = |title: String, cost: &Repeated, back: String| {
            let [seconds, _, cpu, peak] = cost.cells();
            let kept = ready.kept(&grown.folder);
            vec![title, seconds, cpu, peak, megabytes(kept), percent(kept, bytes), back]
        };
        let mut rows = vec![row(title, &total, self.back(ready, &grown.folder, last / 2, files)?)];
        if let Some((how, pack)) = ready.pack(&grown.folder) {
            println!("{how}");
            let mut packed = Repeated::default();
            packed.push(self.measure(&[pack]));
            let back = self.back(ready, &grown.folder, last / 2, files)?;
            rows.push(row(format!("… after `{how}`"), &packed, back));
        }
        Ok(rows)
    }

    /// The seconds to bring a version back, after a look at whether its bytes are right.
    fn back(&self, ready: &Ready, folder: &Path, number: u32, files: &[PathBuf]) -> Result<String> {
        let mut repeated = Repeated::default();
        for _ in 0..self.setting.options.repeat {
            let command = ready.get(folder, GROWING, number, &label(number))?;
            repeated.push(self.measure(&[command]));
            if repeated.is_hopeless() {
                break;
            }
        }
        let wanted = files.get(number.saturating_sub(1) as usize).map(std::fs::read).transpose()?;
        let is_right = std::fs::read(ready.got(folder, GROWING)).is_ok_and(|bytes| Some(bytes) == wanted);
        let [seconds, ..] = repeated.cells();
        let says_so = is_right || repeated.is_hopeless() || ready.tool == Tool::LampCanonical;
        Ok(if says_so { seconds } else { format!("{seconds}, but other bytes") })
    }

    fn starts(&self) -> Result<Table> {
        let note = "Processes that do next to nothing: what each command of a tool takes at least.";
        let mut table = Table::new("Process start", note, &cost_columns(&[]));
        let mut commands: Vec<(String, Invocation, Repeated)> = Vec::new();
        let mut folders = Vec::new();
        for contender in &self.contenders {
            let Ok(ready) = &contender.ready else { continue };
            let folder = self.scratch().join(ready.tool.word());
            ready.start(&folder)?;
            std::fs::write(folder.join("file.bin"), "one file")?;
            for command in ready.add(&folder, "file.bin", "first") {
                command.run()?;
            }
            commands
                .extend(ready.starts(&folder).into_iter().map(|(name, command)| (name, command, Repeated::default())));
            folders.push(folder);
        }
        for _ in 0..self.setting.options.repeat * STARTS {
            for (_, command, repeated) in &mut commands {
                repeated.push(self.measure(std::slice::from_ref(command)));
            }
        }
        for (name, _, repeated) in &commands {
            table.row(std::iter::once(format!("`{name}`")).chain(repeated.cells()));
        }
        folders.iter().try_for_each(|folder| remove(folder))?;
        Ok(table)
    }
}

/// The file that grows.
const GROWING: &str = "flights.parquet";

fn label(number: u32) -> String {
    format!("v{number:03}")
}

/// A contender's repository of versions, and what they took so far.
struct Grown<'a> {
    contender: &'a Contender,
    folder: PathBuf,
    total: Outcome,
}

impl<'a> Grown<'a> {
    fn start(contender: &'a Contender, folder: &Path) -> Result<Self> {
        if let Ok(ready) = &contender.ready {
            ready.start(folder)?;
        }
        Ok(Self { contender, folder: folder.to_owned(), total: Outcome::Done(Cost::default()) })
    }
}

fn cost_columns<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let mut columns = vec![""];
    columns.extend(COST_COLUMNS);
    columns.extend(more);
    columns
}

fn cells_of(contender: &Contender, repeated: &Repeated) -> [String; 4] {
    match &contender.ready {
        Ok(_) => repeated.cells(),
        Err(why) => [format!("not measured: {why}"), String::new(), String::new(), String::new()],
    }
}

fn count_files(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| if entry.path().is_dir() { count_files(&entry.path()) } else { 1 }).sum()
}
