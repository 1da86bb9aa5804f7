//! Calls about tokens.

use lamp_core::account::Token;
use lamp_runner::Progress;
use serde::{Deserialize, Serialize};

use super::{Call, CallError, failed};
use crate::app::App;

/// `lamp tokens revoke`, and the end of `lamp logout`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RevokeToken {
    /// Its id, or the start of it.
    pub token: String,
}

impl Call for RevokeToken {
    const NAME: &'static str = "revoke-token";
    type Answer = Token;

    async fn answer(self, app: &App, _say: Progress<'_>) -> Result<Self::Answer, CallError> {
        app.revoke_token(&self.token).await.map_err(failed)
    }
}
