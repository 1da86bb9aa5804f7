//! The bytes: content-addressed, immutable dataset versions and model packages.
//!
//! A store is a folder or a bucket. Whatever is put there is named by the BLAKE3 digest of its
//! bytes and never changed again; only *documents* (derived JSON that can be made anew) are ever
//! replaced.
//!
//! ```text
//! lamp-store.json                   {"layout":1}: what the rest looks like
//! objects/ab/cdef…                  whole files by digest, read-only
//! manifests/ab/cdef….json           manifests by digest
//! series/datasets/flights/00000007.json   {"digest":"…"}: the published name of a version
//! documents/profile/ab/cdef….json   derived JSON by the digest of what it was derived from
//! tmp/                              files being written; swept after a day (folders only)
//! ```
//!
//! Nothing becomes visible under its final name before it is whole and on disk, so a crash
//! between any two steps leaves a version absent or whole, and the same command can be run again.

mod add;
mod aside;
mod backend;
mod bucket;
mod checkout;
mod chunker;
mod document;
mod error;
mod faults;
mod folder;
mod gc;
mod hashing;
mod index;
mod kept;
mod layout;
mod local;
mod location;
mod names;
mod pack;
mod packing;
mod packs;
mod progress;
mod reader;
mod repack;
mod source;
mod stat_cache;
mod store;
#[cfg(test)]
mod tests;
mod transfer;
mod trash;
mod verify;
mod workers;

pub use checkout::{Checkout, Overwrite};
pub use document::DocumentKind;
pub use error::StoreError;
pub use gc::{Collected, Roots};
pub use progress::{NoProgress, Progress};
pub use repack::Repacked;
pub use source::SourceFile;
pub use store::{Stats, Store};
pub use transfer::Sent;
pub use verify::{Damage, DamageKind};
