//! Practice 6: a handful of predictions is labelled every day.

pub mod ask;
pub mod draw;
pub mod file;
pub mod import;
pub mod list;
pub mod submit;

use jiff::civil::Date;
use lamp_core::config::{Every, EveryUnit};
use lamp_core::error::{Classified, Kind};
use lamp_core::ids::PredictionId;
use lamp_core::label::{LabelError, LabelSpec, LoggedAnswer, ModelSaid};
use lamp_core::names::{ModelName, ServiceName};
use lamp_core::package::Task;
use lamp_core::prediction::{Answer, Prediction};

use crate::app::App;
use crate::labels::file::BadRow;
use crate::parts::{PartError, take_parts};
use crate::registry::RegistryError;
use crate::serving::ServingError;
use crate::training::RunError;

/// Bad rows of an import that are shown; the rest is counted.
const BAD_SHOWN_MAX: usize = 10;

/// Why labels were not drawn, shown or taken.
#[derive(Debug, thiserror::Error)]
pub enum LabelingError {
    /// Nothing declares that service.
    #[error("no project declares a service `{service}`")]
    UnknownService {
        /// The service.
        service: ServiceName,
    },
    /// The service's model is not in `lamp.toml` any more.
    #[error("service `{service}` names a model `{model}` that no project declares")]
    UnknownModel {
        /// The service.
        service: ServiceName,
        /// Its primary.
        model: ModelName,
    },
    /// No version says which classes there are.
    #[error("the classes of `{model}` are not known before it was trained")]
    NoClasses {
        /// The model.
        model: ModelName,
    },
    /// Nobody said how many to draw.
    #[error("nothing says how many predictions of `{service}` to label")]
    NoDuty {
        /// The service.
        service: ServiceName,
    },
    /// The day has not begun.
    #[error("{day} has not begun")]
    DayToCome {
        /// The day.
        day: Date,
    },
    /// No such prediction.
    #[error("no prediction {id} in the log")]
    UnknownPrediction {
        /// Its id.
        id: PredictionId,
    },
    /// Somebody chose it.
    #[error("prediction {id} was not drawn: a label on a row that somebody chose says nothing about the others")]
    NotDrawn {
        /// Its id.
        id: PredictionId,
    },
    /// Too long.
    #[error("the note is longer than {} characters", lamp_core::label::NOTE_MAX)]
    LongNote,
    /// Not a label of that service.
    #[error(transparent)]
    Value(#[from] LabelError),
    /// Rows of a file that are no labels.
    #[error("{count} of {rows} rows are no labels, so none was taken:{}", listed(bad, *count))]
    BadRows {
        /// Rows in all.
        rows: usize,
        /// Bad ones.
        count: usize,
        /// The first of them.
        bad: Vec<BadRow>,
    },
    /// A file that cannot be read as labels.
    #[error("`{file}` is not a file of labels: {why}")]
    File {
        /// Its name.
        file: String,
        /// What is wrong.
        why: String,
    },
    /// Too many at once.
    #[error("{rows} labels at once; at most {} are taken", import::IMPORT_ROWS_MAX)]
    TooMany {
        /// How many.
        rows: usize,
    },
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A package.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The prediction log.
    #[error(transparent)]
    Serving(#[from] ServingError),
    /// A part of the house failed.
    #[error(transparent)]
    Part(#[from] PartError),
}

take_parts!(LabelingError);

fn listed(bad: &[BadRow], count: usize) -> String {
    let mut lines: Vec<String> =
        bad.iter().take(BAD_SHOWN_MAX).map(|row| format!("\n  line {}: {}", row.line, row.why)).collect();
    if count > lines.len() {
        lines.push(format!("\n  … and {} more", count - lines.len()));
    }
    lines.concat()
}

impl Classified for LabelingError {
    fn kind(&self) -> Kind {
        match self {
            Self::UnknownService { .. } | Self::UnknownPrediction { .. } => Kind::NotFound,
            Self::UnknownModel { .. } | Self::NoClasses { .. } | Self::NotDrawn { .. } => Kind::Conflict,
            Self::NoDuty { .. }
            | Self::DayToCome { .. }
            | Self::LongNote
            | Self::BadRows { .. }
            | Self::File { .. }
            | Self::TooMany { .. } => Kind::Invalid,
            Self::Value(e) => e.kind(),
            Self::Registry(e) => e.kind(),
            Self::Run(e) => e.kind(),
            Self::Serving(e) => e.kind(),
            Self::Part(e) => e.kind(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownService { service } => Some(format!("add [services.{service}] to a project's lamp.toml")),
            Self::UnknownModel { model, .. } => Some(format!("add [models.{model}] to a project's lamp.toml")),
            Self::NoClasses { model } => Some(format!("lamp train {model}")),
            Self::NoDuty { service } => Some(format!(
                "lamp label draw {service} --count 10; or labels = {{ rota = \"…\", count = 10 }} in [duties]"
            )),
            Self::DayToCome { .. } => Some("lamp label draw --day YESTERDAY".to_owned()),
            Self::UnknownPrediction { .. } => Some("lamp label ls".to_owned()),
            Self::NotDrawn { .. } => {
                Some("lamp label next; or lamp label import FILE for outcomes that you have".to_owned())
            }
            Self::LongNote => Some("say it in fewer words".to_owned()),
            Self::BadRows { .. } => Some("mend these lines and import the file again".to_owned()),
            Self::File { .. } => Some("columns prediction_id, value and, if you have it, event_at".to_owned()),
            Self::TooMany { .. } => Some("split the file; importing a row twice is harmless".to_owned()),
            Self::Value(e) => e.hint(),
            Self::Registry(e) => e.hint(),
            Self::Run(e) => e.hint(),
            Self::Serving(e) => e.hint(),
            Self::Part(e) => e.hint(),
        }
    }
}

impl App {
    /// What a label of a service is.
    pub async fn label_spec(&self, service: &ServiceName) -> Result<LabelSpec, LabelingError> {
        let unknown = || LabelingError::UnknownService { service: service.clone() };
        let (_, config) = self.workspace().service(service).ok_or_else(unknown)?;
        let name = &config.primary;
        let no_model = || LabelingError::UnknownModel { service: service.clone(), model: name.clone() };
        let (_, model) = self.workspace().model(name).ok_or_else(no_model)?;
        let classes = match model.task {
            Task::Binary | Task::Regression => Vec::new(),
            Task::Multiclass => self.classes_of(name).await?,
        };
        Ok(LabelSpec { task: model.task, target: model.target.clone(), classes })
    }

    /// The classes of the version that serves, or else of the latest.
    async fn classes_of(&self, name: &ModelName) -> Result<Vec<serde_json::Value>, LabelingError> {
        let serving = self.serving_version(name).await?;
        let version = match serving {
            Some(version) => Some(version),
            None => self.ledger().latest_model(name).await?,
        };
        let no_classes = || LabelingError::NoClasses { model: name.clone() };
        let package = self.package(&version.ok_or_else(no_classes)?.package).await?;
        package.signature.outputs.into_iter().next().and_then(|output| output.classes).ok_or_else(no_classes)
    }

    /// The services that people label predictions of, with how many a day.
    pub fn labelled_services(&self) -> Vec<(ServiceName, u32)> {
        let mut found = Vec::new();
        for project in self.workspace().projects.values() {
            let Some(duty) = self.workspace().duties_of(project).labels else { continue };
            let a_day = count_a_day(duty.count, duty.every);
            found.extend(project.services.keys().map(|service| (service.clone(), a_day)));
        }
        found
    }

    /// What is kept of a logged prediction: which models were asked, and what they said.
    pub(crate) fn logged_answer(&self, prediction: &Prediction) -> LoggedAnswer {
        let said = |answer: Option<&Answer>| {
            let answer = answer?;
            Some(ModelSaid { model: answer.model.clone(), outputs: answer.outputs.clone().unwrap_or_default() })
        };
        LoggedAnswer {
            prediction: prediction.id,
            service: prediction.service.clone(),
            day: self.date_of(prediction.served_at),
            served_at: prediction.served_at,
            served_by: prediction.served_by,
            primary: said(prediction.primary.as_ref()),
            shadow: said(prediction.shadow.as_ref()),
        }
    }
}

/// How many of a duty's predictions fall on one civil day, rounded up; a month counts 30 days.
fn count_a_day(count: u32, every: Every) -> u32 {
    let days = match every.unit {
        EveryUnit::Day => 1,
        EveryUnit::Week => 7,
        EveryUnit::Month => 30,
    };
    count.div_ceil(every.count.saturating_mul(days).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weekly_duty_is_drawn_day_by_day() {
        let every = |count, unit| Every { count, unit };
        for (count, period, expected) in [
            (10, every(1, EveryUnit::Day), 10),
            (10, every(2, EveryUnit::Day), 5),
            (70, every(1, EveryUnit::Week), 10),
            (10, every(1, EveryUnit::Week), 2),
            (1, every(1, EveryUnit::Month), 1),
        ] {
            assert_eq!(count_a_day(count, period), expected, "{count} every {period}");
        }
    }
}
