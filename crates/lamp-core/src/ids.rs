//! Identifiers: UUIDv7, made from a time and random bytes that arrive as arguments.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Source of identifiers. Implemented at the composition root, and deterministically in tests.
pub trait Ids: Send + Sync {
    /// Ten random bytes for the next identifier.
    fn random(&self) -> [u8; 10];
}

/// Builds a UUIDv7 whose time is `at` (milliseconds since the epoch; times before 1970 count as 0).
pub fn uuid_v7(at: Timestamp, random: [u8; 10]) -> Uuid {
    let millis = u64::try_from(at.as_millisecond()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
}

macro_rules! id {
    ($(#[$doc:meta])* $type:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $type(pub Uuid);

        impl $type {
            /// A new identifier for the instant `at`.
            pub fn new(at: Timestamp, ids: &dyn Ids) -> Self {
                Self(uuid_v7(at, ids.random()))
            }

            /// Parses the hyphenated form.
            pub fn parse(text: &str) -> Option<Self> {
                Uuid::try_parse(text).ok().map(Self)
            }

            /// The instant that the identifier carries, to the millisecond.
            pub fn at(&self) -> Option<Timestamp> {
                let (seconds, nanos) = self.0.get_timestamp()?.to_unix();
                Timestamp::new(i64::try_from(seconds).ok()?, i32::try_from(nanos).ok()?).ok()
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0.hyphenated().to_string())
            }
        }

        impl std::str::FromStr for $type {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Uuid::try_parse(text).map(Self)
            }
        }
    };
}

id!(
    /// One execution of a training or build command.
    RunId
);
id!(
    /// One answered row.
    PredictionId
);
id!(
    /// One request, of one or more rows.
    RequestId
);
id!(
    /// One row of the job queue.
    JobId
);
id!(
    /// Something a person must look at.
    IncidentId
);
id!(
    /// Something to be done in a shift.
    DutyId
);
id!(
    /// Something that a team is told.
    NotificationId
);
id!(
    /// One process that serves predictions.
    ReplicaId
);
id!(
    /// One personal token.
    TokenId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_carries_its_instant() {
        let at: Timestamp = "2013-04-01T10:00:00.123Z".parse().expect("a timestamp");
        let id = PredictionId(uuid_v7(at, [7; 10]));
        assert_eq!(id.at(), Some(at));
        assert_eq!(PredictionId::parse(&id.to_string()), Some(id));
    }
}
