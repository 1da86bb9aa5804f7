//! What the binary carries with it.

/// The Python package `lamplighter`: paths relative to its parent folder, and bytes. Runs and
/// workers always have the one that goes with this binary.
pub const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/sdk_files.rs"));

/// The demo's repository: paths below `flights/`, and bytes.
pub const FLIGHTS: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/flights_files.rs"));
