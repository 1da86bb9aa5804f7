//! Duties are created when they are due, and missed when their time has passed. Nobody asks for that.

use jiff::ToSpan as _;
use lamp_core::access::Permission;
use lamp_core::config::{Duties, Every, ProjectConfig};
use lamp_core::duty::plan::{DuePeriods, due_periods};
use lamp_core::duty::{Duty, DutyAct, DutyEnd, DutyKind, DutyState};
use lamp_core::ids::DutyId;
use lamp_core::names::{ProjectName, RotaName};
use lamp_core::notification::Notification;
use lamp_core::period::CivilPeriod;
use lamp_core::route::ModelRef;
use serde_json::json;

use super::DutyError;
use crate::app::App;

/// A candidate is to be validated within so many days of its duty's creation, and the rest of that day.
pub const VALIDATE_WITHIN_DAYS: i64 = 7;

/// Candidates without a duty that are looked at in one round; the others wait for the next.
const CANDIDATES_MAX: u32 = 1_000;

/// Duties that are marked as missed in one round; the others wait for the next.
const MISSED_MAX: u32 = 100;

/// What a project asks for in each period.
struct Periodic<'c> {
    project: &'c ProjectName,
    kind: DutyKind,
    rota: &'c RotaName,
    every: Every,
    pieces: u32,
}

impl App {
    /// Creates the duties that are due, and marks those as missed whose time has passed. Says what it did. Two
    /// that do this at once create one duty.
    pub async fn tend_duties(&self) -> Result<Vec<String>, DutyError> {
        self.authorize(Permission::Watch)?;
        let mut done = Vec::new();
        for project in self.workspace().projects.values() {
            let duties = self.workspace().duties_of(project);
            for periodic in self.periodic(project, &duties).await? {
                done.extend(self.create_periodic(&periodic).await?);
            }
        }
        done.extend(self.create_validations().await?);
        done.extend(self.miss_overdue().await?);
        Ok(done)
    }

    /// Where there is nothing to label or to look at yet, nobody is asked to.
    async fn periodic<'c>(
        &self,
        project: &'c ProjectConfig,
        duties: &'c Duties,
    ) -> Result<Vec<Periodic<'c>>, DutyError> {
        let mut periodic = Vec::new();
        if let Some(duty) = &duties.labels
            && self.waits_for_labels(project).await?
        {
            let (rota, every, pieces) = (&duty.rota, duty.every, duty.count);
            periodic.push(Periodic { project: &project.name, kind: DutyKind::Labels, rota, every, pieces });
        }
        if let Some(duty) = &duties.histograms
            && self.has_histograms(project).await?
        {
            let (rota, every, pieces) = (&duty.rota, duty.every, duty.columns);
            periodic.push(Periodic { project: &project.name, kind: DutyKind::Histograms, rota, every, pieces });
        }
        Ok(periodic)
    }

    async fn waits_for_labels(&self, project: &ProjectConfig) -> Result<bool, DutyError> {
        for service in project.services.keys() {
            if !self.ledger().waiting_for_labels(service, 1).await?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Whether there was something to do in a past period: for labels, predictions of the days before were drawn.
    async fn was_wanted(&self, periodic: &Periodic<'_>, period: &CivilPeriod) -> Result<bool, DutyError> {
        match periodic.kind {
            DutyKind::Histograms | DutyKind::Validate => Ok(true),
            DutyKind::Labels => {
                let [since, until] = [period.start, period.end].map(|day| day.saturating_sub(1.day()));
                for service in self.services_of(periodic.project) {
                    let draws = self.ledger().label_progress(service, since).await?;
                    if draws.iter().any(|progress| progress.draw.day < until && progress.draw.drawn > 0) {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
        }
    }

    async fn has_histograms(&self, project: &ProjectConfig) -> Result<bool, DutyError> {
        for (name, config) in &project.datasets {
            if config.contract.is_some() && self.ledger().latest_version(name).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn create_periodic(&self, periodic: &Periodic<'_>) -> Result<Vec<String>, DutyError> {
        let now = self.now();
        let covered = self.ledger().duties_cover_until(periodic.project, periodic.kind, now).await?;
        let covered = covered.map(|until| self.date_of(until).saturating_sub(1.day()));
        let Some(due) = due_periods(periodic.every, self.date_of(now), covered) else { return Ok(Vec::new()) };
        let mut created = Vec::new();
        let assignee = self.on_rota(periodic.rota, now).await?;
        let mut skipped = Vec::new();
        for period in &due.skipped {
            if !self.was_wanted(periodic, period).await? {
                continue;
            }
            let opens_at = period.bounds(&self.workspace().root.time_zone).0;
            skipped.push((*period, self.on_rota(periodic.rota, opens_at).await?));
        }
        let mut tx = self.ledger().begin().await?;
        let mut missed = Vec::new();
        for (period, assignee) in skipped {
            let end = DutyEnd {
                by: self.actor().clone(),
                at: now,
                note: Some("nothing ran that could have created it in time".to_owned()),
                evidence: None,
            };
            let duty = Duty { state: DutyState::Missed, end: Some(end), ..self.duty_of(periodic, period, assignee) };
            if tx.add_duty(&duty).await? {
                let details = json!({"note": "created too late"});
                self.note_duty(&mut tx, &duty, "missed", None, details).await?;
                created.push(format!("{} of {} missed: nothing ran", duty.title(), duty.project));
                missed.push(duty);
            }
        }
        self.tell(&mut tx, |id| Notification::of_missed(id, &missed, now)).await?;
        let duty = self.duty_of(periodic, due.present, assignee);
        if tx.add_duty(&duty).await? {
            let details = json!({"assignee": duty.assignee, "due_at": duty.due_at, "left_out": due.left_out});
            self.note_duty(&mut tx, &duty, "created", None, details).await?;
            created.push(created_in_words(&duty));
            created.extend(left_out_in_words(periodic, &due));
        }
        tx.commit().await?;
        Ok(created)
    }

    fn duty_of(&self, periodic: &Periodic<'_>, period: CivilPeriod, assignee: String) -> Duty {
        let (opens_at, due_at) = period.bounds(&self.workspace().root.time_zone);
        Duty {
            id: DutyId::new(self.now(), &*self.ids()),
            project: periodic.project.clone(),
            kind: periodic.kind,
            subject: period.to_string(),
            rota: Some(periodic.rota.clone()),
            assignee: Some(assignee),
            pieces: periodic.pieces,
            opens_at,
            due_at,
            created_at: self.now(),
            state: DutyState::Open,
            end: None,
        }
    }

    async fn create_validations(&self) -> Result<Vec<String>, DutyError> {
        let mut created = Vec::new();
        for (model, project) in self.ledger().candidates_without_duty(CANDIDATES_MAX).await? {
            let Some(config) = self.workspace().project(&project) else { continue };
            let Some(validate) = self.workspace().duties_of(config).validate else { continue };
            let duty = self.validation_of(&model, project, validate.rota).await?;
            let mut tx = self.ledger().begin().await?;
            if tx.add_duty(&duty).await? {
                let details = json!({"assignee": duty.assignee, "due_at": duty.due_at});
                self.note_duty(&mut tx, &duty, "created", None, details).await?;
                tx.commit().await?;
                created.push(created_in_words(&duty));
            }
        }
        Ok(created)
    }

    async fn validation_of(
        &self,
        model: &ModelRef,
        project: ProjectName,
        rota: Option<RotaName>,
    ) -> Result<Duty, DutyError> {
        let now = self.now();
        let assignee = match &rota {
            Some(rota) => Some(self.on_rota(rota, now).await?),
            None => None,
        };
        let last_day = self.date_of(now).saturating_add(VALIDATE_WITHIN_DAYS.days());
        let (_, due_at) = CivilPeriod::containing(Every::DAY, last_day).bounds(&self.workspace().root.time_zone);
        Ok(Duty {
            id: DutyId::new(now, &*self.ids()),
            project,
            kind: DutyKind::Validate,
            subject: model.to_string(),
            rota,
            assignee,
            pieces: 1,
            opens_at: now,
            due_at,
            created_at: now,
            state: DutyState::Open,
            end: None,
        })
    }

    async fn miss_overdue(&self) -> Result<Vec<String>, DutyError> {
        let now = self.now();
        if self.ledger().overdue_duties(now, 1).await?.is_empty() {
            return Ok(Vec::new());
        }
        let mut missed = Vec::new();
        let mut tx = self.ledger().begin().await?;
        // Asked again inside the transaction: nobody does them in between.
        for duty in tx.overdue_duties(now, MISSED_MAX).await? {
            let ending = duty.decide(DutyAct::Miss, self.actor(), now)?;
            self.end_duty(&mut tx, &duty, ending).await?;
            let told = std::slice::from_ref(&duty);
            self.tell(&mut tx, |id| Notification::of_missed(id, told, now)).await?;
            let assignee = duty.assignee.as_deref().unwrap_or("nobody in particular");
            missed.push(format!("{} of {} missed by {assignee}", duty.title(), duty.project));
        }
        tx.commit().await?;
        Ok(missed)
    }
}

fn created_in_words(duty: &Duty) -> String {
    let assignee = duty.assignee.as_deref().unwrap_or("anybody");
    format!("{} of {} is for {assignee}", duty.title(), duty.project)
}

fn left_out_in_words(periodic: &Periodic<'_>, due: &DuePeriods) -> Option<String> {
    (due.left_out > 0).then(|| {
        format!("{} older {} duties of {} are not written down", due.left_out, periodic.kind, periodic.project)
    })
}
