use expect_test::{Expect, expect};

mod own;

use super::*;
use crate::check::Verdict;
use crate::profile::ColumnKind;

const HEAD: &str = "apiVersion: v3.1.0\nkind: DataContract\nid: trips\nversion: 1.0.0\nstatus: active\n";

fn trips(rest: &str) -> String {
    format!("{HEAD}{rest}")
}

/// One rule on the property `delay`.
fn with_rule(rule: &str) -> String {
    let rule = rule.replace('\n', "\n          ");
    trips(&format!(
        "schema:\n  - name: trips\n    properties:\n      - name: delay\n        quality:\n        - {rule}\n"
    ))
}

fn check_lint(text: &str, expected: &Expect) {
    let found: Vec<String> = lint(text, "t.yaml")
        .iter()
        .map(|lint| {
            let hint = lint.hint.as_deref().map(|hint| format!(" -> {}", hint.replace('\n', "⏎"))).unwrap_or_default();
            format!("{}:{} {}: {}{hint}", lint.line, lint.column, lint.severity, lint.message)
        })
        .collect();
    expected.assert_eq(&found.join("\n"));
}

fn only_rule(text: &str) -> Rule {
    let contract = Contract::parse(text, "trips.odcs.yaml").expect("a contract without errors");
    contract.objects[0].properties[0].quality[0].clone()
}

#[test]
fn a_contract_is_read_with_its_lines() {
    let text = trips(
        "name: Trips\ndescription:\n  purpose: Flights joined with weather\nteam:\n  - username: ada@example.org\n    role: owner\n\
         schema:\n  - name: trips\n    physicalName: trips_v1\n    properties:\n      - name: carrier\n        logicalType: string\n\
        \x20       required: true\n        logicalTypeOptions: {maxLength: 2, pattern: '^[A-Z0-9]{2}$'}\n\
        \x20     - name: distance\n        logicalType: number\n        logicalTypeOptions: {minimum: 0, exclusiveMaximum: 6000}\n\
        \x20   quality:\n      - metric: rowCount\n        mustBeGreaterOrEqualTo: 600\n        severity: error\n\
         slaProperties:\n  - {property: latency, value: 2, unit: d, element: trips.scheduled_at}\n",
    );
    let contract = Contract::parse(&text, "trips.odcs.yaml").expect("a contract without errors");
    assert_eq!(contract.purpose.as_deref(), Some("Flights joined with weather"));
    assert_eq!(contract.team, [Member { username: "ada@example.org".to_owned(), role: Some("owner".to_owned()) }]);
    let object = contract.find_object(Some("trips_v1")).expect("the table by its physical name");
    let [carrier, distance] = object.properties.as_slice() else { panic!("two properties") };
    assert_eq!((carrier.line, carrier.required, carrier.options.max_length), (16, true, Some(2)));
    assert_eq!(distance.options.exclusive_maximum, Some(Bound::Number(6000.0)));
    assert_eq!(object.quality[0].bound(), ">= 600 rows");
    assert_eq!(contract.sla[0].period(), Some((2.0, 86_400.0)));
    assert_eq!((contract.sla[0].table(), contract.sla[0].column()), (Some("trips"), Some("scheduled_at")));
}

#[test]
fn mistakes_are_named_with_place_and_remedy() {
    check_lint("", &expect!["1:1 error: a contract is a mapping, and this is nothing"]);
    check_lint("schema: [", &expect!["1:9 error: not valid YAML: unclosed bracket '[' at line 1, column 9"]);
    check_lint(
        "apiVersion: v2.2.2\nkind: DataContract\n",
        &expect!["1:1 error: `apiVersion` is `v2.2.2`; versions 3.0 and 3.1 are read -> apiVersion: v3.1.0"],
    );
    check_lint(
        &trips(
            "shema: []\nschema:\n  - name: trips\n    properties:\n      - name: delay\n        requierd: true\n        logicalType: strng\n",
        ),
        &expect![[r#"
            6:1 error: a contract has no key `shema` -> did you mean `schema`?
            11:9 error: a property has no key `requierd` -> did you mean `required`?
            12:9 error: `strng` is not a logical type -> did you mean `string`?"#]],
    );
    check_lint(
        &trips(
            "schema:\n  - name: trips\n    properties:\n      - {name: a, logicalType: integer, logicalTypeOptions: {minLength: 3}}\n      - {name: a, required: 'yes'}\n",
        ),
        &expect![[r#"
            9:62 error: `logicalTypeOptions` has no key `minLength` -> put what the standard does not know under `customProperties`
            10:1 error: the property `a` is here twice, first on line 9
            10:29 error: `required` is true or false -> required: true"#]],
    );
    check_lint(
        &trips(
            "slaProperties:\n  - {property: latency, value: soon, unit: d}\n  - {property: latency, value: 1, unit: moon}\n",
        ),
        &expect![[r#"
            7:25 error: `"soon"` is not a number -> value: 1⏎unit: d
            8:35 error: `moon` is not a unit of time -> one of s, m, h, d, w, mo, y"#]],
    );
}

#[test]
fn mistakes_in_rules_are_named() {
    for (rule, expected) in [
        (
            "metric: nullValue\nmustBe: 0",
            expect!["11:11 error: `nullValue` is not a metric of the library -> did you mean `nullValues`?"],
        ),
        (
            "metric: nullValues",
            expect!["11:11 error: the rule says what to measure but not what must hold -> mustBe: 0"],
        ),
        (
            "metric: nullValues\nmustBeBelow: 3",
            expect![[r#"
            11:11 error: the rule says what to measure but not what must hold -> mustBe: 0
            12:11 error: a quality rule has no key `mustBeBelow` -> put what the standard does not know under `customProperties`"#]],
        ),
        (
            "metric: nullValues\nmustBe: none",
            expect!["12:19 error: `mustBe` is a number, and this is text -> mustBe: 0"],
        ),
        (
            "metric: nullValues\nmustBeBetween: [3]",
            expect!["12:26 error: `mustBeBetween` is a list of two numbers -> mustBeBetween: [0, 10]"],
        ),
        (
            "metric: nullValues\nmustBeBetween: [9, 3]",
            expect!["12:26 error: `mustBeBetween` starts at 9 and ends below it -> mustBeBetween: [3, 9]"],
        ),
        (
            "metric: nullValues\nmustBeGreaterThan: 1\nmustBeLessThan: 3",
            expect![
                "11:11 warning: several operators on one rule: all of them must hold, and other tools may refuse it -> write one rule for each"
            ],
        ),
        (
            "metric: nullValues\nmustBeLessThan: 130\nunit: percent",
            expect!["12:27 warning: 130 percent is never measured -> write a bound from 0 to 100"],
        ),
        (
            "metric: rowCount\nmustBe: 1\nunit: percent",
            expect!["13:11 error: a percentage of `rowCount` is always 100 -> unit: rows"],
        ),
        (
            "metric: nullValues\nmustBe: 1\nunit: furlongs",
            expect!["13:11 error: `furlongs` is not a unit -> unit: rows, or unit: percent"],
        ),
        (
            "metric: invalidValues\nmustBe: 0",
            expect![
                "11:11 error: `invalidValues` needs `validValues` or `pattern` -> arguments:⏎  validValues: [a, b]"
            ],
        ),
        (
            "metric: invalidValues\nmustBe: 0\narguments: {pattern: '(?=x)'}",
            expect![
                "13:32 error: `(?=x)` is not a regular expression: look-around, including look-ahead and look-behind, is not supported -> the syntax is that of Rust's regex crate: no look-around, no back-references"
            ],
        ),
        (
            "metric: invalidValues\nmustBe: 0\npattern: '^[A-Z]+$'",
            expect!["13:11 warning: `pattern` belongs under `arguments` -> arguments:⏎  pattern: …"],
        ),
        ("type: sql\nmustBe: 0", expect!["11:11 error: a quality rule needs `query` -> query: …"]),
        (
            "type: txt\ndescription: looks right",
            expect!["11:11 error: `txt` is not a type of rule -> did you mean `text`?"],
        ),
        (
            "rule: duplicateCount\nmustBe: 0",
            expect!["11:11 warning: `rule: duplicateCount` is how 3.0 wrote it -> metric: duplicateValues"],
        ),
        (
            "metric: nullValues\nmustBe: 0\ndimension: completness",
            expect!["13:11 warning: `completness` is not a dimension of the standard -> did you mean `completeness`?"],
        ),
        (
            "metric: nullValues\nmustBe: 0\nseverity: warnng",
            expect![
                "13:11 warning: `warnng` is not a severity that is known: it counts as an error -> did you mean `warning`?"
            ],
        ),
    ] {
        check_lint(&with_rule(rule), &expected);
    }
}

#[test]
fn an_error_says_where_and_what_to_type() {
    let error =
        Contract::parse(&with_rule("metric: nullValues"), "contracts/trips.odcs.yaml").expect_err("no operator");
    assert_eq!(
        error.to_string(),
        "contracts/trips.odcs.yaml:11:11: the rule says what to measure but not what must hold"
    );
    assert_eq!(error.hint().as_deref(), Some("mustBe: 0"));
    let error = Contract::parse(&trips("shema: []\nfoo: 1\n"), "t.yaml").expect_err("two unknown keys");
    assert_eq!(error.hint().as_deref(), Some("lamp contract lint t.yaml"));
}

#[test]
fn operators_hold_at_their_ends() {
    use Operator::{
        MustBe, MustBeBetween, MustBeGreaterOrEqualTo, MustBeGreaterThan, MustBeLessOrEqualTo, MustBeLessThan,
        MustNotBe, MustNotBeBetween,
    };
    for (operator, below, at, above) in [
        (MustBe(5.0), false, true, false),
        (MustNotBe(5.0), true, false, true),
        (MustBeGreaterThan(5.0), false, false, true),
        (MustBeGreaterOrEqualTo(5.0), false, true, true),
        (MustBeLessThan(5.0), true, false, false),
        (MustBeLessOrEqualTo(5.0), true, true, false),
        // Both ends are taken in, and the opposite is the exact opposite.
        (MustBeBetween(5.0, 5.5), false, true, false),
        (MustNotBeBetween(5.0, 5.5), true, false, true),
    ] {
        assert_eq!([4.0, 5.0, 6.0].map(|measured| operator.holds(measured)), [below, at, above], "{operator}");
        assert!(!operator.holds(f64::NAN), "NaN keeps no promise: {operator}");
    }
    assert!(MustBeBetween(1.0, 2.0).holds(2.0), "the upper end is taken in");
    assert!(!MustNotBeBetween(1.0, 2.0).holds(2.0), "the upper end is taken in");
}

#[test]
fn rows_and_percent_are_judged_apart() {
    let rule = |unit: &str| only_rule(&with_rule(&format!("metric: nullValues\nmustBeLessOrEqualTo: 5\nunit: {unit}")));
    for (unit, count, rows, verdict, measured) in [
        ("rows", 5.0, 1_000, Verdict::Passed, Some(5.0)),
        ("rows", 6.0, 1_000, Verdict::Failed, Some(6.0)),
        ("percent", 50.0, 1_000, Verdict::Passed, Some(5.0)),
        ("percent", 51.0, 1_000, Verdict::Failed, Some(5.1)),
        ("rows", 0.0, 0, Verdict::Passed, Some(0.0)),
        ("percent", 0.0, 0, Verdict::NotEvaluated, None),
    ] {
        let check = judge(&rule(unit), Some("delay"), count, rows);
        assert_eq!(
            (check.verdict, check.measured),
            (verdict, measured),
            "{count} of {rows} in {unit}: {}",
            check.message
        );
        assert_eq!(check.rule, "quality.delay.nullValues");
    }
}

#[test]
fn several_operators_must_all_hold() {
    let rule = only_rule(&with_rule("metric: nullValues\nmustBeGreaterThan: 1\nmustBeLessThan: 3"));
    assert_eq!(judge(&rule, None, 2.0, 10).verdict, Verdict::Passed);
    assert_eq!(judge(&rule, None, 3.0, 10).verdict, Verdict::Failed);
    assert_eq!(rule.bound(), "> 1 and < 3 rows");
}

#[test]
fn latency_is_measured_in_its_unit() {
    let sla = |value: f64, unit: &str| Sla {
        property: SlaProperty::Latency,
        value: value.into(),
        value_ext: None,
        unit: Some(unit.to_owned()),
        element: Some("trips.scheduled_at".to_owned()),
        driver: None,
        line: 1,
    };
    let now = "2013-04-02T12:00:00Z".parse().expect("an instant");
    for (value, unit, newest, verdict, measured) in [
        (1.0, "d", "2013-04-01T12:00:00Z", Verdict::Passed, 1.0),
        (1.0, "d", "2013-04-01T11:00:00Z", Verdict::Failed, 25.0 / 24.0),
        (6.0, "hours", "2013-04-02T06:00:00Z", Verdict::Passed, 6.0),
        (1.0, "y", "2013-04-03T12:00:00Z", Verdict::Passed, -1.0 / 365.0),
    ] {
        let check = sla(value, unit).judge_latency(newest.parse().expect("an instant"), now);
        assert_eq!(check.verdict, verdict, "{}", check.message);
        assert!((check.measured.expect("an age") - measured).abs() < 1e-9);
    }
}

#[test]
fn a_type_accepts_what_holds_its_values() {
    use ColumnKind::{Bool, Date, Float, Instant, Int, Null, Text};
    for (logical, accepted) in [
        (LogicalType::String, vec![Text, Null]),
        (LogicalType::Integer, vec![Int, Null]),
        (LogicalType::Number, vec![Int, Float, Null]),
        (LogicalType::Date, vec![Date, Null]),
        (LogicalType::Timestamp, vec![Date, Instant, Null]),
        (LogicalType::Boolean, vec![Bool, Null]),
    ] {
        for kind in [Bool, Int, Float, Date, Instant, Text, Null] {
            assert_eq!(logical.accepts(kind, "Float64"), accepted.contains(&kind), "{logical} and {}", kind.as_str());
        }
    }
    assert!(LogicalType::Integer.accepts(Float, "UInt64"));
}
