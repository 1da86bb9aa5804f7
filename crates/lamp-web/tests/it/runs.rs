//! Runs.

use axum::http::StatusCode;
use expect_test::expect;
use lamp_runner::run_folder::RunFolder;

use crate::kit::TestSite;
use crate::pages::words;
use crate::seed;

#[tokio::test]
async fn runs_are_listed_newest_first() {
    let site = TestSite::seeded().await;
    let page = words(&site.get("/runs").await.text);
    let made: Vec<&str> = page.lines().filter(|line| line.starts_with('…')).collect();
    assert_eq!(made.len(), 3, "{page}");
    assert!(made[0].contains("train delay-simple ✓ succeeded"), "{page}");
    assert!(made[2].contains("build trips ✓ succeeded"), "{page}");
    let empty = words(&TestSite::empty().await.get("/runs").await.text);
    assert!(empty.contains("hint: lamp train MODEL"), "{empty}");
}

#[tokio::test]
async fn a_run_shows_what_went_in_and_the_end_of_its_log() {
    let site = TestSite::seeded().await;
    let id = seed::run_id(2);
    let folder = RunFolder::create(&site.app.layout().runs(), id).expect("a folder");
    std::fs::write(folder.log_path(), "reading 9 days\n<b>50 %</b>\r100 %\ndone\n").expect("a log");
    let metrics = "{\"step\": 1, \"loss\": 0.7}\n{\"step\": 2, \"loss\": 0.5}\n";
    std::fs::write(folder.path().join("metrics.jsonl"), metrics).expect("metrics");
    let page = site.get(&format!("/runs/{id}")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    expect![[r#"
        Models / Runs /
        train delay
        ✓ succeeded
        run 013dd8c9-8bc0-7202-8202-020202020202
        commit 7989803402bb…
        started 2013-04-05 02:02:00 EDT by first@example.com
        ended 2013-04-05 02:10:00 EDT
        model delay@1
        command python -m delay.train
        parameter max_iter = 200
        seed 42
        environment Python 3.11.2, locked as 85ca8305882e
        took 4.2 s, 310.0 MB at its peak
        Data
        Data, pinned
        Used as Dataset Slice Files
        train trips@1 trips[..-1month] 9 files
        valid trips@1 trips[..-1month] 9 files
        What the command logged its own numbers, not evidence
        loss
        0.72 lines0.5
        Log
        reading 9 days
        100 %
        done
        Lineage of this run"#]]
    .assert_eq(&words(&page.text));
    assert!(page.text.contains("<title>loss: from 0.7 to 0.5 over 2 lines; lowest 0.5, highest 0.7</title>"));
    assert!(!page.text.contains("data-refresh"), "a run that is over stays as it is");
}

#[tokio::test]
async fn a_run_elsewhere_and_no_run() {
    let site = TestSite::seeded().await;
    let page = words(&site.get(&format!("/runs/{}", seed::run_id(1))).await.text);
    assert!(page.contains("The log is on the machine that ran it."), "{page}");
    assert_eq!(site.get("/runs/zzz").await.status, StatusCode::NOT_FOUND);
    assert_eq!(site.get("/api/v1/runs/zzz").await.status, StatusCode::NOT_FOUND);
    let list = site.get("/api/v1/runs").await.json();
    assert_eq!(list["items"].as_array().map(Vec::len), Some(3));
}
