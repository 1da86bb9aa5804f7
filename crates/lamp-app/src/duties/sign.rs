//! `lamp duty sign`: a person says of columns that they look right, or that they do not.

use jiff::Timestamp;
use lamp_core::access::Permission;
use lamp_core::digest::Digest;
use lamp_core::duty::look::{ColumnVerdict, Look, PinnedColumn, SignOff, Verdict, VerdictRefusal};
use lamp_core::duty::{Duty, DutyAct};
use lamp_core::ids::IncidentId;
use lamp_core::incident::{HISTOGRAM_SUSPICIOUS, Incident};
use lamp_ledger::Tx;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::DutyError;
use super::list::DutyView;
use crate::app::App;

/// What a person says of one column.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct JudgeColumn {
    /// Its place in the duty (`3`), or its name (`flights.dep_delay`).
    pub column: String,
    /// What they say.
    pub verdict: ColumnVerdict,
    /// Why; needed for a suspicion.
    pub note: String,
    /// Digest of the profile that was on the screen, where the caller knows it.
    pub profile: Option<Digest>,
}

/// What a person says of columns of a duty, all at once.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SignHistograms {
    /// The duty's id, or its start; without one, the one that [`App::histogram_task`] shows.
    pub duty: Option<String>,
    /// One for each column that was looked at. A later verdict on the same column stands above an earlier one.
    pub verdicts: Vec<JudgeColumn>,
}

/// What came of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HistogramsSigned {
    /// The duty: done when there is a verdict on each column.
    pub duty: DutyView,
    /// Incidents that suspicions opened.
    pub incidents: Vec<Incident>,
}

impl App {
    /// Records verdicts on columns. Each suspicion opens an incident. When there is one on every column, the duty
    /// is done, with the digest of all that was seen and said.
    pub async fn sign_histograms(&self, request: SignHistograms) -> Result<HistogramsSigned, DutyError> {
        self.authorize(Permission::Watch)?;
        let duty = self.histograms_duty(request.duty.as_deref()).await?;
        // Kept to the microsecond, so that the evidence reads back as it was hashed.
        let now = Timestamp::from_microsecond(self.now().as_microsecond()).unwrap_or_else(|_| self.now());
        duty.refuse_unless_open(self.actor(), now)?;
        let mut tx = self.ledger().begin().await?;
        let columns = tx.pinned_columns(duty.id).await?;
        let mut incidents = Vec::new();
        for judged in &request.verdicts {
            let column = asked_for(&columns, judged)?;
            let incident = self.open_if_suspicious(&mut tx, &duty, &column.look, judged, now).await?;
            let verdict = Verdict {
                verdict: judged.verdict,
                note: Some(judged.note.trim().to_owned()).filter(|note| !note.is_empty()),
                incident: incident.as_ref().map(|(id, _)| *id),
                by: self.actor().clone(),
                at: now,
            };
            tx.add_column_verdict(duty.id, column.place, &verdict).await?;
            let details = json!({
                "words": format!("{} {}", column.look.subject(), verdict.verdict), "look": column.look,
                "verdict": verdict.verdict, "note": verdict.note, "incident": verdict.incident,
            });
            self.note_duty(&mut tx, &duty, "judged", duty.on_behalf(self.actor()), details).await?;
            incidents.extend(incident.and_then(|(_, opened)| opened));
        }
        let verdicts = tx.column_verdicts(duty.id).await?;
        if let Some(sign_off) = SignOff::of(&columns, &verdicts) {
            let ending = duty.decide(DutyAct::Finish { evidence: sign_off.digest() }, self.actor(), now)?;
            self.end_duty(&mut tx, &duty, ending).await?;
        }
        tx.commit().await?;
        let duty = self.find_duty(&duty.id.to_string()).await?;
        Ok(HistogramsSigned { duty: self.duty_view(duty).await?, incidents })
    }

    /// The incident that a suspicion leads to, and that incident itself if it is a new one.
    async fn open_if_suspicious(
        &self,
        tx: &mut Tx,
        duty: &Duty,
        look: &Look,
        judged: &JudgeColumn,
        at: Timestamp,
    ) -> Result<Option<(IncidentId, Option<Incident>)>, DutyError> {
        match judged.verdict {
            ColumnVerdict::LooksRight => Ok(None),
            ColumnVerdict::Suspicious => {
                let note = judged.note.trim();
                if note.is_empty() {
                    return Err(VerdictRefusal::NoteMissing { column: look.column.clone() }.into());
                }
                let id = IncidentId::new(at, &*self.ids());
                let title = format!("{} looks suspicious to {}: {note}", look.subject(), self.actor());
                let incident = Incident::open(id, HISTOGRAM_SUSPICIOUS, look.subject(), title, at);
                let incident = incident.of(Some(&duty.project));
                let open = self.open_incident(tx, &incident).await?;
                Ok(Some((open, (open == id).then_some(incident))))
            }
        }
    }
}

fn asked_for<'c>(columns: &'c [PinnedColumn], judged: &JudgeColumn) -> Result<&'c PinnedColumn, DutyError> {
    let is_meant = |column: &&PinnedColumn| {
        let name = format!("{}.{}", column.look.dataset, column.look.column);
        judged.column == name || judged.column == column.place.to_string()
    };
    let not_asked = || VerdictRefusal::NotAsked { what: format!("`{}`", judged.column) };
    let column = columns.iter().find(is_meant).ok_or_else(not_asked)?;
    if judged.profile.is_some_and(|profile| profile != column.look.profile) {
        return Err(VerdictRefusal::OtherProfile { column: judged.column.clone() }.into());
    }
    Ok(column)
}
