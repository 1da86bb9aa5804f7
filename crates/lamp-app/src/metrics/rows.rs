//! From labels and logged answers to rows that can be scored.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use lamp_core::estimate::{Estimate, Said, Scored, Subject, Truth, estimates};
use lamp_core::label::{Basis, LabelSpec, LabelValue, ModelSaid};
use lamp_core::names::{ModelName, ServiceName};
use lamp_core::package::{Field, Task};
use lamp_core::reference::{Reference, Selector};
use lamp_core::registry::ModelVersion;
use lamp_core::route::{ModelRef, Role};
use lamp_ledger::LabelledRow;
use serde_json::Value;

use super::EstimationError;
use crate::app::App;

/// A model version that answered, and where its answers are found.
#[derive(Debug, Clone)]
pub(super) struct Answering {
    pub version: ModelVersion,
    output: Field,
}

/// Everything that one estimate of a service needs.
pub(super) struct Labelled {
    pub task: Task,
    /// By `name@version`.
    pub models: BTreeMap<String, Answering>,
    /// By basis, newest label first.
    pub rows: BTreeMap<Basis, Vec<LabelledRow>>,
}

impl App {
    /// The labels that count, of predictions of these days, and the models that answered them.
    pub(super) async fn labelled(
        &self,
        service: &ServiceName,
        since: Date,
        until: Date,
    ) -> Result<Labelled, EstimationError> {
        let (_, config) = self
            .workspace()
            .service(service)
            .ok_or_else(|| EstimationError::UnknownService { service: service.clone() })?;
        let task = self.workspace().model(&config.primary).map_or(Task::Binary, |(_, model)| model.task);
        let mut rows = BTreeMap::new();
        for basis in [Basis::Drawn, Basis::Imported] {
            rows.insert(basis, self.ledger().labelled_rows(service, basis, since, until).await?);
        }
        let names: BTreeSet<&str> = rows
            .values()
            .flatten()
            .flat_map(|row| [&row.logged.primary, &row.logged.shadow])
            .flatten()
            .map(|said| said.model.as_str())
            .collect();
        let mut models = BTreeMap::new();
        for name in names {
            if let Some(answering) = self.answering(name).await? {
                models.insert(name.to_owned(), answering);
            }
        }
        Ok(Labelled { task, models, rows })
    }

    /// None for a model that the ledger does not know (any more): its answers cannot be read.
    async fn answering(&self, name: &str) -> Result<Option<Answering>, EstimationError> {
        let Ok(Reference { name, selector: Selector::Number(version) }) = Reference::parse(name) else {
            return Ok(None);
        };
        let id = ModelRef { model: ModelName::parse(&name)?, version };
        let Some(version) = self.ledger().find_model(&id).await? else { return Ok(None) };
        let package = self.package(&version.package).await?;
        let first = package.signature.outputs.into_iter().next();
        Ok(first.map(|output| Answering { version, output }))
    }
}

impl Labelled {
    /// Every subject of which there is a row to score: what was answered, by whomever and by each place, and each
    /// model, on all rows and, where both places answered some, on those of each place.
    pub(super) fn subjects(&self) -> Vec<Subject> {
        let mut subjects = Vec::new();
        for (basis, rows) in &self.rows {
            let places: Vec<Role> = [Role::Primary, Role::Shadow]
                .into_iter()
                .filter(|role| rows.iter().any(|row| row.logged.served_by == *role))
                .collect();
            let mut served_by: Vec<Option<Role>> = vec![None];
            if places.len() > 1 {
                served_by.extend(places.into_iter().map(Some));
            }
            let answered = rows.iter().flat_map(|row| [&row.logged.primary, &row.logged.shadow]).flatten();
            let models: BTreeSet<&String> =
                answered.map(|said| &said.model).filter(|model| self.models.contains_key(*model)).collect();
            if models.is_empty() {
                continue;
            }
            for model in std::iter::once(None).chain(models.into_iter().cloned().map(Some)) {
                let of_model =
                    |served_by: &Option<Role>| Subject { model: model.clone(), served_by: *served_by, basis: *basis };
                subjects.extend(served_by.iter().map(of_model));
            }
        }
        subjects
    }

    /// Estimates every metric of one subject.
    pub(super) fn estimate(&self, subject: &Subject) -> Vec<Estimate> {
        estimates(self.task, &self.scored(subject))
    }

    /// Labelled rows to which a model was asked for an answer and gave no valid one.
    pub(super) fn unanswered(&self, subject: &Subject) -> u64 {
        let Some(model) = &subject.model else { return 0 };
        let Some(answering) = self.models.get(model) else { return 0 };
        let said = self.rows_of(subject).flat_map(|row| [&row.logged.primary, &row.logged.shadow]).flatten();
        said.filter(|said| said.model == *model && answering.said(said).is_none()).count() as u64
    }

    /// When the newest label was recorded.
    pub(super) fn newest_at(&self) -> Option<jiff::Timestamp> {
        self.rows.values().flatten().map(|row| row.labelled_at).max()
    }

    /// The labels of the days from `since` on alone.
    pub(super) fn since(&self, since: Option<Date>) -> Self {
        let in_window = |row: &&LabelledRow| since.is_none_or(|since| row.logged.day >= since);
        let rows = self.rows.iter();
        let rows = rows.map(|(basis, rows)| (*basis, rows.iter().filter(in_window).cloned().collect()));
        Self { task: self.task, models: self.models.clone(), rows: rows.collect() }
    }

    fn scored(&self, subject: &Subject) -> Vec<Scored> {
        self.rows_of(subject).filter_map(|row| self.scored_row(row, subject.model.as_deref())).collect()
    }

    fn rows_of(&self, subject: &Subject) -> impl Iterator<Item = &LabelledRow> {
        let (rows, served_by) = (self.rows.get(&subject.basis).into_iter().flatten(), subject.served_by);
        rows.filter(move |row| served_by.is_none_or(|role| row.logged.served_by == role))
    }

    /// None where the model gave no valid answer: it is not scored on what others had to answer.
    fn scored_row(&self, row: &LabelledRow, model: Option<&str>) -> Option<Scored> {
        let said = match model {
            None => row.logged.said_by(row.logged.served_by)?,
            Some(model) => {
                let both = [&row.logged.primary, &row.logged.shadow];
                both.into_iter().flatten().find(|said| said.model == model)?
            }
        };
        let answering = self.models.get(&said.model)?;
        let said = answering.said(said)?;
        let truth = match &row.value {
            LabelValue::CannotTell => None,
            told => Some(answering.truth(told)?),
        };
        Some(Scored { weight: 1.0 / row.inclusion, said, truth })
    }
}

impl Answering {
    fn said(&self, said: &ModelSaid) -> Option<Said> {
        let value = said.outputs.get(&self.output.name)?;
        match self.version.task {
            Task::Binary => single(value).filter(|p| (0.0..=1.0).contains(p)).map(Said::Probability),
            Task::Regression => single(value).map(Said::Number),
            Task::Multiclass => {
                let numbers: Option<Vec<f64>> = value.as_array()?.iter().map(Value::as_f64).collect();
                numbers.filter(|numbers| !numbers.is_empty()).map(Said::Classes)
            }
        }
    }

    /// None for a label of another task: the model's task was changed since.
    fn truth(&self, value: &LabelValue) -> Option<Truth> {
        match (self.version.task, value) {
            (Task::Binary, LabelValue::Truth(truth)) => Some(Truth::Positive(*truth)),
            (Task::Regression, LabelValue::Number(number)) => Some(Truth::Number(*number)),
            (Task::Multiclass, LabelValue::Class(class)) => {
                Some(Truth::Class(LabelSpec::place(self.output.classes.as_deref()?, class)))
            }
            (Task::Binary | Task::Regression | Task::Multiclass, _) => None,
        }
    }
}

/// A number, or a list of one.
fn single(value: &Value) -> Option<f64> {
    match value.as_array().map(Vec::as_slice) {
        Some([one]) => one.as_f64(),
        Some(_) => None,
        None => value.as_f64(),
    }
}
