use super::*;

const HEAD: &str = "apiVersion: v3.1.0\nkind: DataContract\nid: trips\nversion: 1.0.0\nstatus: active\n";

fn contract(rest: &str) -> Contract {
    Contract::parse(&format!("{HEAD}{rest}"), "t.yaml").expect("a contract without errors")
}

/// A contract of one table with these lines of YAML as its properties.
fn columns(properties: &[&str]) -> String {
    let lines: Vec<String> = properties.iter().map(|property| format!("      - {property}\n")).collect();
    format!("schema:\n  - name: trips\n    properties:\n{}", lines.concat())
}

fn changes(old: &str, new: &str) -> Vec<String> {
    diff(&contract(old), &contract(new)).iter().map(|c| format!("{} {}", c.subject, c.effect)).collect()
}

#[test]
fn a_change_of_a_column_is_classed() {
    let cases: &[(&str, &str, &[&str])] = &[
        ("{name: a, required: true}", "{name: a, required: true}", &[]),
        ("{name: a, required: true}", "{name: a}", &["trips.a.required loosened"]),
        ("{name: a}", "{name: a, required: true}", &["trips.a.required tightened"]),
        ("{name: a, unique: true}", "{name: a}", &["trips.a.unique loosened"]),
        ("{name: a, logicalType: integer}", "{name: a, logicalType: number}", &["trips.a.type retyped"]),
        ("{name: a, physicalType: Int64}", "{name: a, physicalType: Int32}", &["trips.a.physicalType retyped"]),
        ("{name: a, physicalName: x}", "{name: a, physicalName: y}", &["trips.a renamed"]),
        ("{name: a, logicalType: integer}", "{name: b, logicalType: integer}", &["trips.a renamed"]),
        ("{name: a, logicalType: integer}", "{name: b, logicalType: string}", &["trips.a removed", "trips.b added"]),
        ("{name: a}", "{name: b}", &["trips.a removed", "trips.b added"]),
        (
            "{name: a, logicalType: number, logicalTypeOptions: {minimum: 0, maximum: 9}}",
            "{name: a, logicalType: number, logicalTypeOptions: {minimum: -1, maximum: 8}}",
            &["trips.a.minimum loosened", "trips.a.maximum tightened"],
        ),
        (
            "{name: a, logicalType: string, logicalTypeOptions: {maxLength: 2, pattern: '^x$'}}",
            "{name: a, logicalType: string, logicalTypeOptions: {pattern: '^y$'}}",
            &["trips.a.maxLength loosened", "trips.a.pattern changed"],
        ),
        (
            "{name: a, logicalType: date, logicalTypeOptions: {minimum: '2013-01-01'}}",
            "{name: a, logicalType: date, logicalTypeOptions: {minimum: '2014-01-01'}}",
            &["trips.a.minimum tightened"],
        ),
        (
            "{name: a, classification: public}",
            "{name: a, classification: secret}",
            &["trips.a.classification described"],
        ),
        ("{name: a, primaryKey: true}", "{name: a}", &["trips.key loosened"]),
    ];
    for (old, new, expected) in cases {
        assert_eq!(changes(&columns(&[old]), &columns(&[new])), *expected, "{old} → {new}");
    }
    assert_eq!(
        changes(&columns(&["{name: a}"]), &columns(&["{name: a}", "{name: b, required: true}"])),
        ["trips.b added"]
    );
    assert_eq!(changes(&columns(&["{name: a}"]), ""), ["trips removed"]);
}

#[test]
fn a_change_of_a_rule_is_classed() {
    let rule = |text: &str| columns(&[&format!("{{name: a, quality: [{text}]}}")]);
    for (old, new, expected) in [
        (
            "{metric: nullValues, mustBeLessThan: 5}",
            "{metric: nullValues, mustBeLessThan: 9}",
            "trips.a.nullValues loosened",
        ),
        ("{metric: nullValues, mustBeLessThan: 5}", "{metric: nullValues, mustBe: 0}", "trips.a.nullValues tightened"),
        (
            "{metric: nullValues, mustBeLessThan: 5}",
            "{metric: nullValues, mustBeLessOrEqualTo: 5}",
            "trips.a.nullValues loosened",
        ),
        (
            "{metric: nullValues, mustBeBetween: [1, 5]}",
            "{metric: nullValues, mustBeBetween: [2, 6]}",
            "trips.a.nullValues changed",
        ),
        (
            "{metric: nullValues, mustBe: 0}",
            "{metric: nullValues, mustBe: 0, severity: warning}",
            "trips.a.nullValues loosened",
        ),
        ("{metric: nullValues, mustNotBe: 5}", "{metric: nullValues, mustNotBe: 6}", "trips.a.nullValues changed"),
        ("{metric: nullValues, mustBe: 0}", "", "trips.a.nullValues removed"),
        ("", "{metric: nullValues, mustBe: 0}", "trips.a.nullValues tightened"),
        (
            "{metric: invalidValues, mustBe: 0, arguments: {validValues: [x, y]}}",
            "{metric: invalidValues, mustBe: 0, arguments: {validValues: [x, y, z]}}",
            "trips.a.invalidValues loosened",
        ),
        (
            "{metric: invalidValues, mustBe: 0, arguments: {validValues: [x, y]}}",
            "{metric: invalidValues, mustBe: 0, arguments: {validValues: [x]}}",
            "trips.a.invalidValues tightened",
        ),
        (
            "{metric: invalidValues, mustBe: 0, arguments: {validValues: [x, y]}}",
            "{metric: invalidValues, mustBe: 0, arguments: {validValues: [x, z]}}",
            "trips.a.invalidValues changed",
        ),
        (
            "{id: r, metric: nullValues, mustBe: 0}",
            "{id: r, metric: nullValues, mustBeLessThan: 3}",
            "trips.a.r loosened",
        ),
        ("{type: sql, query: SELECT 1, mustBe: 1}", "{type: sql, query: SELECT 1, mustBe: 2}", "trips.a.sql changed"),
    ] {
        assert_eq!(changes(&rule(old), &rule(new)), [expected], "{old} → {new}");
    }
    // Two rules of one metric are told apart by the side that they bound, in whatever order they stand.
    let both = "{metric: rowCount, mustBeGreaterOrEqualTo: 600}, {metric: rowCount, mustBeLessOrEqualTo: 1100}";
    let swapped = "{metric: rowCount, mustBeLessOrEqualTo: 1200}, {metric: rowCount, mustBeGreaterOrEqualTo: 600}";
    assert_eq!(changes(&rule(both), &rule(swapped)), ["trips.a.rowCount loosened"]);
}

#[test]
fn a_change_of_service_is_classed() {
    let sla = |text: &str| format!("slaProperties: [{text}]\n");
    for (old, new, expected) in [
        ("{property: latency, value: 1, unit: d}", "{property: latency, value: 24, unit: h}", None),
        (
            "{property: latency, value: 1, unit: d}",
            "{property: latency, value: 2, unit: d}",
            Some("sla.latency loosened"),
        ),
        (
            "{property: latency, value: 1, unit: d}",
            "{property: latency, value: 12, unit: h}",
            Some("sla.latency tightened"),
        ),
        (
            "{property: retention, value: 3, unit: y}",
            "{property: retention, value: 1, unit: y}",
            Some("sla.retention loosened"),
        ),
        (
            "{property: availability, value: 99.9}",
            "{property: availability, value: 99.0}",
            Some("sla.availability loosened"),
        ),
        (
            "{property: endOfLife, value: '2030-01-01'}",
            "{property: endOfLife, value: '2031-01-01'}",
            Some("sla.endOfLife tightened"),
        ),
        ("{property: magic, value: 1}", "{property: magic, value: 2}", Some("sla.magic changed")),
        ("{property: latency, value: 1, unit: d}", "", Some("sla.latency removed")),
        ("", "{property: latency, value: 1, unit: d}", Some("sla.latency tightened")),
    ] {
        assert_eq!(changes(&sla(old), &sla(new)), expected.into_iter().collect::<Vec<_>>(), "{old} → {new}");
    }
}

#[test]
fn a_key_of_fewer_columns_is_the_stronger_promise() {
    let key = |names: &[&str]| {
        let properties: Vec<String> =
            ["a", "b"].iter().map(|name| format!("{{name: {name}, primaryKey: {}}}", names.contains(name))).collect();
        columns(&properties.iter().map(String::as_str).collect::<Vec<_>>())
    };
    assert_eq!(changes(&key(&["a"]), &key(&["a", "b"])), ["trips.key loosened"]);
    assert_eq!(changes(&key(&["a", "b"]), &key(&["a"])), ["trips.key tightened"]);
    assert_eq!(changes(&key(&["a"]), &key(&["b"])), ["trips.key changed"]);
}

#[test]
fn a_break_asks_for_a_new_major_version() {
    let (old, new) = (contract(&columns(&["{name: a, required: true}"])), contract(&columns(&["{name: a}"])));
    let found = diff(&old, &new);
    assert_eq!(version_advice(&old, &new, &found).as_deref(), Some("write version: 2.0.0 so that readers can see it"));
    let said = Contract { version: "2.0.0".to_owned(), ..new };
    assert_eq!(version_advice(&old, &said, &found), None);
    assert_eq!(version_advice(&old, &old, &[]), None);
}
