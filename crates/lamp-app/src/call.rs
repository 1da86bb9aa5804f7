//! Use cases that a client asks a server for.
//!
//! A [`Call`] is a request of a use case, as a value that can travel. The command line asks its desk for
//! the answer. Alone, the desk answers from the application in the same process; in a team, it posts
//! the request to `/api/v1/do/NAME` of the server, whose application answers in the sender's name. So
//! there is one set of requests, and one way through each command.

mod accounts;
mod cadence;
mod care;
mod data;
mod doctor;
mod duties;
mod error;
mod incidents;
mod labels;
mod metrics;
mod ml_tests;
mod models;
mod records;
mod runs;
mod serving;

use lamp_core::error::{Classified, Kind};
use lamp_runner::Progress;
use serde::Serialize;
use serde::de::DeserializeOwned;

pub use accounts::RevokeToken;
pub use cadence::{FindAdvice, ListCadences, ListStudies, RecordAdoption, ShowCadence, ShowStudy};
pub use care::{CollectGarbage, PullData, PushData, RepackStore};
pub use data::{
    AddUploaded, CheckDataset, Checkable, ContrastProfiles, DataHistory, DiffVersions, FindManifest, FoundManifest,
    KeptFiles, ListDatasets, Missing, OfferFiles, Pins, ShowProfile, ShowServiceLevels, ShowVersion, SuggestContract,
    VerifyData,
};
pub use doctor::DoctorFacts;
pub use duties::{ListDuties, ListRotas, ShowDuty, ShowHistograms, ShowShift, WaiveDuty};
pub use error::CallError;
pub use incidents::{AckIncident, ListIncidents, ResolveIncident, ShowIncident};
pub use labels::{ImportLabels, LabelDays, ListLabels, NextLabel, ShowLabelTask};
pub use ml_tests::KeepTestReports;
pub use models::{CompareModels, ListModels, RetireModel, ShowModel};
pub use records::{ListEvents, ListNotifications, VerifyAudit};
pub use runs::{BuiltVersion, ListRuns, LogPiece, ReadLog, ShowRun, StopRun};
pub use serving::{Obedience, PriceOfSwitch, ReplayPrediction, RollBack, WhoObeys, Why};

use crate::app::App;

/// A request that may travel to a server.
pub trait Call: Serialize + DeserializeOwned + Send + Sync {
    /// Its name in the address.
    const NAME: &'static str;

    /// Whether the gateway is to be told at once.
    const CHANGES_ROUTE: bool = false;

    /// What comes back.
    type Answer: Serialize + DeserializeOwned + Send;

    /// Whether a client may ask for it: what counts from the server's own working tree may not travel.
    fn may_travel(&self) -> Result<(), CallError> {
        Ok(())
    }

    /// Does it, as whoever `app` acts for. `say` is told what goes on meanwhile.
    fn answer(self, app: &App, say: Progress<'_>) -> impl Future<Output = Result<Self::Answer, CallError>> + Send;
}

/// An answer on its way to a client.
#[derive(Debug)]
pub struct Answered {
    /// The answer as JSON.
    pub body: Vec<u8>,
    /// Whether the gateway is to be told at once.
    pub changes_route: bool,
}

/// The list of calls, once: what a server answers, and what a test of access must know.
macro_rules! calls {
    ($($call:ty,)*) => {
        /// The names of all calls.
        pub const NAMES: &[&str] = &[$(<$call as Call>::NAME),*];

        /// Answers the call of that name, from its JSON.
        pub async fn answer(app: &App, name: &str, body: &[u8]) -> Result<Answered, CallError> {
            $(if name == <$call as Call>::NAME {
                return Box::pin(answer_one::<$call>(app, body)).await;
            })*
            Err(CallError::new(Kind::NotFound, format!("this server knows no call `{name}`"))
                .with_hint("use the version of lamp that the server has"))
        }
    };
}

calls! {
    ListDatasets,
    DataHistory,
    FindManifest,
    KeptFiles,
    OfferFiles,
    AddUploaded,
    Checkable,
    CheckDataset,
    crate::training::start::TrainModel,
    crate::training::build::BuildData,
    BuiltVersion,
    ListRuns,
    ShowRun,
    ReadLog,
    StopRun,
    ListModels,
    ShowModel,
    CompareModels,
    crate::registry::decide::Decide,
    RetireModel,
    crate::serving::deploy::Deploy,
    RollBack,
    crate::serving::switch::Switch,
    PriceOfSwitch,
    ReplayPrediction,
    WhoObeys,
    Why,
    ListIncidents,
    ShowIncident,
    AckIncident,
    ResolveIncident,
    RevokeToken,
    ShowShift,
    ListDuties,
    ShowDuty,
    WaiveDuty,
    ShowHistograms,
    crate::duties::sign::SignHistograms,
    ListRotas,
    crate::rota::SwapShift,
    LabelDays,
    NextLabel,
    ShowLabelTask,
    crate::labels::submit::SubmitLabel,
    ImportLabels,
    ListLabels,
    crate::labels::draw::DrawLabels,
    crate::metrics::view::MetricsRequest,
    ListCadences,
    ShowCadence,
    ListStudies,
    ShowStudy,
    FindAdvice,
    RecordAdoption,
    DoctorFacts,
    ShowProfile,
    ContrastProfiles,
    ShowVersion,
    DiffVersions,
    SuggestContract,
    ShowServiceLevels,
    VerifyData,
    CollectGarbage,
    RepackStore,
    PushData,
    PullData,
    ListEvents,
    VerifyAudit,
    ListNotifications,
    KeepTestReports,
}

async fn answer_one<C: Call>(app: &App, body: &[u8]) -> Result<Answered, CallError> {
    let call: C = serde_json::from_slice(body).map_err(|error| {
        CallError::new(Kind::Invalid, format!("this is not what `{}` takes: {error}", C::NAME))
            .with_hint("use the version of lamp that the server has")
    })?;
    call.may_travel()?;
    let answer = call.answer(app, &|line| tracing::debug!(call = C::NAME, "{line}")).await?;
    let unsendable = |error| CallError::new(Kind::Internal, format!("the answer cannot be sent: {error}"));
    let body = serde_json::to_vec(&answer).map_err(unsendable)?;
    Ok(Answered { body, changes_route: C::CHANGES_ROUTE })
}

/// Turns a use case's failure into one that can travel.
#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn failed(error: impl Classified) -> CallError {
    CallError::of(&error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_call_has_a_name_of_its_own_that_can_stand_in_an_address() {
        let mut names = NAMES.to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), NAMES.len());
        assert!(names.iter().all(|name| name.chars().all(|c| c.is_ascii_lowercase() || c == '-')), "{names:?}");
    }
}
