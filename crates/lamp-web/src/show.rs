//! From the types of the use cases to the words on a page. Pure: no clock, no I/O.

pub(crate) mod answering;
pub(crate) mod history;
pub(crate) mod lane;
pub(crate) mod service;
pub(crate) mod text;
pub(crate) mod totals;
pub(crate) mod tree;
