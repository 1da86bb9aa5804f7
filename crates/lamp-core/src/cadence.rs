//! Practice 7: a model is trained again on a cadence, which a study of its ageing chose.
//!
//! [`periods`] says when; [`rotation`] is what becomes of one period; [`study`] asks how fast a model ages, and
//! [`choice`] which cadence that allows.

pub mod choice;
pub mod periods;
pub mod report;
pub mod rotation;
pub mod study;
