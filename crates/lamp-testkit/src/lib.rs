//! Test contexts: real git repositories, a real Postgres, a browser. Never shipped.
//!
//! Everything here panics with a message that says what to do: the callers are tests, and a test
//! that cannot be set up has failed.

pub mod browser;
pub mod certificate;
pub mod command;
pub mod docs;
pub mod filters;
pub mod http;
pub mod ids;
pub mod postgres;
pub mod python;
pub mod repo;
pub mod s3;

pub use browser::Browser;
pub use command::{LampCommand, Outcome, TestContext};
pub use ids::FixedIds;
pub use python::{clients_python, onnxruntime_library, python};
pub use repo::TempRepo;

/// The instant at which tests begin unless they say otherwise: midnight of 1 April 2013 in New York.
pub const TEST_START: &str = "2013-04-01T04:00:00Z";

/// Set by `cargo xtask test --skip-browser`: tests that need Chromium say so and pass.
pub const SKIP_BROWSER_VARIABLE: &str = "LAMP_TEST_SKIP_BROWSER";
/// Set by `cargo xtask test --skip-postgres`: tests that need Postgres say so and pass.
pub const SKIP_POSTGRES_VARIABLE: &str = "LAMP_TEST_SKIP_POSTGRES";
/// Set by `cargo xtask test --skip-python`: tests that need a Python environment say so and pass.
pub const SKIP_PYTHON_VARIABLE: &str = "LAMP_TEST_SKIP_PYTHON";

/// Whether the test that asks should be left out, saying so once on standard error.
///
/// A test begins with `if lamp_testkit::is_skipped(lamp_testkit::SKIP_BROWSER_VARIABLE) { return; }`.
pub fn is_skipped(variable: &str) -> bool {
    let skipped = std::env::var_os(variable).is_some_and(|value| !value.is_empty());
    if skipped {
        eprintln!("skipped: {variable} is set");
    }
    skipped
}
