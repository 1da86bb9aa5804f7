//! The bytes: content-addressed, immutable dataset versions and model packages.
//!
//! A store is a folder or a bucket. Files are cut into chunks, chunks lie in packs, and whatever is
//! put there is named by the BLAKE3 digest of its bytes and never changed again; only *documents*
//! (derived JSON that can be made anew) are ever replaced. `docs/src/reference/store.md` says what
//! lies where, byte for byte.
//!
//! Nothing becomes visible under its final name before it is whole and on disk, so a crash
//! between any two steps leaves a version absent or whole, and the same command can be run again.
//!
//! | from files to packs | from packs to files | care |
//! |---|---|---|
//! | `add`, `source`, `stat_cache` | `local`, `kept`: whole files to read in place | `verify`: damage is set aside |
//! | `chunker`: where files are cut | `checkout` | `repack`: differences between versions |
//! | `packing`: chunks into packs | `reader`: blocks decoded, chunks checked | `gc`, `trash` |
//! | `pack`: the format | `index`, `packs`: what is where | `transfer`: from store to store |

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
mod links;
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
pub use links::why_it_leads_out;
pub use progress::{NoProgress, Progress};
pub use repack::Repacked;
pub use source::SourceFile;
pub use store::{Stats, Store};
pub use transfer::Sent;
pub use trash::Trashed;
pub use verify::{Damage, DamageKind};
