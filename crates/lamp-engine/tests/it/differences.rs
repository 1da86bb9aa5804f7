//! Rows of two versions, told apart.

use std::fmt::Write as _;
use std::sync::Arc;

use datafusion::arrow::array::{Float64Array, Int32Array, Int64Array, StringArray};
use expect_test::{Expect, expect};
use lamp_core::difference::RowDifference;
use lamp_engine::{DataFile, EngineError};
use serde_json::Value;

use crate::files::{Folder, array, engine};

async fn difference(before: &[DataFile], after: &[DataFile], key: &[&str]) -> Result<RowDifference, EngineError> {
    let key: Vec<String> = key.iter().map(|name| (*name).to_owned()).collect();
    let of_one = engine(1).row_difference(before, after, &key).await;
    if let Ok(of_one) = &of_one {
        let of_four = engine(4).row_difference(before, after, &key).await.expect("the same");
        assert_eq!(of_one, &of_four, "whatever the number of threads");
    }
    of_one
}

fn check(difference: &RowDifference, expected: &Expect) {
    let RowDifference { added, removed, changed, same, shared_keys, columns, .. } = difference;
    let mut text = format!("+{added} -{removed} ~{changed} ={same} shared {shared_keys}\n");
    for (column, count) in columns {
        writeln!(text, "{column}: {count}").expect("a line");
    }
    let row =
        |cells: &[lamp_core::difference::Cell]| cells.iter().map(|c| c.value.to_string()).collect::<Vec<_>>().join(",");
    difference.some_added.iter().for_each(|sample| writeln!(text, "+ {}", row(&sample.cells)).expect("a line"));
    difference.some_removed.iter().for_each(|sample| writeln!(text, "- {}", row(&sample.cells)).expect("a line"));
    for sample in &difference.some_changed {
        let cells: Vec<_> = sample.cells.iter().map(|c| format!("{} {} -> {}", c.column, c.before, c.after)).collect();
        writeln!(text, "~ {}: {}", row(&sample.key), cells.join(", ")).expect("a line");
    }
    expected.assert_eq(&text);
}

#[tokio::test]
async fn rows_are_told_apart_by_their_key() {
    let folder = Folder::new();
    let before = [folder.text("a.csv", "id,late,town\n1,0,Elm\n2,1,Oak\n3,,Elm\n4,7,Ash\n")];
    // In another order, in two files, with the columns in another order.
    let after = [
        folder.text("b.csv", "town,id,late\nElm,3,0\nElm,1,0\n"),
        folder.text("c.csv", "id,late,town\n5,2,Fir\n2,1,\n"),
    ];
    let found = difference(&before, &after, &["id"]).await.expect("a difference");
    check(
        &found,
        &expect![[r#"
            +1 -1 ~2 =1 shared 0
            late: 1
            town: 1
            + 5,2,"Fir"
            - 4,7,"Ash"
            ~ 3: late null -> 0
            ~ 2: town "Oak" -> null
        "#]],
    );
    assert_eq!((found.looked_at, found.not_compared.len()), (2, 0));
    let nothing = difference(&after, &after, &["id"]).await.expect("a difference");
    assert!(nothing.is_nothing() && nothing.same == 4);
}

#[tokio::test]
async fn without_a_key_rows_only_come_and_go() {
    let folder = Folder::new();
    let before = [folder.text("a.csv", "id,late\n1,0\n1,0\n2,1\n")];
    let after = [folder.text("b.csv", "id,late\n1,0\n2,5\n2,1\n3,3\n")];
    let found = difference(&before, &after, &[]).await.expect("a difference");
    check(
        &found,
        &expect![[r#"
            +2 -1 ~0 =2 shared 1
            + 2,5
            + 3,3
            - 1,0
        "#]],
    );
    let all_new = difference(&[], &after, &["id"]).await.expect("a difference");
    assert_eq!((all_new.added, all_new.some_added.len(), all_new.shared_keys), (4, 4, 1));
    let all_gone = difference(&after, &[], &[]).await.expect("a difference");
    assert_eq!((all_gone.removed, all_gone.added), (4, 0));
}

#[tokio::test]
async fn rows_that_share_a_key_are_set_off_against_each_other() {
    let folder = Folder::new();
    let before = [folder.text("a.csv", "id,v\n1,a\n1,b\n1,c\n2,x\n")];
    let after = [folder.text("b.csv", "id,v\n1,c\n1,B\n2,x\n2,x\n")];
    let found = difference(&before, &after, &["id"]).await.expect("a difference");
    assert_eq!((found.same, found.changed, found.added, found.removed, found.shared_keys), (2, 1, 1, 1, 2));
}

#[tokio::test]
async fn columns_that_cannot_be_compared_are_left_out_and_said() {
    let folder = Folder::new();
    let ids = || array(Int64Array::from(vec![1, 2, 3]));
    let before = [folder.parquet(
        "a.parquet",
        vec![("id", ids()), ("x", array(Int32Array::from(vec![1, 2, 3]))), ("code", ids()), ("gone", ids())],
    )];
    let after = [folder.parquet(
        "b.parquet",
        vec![
            ("id", ids()),
            ("x", array(Float64Array::from(vec![1.0, 2.5, 3.0]))),
            ("code", array(StringArray::from(vec!["1", "2", "3"]))),
            ("new", ids()),
        ],
    )];
    let found = difference(&before, &after, &["id"]).await.expect("a difference");
    assert_eq!(found.not_compared, ["code", "gone", "new"]);
    check(
        &found,
        &expect![[r#"
            +0 -0 ~1 =2 shared 0
            x: 1
            ~ 2: x 2.0 -> 2.5
        "#]],
    );
    let error = difference(&before, &after, &["code"]).await.expect_err("a key of another type");
    assert!(error.to_string().contains("`code` is Int64 in `a.parquet` and Utf8 in `b.parquet`"), "{error}");
    let error = difference(&before, &after, &["gone"]).await.expect_err("no such key");
    assert!(error.to_string().contains("no column `gone`"), "{error}");
}

#[tokio::test]
async fn more_rows_than_fit_the_memory_are_compared_in_several_passes() {
    let folder = Folder::new();
    let side = |name: &str, change: i64| {
        let ids: Vec<i64> = (0..5_000).collect();
        let values: Vec<i64> = ids.iter().map(|id| if id % 1_000 == 7 { id + change } else { *id }).collect();
        folder.parquet(name, vec![("id", Arc::new(Int64Array::from(ids)) as _), ("v", array(Int64Array::from(values)))])
    };
    let (before, after) = ([side("a.parquet", 0)], [side("b.parquet", 1)]);
    let small = lamp_engine::Engine::new(lamp_engine::EngineSettings {
        memory_bytes: 64 << 10,
        threads: 2,
        ..lamp_engine::EngineSettings::default()
    });
    let found = small.row_difference(&before, &after, &["id".to_owned()]).await.expect("a difference");
    let large = difference(&before, &after, &["id"]).await.expect("a difference");
    assert_eq!(found, large);
    assert_eq!((found.changed, found.same, found.looked_at), (5, 4_995, 5));
    let ids: Vec<&Value> = found.some_changed.iter().map(|row| &row.key[0].value).collect();
    assert_eq!(ids, [7, 1_007, 2_007, 3_007, 4_007], "in the order of the file");

    let tiny = lamp_engine::Engine::new(lamp_engine::EngineSettings {
        memory_bytes: 1 << 10,
        threads: 2,
        ..lamp_engine::EngineSettings::default()
    });
    let error = tiny.row_difference(&before, &after, &["id".to_owned()]).await.expect_err("too many");
    assert!(error.to_string().contains("10000 rows"), "{error}");
}
