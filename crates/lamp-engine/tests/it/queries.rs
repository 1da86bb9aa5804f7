//! Read-only SQL.

use lamp_core::error::Classified;
use lamp_core::table::Values;

use crate::files::{Folder, engine};

#[tokio::test]
async fn tables_of_several_formats_are_joined() {
    let folder = Folder::new();
    let trips = vec![folder.text("a.csv", "id,Carrier\n1,UA\n2,AA\n"), folder.text("b.csv", "Carrier,id\nUA,3\n")];
    let names = vec![folder.text("names.csv", "Carrier,name\nUA,United\nAA,American\n")];
    let tables = [("trips".to_owned(), trips), ("names".to_owned(), names)];
    let sql = "SELECT name, count(*) AS n, MAX(id) AS newest FROM trips JOIN names USING (Carrier) GROUP BY name ORDER BY n DESC";
    let table = engine(2).query(sql, &tables, 10).await.expect("a table");
    assert_eq!(table.find("name"), Some(&Values::Text(vec![Some("United".into()), Some("American".into())])));
    assert_eq!(table.find("n"), Some(&Values::Int(vec![Some(2), Some(1)])));
    assert_eq!(table.find("newest"), Some(&Values::Int(vec![Some(3), Some(2)])));
    let limited = engine(2).query("SELECT id FROM trips ORDER BY id", &tables, 2).await.expect("a table");
    assert_eq!(limited.find("id"), Some(&Values::Int(vec![Some(1), Some(2)])));
    let none = engine(1).query("SELECT id FROM trips WHERE id > 9", &tables, 2).await.expect("a table");
    assert_eq!((none.columns.len(), none.rows()), (1, 0));
}

#[tokio::test]
async fn only_one_select_is_allowed() {
    let folder = Folder::new();
    let tables = [("t".to_owned(), vec![folder.text("t.csv", "id\n1\n")])];
    let elsewhere = folder.path("stolen.csv");
    for sql in [
        "DROP TABLE t".to_owned(),
        "CREATE TABLE x AS SELECT * FROM t".to_owned(),
        "INSERT INTO t VALUES (2)".to_owned(),
        "SELECT 1; SELECT 2".to_owned(),
        "SET datafusion.execution.batch_size = 1".to_owned(),
        "EXPLAIN SELECT 1".to_owned(),
        format!("COPY t TO '{}'", elsewhere.display()),
        format!("CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '{}'", elsewhere.display()),
        String::new(),
    ] {
        let error = engine(1).query(&sql, &tables, 10).await.expect_err("not a SELECT");
        assert!(error.to_string().starts_with("only one SELECT is allowed"), "{sql}: {error}");
        assert!(error.hint().is_some());
    }
    let file = folder.path("t.csv");
    let error = engine(1).query(&format!("SELECT * FROM '{}'", file.display()), &tables, 1).await.expect_err("a path");
    assert!(error.to_string().contains("not found"), "{error}");
    assert!(!elsewhere.exists());
}

#[tokio::test]
async fn an_error_of_a_file_comes_through_a_query() {
    let folder = Folder::new();
    let file = folder.text("t.csv", "id\n1\n");
    let tables = [("t".to_owned(), vec![file.clone()])];
    let error = engine(1).query("SELECT nope FROM t", &tables, 1).await.expect_err("no such column");
    assert!(error.to_string().contains("nope"), "{error}");
    std::fs::remove_file(&file.path).expect("the file goes");
    let error = engine(1).query("SELECT id FROM t", &tables, 1).await.expect_err("no file");
    assert!(error.to_string().starts_with("cannot read `t.csv`"), "{error}");
}

#[tokio::test]
async fn a_long_query_is_answered_or_refused_but_never_ends_the_process() {
    let folder = Folder::new();
    let tables = [("t".to_owned(), vec![folder.text("t.csv", "id\n1\n")])];
    let chain: Vec<String> = (0..1_000).map(|i| format!("id = {i}")).collect();
    let sql = format!("SELECT count(*) AS n FROM t WHERE {}", chain.join(" OR "));
    let table = engine(1).query(&sql, &tables, 1).await.expect("a long condition");
    assert_eq!(table.find("n"), Some(&Values::Int(vec![Some(1)])));
    let nested = format!("SELECT {}1{}", "(".repeat(500), ")".repeat(500));
    let error = engine(1).query(&nested, &tables, 1).await.expect_err("nested too deeply");
    assert!(error.to_string().contains("RecursionLimitExceeded"), "{error}");
}
