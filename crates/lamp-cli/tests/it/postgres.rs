//! A team's ledger: the same commands on a real Postgres.

use lamp_testkit::SKIP_POSTGRES_VARIABLE;
use lamp_testkit::postgres::TestPostgres;

use super::shop::Shop;

#[test]
fn the_same_story_is_told_on_postgres() {
    if lamp_testkit::is_skipped(SKIP_POSTGRES_VARIABLE) {
        return;
    }
    let database = TestPostgres::start();
    let shop = Shop::new();
    let root = shop.context.repo.read("lamp.toml");
    shop.context.repo.write("lamp.toml", format!("{root}ledger = \"{}\"\n", database.url()));
    shop.context.repo.commit("A ledger for all of us");

    shop.lamp("data add orders --commit").succeeds().says("orders@1");
    shop.lamp("data add orders").succeeds().says("the same bytes as before");
    shop.lamp("check").succeeds().says("orders@1  kept");
    shop.open_for_business();
    shop.lamp("models ls").succeeds().line_with(&["late@1", "approved", "late primary", "roc_auc 0.8333 passed"]);
    shop.lamp("switch late shadow --why 'to see it on Postgres'").succeeds().says("epoch 3");
    shop.lamp("why late").succeeds().says("to see it on Postgres");
    shop.lamp("audit verify").succeeds().says("whole");

    assert_eq!(database.sql("SELECT count(*) FROM models"), "2", "it is all in Postgres");
    assert!(!shop.context.repo.path().join(".lamp/ledger.db").exists(), "and nothing in SQLite");
    database.sql("UPDATE audit_events SET details = '{}' WHERE action = 'model.approved'");
    shop.lamp("audit verify").exits(1).says("broken at event");
}
