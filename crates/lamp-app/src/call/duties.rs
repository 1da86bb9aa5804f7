//! Calls about duties, and about who is on for them.

use lamp_runner::Progress;
use serde::{Deserialize, Serialize};

use super::{Call, CallError, failed};
use crate::app::App;
use crate::duties::histograms::HistogramTask;
use crate::duties::list::{DutyHistory, DutyView, MyShift};
use crate::duties::sign::{HistogramsSigned, SignHistograms};
use crate::rota::{RotaView, SwapShift};

/// Most bars of a histogram that are sent; who asks for more gets these.
const BINS_MAX: usize = 100;

/// `lamp duty`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ShowShift {}

impl Call for ShowShift {
    const NAME: &'static str = "shift";
    type Answer = MyShift;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.my_shift().await.map_err(failed)
    }
}

/// `lamp duty ls`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListDuties {
    /// Most duties to list.
    pub limit: u32,
}

impl Call for ListDuties {
    const NAME: &'static str = "list-duties";
    type Answer = Vec<DutyView>;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.list_duties(self.limit).await.map_err(failed)
    }
}

/// `lamp duty show`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ShowDuty {
    /// Its id, or the start of one.
    pub duty: String,
}

impl Call for ShowDuty {
    const NAME: &'static str = "show-duty";
    type Answer = DutyHistory;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.show_duty(&self.duty).await.map_err(failed)
    }
}

/// `lamp duty waive`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct WaiveDuty {
    /// Its id, or the start of one.
    pub duty: String,
    /// Why it need not be done.
    pub why: String,
}

impl Call for WaiveDuty {
    const NAME: &'static str = "waive-duty";
    type Answer = DutyView;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.waive_duty(&self.duty, &self.why).await.map_err(failed)
    }
}

/// `lamp duty histograms`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ShowHistograms {
    /// The duty's id, or the start of one; the one that is due first unless told.
    pub duty: Option<String>,
    /// Most bars of each histogram.
    pub bins: usize,
}

impl Call for ShowHistograms {
    const NAME: &'static str = "show-histograms";
    type Answer = HistogramTask;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.histogram_task(self.duty.as_deref(), self.bins.min(BINS_MAX)).await.map_err(failed)
    }
}

/// `lamp duty sign`
impl Call for SignHistograms {
    const NAME: &'static str = "sign-histograms";
    type Answer = HistogramsSigned;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.sign_histograms(self).await.map_err(failed)
    }
}

/// `lamp rota`
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ListRotas {}

impl Call for ListRotas {
    const NAME: &'static str = "list-rotas";
    type Answer = Vec<RotaView>;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.rotas().await.map_err(failed)
    }
}

/// `lamp rota swap`
impl Call for SwapShift {
    const NAME: &'static str = "swap-shift";
    type Answer = RotaView;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.swap_shift(self).await.map_err(failed)
    }
}
