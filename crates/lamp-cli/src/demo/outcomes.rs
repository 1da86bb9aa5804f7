//! What became of each flight: known to the demo, which plays the labeller, and to no model.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::PathBuf;

use jiff::Timestamp;
use lamp_core::ids::PredictionId;
use serde::{Deserialize, Serialize};

use super::stage::{REPLAYED, Stage, outcomes_file};
use crate::failure::Failure;

/// The departures of one hour, as the airport tells of them in the evening.
#[derive(Debug, Deserialize)]
struct Hour {
    at: Timestamp,
    /// In the order of the requests' rows; none for a flight that never arrived.
    late: Vec<Option<bool>>,
}

/// A prediction and what became of its flight.
#[derive(Debug, Serialize, Deserialize)]
struct Told {
    id: PredictionId,
    late: Option<bool>,
}

/// The truth behind the predictions. What was learnt is kept for the next tour.
pub struct Outcomes {
    by_hour: HashMap<Timestamp, Vec<Option<bool>>>,
    told: HashMap<PredictionId, Option<bool>>,
    path: PathBuf,
}

impl Outcomes {
    /// Reads what the airport knows, and what earlier tours asked about.
    pub fn read(stage: &Stage) -> Result<Self, Failure> {
        let mut hours: Vec<Hour> = Vec::new();
        for (name, ..) in REPLAYED {
            hours.extend(stage.read_lines::<Hour>(&outcomes_file(name))?);
        }
        let path = stage.props().join("told.jsonl");
        let told: Vec<Told> = if path.exists() { stage.read_lines("told.jsonl")? } else { Vec::new() };
        Ok(Self {
            by_hour: hours.into_iter().map(|hour| (hour.at, hour.late)).collect(),
            told: told.into_iter().map(|told| (told.id, told.late)).collect(),
            path,
        })
    }

    /// Notes which flights the predictions of one request were about.
    pub fn note(&mut self, at: Timestamp, predictions: &[String]) -> Result<(), Failure> {
        let Some(late) = self.by_hour.get(&at) else { return Ok(()) };
        let mut lines = String::new();
        for (id, late) in predictions.iter().zip(late) {
            let Some(id) = PredictionId::parse(id) else { continue };
            self.told.insert(id, *late);
            lines += &serde_json::to_string(&Told { id, late: *late }).unwrap_or_default();
            lines.push('\n');
        }
        let file = OpenOptions::new().create(true).append(true).open(&self.path);
        file.and_then(|mut file| file.write_all(lines.as_bytes()))
            .map_err(|error| Failure::operation(format!("cannot write `{}`: {error}", self.path.display())))
    }

    /// Whether the flight of a prediction was late; none when nobody can tell.
    pub fn of(&self, prediction: PredictionId) -> Option<bool> {
        self.told.get(&prediction).copied().flatten()
    }
}
