//! Why a request is refused or has no answer, whichever way it came.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use lamp_core::names::ServiceName;
use lamp_model::InputError;

use crate::answer::NoAnswer;
use crate::gateway::{DEADLINE_MAX, Gateway};
use crate::service::Service;

/// Longest request body, in bytes.
pub(crate) const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;

/// A body that takes longer to arrive is given up.
pub(crate) const BODY_WITHIN: Duration = Duration::from_secs(30);

#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("{0}")]
    NotFound(String),
    #[error("{0}")]
    Invalid(String),
    #[error("the body is longer than {BODY_BYTES_MAX} bytes")]
    TooLarge,
    #[error("the body did not arrive within {} s", BODY_WITHIN.as_secs())]
    TooSlow,
    #[error("bodies with content-encoding `{0}` are not read; send it as it is")]
    Encoded(String),
    #[error("{0}")]
    NotKept(String),
    #[error(transparent)]
    NoAnswer(#[from] NoAnswer),
}

impl From<InputError> for Refusal {
    fn from(error: InputError) -> Self {
        Self::Invalid(error.to_string())
    }
}

impl Refusal {
    /// Takes note of a request that its sender got wrong; what the models got wrong is counted
    /// where they are asked.
    pub(crate) fn count(&self, service: &Service) {
        match self {
            Self::Invalid(_) | Self::TooLarge | Self::TooSlow | Self::Encoded(_) => {
                service.counters.invalid.fetch_add(1, Ordering::Relaxed);
            }
            Self::NotFound(_) | Self::NotKept(_) | Self::NoAnswer(_) => {}
        }
    }
}

/// Finds the service of a name that a client gave.
pub(crate) fn find_service(gateway: &Gateway, name: &str) -> Result<Arc<Service>, Refusal> {
    let service = ServiceName::parse(name).ok().and_then(|name| gateway.0.find(&name));
    service.ok_or_else(|| {
        let known = gateway.0.services().keys().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let known = if known.is_empty() { "none".to_owned() } else { known };
        Refusal::NotFound(format!("no service of this name is served here (there is: {known})"))
    })
}

/// Time to answer a request: the client's own, if it has one, else the service's.
pub(crate) fn deadline(service: &Service, asked_ms: Option<u64>) -> Result<Duration, Refusal> {
    let deadline = asked_ms.map_or(service.deadline, Duration::from_millis);
    if deadline.is_zero() || deadline > DEADLINE_MAX {
        let max = DEADLINE_MAX.as_millis();
        return Err(Refusal::Invalid(format!("deadline_ms: it must be between 1 and {max}")));
    }
    Ok(deadline)
}
