//! Where the demo plays, what time it is there, and what the audience sees.

use std::path::{Path, PathBuf};
use std::time::Instant;

use console::style;
use jiff::civil::{Date, Time, date, time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use serde::de::DeserializeOwned;

use crate::args::Demo;
use crate::clock;
use crate::failure::Failure;
use crate::ui::{Spinner, out};

/// First day of the story.
pub const FIRST_DAY: Date = date(2013, 1, 1);

/// The day on which training happens, and the first that is replayed.
pub const TRAINING_DAY: Date = date(2013, 4, 1);

/// Last day of April, which is lived through a day at a time.
pub const LAST_DAY: Date = date(2013, 4, 30);

/// The last day of the year, on which no weather comes.
pub const EVE: Date = date(2013, 12, 31);

/// Where the story ends.
pub const NEW_YEAR: Date = date(2014, 1, 1);

/// The days whose departures ask for predictions: a name, the first and the last.
pub const REPLAYED: [(&str, Date, Date); 2] = [("april", TRAINING_DAY, LAST_DAY), ("eve", EVE, EVE)];

/// The prop with the requests of a span of [`REPLAYED`].
pub fn requests_file(name: &str) -> String {
    format!("requests-{name}.jsonl")
}

/// The prop with what became of their flights.
pub fn outcomes_file(name: &str) -> String {
    format!("outcomes-{name}.jsonl")
}

/// The stage.
pub struct Stage {
    /// Root of the demo's repository.
    pub root: PathBuf,
    zone: TimeZone,
    started: Instant,
    spinner: Option<Spinner>,
    step: u32,
}

impl Stage {
    /// Sets the stage up in a folder that is the demo's own, or that is empty or absent.
    pub fn new(args: &Demo) -> Result<Self, Failure> {
        let root = std::path::absolute(&args.dir).map_err(|error| Failure::operation(error.to_string()))?;
        let is_occupied = std::fs::read_dir(&root).is_ok_and(|mut entries| entries.next().is_some());
        let is_ours = clock::read_mark(&root)?.is_some_and(|mark| mark.kind == "demo");
        if is_occupied && !is_ours {
            let message = format!("`{}` is not empty and not a demo's folder", root.display());
            return Err(Failure::operation(message).with_hint("lamp demo --dir ANOTHER"));
        }
        std::fs::create_dir_all(&root)
            .map_err(|error| Failure::operation(format!("cannot create `{}`: {error}", root.display())))?;
        let zone = TimeZone::get("America/New_York").map_err(|error| Failure::operation(error.to_string()))?;
        let stage = Self { root, zone, started: Instant::now(), spinner: None, step: 0 };
        if !is_ours {
            stage.set_time(stage.at(FIRST_DAY, 6)?)?;
        }
        Ok(stage)
    }

    /// Folder of the demo's own props, which no user would have.
    pub fn props(&self) -> PathBuf {
        self.root.join(".lamp/demo")
    }

    /// A prop's lines of JSON.
    pub fn read_lines<T: DeserializeOwned>(&self, name: &str) -> Result<Vec<T>, Failure> {
        let path = self.props().join(name);
        let failed = |why: String| Failure::operation(format!("cannot read `{}`: {why}", path.display()));
        let text = std::fs::read_to_string(&path).map_err(|error| failed(error.to_string()))?;
        text.lines().map(|line| serde_json::from_str(line).map_err(|error| failed(error.to_string()))).collect()
    }

    /// The project's folder.
    pub fn project(&self) -> PathBuf {
        self.root.join("projects/delay")
    }

    /// The instant of an hour of a day in New York.
    pub fn at(&self, day: Date, hour: i8) -> Result<Timestamp, Failure> {
        self.at_time(day, time(hour, 0, 0, 0))
    }

    /// The instant of a time of a day in New York.
    pub fn at_time(&self, day: Date, time: Time) -> Result<Timestamp, Failure> {
        let zoned = day.to_datetime(time).to_zoned(self.zone.clone());
        zoned.map(|zoned| zoned.timestamp()).map_err(|error| Failure::operation(error.to_string()))
    }

    /// The day in New York on which `at` falls.
    pub fn day_of(&self, at: Timestamp) -> Date {
        at.to_zoned(self.zone.clone()).date()
    }

    /// Sets the time, for every process of the demo. Time never runs backwards.
    pub fn set_time(&self, now: Timestamp) -> Result<(), Failure> {
        let is_past = self.now()?.is_some_and(|shown| shown >= now);
        if is_past { Ok(()) } else { clock::write_mark(&self.root, "demo", now) }
    }

    /// What the demo's clock shows, if it was set.
    pub fn now(&self) -> Result<Option<Timestamp>, Failure> {
        Ok(clock::read_mark(&self.root)?.map(|mark| mark.instant()))
    }

    /// Announces a step.
    pub fn begin(&mut self, title: &str) {
        self.spinner = None;
        self.step += 1;
        out!("{} {}", style(format!("{:>2}.", self.step)).cyan().bold(), style(title).bold());
        self.spinner = Some(Spinner::start(title));
    }

    /// Says what is going on within a step.
    pub fn say(&self, text: &str) {
        if let Some(spinner) = &self.spinner {
            spinner.say(text);
        }
    }

    /// Prints a line that stays.
    pub fn line(&self, text: &str) {
        match &self.spinner {
            Some(spinner) => spinner.line(&format!("    {text}")),
            None => out!("    {text}"),
        }
    }

    /// Ends a step with its result and the time since the demo's start.
    pub fn done(&mut self, result: &str) {
        self.spinner = None;
        let seconds = self.started.elapsed().as_secs();
        out!("    {} {result} {}", style("✓").green(), style(format!("[{}:{:02}]", seconds / 60, seconds % 60)).dim());
    }
}

/// The days from `first` up to but without `end`.
pub fn days(first: Date, end: Date) -> impl Iterator<Item = Date> {
    first.series(1.day()).take_while(move |day| *day < end)
}

/// Copies a file, making its folder.
pub fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    let copied = to.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::copy(from, to));
    copied.map(drop).map_err(|error| Failure::operation(format!("cannot copy `{}`: {error}", from.display())))
}
