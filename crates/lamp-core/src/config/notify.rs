//! `[notify]`: whom Lamplighter tells.

use super::reader::Table;
use super::rules;

/// Where notifications go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notify {
    /// The address.
    pub webhook: Webhook,
    /// The environment variable that holds the secret with which they are signed.
    pub secret_env: Option<String>,
}

/// The address of a webhook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Webhook {
    /// `https://…` or `http://…`.
    Address(String),
    /// The environment variable that holds the address, where that is a secret itself.
    Variable(String),
}

impl Notify {
    pub(super) fn read(table: &Table<'_>) -> Option<Self> {
        let address = table.parsed("webhook", rules::http_url).map(Webhook::Address);
        let variable = table.parsed("webhook_env", rules::variable_name).map(Webhook::Variable);
        if table.has("webhook") && table.has("webhook_env") {
            let hint = "remove one of them".to_owned();
            table.problem_here("[notify] has both `webhook` and `webhook_env`", Some(hint));
        }
        if !table.has("webhook") && !table.has("webhook_env") {
            table.missing("webhook", "webhook = \"https://hooks.example.com/lamp\"");
        }
        let secret_env = table.parsed("secret_env", rules::variable_name);
        table.report_unknown_keys();
        Some(Self { webhook: address.or(variable)?, secret_env })
    }
}
