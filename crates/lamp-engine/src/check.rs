//! Contract checks: what the profile knows is not measured again, and what it does not know is
//! measured in one scan, with one spilling group-by for each key that must be unique.

mod condition;
mod failing;
mod measure;
mod plan;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use lamp_core::check::Check;
use lamp_core::contract::{Contract, Measure, RuleName, SchemaObject};
use lamp_core::profile::Profile;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::files::DataFile;

/// What a check needs to know besides data and contract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckContext {
    /// The instant against which ages are measured.
    pub now: Timestamp,
    /// The IANA zone in which days and times without a zone are read.
    pub time_zone: String,
    /// The dataset's name: which of the contract's tables it is.
    pub dataset: Option<String>,
    /// The column that dates the rows, for promises of service that name none.
    pub newest_column: Option<String>,
    /// The columns that tell rows apart, where the contract names none.
    pub key: Vec<String>,
}

impl Engine {
    /// Checks the files against a contract. `profile` is theirs, from [`Engine::profile`]. Every
    /// rule of the contract has its check in the answer; what cannot be evaluated says why.
    pub async fn check(
        &self,
        files: &[DataFile],
        profile: &Profile,
        contract: &Contract,
        context: &CheckContext,
    ) -> Result<Vec<Check>, EngineError> {
        let zone = TimeZone::get(&context.time_zone).map_err(|_| EngineError::TimeZone(context.time_zone.clone()))?;
        let mut checks = Vec::new();
        if let Some(object) = find_object(contract, context)? {
            let drafts = plan::plan(object, profile)?;
            let measured = measure::measure(self, files, object, &drafts).await?;
            for (draft, measured) in drafts.iter().zip(measured) {
                checks.push(draft.finish(measured, profile.rows));
            }
            let about = (profile, context);
            failing::add_samples(self, files, object, about, &drafts, &mut checks).await?;
        }
        checks.extend(contract.service_checks(&Measure {
            dataset: context.dataset.as_deref(),
            profile,
            newest_column: context.newest_column.as_deref(),
            zone: &zone,
            now: context.now,
        }));
        RuleName::make_unique(&mut checks);
        Ok(checks)
    }
}

/// The contract's table for this dataset; none for a contract without tables.
fn find_object<'a>(contract: &'a Contract, context: &CheckContext) -> Result<Option<&'a SchemaObject>, EngineError> {
    if contract.objects.is_empty() {
        return Ok(None);
    }
    let found = contract.find_object(context.dataset.as_deref());
    found.map(Some).ok_or_else(|| EngineError::NoSuchObject {
        dataset: context.dataset.clone().unwrap_or_default(),
        tables: contract.objects.iter().map(|object| object.name.as_str()).collect::<Vec<_>>().join(", "),
    })
}
