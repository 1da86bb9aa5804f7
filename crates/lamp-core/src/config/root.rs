//! The root's `lamp.toml`.

use std::collections::BTreeMap;

use globset::{GlobSet, GlobSetBuilder};
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::checks::Checks;
use super::duty::{Duties, Rota};
use super::error::ConfigError;
use super::notify::Notify;
use super::reader::{self, Document, Table};
use super::remotes::{self, Remote};
use super::rules::{self, Refusal};
use super::{server, words};
use crate::exposure::{ServerConfig, ServerUrl};
use crate::names::{RemoteName, RotaName};

/// The ledger of a workspace that names none.
pub const LEDGER_DEFAULT: &str = "sqlite:.lamp/ledger.db";
/// The store of a workspace that names none.
pub const STORE_DEFAULT: &str = ".lamp/store";
/// The time zone of a workspace that names none.
pub const TIME_ZONE_DEFAULT: &str = "UTC";

/// The root's settings.
#[derive(Debug, Clone)]
pub struct RootConfig {
    /// Globs of project folders, relative to the root; `*` stays within one folder.
    pub members: Vec<String>,
    /// The ledger's address: `sqlite:PATH` (relative to the root) or `postgres://…`.
    pub ledger: String,
    /// The store: a folder relative to the root, or `s3://…`, `gs://…`, `az://…`.
    pub store: String,
    /// Most bytes of whole files that are kept for reading in place; none means the store's own limit.
    pub cache: Option<u64>,
    /// Other stores, to push to and to pull from.
    pub remotes: BTreeMap<RemoteName, Remote>,
    /// The zone of civil days and times.
    pub time_zone: TimeZone,
    /// Its IANA name.
    pub time_zone_name: String,
    /// The rotations.
    pub rotas: BTreeMap<RotaName, Rota>,
    /// Duties of every project that does not say otherwise.
    pub duties: Duties,
    /// The team's server: this clone's commands ask it, unless it is the server itself.
    pub server: Option<ServerUrl>,
    /// How others reach the pages and the API.
    pub serving: ServerConfig,
    /// Whom Lamplighter tells of incidents and missed duties.
    pub notify: Option<Notify>,
    /// How often checks without bounds may call somebody.
    pub checks: Checks,
    pub(crate) document: Document,
    member_globs: GlobSet,
}

impl RootConfig {
    /// Parses the root's `lamp.toml`; `file` labels it in errors.
    pub fn parse(text: &str, file: &str) -> Result<Self, ConfigError> {
        let (root, document) = reader::read(text, file, read_root)?;
        Ok(root(document))
    }

    /// Whether a folder (relative to the root) is one that `members` names.
    pub fn is_member(&self, dir: &str) -> bool {
        self.member_globs.is_match(dir.trim_end_matches('/'))
    }
}

/// What the text says; whole once the document that it came from is known.
fn read_root(file: &Table<'_>) -> Option<impl FnOnce(Document) -> RootConfig + use<>> {
    for key in ["project", "datasets", "models", "services", "cadence", "tests"] {
        file.refuse(
            key,
            &format!("`{key}` does not belong in the root's file"),
            "put it into the lamp.toml of a project",
        );
    }
    let rotas = file.tables("rota").into_iter().filter_map(|(name, table)| {
        let parsed = table.accept(&name.span, RotaName::parse(name.value));
        let rota = Rota::read(&table);
        Some((parsed?, rota))
    });
    let rotas = rotas.collect();
    let duties = file.table("duties").map(|table| Duties::read(&table)).unwrap_or_default();
    let serving = file.table("server").map(|table| server::read(&table)).unwrap_or_default();
    let notify = file.table("notify").and_then(|table| Notify::read(&table));
    let checks = file.table("checks").map(|table| Checks::read(&table)).unwrap_or_default();
    let remotes = remotes::read(file);
    let Some(workspace) = file.table("workspace") else {
        if !file.has("workspace") {
            file.missing("workspace", "[workspace]");
        }
        return None;
    };
    let (members, member_globs) = read_members(&workspace);
    let ledger = workspace.parsed("ledger", rules::ledger).unwrap_or_else(|| LEDGER_DEFAULT.to_owned());
    let store = workspace.parsed("store", rules::store).unwrap_or_else(|| STORE_DEFAULT.to_owned());
    let cache = workspace.parsed("cache", rules::size);
    let zone = workspace.parsed("time_zone", find_time_zone);
    let (time_zone, time_zone_name) = zone.unwrap_or_else(|| (TimeZone::UTC, TIME_ZONE_DEFAULT.to_owned()));
    let server = workspace.parsed("server", ServerUrl::parse);
    if workspace.has("server") {
        let hint = "put it into .lamp/server.toml on the server";
        workspace.refuse("ledger", "`ledger` is the server's own affair where `server` is set", hint);
        workspace.refuse("store", "`store` is the server's own affair where `server` is set", hint);
    }
    workspace.report_unknown_keys();
    let member_globs = member_globs?;
    Some(move |document| RootConfig {
        members,
        ledger,
        store,
        cache,
        remotes,
        time_zone,
        time_zone_name,
        rotas,
        duties,
        server,
        serving,
        notify,
        checks,
        document,
        member_globs,
    })
}

fn read_members(workspace: &Table<'_>) -> (Vec<String>, Option<GlobSet>) {
    if !workspace.has("members") {
        workspace.missing("members", "members = [\"projects/*\"]");
    }
    let mut builder = GlobSetBuilder::new();
    let mut members = Vec::new();
    for member in workspace.texts("members") {
        if let Some(glob) = workspace.accept(&member.span, rules::member_glob(member.value)) {
            builder.add(glob);
            members.push(member.value.trim_end_matches('/').to_owned());
        }
    }
    let built = builder.build();
    if let Err(error) = &built {
        workspace.problem_here(format!("`members` cannot be used: {}", error.kind()), None);
    }
    (members, built.ok())
}

/// From the database that is compiled in, so that the same file means the same on every machine.
fn find_time_zone(name: &str) -> Result<(TimeZone, String), Refusal> {
    let zones = TimeZoneDatabase::bundled();
    if let Ok(zone) = zones.get(name) {
        let name = zone.iana_name().unwrap_or(name).to_owned();
        return Ok((zone, name));
    }
    let available: Vec<String> = zones.available().map(|zone| zone.to_string()).collect();
    let hint = words::did_you_mean(name, available.iter().map(String::as_str)).map_or_else(
        || "use an IANA name, for example `Europe/Berlin` or `UTC`".to_owned(),
        |meant| format!("did you mean `{meant}`?"),
    );
    Err(Refusal::new(format!("`{name}` is not a time zone"), hint))
}
