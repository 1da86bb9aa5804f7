//! Every rule that the reference documents, and what the rules of our own measure.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use datafusion::arrow::array::{
    ArrayRef, Date32Array, Float64Array, Int64Array, ListBuilder, StringArray, StringBuilder, StructArray,
    Time64MicrosecondArray, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::{DataType, Field};
use lamp_core::check::{Check, Verdict};
use lamp_core::contract::{Contract, Severity, lint};
use lamp_core::profile::Profile;
use lamp_engine::{CheckContext, DataFile, Engine, EngineSettings};

use crate::files::{Folder, array, engine};

const HEAD: &str = "apiVersion: v3.1.0\nkind: DataContract\nid: flights\nversion: 1.0.0\nstatus: active\n";
const ROWS: i64 = 20;
const HOUR: i64 = 3_600_000_000;
/// Midnight of 2013-03-28 in New York.
const DAY_START: i64 = 1_364_443_200_000_000;

/// A contract with a line of YAML on a column (or `table`): a rule, or what is written of the property.
fn contract_of(column: &str, yaml: &str) -> String {
    let is_rule = yaml.contains("metric:") || yaml.contains("query:");
    let mut text = format!("{HEAD}schema:\n  - name: flights\n    properties:\n");
    for other in ["carrier", "flight", "origin", "dest", "at"].iter().filter(|other| **other != column) {
        let _ = writeln!(text, "      - name: {other}");
    }
    let inside = yaml.strip_prefix('{').and_then(|yaml| yaml.strip_suffix('}')).expect("a mapping");
    let _ = match (column, is_rule) {
        ("table", _) => writeln!(text, "    quality:\n      - {yaml}"),
        (_, true) => writeln!(text, "      - name: {column}\n        quality:\n          - {yaml}"),
        (_, false) => writeln!(text, "      - {{name: {column}, {inside}}}"),
    };
    text
}

fn own(implementation: &str) -> String {
    format!("{{type: custom, engine: lamplighter, implementation: {implementation}}}")
}

fn strings(values: impl Iterator<Item = String>) -> ArrayRef {
    array(StringArray::from(values.collect::<Vec<_>>()))
}

fn lists(values: &[&[&str]]) -> ArrayRef {
    let mut builder = ListBuilder::new(StringBuilder::new());
    for row in 0..ROWS {
        let items = values[usize::try_from(row).expect("a row") % values.len()];
        builder.append_value(items.iter().map(|item| Some(*item)));
    }
    array(builder.finish())
}

fn structs(makers: &[Option<&str>]) -> ArrayRef {
    let rows = usize::try_from(ROWS).expect("rows");
    let makers: Vec<_> = (0..rows).map(|row| makers[row % makers.len()]).collect();
    let field = |name: &str, data_type| Arc::new(Field::new(name, data_type, true));
    array(StructArray::from(vec![
        (field("maker", DataType::Utf8), array(StringArray::from(makers))),
        (field("seats", DataType::Int64), array(Int64Array::from((0..ROWS).map(|row| 50 + row).collect::<Vec<_>>()))),
    ]))
}

/// A day of flights that keeps every promise that the reference documents.
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "small numbers"
)]
fn flights(folder: &Folder, name: &str) -> DataFile {
    let cycle = |values: &'static [&'static str]| {
        strings((0..ROWS).map(move |row| values[row as usize % values.len()].to_owned()))
    };
    let at: Vec<i64> = (0..ROWS).map(|row| DAY_START + (row + 4) * HOUR).collect();
    let instants = |shift: i64| {
        let at: Vec<_> = at.iter().map(|at| at + shift).collect();
        array(TimestampMicrosecondArray::from(at).with_timezone("UTC"))
    };
    let delays = (0..ROWS).map(|row| (row != 7).then_some((row % 6) as f64 * 10.0 - 10.0)).collect::<Vec<_>>();
    folder.parquet(
        name,
        vec![
            ("carrier", cycle(&["AA", "B6", "UA"])),
            ("flight", array(Int64Array::from((1..=ROWS).collect::<Vec<_>>()))),
            ("origin", cycle(&["JFK", "LGA"])),
            ("dest", cycle(&["BOS", "LAX", "SFO"])),
            ("distance", array(Int64Array::from((1..=ROWS).map(|row| row * 10).collect::<Vec<_>>()))),
            ("delay", array(Float64Array::from(delays))),
            ("at", instants(0)),
            ("departed", instants(HOUR / 4)),
            ("arrived", instants(HOUR)),
            ("day", array(Date32Array::from(vec![15_792; ROWS as usize]))),
            (
                "boards",
                array(Time64MicrosecondArray::from((0..ROWS).map(|row| 6 * HOUR + row * HOUR / 2).collect::<Vec<_>>())),
            ),
            ("written", cycle(&["28.03.2013"])),
            ("mail", cycle(&["ada@example.org", "b@c.de"])),
            ("stops", lists(&[&["BOS"], &["BOS", "ORD"]])),
            ("plane", structs(&[Some("Boeing"), Some("Airbus")])),
        ],
    )
}

fn airports(folder: &Folder) -> DataFile {
    folder.text("airports.csv", "code,name\nJFK,Kennedy\nLGA,La Guardia\nEWR,Newark\n")
}

struct Desk {
    folder: Folder,
    files: Vec<DataFile>,
    profile: Profile,
    context: CheckContext,
}

impl Desk {
    async fn new() -> Self {
        let folder = Folder::new();
        let files = vec![flights(&folder, "flights.parquet")];
        let profile = engine(2).profile(&files, None).await.expect("a profile");
        let context = CheckContext {
            now: "2013-04-02T12:00:00Z".parse().expect("an instant"),
            time_zone: "America/New_York".to_owned(),
            dataset: Some("flights".to_owned()),
            newest_column: Some("at".to_owned()),
            key: vec!["flight".to_owned()],
            history: vec![profile.clone(), profile.clone(), profile.clone()],
            partition_end: Some("2013-03-29T04:00:00Z".parse().expect("an instant")),
            others: vec![("airports".to_owned(), vec![airports(&folder)])],
        };
        Self { folder, files, profile, context }
    }

    async fn checks(&self, text: &str) -> Vec<Check> {
        let contract = Contract::parse(text, "flights.odcs.yaml").unwrap_or_else(|e| panic!("{e}\n{text}"));
        let mut checks = engine(2).check(&self.files, &self.profile, &contract, &self.context).await.expect("checks");
        checks.retain(|check| check.rule != "schema.columns");
        checks
    }

    async fn only(&self, column: &str, implementation: &str) -> Check {
        let mut checks = self.checks(&contract_of(column, &own(implementation))).await;
        assert_eq!(checks.len(), 1, "{checks:?}");
        checks.remove(0)
    }
}

/// The lines of YAML in the tables of the reference: what they are on, and the YAML, of an `implementation` in full.
fn documented() -> Vec<(String, String)> {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/src/reference/contracts.md");
    let page = std::fs::read_to_string(page).expect("the reference");
    let mut found = Vec::new();
    let mut is_own = false;
    for line in page.lines() {
        if line.starts_with("| on |") {
            is_own = line.contains("implementation");
        }
        let cells: Vec<_> = line.split(" | ").collect();
        let Some(yaml) = cells.get(1).and_then(|cell| cell.strip_prefix('`')?.strip_suffix('`')) else { continue };
        if yaml.starts_with('{') {
            let column = cells[0].trim_matches(['|', ' ', '`']).to_owned();
            found.push((column, if is_own { own(yaml) } else { yaml.to_owned() }));
        }
    }
    found
}

#[tokio::test]
async fn every_documented_rule_parses_and_is_evaluated() {
    let desk = Desk::new().await;
    let rules = documented();
    assert!(rules.len() > 70, "the tables are found: {}", rules.len());
    for (column, yaml) in rules {
        let text = contract_of(&column, &yaml);
        let lints = lint(&text, "flights.odcs.yaml");
        assert!(lints.iter().all(|lint| lint.severity == Severity::Warning), "{yaml}: {lints:?}");
        assert_eq!(lints, [], "{yaml}");
        let checks = desk.checks(&text).await;
        assert!(!checks.is_empty(), "{yaml}");
        for check in checks {
            assert_eq!(check.verdict, Verdict::Passed, "{yaml}: {} {}", check.rule, check.message);
        }
    }
}

#[tokio::test]
async fn every_operator_and_every_metric_is_documented() {
    let text: String = documented().into_iter().map(|(_, yaml)| yaml + "\n").collect();
    let words = lamp_core::contract::Operator::NAMES
        .into_iter()
        .chain(lamp_core::contract::Metric::NAMES)
        .chain(lamp_core::contract::Statistic::NAMED.map(|(word, _)| word))
        .chain(lamp_core::contract::OwnMetric::NAMES.map(|(word, _)| word))
        .chain(lamp_core::contract::Change::ALL.map(|(word, _)| word))
        .chain(["foreignKey"]);
    for word in words {
        let is_there = text.contains(&format!("{word},")) || text.contains(&format!("{word}:"));
        assert!(is_there, "`{word}` has no line in the reference");
    }
    for (word, _) in lamp_core::contract::DriftMethod::ALL {
        let is_default = word == "psi";
        assert!(is_default || text.contains(&format!("method: {word}")), "`{word}` has no line in the reference");
    }
}

#[tokio::test]
async fn rules_of_our_own_measure_what_they_say() {
    let mut desk = Desk::new().await;
    // 19 delays: −10, 0, 10, 20, 30, 40 in turn, without the one of row 7 (a 0).
    for (column, implementation, measured) in [
        ("delay", "{metric: mean, mustBe: 0}", 260.0 / 19.0),
        ("delay", "{metric: min, mustBe: 0}", -10.0),
        ("delay", "{metric: max, mustBe: 0}", 40.0),
        ("delay", "{metric: sum, mustBe: 0}", 260.0),
        ("delay", "{metric: nullShare, mustBe: 0}", 5.0),
        ("delay", "{metric: zeroShare, mustBe: 0}", 300.0 / 19.0),
        ("delay", "{metric: negativeShare, mustBe: 0}", 400.0 / 19.0),
        ("delay", "{metric: quantile, quantile: 1, mustBe: 0}", 40.0),
        ("carrier", "{metric: distinctValues, mustBe: 0}", 3.0),
        ("carrier", "{metric: topShare, mustBe: 0}", 35.0),
        ("mail", "{metric: maxLength, mustBe: 0}", 15.0),
        ("origin", "{metric: entropy, mustBe: 0}", 1.0),
        ("at", "{metric: freshness, mustBe: 0}", 3_600.0),
        ("table", "{metric: columnCount, mustBe: 0}", 15.0),
        ("table", "{metric: unexpectedColumns, mustBe: 0}", 10.0),
        ("flight", "{metric: correlation, with: distance, mustBe: 0}", 1.0),
        ("arrived", "{metric: comparison, is: '<', to: departed, mustBe: 0}", 20.0),
        ("table", "{metric: violations, condition: delay < 0 AND carrier = 'AA', mustBe: 0}", 4.0),
        ("table", "{metric: violations, condition: delay < 0, unit: percent, mustBe: 0}", 20.0),
        ("delay", "{metric: monotonic, by: at, mustBe: 0}", 3.0),
        ("flight", "{metric: monotonic, is: <, mustBe: 0}", 19.0),
        ("dest", "{metric: foreignKey, dataset: airports, to: code, mustBe: 0}", 20.0),
        ("at", "{metric: staleGroups, by: [carrier], age: 2 h, mustBe: 9}", 1.0),
        ("delay", "{metric: mean, as: difference, mustBe: 1}", 0.0),
        ("delay", "{metric: drift, mustBe: 1}", 0.0),
    ] {
        let check = desk.only(column, implementation).await;
        let found = check.measured.unwrap_or_else(|| panic!("{implementation}: {}", check.message));
        assert!((found - measured).abs() < 1e-9, "{implementation}: {found}, and it is {measured}");
    }
    // Twice the rows, half of the carriers' names, another type, one column less and one more.
    let other = desk.folder.parquet(
        "other.parquet",
        vec![
            ("carrier", strings((0..2 * ROWS).map(|row| if row % 2 == 0 { "AA" } else { "ZZ" }.to_owned()))),
            ("delay", strings((0..2 * ROWS).map(|row| row.to_string()))),
            ("extra", strings((0..2 * ROWS).map(|row| row.to_string()))),
        ],
    );
    desk.profile = engine(1).profile(std::slice::from_ref(&other), None).await.expect("a profile");
    desk.files = vec![other];
    for (column, implementation, measured) in [
        ("table", "{metric: rowCount, as: percentChange, against: {last: 3}, mustBe: 0}", 100.0),
        ("table", "{metric: rowCount, as: ratio, mustBe: 0}", 2.0),
        ("table", "{metric: schemaChanges, mustBe: 0}", 15.0),
        ("carrier", "{metric: newCategories, mustBe: 0}", 1.0),
        ("carrier", "{metric: lostCategories, against: {last: 2}, mustBe: 0}", 2.0),
    ] {
        let all = desk.checks(&contract_of(column, &own(implementation))).await;
        let check = all.iter().find(|check| check.rule.starts_with("quality.")).expect("the rule");
        assert_eq!(check.measured, Some(measured), "{implementation}: {}", check.message);
    }
}

#[tokio::test]
async fn what_a_rule_cannot_measure_is_said() {
    let mut desk = Desk::new().await;
    desk.context.history.truncate(1);
    for (column, implementation, why) in [
        ("carrier", "{metric: mean, mustBe: 0}", "`carrier` is Utf8 and has no mean"),
        ("delay", "{metric: maxLength, mustBe: 0}", "`delay` has no text"),
        ("carrier", "{metric: freshness, mustBe: 0}", "`carrier` is Utf8 and dates no row"),
        ("delay", "{metric: comparison, is: <, to: carrier, mustBe: 0}", "`delay` is Float64 and `carrier` is Utf8"),
        ("delay", "{metric: comparison, is: <, to: nowhere, mustBe: 0}", "there is no column `nowhere`"),
        ("origin", "{metric: foreignKey, dataset: planes, to: code, mustBe: 0}", "there is no dataset `planes`"),
        ("delay", "{metric: drift, against: {last: 3}, mustBe: 0}", "compared with the last 3, and there are 1"),
        ("table", "{metric: violations, condition: 'nowhere > 3', mustBe: 0}", "nowhere"),
        ("table", "{metric: violations, condition: '1 = 1; DROP TABLE data', mustBe: 0}", ""),
    ] {
        let check = desk.only(column, implementation).await;
        assert_eq!(check.verdict, Verdict::NotEvaluated, "{implementation}");
        assert!(check.message.contains(why), "{implementation}: {}", check.message);
    }
    desk.context.history.clear();
    let check = desk.only("delay", "{metric: drift, mustBe: 0}").await;
    assert_eq!(check.message, "there is nothing before it to compare with");
}

#[tokio::test]
async fn rows_that_break_a_rule_of_our_own_are_shown() {
    let desk = Desk::new().await;
    let shown = |check: &Check| check.samples.first().map(ToString::to_string).unwrap_or_default();
    let check = desk.only("dest", "{metric: foreignKey, dataset: airports, to: code, mustBe: 0}").await;
    assert_eq!(shown(&check), "flight=1, at=2013-03-28T08:00:00Z, dest=BOS");
    let check = desk.only("arrived", "{metric: comparison, is: <, to: departed, mustBe: 0}").await;
    assert_eq!(
        shown(&check),
        "flight=1, at=2013-03-28T08:00:00Z, arrived=2013-03-28T09:00:00Z, departed=2013-03-28T08:15:00Z"
    );
    let all = desk.checks(&contract_of("dest", "{relationships: [{to: airports.code}]}")).await;
    assert_eq!(all[0].message, "`dest` is in no row of `airports` in 20 of 20 rows");
    assert_eq!((all[0].rule.as_str(), all[0].samples.len()), ("schema.dest.relationship", 5));
}

#[tokio::test]
async fn structs_and_lists_are_looked_into() {
    let mut desk = Desk::new().await;
    let file = desk.folder.parquet(
        "nested.parquet",
        vec![
            ("plane", structs(&[Some("Boeing"), None])),
            ("stops", lists(&[&["BOS", "BOS"], &["ORDX"], &[], &["A", "B", "C", "D"]])),
        ],
    );
    desk.profile = engine(1).profile(std::slice::from_ref(&file), None).await.expect("a profile");
    desk.files = vec![file];
    for (column, yaml, rule, measured) in [
        ("plane", "properties: [{name: maker, required: true}]", "schema.plane.maker.required", 10.0),
        (
            "plane",
            "properties: [{name: seats, logicalType: integer, logicalTypeOptions: {minimum: 60}}]",
            "schema.plane.seats.minimum",
            10.0,
        ),
        (
            "plane",
            "properties: [{name: maker, quality: [{metric: invalidValues, arguments: {validValues: [Airbus]}, mustBe: 0}]}]",
            "quality.plane.maker.invalidValues",
            10.0,
        ),
        ("plane", "properties: [{name: maker, unique: true}]", "schema.plane.maker.unique", 9.0),
        ("plane", "logicalType: object, logicalTypeOptions: {required: [maker]}", "schema.plane.required.maker", 10.0),
        ("plane", "logicalType: object, logicalTypeOptions: {minProperties: 2}", "schema.plane.minProperties", 10.0),
        ("stops", "logicalType: array, logicalTypeOptions: {minItems: 1}", "schema.stops.minItems", 5.0),
        ("stops", "logicalType: array, logicalTypeOptions: {maxItems: 3}", "schema.stops.maxItems", 5.0),
        ("stops", "logicalType: array, logicalTypeOptions: {uniqueItems: true}", "schema.stops.uniqueItems", 5.0),
        ("stops", "items: {logicalType: string, logicalTypeOptions: {maxLength: 3}}", "schema.stops[].maxLength", 5.0),
    ] {
        let text = format!("{HEAD}schema:\n  - name: flights\n    properties:\n      - {{name: {column}, {yaml}}}\n");
        let checks = desk.checks(&text).await;
        let check = checks.iter().find(|check| check.rule == rule).unwrap_or_else(|| panic!("{rule}: {checks:?}"));
        assert_eq!((check.verdict, check.measured), (Verdict::Failed, Some(measured)), "{rule}: {}", check.message);
    }
    let text = format!(
        "{HEAD}schema:\n  - name: flights\n    properties:\n      - {{name: plane, properties: [{{name: wings}}, {{name: seats, logicalType: string}}]}}\n"
    );
    let checks: Vec<_> = desk.checks(&text).await.into_iter().map(|check| check.message).collect();
    assert_eq!(checks, ["there is no field `plane.wings`", "`plane.seats` is Int64"]);
}

#[tokio::test]
async fn a_query_that_takes_too_much_is_stopped_and_said() {
    let desk = Desk::new().await;
    let tables = |count: usize| {
        vec!["{table}"; count].iter().enumerate().map(|(n, t)| format!("{t} t{n}")).collect::<Vec<_>>().join(", ")
    };
    // Twenty rows to the tenth power.
    let endless = format!("SELECT count(*) FROM {} WHERE t0.delay + t9.delay = 7", tables(10));
    let large = format!("SELECT array_length(array_agg(t0.at)) FROM {}", tables(6));
    for (query, why) in [
        (endless.as_str(), "took longer than 0.5 s"),
        (large.as_str(), "memory"),
        ("DELETE FROM {table}", "SELECT"),
        ("SELECT 1; SELECT 2", "statements"),
        ("SELECT carrier, flight FROM {table}", "one number is wanted"),
    ] {
        let settings = EngineSettings {
            memory_bytes: 16 << 20,
            rule_query_max: Duration::from_millis(if why == "memory" { 300_000 } else { 500 }),
            ..EngineSettings::default()
        };
        let text = contract_of("table", &format!("{{type: sql, query: \"{query}\", mustBe: 0}}"));
        let contract = Contract::parse(&text, "flights.odcs.yaml").expect("a contract without errors");
        let checks = Engine::new(settings).check(&desk.files, &desk.profile, &contract, &desk.context).await;
        let check = checks.expect("checks").into_iter().find(|check| check.rule == "quality.sql").expect("the rule");
        assert_eq!(check.verdict, Verdict::NotEvaluated, "{query}");
        assert!(check.message.to_lowercase().contains(&why.to_lowercase()), "{query}: {}", check.message);
    }
}
