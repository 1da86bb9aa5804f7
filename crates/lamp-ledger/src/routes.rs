//! Routes. Each change is a row; the one with the highest epoch stands.

use lamp_core::dataset::VersionNumber;
use lamp_core::names::{ModelName, ServiceName};
use lamp_core::route::{ModelRef, Role, Route};
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use crate::row::{self, Record};
use crate::statement::{reads, statements, writes};
use crate::{LedgerError, Result};

macro_rules! columns {
    () => {
        "service, epoch, primary_model, primary_version, shadow_model, shadow_version, active, changed_by, \
         changed_auth, changed_at, why"
    };
}

macro_rules! stands {
    () => {
        "epoch = (SELECT MAX(n.epoch) FROM route_changes n WHERE n.service = r.service)"
    };
}

statements! {
    // The guard: the row is written only if the epoch before it stands.
    APPEND = concat!(
        "INSERT INTO route_changes (", columns!(), ") SELECT CAST($1 AS TEXT), CAST($2 AS BIGINT), CAST($3 AS TEXT), ",
        "CAST($4 AS BIGINT), CAST($5 AS TEXT), CAST($6 AS BIGINT), CAST($7 AS TEXT), CAST($8 AS TEXT), ",
        "CAST($9 AS TEXT), CAST($10 AS BIGINT), CAST($11 AS TEXT) ",
        "WHERE CAST($2 AS BIGINT) = ",
        "(SELECT COALESCE(MAX(epoch), 0) + 1 FROM route_changes WHERE service = CAST($1 AS TEXT))"
    );
    FIND = concat!("SELECT ", columns!(), " FROM route_changes WHERE service = $1 ORDER BY epoch DESC LIMIT 1");
    STANDING = concat!("SELECT ", columns!(), " FROM route_changes r WHERE ", stands!());
    HISTORY = concat!("SELECT ", columns!(), " FROM route_changes WHERE service = $1 ORDER BY epoch DESC LIMIT $2");
}

reads! {
    /// Who answers for a service now.
    fn find_route(service: &ServiceName) -> Option<Route>;
    /// Who answers now, for every service, by name.
    fn routes() -> Vec<Route>;
    /// The last `limit` routes of a service, newest first; the first of them stands.
    fn route_history(service: &ServiceName, limit: u32) -> Vec<Route>;
    /// The services in which a model version has a place now, by name.
    fn routes_serving(id: &ModelRef) -> Vec<(ServiceName, Role)>;
}

writes! {
    /// Saves a route. Its epoch must follow the one that stands (1 for the first), else somebody else was first.
    fn save_route(route: &Route) -> ();
}

fn place(record: Record<'_>, model: &'static str, version: &'static str) -> Result<Option<ModelRef>> {
    let model = record.optional_parse(model, |text| ModelName::parse(text).ok())?;
    let version: Option<VersionNumber> = record.optional_number(version)?;
    Ok(model.zip(version).map(|(model, version)| ModelRef { model, version }))
}

fn route(row: &AnyRow) -> Result<Route> {
    let record = Record::new(row, "route");
    Ok(Route {
        service: record.parse("service", |text| ServiceName::parse(text).ok())?,
        primary: place(record, "primary_model", "primary_version")?,
        shadow: place(record, "shadow_model", "shadow_version")?,
        active: record.parse("active", Role::parse)?,
        epoch: record.number("epoch")?,
        changed_by: record.actor("changed_by", "changed_auth")?,
        changed_at: record.time("changed_at")?,
        why: record.text("why")?,
    })
}

async fn save_route(connection: &mut AnyConnection, route: &Route) -> Result<()> {
    let name = |place: Option<&ModelRef>| place.map(|id| id.model.to_string());
    let number = |place: Option<&ModelRef>| place.map(|id| i64::from(id.version));
    let saved = APPEND
        .query()
        .bind(route.service.as_str())
        .bind(row::number("a route's epoch", route.epoch)?)
        .bind(name(route.primary.as_ref()))
        .bind(number(route.primary.as_ref()))
        .bind(name(route.shadow.as_ref()))
        .bind(number(route.shadow.as_ref()))
        .bind(route.active.as_str())
        .bind(row::text("an actor's name", &route.changed_by.name)?)
        .bind(route.changed_by.auth.as_str())
        .bind(row::micros(route.changed_at))
        .bind(row::text("a reason", &route.why)?)
        .execute(&mut *connection)
        .await?
        .rows_affected();
    if saved == 1 {
        return Ok(());
    }
    let standing = find_route(connection, &route.service).await?.map_or(0, |standing| standing.epoch);
    let what = format!("the route of `{}` is at epoch {standing}, so {} cannot follow", route.service, route.epoch);
    Err(LedgerError::conflict(what))
}

async fn find_route(connection: &mut AnyConnection, service: &ServiceName) -> Result<Option<Route>> {
    let row = FIND.query().bind(service.as_str()).fetch_optional(connection).await?;
    row.as_ref().map(route).transpose()
}

async fn routes(connection: &mut AnyConnection) -> Result<Vec<Route>> {
    let rows = STANDING.query().fetch_all(connection).await?;
    let mut standing = rows.iter().map(route).collect::<Result<Vec<_>>>()?;
    standing.sort_by(|a, b| a.service.cmp(&b.service));
    Ok(standing)
}

async fn route_history(connection: &mut AnyConnection, service: &ServiceName, limit: u32) -> Result<Vec<Route>> {
    let query = HISTORY.query().bind(service.as_str()).bind(i64::from(limit));
    query.fetch_all(connection).await?.iter().map(route).collect()
}

async fn routes_serving(connection: &mut AnyConnection, id: &ModelRef) -> Result<Vec<(ServiceName, Role)>> {
    let standing = routes(connection).await?;
    let places = standing.iter().flat_map(|route| {
        let has = move |role: Role| route.model(role) == Some(id);
        [Role::Primary, Role::Shadow]
            .into_iter()
            .filter(move |role| has(*role))
            .map(|role| (route.service.clone(), role))
    });
    Ok(places.collect())
}
