//! Practice 5: promises over time, their error budgets, and what an exhausted one stops.

use lamp_testkit::http::{Request, free_port};

use super::process::eventually;
use super::shop::{Shop, training_day};

const CONTRACT: &str = "projects/bakery/contracts/orders.odcs.yaml";

/// An order of less than nothing.
const BAD_DAY: &str = "at,street,parcels,late\n2013-03-29T12:00:00Z,elm,-3,1\n2013-03-29T13:00:00Z,elm,1,0\n";

/// Five days of orders, of which `late-simple` sees those of Elm Street; nine in ten days must keep the contract, and
/// the newest order is to be at most twelve hours old.
fn shop_with_an_objective() -> Shop {
    let shop = Shop::new();
    let repo = &shop.context.repo;
    let promises = "slaProperties:\n  - {property: availability, value: 90, valueExt: 28, unit: d}\n  \
                    - {property: latency, value: 12, unit: h, element: orders.at}\n  \
                    - {property: timeToRepair, value: 1, unit: d}\n";
    repo.write(CONTRACT, format!("{}{promises}", repo.read(CONTRACT)));
    let config = repo.read("projects/bakery/lamp.toml");
    let (before, simple) = config.split_once("[models.late-simple]").expect("the simpler model");
    let simple = simple.replacen("orders[..2013-03-30]", "elm[..2013-03-30]", 1);
    let simple = simple.replacen("orders[2013-03-30..]", "elm[2013-03-30..]", 1);
    repo.write("projects/bakery/lamp.toml", format!("{before}[models.late-simple]{simple}"));
    repo.commit("Nine days in ten");
    shop
}

#[test]
fn an_exhausted_budget_stops_a_signature_until_somebody_signs_for_it() {
    let shop = shop_with_an_objective();
    shop.write_day("2013-03-29", BAD_DAY);
    shop.lamp("data add orders --commit").succeeds();
    shop.lamp("data build elm --commit").succeeds();
    shop.train("late-simple");
    // Before anybody has checked there is no verdict on the days; that the newest order is too old is seen at once.
    shop.lamp("sla").exits(1).says("no partition of the window was checked").says("5 partitions are not checked");

    shop.lamp("check orders").exits(1);
    let told = shop.lamp("sla orders").exits(1).says("exhausted objective: 90 % of the partitions");
    let told = told.says("4 of 5 partitions are good (80.0 %), 90 % are promised").says("bad: 2013-03-29");
    told.line_with(&["broken latency <= 12 h", "14.0 h before"]);
    // The bad day, and the newest one, which is late: both are open for no time yet.
    told.line_with(&["kept timeToRepair <= 1 d", "of 2 incidents, 2 not over yet"]);
    let levels = shop.lamp("sla --json").exits(1).json();
    assert_eq!(levels[0]["budget"]["state"], "exhausted", "{levels}");

    // The model saw the derived dataset alone; what that is built from counts.
    let refused = shop.lamp("approve late-simple@1 --note 'looked at it'").exits(1);
    let refused = refused.says("late-simple@1 was trained on `orders`, whose error budget is exhausted");
    refused.hints("lamp sla orders; to sign all the same: lamp approve late-simple@1 --override-budget");
    shop.lamp("approve late-simple@1 --override-budget --note 'the day is left out'").succeeds();
    let events = shop.lamp("audit ls --json").succeeds().json().to_string();
    assert!(events.contains("\"budget_override\":true") && events.contains("exhausted_budgets"), "{events}");

    // A corrected day pays the budget back.
    shop.write_day("2013-03-29", &training_day("2013-03-29"));
    shop.lamp("data add orders").succeeds();
    shop.lamp("check orders@latest").exits(1).does_not_say("2013-03-29");
    shop.lamp("sla orders").exits(1).says("5 of 5 partitions are good").says("100 % left");
}

#[tokio::test(flavor = "multi_thread")]
async fn late_data_is_noticed_by_itself_and_once() {
    let shop = shop_with_an_objective();
    shop.lamp("data add orders --commit").succeeds();
    let [pages, predictions] = [free_port(), free_port()].map(|port| format!("127.0.0.1:{port}"));
    let up = || {
        let running = shop.context.lamp(["up", "--listen", &pages, "--predictions", &predictions]).start();
        running.wait_for("pages on http://");
        running
    };
    let running = up();
    let find = |cause: &str| {
        let all = shop.lamp("incidents ls --json").succeeds().json();
        all.as_array()?.iter().find(|incident| incident["cause"] == cause).cloned()
    };
    let incident = eventually("an incident of late data", || find("sla.late"));
    assert_eq!(incident["subject"], "orders after 2013-03-31T14:00:00Z", "{incident}");
    let title = incident["title"].as_str().expect("a title");
    assert!(title.starts_with("orders is late: the newest row is of 2013-03-31T14:00:00Z, 14.0 h before"), "{title}");
    assert_eq!(incident["look"], "lamp sla orders");
    let id = incident["id"].as_str().expect("an id");
    shop.lamp(&format!("incidents resolve {id} --note 'the baker was ill'")).succeeds();
    assert_eq!(running.stop(), Some(0));

    // Whoever looks again says nothing new of the same lateness, though it is resolved; a broken objective is new.
    shop.write_day("2013-03-29", BAD_DAY);
    shop.lamp("data add orders --commit").succeeds();
    shop.lamp("check orders").exits(1);
    let running = up();
    let exhausted = eventually("an incident of an exhausted budget", || find("sla.exhausted"));
    for page in ["datasets", "datasets/orders"] {
        let drawn = Request::get(&format!("http://{pages}/{page}")).send().await;
        let says = |text: &str| drawn.body.contains(text);
        assert!(says("<title>4 of 5 partitions are good (80.0 %)") && says("error budget exhausted"), "{}", drawn.body);
    }
    assert_eq!(running.stop(), Some(0));
    assert_eq!(exhausted["subject"], "orders objective", "{exhausted}");
    let all = shop.lamp("incidents ls --all --json").succeeds().json();
    let late = all.as_array().expect("incidents").iter().filter(|one| one["cause"] == "sla.late").count();
    assert_eq!(late, 1, "{all}");
}
