//! Contracts evaluated on files.

use datafusion::arrow::array::{
    BooleanArray, Date32Array, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray,
};
use expect_test::{Expect, expect};
use jiff::Timestamp;
use lamp_core::check::{Check, Verdict};
use lamp_core::contract::Contract;
use lamp_core::error::Classified;
use lamp_core::profile::Profile;
use lamp_engine::{CheckContext, DataFile};

use crate::files::{Folder, array, engine};

const HEAD: &str = "apiVersion: v3.1.0\nkind: DataContract\nid: trips\nversion: 1.0.0\nstatus: active\n";

fn contract(rest: &str) -> Contract {
    Contract::parse(&format!("{HEAD}{rest}"), "trips.odcs.yaml").expect("a contract without errors")
}

/// A contract with one property, `rest` being what follows its name.
fn on_column(column: &str, rest: &str) -> Contract {
    let rest = rest.replace('\n', "\n        ");
    contract(&format!("schema:\n  - name: trips\n    properties:\n      - name: {column}\n        {rest}\n"))
}

/// A contract with one rule on a column.
fn rule(column: &str, rule: &str) -> Contract {
    on_column(column, &format!("quality:\n- {}", rule.replace('\n', "\n  ")))
}

fn context() -> CheckContext {
    CheckContext {
        now: "2013-04-02T12:00:00Z".parse().expect("an instant"),
        time_zone: "America/New_York".to_owned(),
        dataset: Some("trips".to_owned()),
        newest_column: None,
        key: Vec::new(),
        history: Vec::new(),
        partition_end: None,
        others: Vec::new(),
    }
}

/// Ten trips with something wrong in most columns.
fn trips(folder: &Folder) -> DataFile {
    let text = |values: [Option<&'static str>; 10]| array(StringArray::from(values.to_vec()));
    let day = 86_400_000_000;
    folder.parquet(
        "trips.parquet",
        vec![
            ("id", array(Int64Array::from(vec![1, 2, 3, 4, 5, 6, 7, 8, 9, 9]))),
            ("leg", array(Int64Array::from(vec![1, 1, 1, 1, 1, 1, 1, 1, 1, 2]))),
            (
                "carrier",
                text([
                    Some("UA"),
                    Some("AA"),
                    Some("UA"),
                    Some("ua"),
                    None,
                    Some(""),
                    Some("N/A"),
                    Some("B6"),
                    Some("UA"),
                    None,
                ]),
            ),
            (
                "delay",
                array(Float64Array::from(vec![
                    Some(-5.0),
                    Some(0.0),
                    Some(2.5),
                    Some(f64::NAN),
                    None,
                    Some(10.0),
                    Some(1_000.0),
                    Some(f64::INFINITY),
                    Some(3.0),
                    Some(2.5),
                ])),
            ),
            (
                "late",
                array(BooleanArray::from(vec![
                    Some(true),
                    None,
                    Some(false),
                    Some(false),
                    Some(false),
                    None,
                    None,
                    None,
                    Some(true),
                    None,
                ])),
            ),
            ("day", array(Date32Array::from(vec![15_795; 10]))),
            (
                "at",
                array(
                    TimestampMicrosecondArray::from((0..10).map(|i| 15_796 * day - i * day).collect::<Vec<_>>())
                        .with_timezone("UTC"),
                ),
            ),
        ],
    )
}

/// Checks twice: with what the profile knows, and with SQL for all that it could have known. Both
/// must say the same.
async fn checks(file: &DataFile, contract: &Contract) -> Vec<Check> {
    let engine = engine(2);
    let files = std::slice::from_ref(file);
    let profile = engine.profile(files, None).await.expect("a profile");
    let known = engine.check(files, &profile, contract, &context()).await.expect("checks");
    let mut forgetful: Profile = profile.clone();
    for column in &mut forgetful.columns {
        column.top.exact = false;
    }
    let scanned = engine.check(files, &forgetful, contract, &context()).await.expect("checks");
    assert_eq!(known, scanned, "the profile and the scan agree");
    known
}

async fn only(file: &DataFile, contract: &Contract) -> Check {
    let mut checks = checks(file, contract).await;
    checks.retain(|check| check.rule != "schema.columns");
    assert_eq!(checks.len(), 1, "{checks:?}");
    checks.remove(0)
}

async fn shown(file: &DataFile, contract: &Contract, expected: &Expect) {
    let lines: Vec<String> = checks(file, contract)
        .await
        .iter()
        .map(|c| format!("{} {} [{}] {}", c.verdict.as_str(), c.rule, c.bound, c.message))
        .collect();
    expected.assert_eq(&lines.join("\n"));
}

#[tokio::test]
async fn every_metric_counts_what_it_says() {
    let folder = Folder::new();
    let file = trips(&folder);
    for (column, metric, count) in [
        ("carrier", "metric: nullValues", 2.0),
        ("delay", "metric: nullValues", 1.0),
        ("carrier", "metric: missingValues\narguments: {missingValues: [null, '', N/A]}", 4.0),
        ("carrier", "metric: missingValues\narguments: {missingValues: ['', N/A]}", 2.0),
        ("carrier", "metric: missingValues", 3.0),
        ("delay", "metric: missingValues\narguments: {missingValues: [null, NaN, 1000]}", 3.0),
        ("late", "metric: missingValues\narguments: {missingValues: [null, true]}", 7.0),
        ("carrier", "metric: invalidValues\narguments: {validValues: [UA, AA, B6]}", 3.0),
        ("carrier", "metric: invalidValues\narguments: {pattern: '^[A-Z0-9]{2}$'}", 3.0),
        ("carrier", "metric: invalidValues\narguments: {validValues: [UA, AA, ua], pattern: '^[A-Z0-9]{2}$'}", 4.0),
        ("delay", "metric: invalidValues\narguments: {validValues: [0, 2.5, '10']}", 5.0),
        ("id", "metric: invalidValues\narguments: {validValues: [1, 2, nine]}", 8.0),
        ("day", "metric: invalidValues\narguments: {validValues: ['2013-04-01']}", 10.0),
        ("day", "metric: invalidValues\narguments: {validValues: ['2013-03-31']}", 0.0),
        (
            "at",
            "metric: invalidValues\narguments: {validValues: ['2013-04-01T00:00:00Z', '2013-03-31T00:00:00Z']}",
            8.0,
        ),
        ("carrier", "metric: duplicateValues", 2.0),
        ("delay", "metric: duplicateValues", 1.0),
        ("id", "metric: duplicateValues", 1.0),
        ("id", "metric: duplicateValues\narguments: {properties: [id, leg]}", 0.0),
        ("id", "metric: rowCount", 10.0),
    ] {
        let check = only(&file, &rule(column, &format!("{metric}\nmustBe: {count}"))).await;
        assert_eq!(
            (check.verdict, check.measured),
            (Verdict::Passed, Some(count)),
            "{column} {metric}: {}",
            check.message
        );
    }
}

#[tokio::test]
async fn every_operator_judges_in_rows_and_in_percent() {
    let folder = Folder::new();
    let file = trips(&folder);
    let bounds = |operator: &str| match operator {
        "mustBe" | "mustBeGreaterOrEqualTo" => ("2", "20", "3"),
        "mustNotBe" => ("3", "30", "2"),
        "mustBeGreaterThan" => ("1", "19.5", "2"),
        "mustBeLessThan" => ("3", "20.5", "2"),
        "mustBeLessOrEqualTo" => ("2", "20", "1"),
        "mustBeBetween" => ("[2, 3]", "[10, 20]", "[3, 4]"),
        "mustNotBeBetween" => ("[3, 4]", "[20.5, 30]", "[1, 2]"),
        other => panic!("{other} is no operator"),
    };
    for operator in lamp_core::contract::Operator::NAMES {
        let (rows, percent, broken) = bounds(operator);
        for metric in ["nullValues", "duplicateValues", "missingValues\narguments: {missingValues: ['', N/A]}"] {
            for (unit, bound, verdict) in [
                ("rows", rows, Verdict::Passed),
                ("percent", percent, Verdict::Passed),
                ("rows", broken, Verdict::Failed),
            ] {
                let text = format!("metric: {metric}\n{operator}: {bound}\nunit: {unit}\nseverity: error");
                let check = only(&file, &rule("carrier", &text)).await;
                assert_eq!(check.verdict, verdict, "{text}: {check:?}");
                assert_eq!(check.severity.as_deref(), Some("error"));
            }
        }
    }
}

#[tokio::test]
async fn the_schema_is_held_to() {
    let folder = Folder::new();
    let file = trips(&folder);
    let contract = contract(
        "schema:
  - name: trips
    properties:
      - {name: id, logicalType: integer, primaryKey: true, primaryKeyPosition: 1, logicalTypeOptions: {minimum: 1, maximum: 8, format: i8}}
      - {name: leg, logicalType: integer, primaryKey: true, primaryKeyPosition: 2, unique: true}
      - {name: carrier, logicalType: string, required: true, logicalTypeOptions: {minLength: 1, maxLength: 2, pattern: '^[A-Z0-9]*$', format: uri}}
      - {name: delay, logicalType: number, unique: true, logicalTypeOptions: {exclusiveMinimum: -5, maximum: 1000, multipleOf: 0.5}}
      - {name: late, logicalType: string, required: true, unique: true, logicalTypeOptions: {minLength: 1}}
      - {name: at, logicalType: timestamp, required: true, logicalTypeOptions: {minimum: '2013-03-25T00:00:00Z', exclusiveMaximum: '2013-04-01T00:00:00Z', timezone: true}}
      - {name: wind, logicalType: number, quality: [{metric: nullValues, mustBe: 0}]}
",
    );
    shown(
        &file,
        &contract,
        &expect![[r#"
            passed schema.id.type [integer] `id` is Int64
            passed schema.id.required [no nulls] `id` is null in 0 of 10 rows
            passed schema.id.minimum [>= 1] `id` is too small in 0 of 10 rows
            failed schema.id.maximum [<= 8] `id` is too large in 2 of 10 rows
            passed schema.id.format [i8] `id` has another format in 0 of 10 rows
            passed schema.leg.type [integer] `leg` is Int64
            passed schema.leg.required [no nulls] `leg` is null in 0 of 10 rows
            failed schema.leg.unique [unique] `leg` repeats an earlier row in 8 of 10 rows
            passed schema.carrier.type [string] `carrier` is Utf8
            failed schema.carrier.required [no nulls] `carrier` is null in 2 of 10 rows
            failed schema.carrier.minLength [>= 1 characters] `carrier` is too short in 1 of 10 rows
            failed schema.carrier.maxLength [<= 2 characters] `carrier` is too long in 1 of 10 rows
            failed schema.carrier.pattern [matches ^[A-Z0-9]*$] `carrier` does not match in 2 of 10 rows
            failed schema.carrier.format [uri] `carrier` has another format in 8 of 10 rows
            passed schema.delay.type [number] `delay` is Float64
            failed schema.delay.unique [unique] `delay` repeats an earlier row in 1 of 10 rows
            failed schema.delay.exclusiveMinimum [> -5] `delay` is too small in 2 of 10 rows
            failed schema.delay.maximum [<= 1000] `delay` is too large in 2 of 10 rows
            failed schema.delay.multipleOf [multiples of 0.5] `delay` is no multiple in 2 of 10 rows
            failed schema.late.type [string] `late` is Boolean
            failed schema.late.required [no nulls] `late` is null in 5 of 10 rows
            failed schema.late.unique [unique] `late` repeats an earlier row in 3 of 10 rows
            not_evaluated schema.late.minLength [minLength] `late` has another type
            passed schema.at.type [timestamp] `at` is Timestamp(us, UTC)
            passed schema.at.required [no nulls] `at` is null in 0 of 10 rows
            failed schema.at.minimum [>= 2013-03-25T00:00:00Z] `at` is too small in 2 of 10 rows
            failed schema.at.exclusiveMaximum [< 2013-04-01T00:00:00Z] `at` is too large in 1 of 10 rows
            passed schema.at.timezone [with a time zone] `at` has no time zone in 0 of 10 rows
            failed schema.wind.present [present] there is no column `wind`
            not_evaluated quality.wind.nullValues [= 0 rows] there is no column `wind`
            passed schema.key.unique [unique] `id, leg` repeats an earlier row in 0 of 10 rows
            passed schema.columns [further columns are allowed] warning: the contract does not name day"#]],
    )
    .await;
}

#[tokio::test]
async fn rules_on_the_table_and_rules_that_are_not_ours() {
    let folder = Folder::new();
    let file = trips(&folder);
    let contract = contract(
        "schema:
  - name: trips
    physicalName: trips_v1
    properties:
      - name: delay
        quality:
          - {type: sql, query: 'SELECT count(*) FROM {object} WHERE {property} < 0', mustBe: 1}
          - {type: sql, query: 'SELECT max({property}) FILTER (WHERE {property} < 100) FROM trips_v1;', mustBeLessThan: 10}
          - {type: sql, query: 'SELECT {property} FROM {object}', mustBe: 1}
          - {type: sql, query: 'DROP TABLE {object}', mustBe: 1}
          - {type: sql, query: 'SELECT count(*) FROM nowhere', mustBe: 1}
          - {type: custom, engine: soda, implementation: {type: anything}}
          - {type: text, description: Delays look like last month's}
    quality:
      - {metric: rowCount, mustBeGreaterThan: 600, severity: error, description: a day has 600 flights}
      - {metric: rowCount, mustBeLessThan: 900}
      - {metric: duplicateValues, mustBe: 0}
      - {id: key, metric: duplicateValues, mustBe: 0, arguments: {properties: [id]}}
      - {metric: duplicateValues, mustBe: 0, arguments: {properties: [nope]}}
",
    );
    shown(&file, &contract, &expect![[r#"
        passed quality.delay.sql [= 1] measured 1
        failed quality.delay.sql.2 [< 10] measured 10
        not_evaluated quality.delay.sql.3 [= 1] the query gives 2 rows of 1 columns, and one number is wanted
        not_evaluated quality.delay.sql.4 [= 1] only one SELECT is allowed: it is not a SELECT
        not_evaluated quality.delay.sql.5 [= 1] cannot run `SELECT count(*) FROM nowhere`: Error during planning: table 'datafusion.public.nowhere' not found
        not_evaluated quality.delay.custom [] rules of the engine `soda` are not evaluated
        not_evaluated quality.delay.text [] a rule in words, for people to check
        failed quality.rowCount [> 600 rows] the table has 10 rows: a day has 600 flights
        passed quality.rowCount.2 [< 900 rows] the table has 10 rows
        passed quality.duplicateValues [= 0 rows] the table repeats an earlier row in 0 of 10 rows (0.00 %)
        failed quality.key [= 0 rows] `id` repeats an earlier row in 1 of 10 rows (10.00 %)
        not_evaluated quality.duplicateValues.2 [= 0 rows] there is no column `nope`
        passed schema.columns [further columns are allowed] warning: the contract does not name id, leg, carrier, late, day, at"#]]).await;
}

#[tokio::test]
async fn freshness_is_measured_on_the_column_that_dates_the_rows() {
    let folder = Folder::new();
    let file = trips(&folder);
    let text = folder.text("text.csv", "stamp\n2013-04-02T06:00:00-04:00\n");
    let check = async |file: &DataFile, sla: &str, newest_column: Option<&str>| {
        let engine = engine(1);
        let files = std::slice::from_ref(file);
        let profile = engine.profile(files, None).await.expect("a profile");
        let context = CheckContext { newest_column: newest_column.map(str::to_owned), ..context() };
        let contract = contract(&format!("slaProperties:\n  - {sla}\n"));
        engine.check(files, &profile, &contract, &context).await.expect("checks").remove(0)
    };
    for (file, sla, newest, verdict, hours) in [
        (&file, "{property: latency, value: 36, unit: h, element: trips.at}", None, Verdict::Passed, Some(36.0)),
        (&file, "{property: freshness, value: 35, unit: h, element: at}", None, Verdict::Failed, Some(36.0)),
        (&file, "{property: latency, value: 36, unit: h}", Some("at"), Verdict::Passed, Some(36.0)),
        // The day starts at four in the morning UTC in New York.
        (&file, "{property: latency, value: 60, unit: h, element: trips.day}", None, Verdict::Passed, Some(56.0)),
        (&text, "{property: latency, value: 1, unit: h, element: stamp}", None, Verdict::Failed, Some(2.0)),
        (&file, "{property: latency, value: 1, unit: h}", None, Verdict::NotEvaluated, None),
        (&file, "{property: latency, value: 1, unit: h, element: nope}", None, Verdict::NotEvaluated, None),
        (&file, "{property: latency, value: 1, unit: h, element: carrier}", None, Verdict::NotEvaluated, None),
        (&file, "{property: retention, value: 3, unit: y}", None, Verdict::NotEvaluated, None),
    ] {
        let check = check(file, sla, newest).await;
        assert_eq!((check.verdict, check.measured), (verdict, hours), "{sla}: {}", check.message);
    }
}

#[tokio::test]
async fn many_values_are_checked_exactly_though_the_profile_only_guesses() {
    let folder = Folder::new();
    let rows = 3_000;
    let ids: Int64Array = (0..rows).map(|i| Some(if i == 2_999 { 7 } else { i })).collect();
    let words: StringArray =
        (0..rows).map(|i| Some(if i % 1_000 == 1 { format!("bad {i}") } else { format!("w{i}") })).collect();
    let values: Float64Array =
        (0..rows).map(|i| (i % 100 != 0).then_some(f64::from(i32::try_from(i).expect("small")))).collect();
    let file =
        folder.parquet("big.parquet", vec![("id", array(ids)), ("word", array(words)), ("value", array(values))]);
    let contract = contract(
        "schema:
  - name: trips
    properties:
      - {name: id, logicalType: integer, unique: true}
      - {name: word, logicalType: string, unique: true, logicalTypeOptions: {pattern: '^w[0-9]+$', maxLength: 6}}
      - {name: value, logicalType: number, logicalTypeOptions: {maximum: 2990}, quality: [{metric: invalidValues, arguments: {validValues: [1, 2]}, mustBe: 2968}]}
    quality:
      - {metric: duplicateValues, mustBe: 0, arguments: {properties: [id, word]}}
",
    );
    shown(
        &file,
        &contract,
        &expect![[r#"
        passed schema.id.type [integer] `id` is Int64
        failed schema.id.unique [unique] `id` repeats an earlier row in 1 of 3000 rows
        passed schema.word.type [string] `word` is Utf8
        passed schema.word.unique [unique] `word` repeats an earlier row in 0 of 3000 rows
        failed schema.word.maxLength [<= 6 characters] `word` is too long in 2 of 3000 rows
        failed schema.word.pattern [matches ^w[0-9]+$] `word` does not match in 3 of 3000 rows
        passed schema.value.type [number] `value` is Float64
        failed schema.value.maximum [<= 2990] `value` is too large in 9 of 3000 rows
        passed quality.value.invalidValues [= 2968 rows] `value` is invalid in 2968 of 3000 rows (98.93 %)
        passed quality.duplicateValues [= 0 rows] `id`, `word` repeats an earlier row in 0 of 3000 rows (0.00 %)"#]],
    )
    .await;
}

#[tokio::test]
async fn a_table_without_rows_has_counts_but_no_percentages() {
    let folder = Folder::new();
    let file = folder.text("empty.csv", "delay\n");
    let contract = contract(
        "schema:
  - name: trips
    properties:
      - name: delay
        logicalType: number
        required: true
        unique: true
        quality:
          - {metric: nullValues, mustBe: 0}
          - {metric: nullValues, mustBe: 0, unit: percent}
    quality:
      - {metric: rowCount, mustBeGreaterThan: 0}
",
    );
    shown(
        &file,
        &contract,
        &expect![[r#"
        passed schema.delay.type [number] `delay` is Null
        passed schema.delay.required [no nulls] `delay` is null in 0 of 0 rows
        passed schema.delay.unique [unique] `delay` repeats an earlier row in 0 of 0 rows
        passed quality.delay.nullValues [= 0 rows] `delay` is null in 0 of 0 rows
        not_evaluated quality.delay.nullValues.2 [= 0 %] there are no rows to take a percentage of
        failed quality.rowCount [> 0 rows] the table has 0 rows"#]],
    )
    .await;
}

#[tokio::test]
async fn a_contract_of_other_tables_is_refused() {
    let folder = Folder::new();
    let file = trips(&folder);
    let engine = engine(1);
    let files = [file];
    let profile = engine.profile(&files, None).await.expect("a profile");
    let contract = contract("schema:\n  - name: flights\n  - name: weather\n");
    let error = engine.check(&files, &profile, &contract, &context()).await.expect_err("no such table");
    assert_eq!(error.to_string(), "the contract has no table `trips`; it has flights, weather");
    assert!(error.hint().is_some());
    let context = CheckContext {
        time_zone: "Mars/Olympus".to_owned(),
        dataset: Some("weather".to_owned()),
        now: Timestamp::UNIX_EPOCH,
        newest_column: None,
        key: Vec::new(),
        history: Vec::new(),
        partition_end: None,
        others: Vec::new(),
    };
    let error = engine.check(&files, &profile, &contract, &context).await.expect_err("no such zone");
    assert_eq!(error.to_string(), "`Mars/Olympus` is not a time zone");
}

#[tokio::test]
async fn some_rows_that_break_a_rule_are_shown_and_sensitive_values_are_not() {
    let folder = Folder::new();
    let file = trips(&folder);
    let samples = |rest: &str| {
        let contract = contract(&format!(
            "schema:\n  - name: trips\n    properties:\n      - {{name: id, primaryKey: true}}\n      - {{name: leg}}\n{rest}"
        ));
        let file = &file;
        async move {
            let all = checks(file, &contract).await;
            let shown = |check: &Check| {
                let rows: Vec<_> = check.samples.iter().map(ToString::to_string).collect();
                format!("{} {}", check.rule, rows.join(" | "))
            };
            all.iter().filter(|check| !check.samples.is_empty()).map(shown).collect::<Vec<_>>().join("\n")
        }
    };
    let carrier = |more: &str| {
        format!(
            "      - name: carrier\n{more}        quality:\n        - {{metric: nullValues, mustBe: 0}}\n\
             \x20       - {{metric: nullValues, mustBeGreaterThan: 5}}\n\
             \x20       - {{metric: invalidValues, mustBe: 0, arguments: {{validValues: [UA, AA, B6]}}}}\n"
        )
    };
    // Too few nulls is nothing that a row could show.
    expect![[r#"
        schema.id.unique id=9, rows=2
        quality.carrier.nullValues id=5, carrier is null | id=9, carrier is null
        quality.carrier.invalidValues id=4, carrier=ua | id=6, carrier="" | id=7, carrier=N/A"#]]
    .assert_eq(&samples(&carrier("")).await);
    for sensitive in [
        "        classification: restricted\n",
        "        criticalDataElement: true\n",
        "        encryptedName: carrier_hash\n",
        "        tags: [PII]\n",
        "        customProperties:\n        - {property: pii, value: true}\n",
    ] {
        let shown = samples(&carrier(sensitive)).await;
        assert!(shown.ends_with("id=4, carrier=••• | id=6, carrier=••• | id=7, carrier=•••"), "{sensitive}: {shown}");
        assert!(shown.contains("id=5, carrier is null"), "{sensitive}: {shown}");
    }
    for open in
        ["        classification: public\n", "        customProperties:\n        - {property: pii, value: no}\n"]
    {
        assert!(samples(&carrier(open)).await.contains("carrier=ua"), "{open}");
    }
}
