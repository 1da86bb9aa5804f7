//! `lamp label import`: outcomes that come in by themselves, joined by prediction id.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use jiff::civil::Date;
use lamp_core::access::Permission;
use lamp_core::ids::PredictionId;
use lamp_core::label::{Label, LabelSource, LabelSpec, LabelValue, LoggedAnswer};
use lamp_core::names::ServiceName;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::LabelingError;
use super::file::{BadRow, WrittenLabel};
use crate::app::App;

/// Most labels that are taken at once: they are one transaction.
pub const IMPORT_ROWS_MAX: usize = 50_000;

/// Unknown ids that are named; the rest is counted.
const UNKNOWN_SHOWN_MAX: usize = 10;

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// Labels that were taken.
    pub added: u64,
    /// Of those, corrections of an earlier import.
    pub corrected: u64,
    /// Rows that said what was known already.
    pub unchanged: u64,
    /// Rows whose prediction is in no log.
    pub unknown: u64,
    /// The first of those ids.
    pub unknown_ids: Vec<PredictionId>,
}

/// A row whose id and instant make sense; its value is not read yet.
struct Row {
    line: usize,
    id: PredictionId,
    value: String,
    event_at: Option<Timestamp>,
}

/// A row with its label.
struct Read {
    id: PredictionId,
    value: LabelValue,
    event_at: Option<Timestamp>,
}

impl App {
    /// Takes labels in. Rows whose prediction is in no log are reported and left out; a row that is no label has the
    /// whole import refused. Done twice, it changes nothing: one transaction.
    pub async fn import_labels(
        &self,
        written: &[WrittenLabel],
        source: LabelSource,
    ) -> Result<Imported, LabelingError> {
        self.authorize(Permission::Watch)?;
        if written.len() > IMPORT_ROWS_MAX {
            return Err(LabelingError::TooMany { rows: written.len() });
        }
        let mut bad = Vec::new();
        let rows = parse_rows(written, &mut bad);
        let logged = self.logged_of(&rows).await?;
        let mut specs = HashMap::new();
        for service in logged.values().map(|answer| &answer.service).collect::<HashSet<_>>() {
            specs.insert(service.clone(), self.label_spec(service).await?);
        }
        let (known, unknown): (Vec<Row>, Vec<Row>) = rows.into_iter().partition(|row| logged.contains_key(&row.id));
        let read = read_values(&known, &logged, &specs, &mut bad);
        if !bad.is_empty() {
            bad.sort_by_key(|row| row.line);
            return Err(LabelingError::BadRows { rows: written.len(), count: bad.len(), bad });
        }
        let mut imported = self.save_labels(&read, &logged, source).await?;
        imported.unknown = unknown.len() as u64;
        imported.unknown_ids = unknown.iter().map(|row| row.id).take(UNKNOWN_SHOWN_MAX).collect();
        Ok(imported)
    }

    /// What was logged of the rows' predictions: as it is kept already, or from the log of the day that each id
    /// carries.
    async fn logged_of(&self, rows: &[Row]) -> Result<BTreeMap<PredictionId, LoggedAnswer>, LabelingError> {
        let mut found = BTreeMap::new();
        let mut by_day: BTreeMap<Date, HashSet<PredictionId>> = BTreeMap::new();
        for row in rows {
            if let Some(kept) = self.ledger().find_logged_answer(row.id).await? {
                found.insert(row.id, kept);
            } else if let Some(at) = row.id.at() {
                by_day.entry(self.date_of(at)).or_default().insert(row.id);
            }
        }
        let services: Vec<ServiceName> =
            self.workspace().projects.values().flat_map(|project| project.services.keys().cloned()).collect();
        for (day, mut wanted) in by_day {
            for service in &services {
                if wanted.is_empty() {
                    break;
                }
                for (id, prediction) in self.logged_predictions(service, day, &wanted).await? {
                    wanted.remove(&id);
                    found.insert(id, self.logged_answer(&prediction));
                }
            }
        }
        Ok(found)
    }

    async fn save_labels(
        &self,
        rows: &[Read],
        logged: &BTreeMap<PredictionId, LoggedAnswer>,
        source: LabelSource,
    ) -> Result<Imported, LabelingError> {
        let mut imported = Imported { added: 0, corrected: 0, unchanged: 0, unknown: 0, unknown_ids: Vec::new() };
        let mut tx = self.ledger().begin().await?;
        for row in rows {
            let before = tx.current_label(row.id, source.basis()).await?;
            if before.as_ref().is_some_and(|before| before.value == row.value && before.event_at == row.event_at) {
                imported.unchanged += 1;
                continue;
            }
            if let Some(answer) = logged.get(&row.id) {
                tx.keep_logged_answers(std::slice::from_ref(answer)).await?;
            }
            tx.record_label(&Label {
                prediction: row.id,
                source,
                value: row.value.clone(),
                note: None,
                event_at: row.event_at,
                by: self.actor().clone(),
                at: self.now(),
            })
            .await?;
            imported.added += 1;
            imported.corrected += u64::from(before.is_some());
        }
        if imported.added > 0 {
            let details = json!({"added": imported.added, "corrected": imported.corrected, "source": source});
            tx.audit(&self.entry("labels.imported", source.as_str(), details)).await?;
        }
        tx.commit().await?;
        Ok(imported)
    }
}

fn parse_rows(written: &[WrittenLabel], bad: &mut Vec<BadRow>) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::with_capacity(written.len());
    let mut seen: HashMap<PredictionId, usize> = HashMap::new();
    for row in written {
        match parse_row(row) {
            Err(why) => bad.push(BadRow { line: row.line, why }),
            Ok(parsed) => match seen.get(&parsed.id).map(|at| &rows[*at]) {
                None => {
                    seen.insert(parsed.id, rows.len());
                    rows.push(parsed);
                }
                Some(first) if first.value == parsed.value && first.event_at == parsed.event_at => {}
                Some(first) => {
                    let why = format!("line {} says something else of the same prediction", first.line);
                    bad.push(BadRow { line: row.line, why });
                }
            },
        }
    }
    rows
}

fn parse_row(row: &WrittenLabel) -> Result<Row, String> {
    let text = row.prediction_id.trim();
    let id = PredictionId::parse(text).ok_or_else(|| format!("`{text}` is no prediction id"))?;
    let event_at = row.event_at.as_deref().map(str::trim).filter(|text| !text.is_empty());
    let event_at = event_at.map(|text| text.parse().map_err(|_| format!("event_at `{text}` is no instant")));
    Ok(Row { line: row.line, id, value: row.value.trim().to_owned(), event_at: event_at.transpose()? })
}

fn read_values(
    rows: &[Row],
    logged: &BTreeMap<PredictionId, LoggedAnswer>,
    specs: &HashMap<ServiceName, LabelSpec>,
    bad: &mut Vec<BadRow>,
) -> Vec<Read> {
    let mut read = Vec::with_capacity(rows.len());
    for row in rows {
        let spec = logged.get(&row.id).and_then(|answer| specs.get(&answer.service));
        match spec.map(|spec| spec.parse(&row.value)) {
            Some(Ok(value)) => read.push(Read { id: row.id, value, event_at: row.event_at }),
            Some(Err(error)) => bad.push(BadRow { line: row.line, why: error.to_string() }),
            None => {}
        }
    }
    read
}
