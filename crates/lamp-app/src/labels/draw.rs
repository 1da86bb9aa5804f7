//! `lamp label draw`: which predictions of a day people are asked about.

use jiff::civil::Date;
use jiff::{SignedDuration, ToSpan as _};
use lamp_core::access::Permission;
use lamp_core::label::{DrawnPrediction, LabelDraw, SAMPLER, Seed, draw};
use lamp_core::names::ServiceName;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::LabelingError;
use crate::app::App;

/// Complete days that the scheduler looks back on: what was missed while it was away is drawn once it is back. Older
/// days are left to `lamp label draw --day`.
pub const CATCH_UP_DAYS: i32 = 7;

/// How long after midnight the scheduler draws: by then the last answers of the day are in the log.
const DRAW_AFTER: SignedDuration = SignedDuration::from_mins(2);

/// What to draw.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DrawLabels {
    /// The service.
    pub service: ServiceName,
    /// The civil day of the predictions; yesterday unless told. The present day is drawn as far as it has come, and
    /// what is answered later that day can never be drawn.
    pub day: Option<Date>,
    /// How many; the duty's number unless told.
    pub count: Option<u32>,
}

/// A draw, and whether it was made just now.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Drawn {
    /// The draw.
    #[serde(flatten)]
    pub draw: LabelDraw,
    /// Whether it was made now; a day is drawn once.
    pub is_new: bool,
}

impl App {
    /// Draws predictions of a day at random without replacement, and records how before anybody sees one of them.
    pub async fn draw_labels(&self, request: DrawLabels) -> Result<Drawn, LabelingError> {
        self.authorize(Permission::Watch)?;
        let DrawLabels { service, day, count } = request;
        if self.workspace().service(&service).is_none() {
            return Err(LabelingError::UnknownService { service });
        }
        let today = self.date_of(self.now());
        let day = day.unwrap_or_else(|| today.yesterday().unwrap_or(today));
        if day > today {
            return Err(LabelingError::DayToCome { day });
        }
        if let Some(draw) = self.ledger().find_label_draw(&service, day).await? {
            return Ok(Drawn { draw, is_new: false });
        }
        let of_duty = self.labelled_services().into_iter().find(|(known, _)| *known == service).map(|(_, count)| count);
        let count = count.or(of_duty).ok_or_else(|| LabelingError::NoDuty { service: service.clone() })?;
        self.draw_day(service, day, count, day < today).await
    }

    /// Draws every complete day of the last week that was not drawn yet, in services that the duties name and that
    /// had something deployed by then. Returns what was drawn now.
    pub async fn draw_due_labels(&self) -> Result<Vec<Drawn>, LabelingError> {
        self.authorize(Permission::Watch)?;
        let Ok(settled) = self.now().checked_sub(DRAW_AFTER) else { return Ok(Vec::new()) };
        let today = self.date_of(settled);
        let mut drawn = Vec::new();
        for (service, count) in self.labelled_services() {
            for day in self.days_to_draw(&service, today).await? {
                let done = self.draw_day(service.clone(), day, count, true).await?;
                drawn.extend(done.is_new.then_some(done));
            }
        }
        Ok(drawn)
    }

    async fn days_to_draw(&self, service: &ServiceName, today: Date) -> Result<Vec<Date>, LabelingError> {
        let Ok(since) = today.checked_sub(CATCH_UP_DAYS.days()) else { return Ok(Vec::new()) };
        let known = self.ledger().label_progress(service, since).await?;
        let days = since.series(1.day()).take_while(|day| *day < today);
        let missing: Vec<Date> = days.filter(|day| !known.iter().any(|progress| progress.draw.day == *day)).collect();
        if missing.is_empty() {
            return Ok(missing);
        }
        let history = self.ledger().route_history(service, u32::MAX).await?;
        let Some(first) = history.last().map(|route| self.date_of(route.changed_at)) else { return Ok(Vec::new()) };
        Ok(missing.into_iter().filter(|day| *day >= first).collect())
    }

    /// One transaction: the draw with the seed, the number of predictions and each one's probability, and its audit
    /// event. A second draw of the same day at the same time finds the first.
    async fn draw_day(
        &self,
        service: ServiceName,
        day: Date,
        count: u32,
        is_complete: bool,
    ) -> Result<Drawn, LabelingError> {
        let seed = Seed::of(self.ids().random());
        let drawn = draw(self.logged_ids(&service, day).await?, count, &seed);
        let wanted = drawn.predictions.iter().copied().collect();
        let logged = self.logged_predictions(&service, day, &wanted).await?;
        if let Some(missing) = wanted.iter().find(|id| !logged.contains_key(id)) {
            return Err(LabelingError::UnknownPrediction { id: *missing });
        }
        let draw = LabelDraw {
            service: service.clone(),
            day,
            sampler: SAMPLER.to_owned(),
            seed,
            population: drawn.population,
            wanted: count,
            drawn: u32::try_from(drawn.predictions.len()).unwrap_or(u32::MAX),
            is_complete,
            drawn_by: self.actor().clone(),
            drawn_at: self.now(),
        };
        let inclusion = draw.inclusion();
        let ranked = drawn.predictions.iter().filter_map(|id| logged.get(id)).zip(1..);
        let predictions: Vec<DrawnPrediction> = ranked
            .map(|(prediction, rank)| DrawnPrediction { logged: self.logged_answer(prediction), rank, inclusion })
            .collect();
        let mut tx = self.ledger().begin().await?;
        if !tx.record_draw(&draw, &predictions).await? {
            tx.rollback().await?;
            let first = self.ledger().find_label_draw(&service, day).await?;
            return Ok(Drawn { draw: first.unwrap_or(draw), is_new: false });
        }
        let details = json!({
            "day": day, "sampler": draw.sampler, "seed": draw.seed, "population": draw.population,
            "drawn": draw.drawn, "is_complete": draw.is_complete,
        });
        tx.audit(&self.entry("labels.drawn", &service, details)).await?;
        tx.commit().await?;
        Ok(Drawn { draw, is_new: true })
    }
}
