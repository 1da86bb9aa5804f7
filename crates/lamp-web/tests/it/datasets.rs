//! Datasets, their versions, promises and histograms.

use axum::http::StatusCode;
use expect_test::expect;
use serde_json::json;

use crate::kit::TestSite;
use crate::pages::words;
use crate::readings;

async fn site() -> TestSite {
    let site = TestSite::empty().await;
    readings::all(&site).await;
    site
}

#[tokio::test]
async fn the_list_has_the_newest_versions_and_the_next_steps() {
    let site = site().await;
    let page = site.get("/datasets").await;
    assert_eq!(page.status, StatusCode::OK);
    expect![[r#"
        Data
        Every dataset with its newest version, which never changes, and what its contract said of it
        Dataset Newest Rows Size Promises Added
        flights source
        no version yet; lamp data add flights
        readings source
        @2 locked 144 5.2 kB ✕ 1 broken 2013-04-05 12:00 Histograms
        trips derived
        no version yet; lamp data build trips"#]]
    .assert_eq(&words(&page.text));
}

#[tokio::test]
async fn a_dataset_in_words() {
    let site = site().await;
    let page = site.get("/datasets/readings").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    expect![[r#"
        Data /
        readings@2
        source newest locked
        rows 144
        size 5.2 kB in 3 files
        digest 438b1ba8049f…
        added 2013-04-05 12:00:00 EDT by first@example.com
        note read off by hand
        contract projects/delay/contracts/readings.odcs.yaml
        Look at the histograms Lineage
        Promises
        Broken, by the latest look at each rule
        Partition Rule What was seen Promised Checked
        2013-04-03 quality.lux.nullValues `lux` is null in 12 of 48 rows (25.00 %) &#60; 5 % 2013-04-05 12:00
        Partitions 3
        Partitions, newest first
        Partition Rows Size Files Promises
        2013-04-03 48 1.7 kB 1 ✕ 1 broken
        2013-04-02 48 1.7 kB 1 ✓ 5 kept
        2013-04-01 48 1.7 kB 1 ✓ 5 kept
        Versions
        Newest first; none is ever overwritten
        Version Rows Size Added By Note
        @2 locked 144 5.2 kB 2013-04-05 12:00 first@example.com read off by hand
        @1 96 3.5 kB 2013-04-05 12:00 first@example.com read off by hand
        Columns
        3 columns
        Columns of readings@2
        Column Type Nulls
        at Timestamp(s, UTC) allowed
        lamp Utf8 allowed
        lux Int64 allowed"#]]
    .assert_eq(&words(&page.text));
    let first = words(&site.get("/datasets/readings?version=1").await.text);
    assert!(first.contains("readings@1") && first.contains("to the newest"), "{first}");
    assert!(first.contains("This version was not checked yet.\nhint: lamp check readings@1"), "{first}");
}

#[tokio::test]
async fn the_newest_day_is_laid_over_the_days_before() {
    let site = site().await;
    let page = site.get("/histograms/readings").await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    let text = words(&page.text);
    let (told, of_times) = text.split_once("\nat\ntimestamp\n").expect("the column of times comes last");
    expect![[r#"
        Data / readings@2 /
        Histograms
        ← 2013-04-02
        Now: 2013-04-03, 48 rows
        Before: 2013-04-01 to 2013-04-02 (2 partitions), 96 rows
        Look at
        over
        sorted by what movedas in the file
        Show
        over a partition, a version such as @6, or what was before
        lux
        integer 62.5 % moved
        ▲ nulls: 25.0 %, before 0.0 %
        ▲ up to 114, before 109
        100114
        lux in numbers
        now before
        nulls 25.0 % 0.0 %
        smallest 105 100
        5 % below 105 100
        median 110 104
        5 % above 114 109
        largest 114 109
        Every bar as a table
        Every bar of lux
        lux rows share before
        100 0 0.0 % 10.4 %
        101 0 0.0 % 10.4 %
        102 0 0.0 % 10.4 %
        103 0 0.0 % 10.4 %
        104 0 0.0 % 10.4 %
        105 2 4.2 % 10.4 %
        106 5 10.4 % 10.4 %
        107 3 6.2 % 10.4 %
        108 5 10.4 % 8.3 %
        109 2 4.2 % 8.3 %
        110 5 10.4 % 0.0 %
        111 3 6.2 % 0.0 %
        112 5 10.4 % 0.0 %
        113 2 4.2 % 0.0 %
        114 4 8.3 % 0.0 %
        nothing (null) 12 25.0 % 0.0 %
        lamp
        text 33.3 % moved
        ▲ new: canal (16 rows)
        lamp in numbers
        now before
        nulls 0.0 % 0.0 %
        different 3 2
        Every bar as a table
        Every bar of lamp
        lamp rows share before
        arch 16 33.3 % 50.0 %
        bridge 16 33.3 % 50.0 %
        canal 16 33.3 % 0.0 %
        nothing (null) 0 0.0 % 0.0 %"#]]
    .assert_eq(told);
    assert!(of_times.contains("median 2013-04-03 11:30 2013-04-01 23:30"), "in the workspace's zone: {of_times}");
    for expected in [
        "<title>lux: 48 rows, from 105 to 114; ",
        "<path class=\"outline\" d=\"M0 104V",
        "<title>canal: 33.3 %, before 0.0 %</title>",
        "href=\"/histograms/readings?version=2&#38;at=2013-04-02\"",
    ] {
        assert!(page.text.contains(expected), "{expected} in\n{}", page.text);
    }
}

#[tokio::test]
async fn the_address_says_what_is_laid_over_what() {
    let site = site().await;
    let legend = async |path: &str| {
        let page = site.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {}", page.text);
        let text = words(&page.text);
        let line = |start: &str| text.lines().find(|line| line.starts_with(start)).expect(start).to_owned();
        [line("Now:"), line("Before:")]
    };
    let day = |number: u32| format!("2013-04-0{number}, 48 rows");
    assert_eq!(
        legend("/histograms/readings?at=2013-04-02").await,
        [format!("Now: {}", day(2)), format!("Before: {}", day(1))]
    );
    assert_eq!(
        legend("/histograms/readings?at=2013-04-02&over=2013-04-03").await,
        [format!("Now: {}", day(2)), format!("Before: {}", day(3))]
    );
    assert_eq!(
        legend("/histograms/readings?at=all").await,
        [
            "Now: 2013-04-01 to 2013-04-03 (3 partitions), 144 rows",
            "Before: readings@1, 2013-04-01 to 2013-04-02 (2 partitions), 96 rows"
        ]
    );
    assert_eq!(
        legend("/histograms/readings?version=2&at=2013-04-01&over=@1").await,
        [format!("Now: {}", day(1)), format!("Before: readings@1, {}", day(1))]
    );
    assert_eq!(
        legend("/histograms/readings?at=2013-04-01").await,
        [format!("Now: {}", day(1)), "Before: nothing to hold it against".to_owned()]
    );
}

#[tokio::test]
async fn what_is_not_there_is_said_with_the_next_step() {
    let site = site().await;
    for (path, status, said) in [
        ("/datasets/flights", StatusCode::NOT_FOUND, "lamp data add flights"),
        ("/datasets/No%20Name", StatusCode::BAD_REQUEST, "is not a dataset name"),
        ("/datasets/readings?version=9", StatusCode::NOT_FOUND, "lamp data log readings"),
        ("/datasets/readings?version=x", StatusCode::BAD_REQUEST, "That cannot be right"),
        ("/histograms/readings?at=2013-05-01", StatusCode::NOT_FOUND, "has no partition 2013-05-01"),
        ("/histograms/readings?at=x", StatusCode::BAD_REQUEST, "That cannot be right"),
        ("/histograms/readings?over=@x", StatusCode::BAD_REQUEST, "write @6, a partition such as 2013-01-31"),
        ("/histograms/trips", StatusCode::NOT_FOUND, "has no version"),
    ] {
        let answer = site.get(path).await;
        assert_eq!(answer.status, status, "{path}: {}", words(&answer.text));
        assert!(words(&answer.text).contains(said), "{path}: {}", words(&answer.text));
    }
    let empty = TestSite::empty().await;
    assert!(words(&empty.get("/datasets").await.text).contains("no version yet; lamp data add flights"));
}

#[tokio::test]
async fn the_api_has_the_same() {
    let site = site().await;
    let list = site.get("/api/v1/datasets").await.json();
    let readings = &list["datasets"][1];
    assert_eq!((&readings["dataset"], &readings["latest"]["version"]), (&json!("readings"), &json!(2)));
    assert_eq!(readings["verdicts"]["failed"], 1);
    let one = site.get("/api/v1/datasets/readings?version=1").await.json();
    assert_eq!((&one["version"]["version"], &one["is_latest"]), (&json!(1), &json!(false)));
    assert_eq!(one["partitions"][0]["partition"], "2013-04-02", "newest first");
    let over = site.get("/api/v1/histograms/readings").await.json();
    assert_eq!((&over["rows"], &over["reference"]["rows"]), (&json!(48), &json!(96)));
    let lamp = &over["columns"].as_array().expect("columns").iter().find(|one| one["name"] == "lamp").expect("lamp");
    assert_eq!(lamp["notes"][0]["what"], "new_values");
    assert_eq!(site.get("/api/v1/histograms/readings?at=x").await.json()["error"]["kind"], "invalid");
}
