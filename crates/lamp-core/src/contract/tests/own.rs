//! Rules of our own, foreign keys, nesting and people, as they are read.

use expect_test::expect;

use super::{check_lint, only_rule, trips, with_rule};
use crate::contract::{
    Against, Change, Contract, DriftMethod, Member, Operator, Order, OwnMetric, OwnRule, Relationship, RuleKind,
    Statistic, Support, Unit, judge,
};

fn own(implementation: &str) -> (OwnRule, Vec<Operator>, Unit) {
    let text = with_rule(&format!("type: custom\nengine: lamplighter\nimplementation: {implementation}"));
    let rule = only_rule(&text);
    let RuleKind::Own(own) = rule.kind else { panic!("a rule of our own: {:?}", rule.kind) };
    (own, rule.operators, rule.unit)
}

#[test]
fn a_rule_of_our_own_is_read() {
    let rule = |metric, against, change| OwnRule { metric, against, change };
    for (implementation, expected) in [
        ("{metric: mean, mustBe: 0}", rule(OwnMetric::Statistic(Statistic::Mean), None, None)),
        (
            "{metric: quantile, quantile: 0.9, as: ratio, against: {last: 7}, mustBe: 0}",
            rule(OwnMetric::Statistic(Statistic::Quantile(0.9)), Some(Against::Last(7)), Some(Change::Ratio)),
        ),
        // A comparison is with the one before unless it says otherwise.
        (
            "{metric: drift, method: ks, mustBe: 0}",
            rule(OwnMetric::Drift(DriftMethod::KolmogorovSmirnov), Some(Against::Previous), None),
        ),
        (
            "{metric: rowCount, as: percentChange, mustBe: 0}",
            rule(OwnMetric::RowCount, Some(Against::Previous), Some(Change::Percent)),
        ),
        (
            "{metric: comparison, is: '<=', to: arrived, mustBe: 0}",
            rule(OwnMetric::Comparison { order: Order::LessOrEqual, to: "arrived".to_owned() }, None, None),
        ),
        (
            "{metric: foreignKey, dataset: airports, to: code, mustBe: 0}",
            rule(
                OwnMetric::ForeignKey {
                    columns: vec!["delay".to_owned()],
                    dataset: "airports".to_owned(),
                    to: vec!["code".to_owned()],
                },
                None,
                None,
            ),
        ),
        (
            "{metric: staleGroups, by: carrier, age: 1.5h, mustBe: 0}",
            rule(OwnMetric::StaleGroups { by: vec!["carrier".to_owned()], seconds: 5_400.0 }, None, None),
        ),
    ] {
        assert_eq!(own(implementation), (expected, vec![Operator::MustBe(0.0)], Unit::Rows), "{implementation}");
    }
    let (_, operators, unit) = own("{metric: violations, condition: a > b, unit: percent, mustBeLessThan: 2}");
    assert_eq!((operators, unit), (vec![Operator::MustBeLessThan(2.0)], Unit::Percent));
}

#[test]
fn what_rules_look_back_on_and_into_is_known() {
    let text = trips(
        "schema:\n  - name: trips\n    relationships:\n      - {from: [trips.a, trips.b], to: [legs.a, legs.b]}\n    properties:\n\
        \x20     - name: a\n        relationships: [{to: '#/schema/planes/properties/id'}]\n        quality:\n\
        \x20         - {type: custom, engine: lamplighter, implementation: {metric: drift, against: {last: 9}, mustBe: 0}}\n\
        \x20         - {type: custom, engine: lamplighter, implementation: {metric: foreignKey, dataset: airports, mustBe: 0}}\n",
    );
    let contract = Contract::parse(&text, "t.yaml").expect("a contract without errors");
    assert_eq!(contract.history_needed(), 9);
    assert_eq!(contract.other_datasets().into_iter().collect::<Vec<_>>(), ["airports", "legs", "planes"]);
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let relationship = &contract.objects[0].relationships[0];
    let expected = Relationship { from: names(&["a", "b"]), table: "legs".to_owned(), to: names(&["a", "b"]), line: 9 };
    assert_eq!(*relationship, expected);
    assert_eq!(contract.objects[0].properties[0].relationships[0].to, ["id"]);
}

#[test]
fn mistakes_in_rules_of_our_own_are_named() {
    for (implementation, expected) in [
        (
            "{metric: meen, mustBe: 0}",
            expect!["13:28 error: `meen` is not a metric of lamplighter -> did you mean `mean`?"],
        ),
        ("{metric: mean}", expect!["13:27 error: the rule says what to measure but not what must hold -> mustBe: 0"]),
        (
            "{metric: mean, against: previous, mustBe: 0}",
            expect![
                "13:42 error: `against` says what to compare with, and not how -> as: one of difference, percentChange, ratio, zScore"
            ],
        ),
        (
            "{metric: mean, as: zScore, against: {last: 2}, mustBe: 0}",
            expect!["13:42 error: a z-score needs three partitions or more -> against: {last: 14}"],
        ),
        (
            "{metric: drift, against: {last: 0}, mustBe: 0}",
            expect![
                "13:52 error: `against` is `previous`, or how many of the last, at most 366 -> against: {last: 14}"
            ],
        ),
        (
            "{metric: violations, condition: a > b, as: ratio, mustBe: 0}",
            expect!["13:66 error: `violations` counts rows of the data itself and is compared with nothing"],
        ),
        (
            "{metric: quantile, quantile: 95, mustBe: 0}",
            expect!["13:46 error: `quantile` is a number from 0 to 1 -> quantile: 0.95"],
        ),
        (
            "{metric: comparison, is: below, to: b, mustBe: 0}",
            expect!["13:48 error: `below` is none of <, <=, =, !=, >=, >"],
        ),
        (
            "{metric: mean, unit: percent, mustBe: 0}",
            expect!["13:42 warning: `unit: percent` says nothing here: the measured number itself is compared"],
        ),
        (
            "{metric: mean, colour: red, mustBe: 0}",
            expect![
                "13:42 error: `implementation` has no key `colour` -> put what the standard does not know under `customProperties`"
            ],
        ),
    ] {
        let text = with_rule(&format!("type: custom\nengine: lamplighter\nimplementation: {implementation}"));
        check_lint(&text, &expected);
    }
    check_lint(
        &with_rule("type: custom\nengine: lamplighter\nimplementation: {metric: mean}\nmustBe: 0"),
        &expect![
            "11:11 warning: the standard has no operator beside a custom rule: write it into `implementation` -> implementation: {metric: …, mustBe: …}"
        ],
    );
}

#[test]
fn a_number_of_our_own_is_told_in_words() {
    let rule = |implementation: &str| {
        only_rule(&with_rule(&format!("type: custom\nengine: lamplighter\nimplementation: {implementation}")))
    };
    let told = |implementation: &str, number: f64| judge(&rule(implementation), Some("delay"), number, 200);
    let check = told("{metric: mean, as: percentChange, against: {last: 7}, mustBeBetween: [-20, 20]}", 34.567_89);
    assert_eq!(check.message, "`delay`: mean as percentChange against the last 7 is 34.568");
    assert_eq!((check.bound.as_str(), check.dimension.as_deref()), ("from -20 to 20", Some("accuracy")));
    assert_eq!(told("{metric: nanValues, mustBe: 0}", 3.0).message, "`delay`: nanValues is 3");
    assert_eq!(told("{metric: stddev, mustBe: 0}", 0.000_012_345_6).message, "`delay`: stddev is 1.2346e-5");
    let check = told("{metric: comparison, is: '<', to: b, unit: percent, mustBeLessThan: 1}", 4.0);
    assert_eq!(check.message, "`delay`: comparison in 4 of 200 rows (2.00 %)");
    assert_eq!((check.measured, check.bound.as_str()), (Some(2.0), "< 1 %"));
}

#[test]
fn people_are_read_as_3_0_and_as_3_1_wrote_them() {
    let ada = Member { username: "ada".to_owned(), role: Some("owner".to_owned()) };
    let members = "- {username: ada, role: owner}\n    - {username: bob, dateOut: \"2022-10-01\"}\n";
    for team in [format!("team:\n    {members}"), format!("team:\n  name: planes\n  members:\n    {members}")] {
        let contract = Contract::parse(&trips(&team), "t.yaml").expect("a contract without errors");
        assert_eq!(contract.team, std::slice::from_ref(&ada), "{team}");
    }
    let support = trips("support:\n  - {channel: '#data', tool: slack, scope: issues, url: 'https://example.org'}\n");
    let contract = Contract::parse(&support, "t.yaml").expect("a contract without errors");
    let [Support { channel, tool, .. }] = contract.support.as_slice() else { panic!("one channel") };
    assert_eq!((channel.as_str(), tool.as_deref()), ("#data", Some("slack")));
    check_lint(
        &trips("team:\n  - {name: Ada}\nsupport:\n  - {chanel: x}\n"),
        &expect![[r#"
            7:5 error: a member of the team needs `username` -> username: …
            9:5 error: an entry of `support` needs `channel` -> channel: …
            9:6 error: an entry of `support` has no key `chanel` -> did you mean `channel`?"#]],
    );
}

#[test]
fn properties_lie_in_each_other() {
    let text = trips(
        "schema:\n  - name: trips\n    properties:\n      - name: plane\n        logicalType: object\n\
        \x20       logicalTypeOptions: {required: [maker], maxProperties: 2}\n\
        \x20       properties: [{name: maker, classification: restricted}, {name: seats, logicalType: integer}]\n\
        \x20     - name: stops\n        logicalType: array\n        items: {logicalType: array, items: {logicalType: string}}\n",
    );
    let contract = Contract::parse(&text, "t.yaml").expect("a contract without errors");
    let [plane, stops] = contract.objects[0].properties.as_slice() else { panic!("two properties") };
    assert_eq!((plane.properties.len(), plane.properties[0].sensitive), (2, true));
    assert_eq!(plane.options.required_properties, ["maker"]);
    let item = stops.items.as_ref().and_then(|item| item.items.as_ref()).expect("items of items");
    assert_eq!((item.name.as_str(), item.line), ("[]", 15));
    check_lint(
        &trips(
            "schema:\n  - name: trips\n    properties:\n      - {name: a, logicalType: string, items: {logicalType: strng}}\n",
        ),
        &expect![[r#"
            9:40 warning: `items` belong to a property of type array -> logicalType: array
            9:48 error: `strng` is not a logical type -> did you mean `string`?"#]],
    );
    check_lint(
        &trips("schema:\n  - name: trips\n    properties:\n      - {name: a, relationships: [{to: other}]}\n"),
        &expect!["9:36 error: `to` names the columns of one other table -> to: other_table.column"],
    );
}
