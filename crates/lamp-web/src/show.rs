//! From the types of the use cases to the words on a page. Pure: no clock, no I/O.

pub(crate) mod answering;
pub(crate) mod change;
pub(crate) mod dataset;
pub(crate) mod duty;
pub(crate) mod histogram;
pub(crate) mod history;
pub(crate) mod incident;
pub(crate) mod label;
pub(crate) mod lane;
pub(crate) mod metric;
pub(crate) mod model;
pub(crate) mod page;
pub(crate) mod plot;
pub(crate) mod run;
pub(crate) mod service;
pub(crate) mod study;
pub(crate) mod text;
pub(crate) mod totals;
pub(crate) mod tree;
pub(crate) mod value;
