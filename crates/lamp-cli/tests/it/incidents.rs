//! Practice 5: an incident waits for a person, who looks and says what it was.

use super::shop::{Shop, orders};

#[test]
fn an_incident_is_seen_taken_up_and_closed_with_a_note() {
    let shop = Shop::new();
    shop.lamp("incidents ls").succeeds().says("No incident is open.");
    shop.write_day("2013-03-29", &orders("2013-03-29", &[("elm", -2, Some(1)), ("oak", 3, Some(0))]));
    shop.lamp("data add orders --commit").succeeds();
    let broken = shop.lamp("check orders").exits(1).says("incident opened: orders[2013-03-29]");
    let next = broken.line("Next: lamp incidents ack");
    let id = next.rsplit(' ').next().expect("an id").to_owned();

    shop.lamp("incidents ls").succeeds().line_with(&[&id, "open", "–", "orders[2013-03-29]"]);
    let shown = shop.lamp(&format!("incidents show {id}")).succeeds().says("contract.broken").says("bakery");
    shown.says("lamp check 'orders[2013-03-29]'").says(&format!("Next: lamp incidents ack {id}"));
    // The start of an id will do.
    let start = &id[..13];
    shop.lamp(&format!("incidents ack {start}")).succeeds().says("by ada@example.com").says("--note");
    shop.lamp(&format!("incidents ack {id}")).exits(2).says("acknowledged by ada@example.com already");
    shop.lamp(&format!("incidents resolve {id}")).exits(2).says("needs a note").hints("--note");
    shop.context.repo.git(&["config", "user.email", "grace@example.com"]);
    let resolved = shop.lamp(&format!("incidents resolve {id} --note 'a typo in the till'")).succeeds();
    resolved.says("by grace@example.com").says("a typo in the till");
    shop.lamp(&format!("incidents resolve {id} --note again"))
        .exits(2)
        .says("was resolved by grace@example.com already: a typo in the till")
        .hints("lamp incidents show");

    shop.lamp("incidents ls").succeeds().says("No incident is open.");
    shop.lamp("incidents ls --all").succeeds().line_with(&[&id, "resolved", "grace@example.com"]);
    let listed = shop.lamp("incidents ls --all --json").succeeds().json();
    assert_eq!(listed[0]["state"], "resolved", "{listed}");
    assert_eq!(listed[0]["acknowledged"]["by"]["name"], "ada@example.com", "{listed}");
    shop.lamp("incidents show ffff").exits(2).says("no incident `ffff`").hints("lamp incidents ls --all");
    let log = shop.lamp("audit ls").succeeds();
    log.line_with(&["incident.acknowledged", "ada@example.com"]);
    log.line_with(&["incident.resolved", "grace@example.com"]);

    // Broken again, it is another incident.
    let again = shop.lamp("check orders").exits(1).says("incident opened");
    assert!(!again.0.stdout.contains(&id), "{}", again.0.text());
}
