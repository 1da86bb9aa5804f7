//! `lamp rota`: who is on, until when, who is next.

use jiff::{Timestamp, ToSpan as _};
use lamp_core::access::Permission;
use lamp_core::config::Rota;
use lamp_core::duty::DutyEvent;
use lamp_core::names::RotaName;
use lamp_core::rota::{self, Shift, Swap};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::app::App;
use crate::duties::DutyError;

/// How far back swaps are looked for, in days: longer than any shift.
const SWAPS_SINCE_DAYS: i64 = 15;

/// A rota at an instant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotaView {
    /// Its name.
    pub rota: RotaName,
    /// Everybody on it, in turn.
    pub people: Vec<String>,
    /// Who is on.
    pub on: Shift,
    /// Who is next.
    pub next: Shift,
    /// Whether the one who asks is on.
    pub is_me: bool,
}

/// Somebody else is to be on the rota for a while.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SwapShift {
    /// The rota.
    pub rota: RotaName,
    /// When it begins.
    pub from: Timestamp,
    /// When it has ended.
    pub until: Timestamp,
    /// Who is on meanwhile.
    pub person: String,
    /// Why.
    pub why: String,
}

impl App {
    /// Every rota: who is on now, until when, and who is next.
    pub async fn rotas(&self) -> Result<Vec<RotaView>, DutyError> {
        let mut views = Vec::new();
        for name in self.workspace().root.rotas.keys() {
            views.push(self.rota(name).await?);
        }
        Ok(views)
    }

    /// One rota: who is on now, until when, and who is next.
    pub async fn rota(&self, name: &RotaName) -> Result<RotaView, DutyError> {
        let config = self.rota_config(name)?;
        let zone = &self.workspace().root.time_zone;
        let swaps = self.swaps_around(name, self.now()).await?;
        let on = rota::shift_at(config, zone, &swaps, self.now());
        let next = rota::shift_after(config, zone, &swaps, &on);
        let is_me = on.person == self.actor().name;
        Ok(RotaView { rota: name.clone(), people: config.people.clone(), on, next, is_me })
    }

    /// Records that somebody else is on for a while. Open duties of the rota go to whoever is on now.
    pub async fn swap_shift(&self, request: SwapShift) -> Result<RotaView, DutyError> {
        self.authorize(Permission::Watch)?;
        let config = self.rota_config(&request.rota)?;
        let SwapShift { rota, from, until, person, why } = request;
        let swap = Swap { rota, from, until, person, why, by: self.actor().clone(), at: self.now() }.check(config)?;
        let covers_now = swap.from <= self.now() && self.now() < swap.until;
        let mut tx = self.ledger().begin().await?;
        tx.add_swap(&swap).await?;
        let open = if covers_now { tx.open_duties().await? } else { Vec::new() };
        for duty in open.iter().filter(|duty| duty.rota.as_ref() == Some(&swap.rota) && duty.is_open_at(self.now())) {
            if duty.assignee.as_ref() == Some(&swap.person) {
                continue;
            }
            tx.reassign_duty(duty.id, &swap.person).await?;
            tx.note_duty(&DutyEvent {
                duty: duty.id,
                at: self.now(),
                actor: self.actor().clone(),
                on_behalf_of: None,
                action: "reassigned".to_owned(),
                details: json!({
                    "words": format!("to {}: {}", swap.person, swap.why), "from": duty.assignee, "to": swap.person,
                    "why": swap.why,
                }),
            })
            .await?;
        }
        let details = json!({"from": swap.from, "until": swap.until, "person": swap.person, "why": swap.why});
        tx.audit(&self.entry("rota.swapped", &swap.rota, details)).await?;
        tx.commit().await?;
        self.rota(&swap.rota).await
    }

    /// Who is on a rota at an instant.
    pub(crate) async fn on_rota(&self, name: &RotaName, at: Timestamp) -> Result<String, DutyError> {
        let config = self.rota_config(name)?;
        let swaps = self.swaps_around(name, at).await?;
        Ok(rota::shift_at(config, &self.workspace().root.time_zone, &swaps, at).person)
    }

    async fn swaps_around(&self, name: &RotaName, at: Timestamp) -> Result<Vec<Swap>, DutyError> {
        let since = at.checked_sub((SWAPS_SINCE_DAYS * 24).hours()).unwrap_or(Timestamp::MIN);
        Ok(self.ledger().swaps(name, since).await?)
    }

    fn rota_config(&self, name: &RotaName) -> Result<&Rota, DutyError> {
        let found = self.workspace().root.rotas.get(name);
        found.ok_or_else(|| DutyError::UnknownRota { rota: name.clone() })
    }
}
