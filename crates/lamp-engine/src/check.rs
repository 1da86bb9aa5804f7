//! Contract checks: what the profile knows is not measured again, and what it does not know is
//! measured in one scan, with one spilling group-by for each key that must be unique.

mod condition;
mod failing;
mod measure;
mod plan;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use lamp_core::check::Check;
use lamp_core::contract::{Contract, Evidence, Measure, Property, RuleName, SchemaObject};
use lamp_core::profile::Profile;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::files::DataFile;

/// What a check needs to know besides data and contract.
#[derive(Debug, Clone, PartialEq)]
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
    /// Profiles of the partitions before, oldest first: as many as [`Contract::history_needed`] says, where there
    /// are so many.
    pub history: Vec<Profile>,
    /// The end of the partition, where that is one of time.
    pub partition_end: Option<Timestamp>,
    /// The files of other datasets: those of [`Contract::other_datasets`] that there are.
    pub others: Vec<(String, Vec<DataFile>)>,
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
            let tables = measure::Tables::new(self.clone(), files, object, &context.others);
            let promised: Vec<&str> = object.properties.iter().map(Property::column).collect();
            let facts = plan::Facts {
                evidence: Evidence {
                    profile,
                    history: &context.history,
                    promised: &promised,
                    until: context.partition_end.map_or(context.now, |end| end.min(context.now)),
                    zone: &zone,
                },
                others: context.others.iter().map(|(name, _)| name.as_str()).collect(),
            };
            let drafts = plan::plan(object, &facts)?;
            let measured = tables.measure(&drafts).await?;
            for (draft, measured) in drafts.iter().zip(measured) {
                checks.push(draft.finish(measured, profile.rows));
            }
            let about = (profile, context);
            failing::add_samples(&tables, object, about, &drafts, &mut checks).await?;
            if plan::nested::is_nested(object) {
                checks.extend(inside_columns(&tables, object).await?);
            }
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

/// What is promised of the fields of structs and the items of lists.
async fn inside_columns(tables: &measure::Tables<'_>, object: &SchemaObject) -> Result<Vec<Check>, EngineError> {
    let mut checks = Vec::new();
    for group in plan::nested::plan(object, tables.schema().await?, measure::TABLE)? {
        let (measured, rows) = tables.measure_in(&group.from, &group.drafts).await?;
        for (draft, measured) in group.drafts.iter().zip(measured) {
            checks.push(draft.finish(measured, rows));
        }
    }
    Ok(checks)
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
