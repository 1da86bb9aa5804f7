use expect_test::expect;
use proptest::prelude::*;

use super::*;
use crate::contract::{Contract, Severity, lint};
use crate::profile::ColumnBuilder;

/// A day of a bakery: `rows` orders, the largest of `most` loaves, `missing` of them without a street.
fn day(at: usize, rows: u64, most: i64, missing: u64, streets: &[&str]) -> HistoryPiece {
    let mut loaves = ColumnBuilder::new("loaves", "Int64", ColumnKind::Int);
    loaves.ints(&vec![1; usize::try_from(rows - 1).expect("a few rows")]);
    loaves.ints(&[most]);
    let mut street = ColumnBuilder::new("street", "Utf8", ColumnKind::Text);
    street.nulls(missing);
    street.texts((0..rows - missing).map(|row| (streets[usize::try_from(row).expect("a row") % streets.len()], 1)));
    let profile = Profile::new(rows, vec![loaves.finish(), street.finish()]);
    HistoryPiece { label: format!("2013-03-{:02}", at + 1), profile }
}

fn bakery() -> History {
    let pieces = (0..12u8)
        .map(|at| day(at.into(), 40 + u64::from(at % 5), 5 + i64::from(at % 3), u64::from(at % 2), &["Elm", "Oak"]));
    History { dataset: "orders".to_owned(), pieces: pieces.collect(), ..History::default() }
}

fn promises(suggestion: &Suggestion) -> Vec<String> {
    let words = |rule: &SuggestedRule| {
        format!("{}{}", rule.column.as_deref().map(|c| format!("{c}: ")).unwrap_or_default(), rule.promise)
    };
    suggestion.rules.iter().map(words).collect()
}

#[test]
fn a_steady_history_becomes_a_contract_with_its_evidence() {
    let suggestion = suggest(&bakery(), Settings::default());
    expect![[r##"
        # Suggested by `lamp contract suggest` from 12 partitions of orders (2013-03-01 to 2013-03-12).
        # A bound has room beyond what was seen. Replayed: fitted on the first half, tried on the rest.
        # All promises together would have alarmed in 0 of the last 6 partitions.
        apiVersion: v3.1.0
        kind: DataContract
        id: orders
        name: orders
        version: 1.0.0
        status: draft

        schema:
          - name: orders
            logicalType: object
            quality:
              # from 40 to 44 rows in 12 partitions; 0 alarms in the last 6 of 12 partitions
              - metric: rowCount
                id: fewest-rows
                mustBeGreaterOrEqualTo: 38
                dimension: completeness
              # from 40 to 44 rows in 12 partitions; 0 alarms in the last 6 of 12 partitions
              - metric: rowCount
                id: most-rows
                mustBeLessOrEqualTo: 47
                dimension: accuracy
            properties:
              - name: loaves
                logicalType: integer
                physicalType: Int64
                # no null in 501 rows of 12 partitions; 0 alarms in the last 6 of 12 partitions
                required: true
                logicalTypeOptions:
                  # the smallest value was 1 in 12 partitions; 0 alarms in the last 6 of 12 partitions
                  minimum: 0
                  # the largest value was from 5 to 7 in 12 partitions; 0 alarms in the last 6 of 12 partitions
                  maximum: 8
              - name: street
                logicalType: string
                physicalType: Utf8
                quality:
                  # from 0.00 to 2.50 % nulls in 12 partitions; 0 alarms in the last 6 of 12 partitions
                  - metric: nullValues
                    unit: percent
                    mustBeLessOrEqualTo: 3.8
                    dimension: completeness
                  # 2 values in 495 rows of 12 partitions; 0 alarms in the last 6 of 12 partitions
                  - metric: invalidValues
                    arguments:
                      validValues: ["Elm", "Oak"]
                    mustBe: 0
                    dimension: conformity
    "##]]
    .assert_eq(&suggestion.contract);
    assert_eq!((suggestion.partitions, suggestion.replayed, suggestion.alarmed), (12, 6, 0));
    assert!(lint(&suggestion.contract, "t").is_empty(), "{:?}", lint(&suggestion.contract, "t"));
}

#[test]
fn what_would_alarm_is_widened_or_left_out_and_said() {
    let mut history = bakery();
    // A new street a day, of one row: no list, but what most rows have can be promised.
    let streets = ["Elm", "Oak"];
    history.pieces = (0..12u8)
        .map(|at| {
            let new = format!("New {at}");
            let mut all: Vec<&str> = streets.iter().copied().cycle().take(199).collect();
            all.push(&new);
            // The most loaves of an order rise every day.
            day(at.into(), 200, 10 + 10 * i64::from(at), 0, &all)
        })
        .collect();
    let suggestion = suggest(&history, Settings::default());
    assert!(promises(&suggestion).contains(&"street: at most 1 % other than 14 values".to_owned()), "{suggestion:#?}");
    let left: Vec<String> = suggestion.left_out.iter().map(|left| format!("{}: {}", left.promise, left.why)).collect();
    assert_eq!(left, ["maximum: it moves with time"]);
    // A day of nulls after many without: no share is promised that would have alarmed.
    let mut history = bakery();
    for (at, piece) in history.pieces.iter_mut().enumerate() {
        *piece = day(at, 40, 5, if at == 10 { 30 } else { 0 }, &streets);
    }
    let suggestion = suggest(&history, Settings::default());
    let nulls = suggestion.left_out.iter().find(|left| left.promise == "null share").expect("left out");
    assert_eq!(nulls.why, "even the widest bound alarms too often: 1 alarm in the last 6 of 12 partitions");
}

#[test]
fn columns_that_come_and_go_are_not_promised() {
    let mut history = bakery();
    history.pieces[2].profile.columns.pop();
    let suggestion = suggest(&history, Settings::default());
    assert_eq!(suggestion.left_out[0].why, "1 of 12 partitions lack it, the last of them 2013-03-03");
    let contract = Contract::parse(&suggestion.contract, "t").expect("a contract");
    assert_eq!(contract.objects[0].properties.len(), 1);
}

#[test]
fn arrivals_become_a_latency_unless_it_is_broken_now() {
    let latency = |ages: &[f64], period| {
        let ages = ages.iter().map(|hours| hours * 3_600.0).collect();
        let arrivals = Some(Arrivals { column: "at".to_owned(), ages, period });
        let suggestion = suggest(&History { arrivals, ..bakery() }, Settings::default());
        let promised = suggestion.rules.iter().find(|rule| rule.column.as_deref() == Some("at"));
        promised.map_or_else(|| suggestion.left_out[0].why.clone(), |rule| rule.promise.clone())
    };
    for (ages, period, expected) in [
        (&[25.0, 26.0, 25.5, 27.0, 26.0, 25.0, 26.5, 3.0][..], None, "the newest row is at most 39 h old"),
        (&[20.0][..], Some(86_400.0), "the newest row is at most 48 h old"),
        (&[2_000.0][..], Some(86_400.0), "the newest row is 2000 h old now, and 48 h would be promised"),
        (&[2_000.0][..], None, "too few versions to know how rows arrive"),
    ] {
        assert_eq!(latency(ages, period), expected, "{ages:?}");
    }
}

#[test]
fn only_what_could_be_a_key_is_scanned() {
    let mut ids = ColumnBuilder::new("id", "Int64", ColumnKind::Int);
    ids.ints(&(0..40).collect::<Vec<_>>());
    let mut weights = ColumnBuilder::new("weight", "Float64", ColumnKind::Float);
    weights.floats(&(0..40).map(f64::from).collect::<Vec<_>>());
    let mut piece = day(0, 40, 5, 0, &["Elm"]);
    piece.profile.columns.extend([ids.finish(), weights.finish()]);
    assert_eq!(unique_candidates(&[piece.clone()]), ["id"]);
    let small = day(1, 3, 5, 0, &["Elm", "Oak", "Ash"]);
    assert!(unique_candidates(&[small]).is_empty(), "three rows without a repetition are an accident");
    assert!(unique_candidates(&[piece, day(1, 40, 5, 0, &["Elm"])]).is_empty(), "it is not in every partition");
}

proptest! {
    #[test]
    fn every_suggestion_is_a_contract_without_findings(
        days in prop::collection::vec((2u64..60, -1_000_000i64..1_000_000, 0u64..2), 1..20),
        streets in prop::collection::vec(".{0,12}", 1..5),
    ) {
        let streets: Vec<&str> = streets.iter().map(String::as_str).collect();
        let pieces = days.iter().enumerate().map(|(at, (rows, most, missing))| day(at, *rows, *most, *missing, &streets));
        let history = History { dataset: "orders".to_owned(), pieces: pieces.collect(), ..History::default() };
        let suggestion = suggest(&history, Settings::default());
        let errors: Vec<_> = lint(&suggestion.contract, "t").into_iter().filter(|l| l.severity == Severity::Error).collect();
        prop_assert!(errors.is_empty(), "{errors:?}\n{}", suggestion.contract);
        let contract = Contract::parse(&suggestion.contract, "t").expect("no errors");
        // No bound excludes what it was fitted on.
        let loaves = &contract.objects[0].properties[0];
        for (_, most, _) in &days {
            #[allow(clippy::cast_precision_loss, reason = "small")]
            let most = *most as f64;
            if let Some(crate::contract::Bound::Number(bound)) = loaves.options.maximum { prop_assert!(most <= bound); }
            if let Some(crate::contract::Bound::Number(bound)) = loaves.options.minimum { prop_assert!(most >= bound); }
        }
    }
}
