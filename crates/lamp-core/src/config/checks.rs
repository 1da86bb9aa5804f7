//! `[checks]`: how often a check that nobody set a bound for may call somebody.

use super::reader::Table;
use crate::surprise::PAGES_PER_WEEK_DEFAULT;

/// Most pages a week that can be asked for.
const PAGES_PER_WEEK_MAX: f64 = 100.0;

/// Settings of checks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Checks {
    /// Pages a week that the team accepts for usual data, all datasets together; more than 0.
    pub pages_per_week: f64,
}

impl Default for Checks {
    fn default() -> Self {
        Self { pages_per_week: PAGES_PER_WEEK_DEFAULT }
    }
}

impl Checks {
    pub(super) fn read(table: &Table<'_>) -> Self {
        let mut checks = Self::default();
        if let Some(pages) = table.number("pages_per_week") {
            if pages.value > 0.0 && pages.value <= PAGES_PER_WEEK_MAX {
                checks.pages_per_week = pages.value;
            } else {
                let hint = format!("write pages_per_week = {PAGES_PER_WEEK_DEFAULT}: one page in a shift of two weeks");
                let message = format!("`pages_per_week` must be more than 0 and at most {PAGES_PER_WEEK_MAX}");
                table.problem(&pages.span, message, Some(hint));
            }
        }
        table.report_unknown_keys();
        checks
    }
}
