//! Translators: the pages and the JSON API over the use cases of `lamp-app`.
//!
//! Nothing here decides: a handler reads a request into the types of a use case, calls it, and
//! renders what comes back. Nothing here touches the file system either: stylesheet, module and
//! icon are in the binary, and no path of a request becomes a path on disk.
//!
//! - [`settings`]: what the composition root hands over, and which addresses may be listened on.
//! - `guard`: what every request must pass: its host, its origin, who sends it, its token; and the headers of
//!   every answer.
//! - `site`: what handlers work with. Its application acts as the visitor and never as the process.
//! - `pages`, `api`: one file a resource.
//! - `show`: from the types of the use cases to the words on a page. Pure.

mod api;
mod assets;
mod deciding;
mod failure;
mod guard;
mod looking;
mod pages;
mod peer;
mod router;
pub mod settings;
mod show;
mod site;
mod switching;
mod tls;

pub use router::{router, serve};
pub use settings::{NotLoopback, RouteHook, WebSettings, refuse_unless_loopback};
pub use tls::{Tls, TlsError};
