//! One year, day by day: clean days, real incidents, and corrupted copies of clean days.

use jiff::tz::TimeZone;
use lamp_core::profile::Profile;
use lamp_core::surprise::{Outcome, Summary, Watcher};

use super::corrupt::{self, Dice, Kind};
use super::flights::Group;
use super::gate::Gate;
use super::naive::Naive;
use super::table::{Day, profile_of};

/// Shares of rows that go wrong.
pub const SHARES: [f64; 3] = [0.01, 0.05, 0.2];

/// Days before anything counts.
const WARM_UP: usize = 60;

/// A way to judge a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Ours; somebody looks at each page, and rejects the real incidents.
    Attended,
    /// Ours; nobody ever says anything.
    Unattended,
    /// GATE; somebody rejects the real incidents.
    Gate,
    /// A test on every column.
    Naive,
}

impl Method {
    pub const ALL: [Self; 4] = [Self::Attended, Self::Unattended, Self::Gate, Self::Naive];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Attended => "Lamplighter",
            Self::Unattended => "Lamplighter, nobody answers",
            Self::Gate => "GATE (our re-implementation)",
            Self::Naive => "KS p < 0.01 on each column",
        }
    }
}

/// How many of some were caught.
#[derive(Debug, Clone, Copy, Default)]
pub struct Caught {
    pub caught: usize,
    pub all: usize,
}

impl Caught {
    fn add(&mut self, caught: bool) {
        self.caught += usize::from(caught);
        self.all += 1;
    }

    pub fn share(self) -> f64 {
        self.caught as f64 / self.all.max(1) as f64
    }

    pub fn plus(self, other: Self) -> Self {
        Self { caught: self.caught + other.caught, all: self.all + other.all }
    }
}

/// What a method did.
#[derive(Debug, Clone, Default)]
pub struct Score {
    /// Pages on clean days.
    pub clean: Caught,
    /// Alarms on clean days: columns, of a method that tests each.
    pub alarms: usize,
    /// Real incidents.
    pub real: Caught,
    /// By kind and share.
    pub kinds: [[Caught; 3]; 6],
    /// By group and share.
    pub groups: Vec<[Caught; 3]>,
}

impl Score {
    pub fn corrupted(&self) -> Caught {
        self.kinds.iter().flatten().fold(Caught::default(), |sum, one| sum.plus(*one))
    }

    pub fn of_share(&self, share: usize) -> Caught {
        self.kinds.iter().fold(Caught::default(), |sum, kind| sum.plus(kind[share]))
    }

    /// Pages on clean days in a shift of 14 days.
    pub fn pages(&self) -> f64 {
        self.clean.share() * 14.0
    }

    /// The share of pages that are for an incident, with one incident a shift.
    pub fn precision(&self) -> f64 {
        let caught = self.corrupted().plus(self.real).share();
        caught / (caught + self.pages())
    }
}

enum State {
    Ours(Watcher),
    Gate(Gate),
    Naive(Naive),
}

/// What is tried.
pub struct Trial<'t> {
    pub days: &'t [Day],
    pub groups: &'t [Group],
    pub incident: fn(&Day) -> Option<&'static str>,
    /// Every how many days copies are corrupted.
    pub every: usize,
}

/// Judges a year.
pub fn score(method: Method, trial: &Trial<'_>) -> Score {
    let mut state = match method {
        Method::Attended | Method::Unattended => State::Ours(Watcher::new(1.0 / 14.0)),
        Method::Gate => State::Gate(Gate::default()),
        Method::Naive => State::Naive(Naive::default()),
    };
    let mut score = Score { groups: vec![Default::default(); trial.groups.len()], ..Score::default() };
    let mut dice = Dice(7);
    for (number, day) in trial.days.iter().enumerate() {
        let profile = day.profile();
        let incident = (trial.incident)(day);
        let paged = number >= WARM_UP && judge(&state, trial, (number, day, &profile), &mut score, &mut dice);
        let rejected = paged && incident.is_some() && method != Method::Unattended;
        match &mut state {
            State::Ours(_) if rejected => {}
            State::Ours(watcher) => {
                let summary = Summary::of(&profile, &day.key, &TimeZone::UTC);
                let judged = watcher.judge(&day.key, &summary);
                watcher.learn(&day.key, &summary, &judged);
            }
            State::Gate(gate) if !rejected => gate.learn(&profile),
            State::Gate(_) => {}
            State::Naive(naive) => naive.learn(&profile),
        }
    }
    score
}

/// Judges one day and its corrupted copies; whether the day itself calls somebody.
fn judge(
    state: &State,
    trial: &Trial<'_>,
    (number, day, profile): (usize, &Day, &Profile),
    score: &mut Score,
    dice: &mut Dice,
) -> bool {
    let judged: Box<dyn Fn(&Profile) -> usize + '_> = match state {
        State::Ours(watcher) => {
            let outlook = watcher.outlook(&day.key);
            Box::new(move |profile| {
                let summary = Summary::of(profile, &day.key, &TimeZone::UTC);
                usize::from(outlook.judge(&summary).judgement.outcome == Outcome::Surprising)
            })
        }
        State::Gate(gate) => {
            let outlook = gate.outlook();
            Box::new(move |profile| usize::from(outlook.alarms(profile)))
        }
        State::Naive(naive) => {
            let outlook = naive.outlook();
            Box::new(move |profile| outlook.alarms(profile))
        }
    };
    let alarms = judged(profile);
    if (trial.incident)(day).is_some() {
        score.real.add(alarms > 0);
        return alarms > 0;
    }
    score.clean.add(alarms > 0);
    score.alarms += alarms;
    if !number.is_multiple_of(trial.every) {
        return alarms > 0;
    }
    for (group, (_, columns)) in trial.groups.iter().enumerate() {
        for (at, kind) in Kind::ALL.into_iter().enumerate() {
            for (share, rows) in SHARES.into_iter().enumerate() {
                let hit = corrupt::incident(day, columns, kind, rows, dice);
                if hit.is_empty() {
                    continue;
                }
                let mut profile = profile.clone();
                for (place, column) in hit {
                    profile.columns[place] = profile_of(&column);
                }
                let caught = judged(&profile) > 0;
                score.kinds[at][share].add(caught);
                score.groups[group][share].add(caught);
            }
        }
    }
    alarms > 0
}
