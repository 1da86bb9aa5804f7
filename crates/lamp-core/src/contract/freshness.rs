//! How old the newest row is, held against a contract's promises.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::sla::{Sla, SlaProperty, newest_at};
use super::types::Contract;
use crate::check::Check;
use crate::profile::Profile;

/// What a promise of service is measured on.
#[derive(Debug, Clone, Copy)]
pub struct Measure<'a> {
    /// The dataset's name: which of the contract's tables it is.
    pub dataset: Option<&'a str>,
    /// The profile of its newest rows.
    pub profile: &'a Profile,
    /// The column that dates the rows, for promises that name none.
    pub newest_column: Option<&'a str>,
    /// The zone in which days and times without a zone are read.
    pub zone: &'a TimeZone,
    /// The instant against which ages are measured.
    pub now: Timestamp,
}

impl Contract {
    /// One check for each promise of service. What is no matter of the rows says so.
    pub fn service_checks(&self, measure: &Measure<'_>) -> Vec<Check> {
        self.sla.iter().map(|sla| self.service_check(sla, measure)).collect()
    }

    /// The check of one promise of service.
    pub fn service_check(&self, sla: &Sla, measure: &Measure<'_>) -> Check {
        match &sla.property {
            SlaProperty::Latency => match self.newest_row(sla, measure) {
                Ok(newest_at) => self.located(sla, measure).judge_latency(newest_at, measure.now),
                Err(why) => self.located(sla, measure).not_evaluated(why),
            },
            SlaProperty::Other(name) => sla.not_evaluated(format!("promises of `{name}` are not measured on data")),
            SlaProperty::Frequency
            | SlaProperty::Availability
            | SlaProperty::TimeToDetect
            | SlaProperty::TimeToNotify
            | SlaProperty::TimeToRepair => sla.not_evaluated("measured over time, by `lamp sla`".to_owned()),
        }
    }

    /// The promise with the column that it is measured on.
    fn located(&self, sla: &Sla, measure: &Measure<'_>) -> Sla {
        let fallback = || self.sla_default_element.clone().or_else(|| measure.newest_column.map(str::to_owned));
        Sla { element: sla.element.clone().or_else(fallback), ..sla.clone() }
    }

    /// The instant of the newest row, or why there is none.
    pub fn newest_row(&self, sla: &Sla, measure: &Measure<'_>) -> Result<Timestamp, String> {
        let sla = self.located(sla, measure);
        let object = self.find_object(measure.dataset);
        if let (Some(table), Some(object)) = (sla.table(), object)
            && !object.is_called(table)
        {
            return Err(format!("it is about the table `{table}`"));
        }
        let Some(property) = sla.column() else {
            return Err("it names no column that dates the rows (`element`)".to_owned());
        };
        let column = object.map_or(property, |object| object.column_of(property));
        let Some(column) = measure.profile.find(column) else { return Err(format!("there is no column `{column}`")) };
        match newest_at(column, measure.zone) {
            Some(newest_at) => Ok(newest_at),
            None if column.non_null() == 0 => Err(format!("`{}` has no value", column.name)),
            None => Err(format!("`{}` is {} and dates no row", column.name, column.data_type)),
        }
    }
}
