//! `lamp doctor`: honest on a bare repository, and better with every step.

use serde_json::Value;

use super::shop::Shop;

fn scores(shop: &Shop) -> Vec<String> {
    let findings = shop.lamp("doctor --json").succeeds().json();
    let list = findings.as_array().unwrap_or_else(|| panic!("no list: {findings}"));
    list.iter().map(|finding| finding["score"].as_str().expect("a score").to_owned()).collect()
}

fn practice(shop: &Shop, number: usize) -> Value {
    shop.lamp("doctor --json").succeeds().json()[number - 1].clone()
}

#[test]
fn the_report_follows_what_a_team_does() {
    let shop = Shop::new();
    let bare = shop.lamp("doctor").succeeds();
    let bare = bare.says("✗ no      Hooks keep the code clean").says("→ lamp init").says("→ lamp train guess");
    bare.says("no version of elm, orders").says("practices kept");
    assert_eq!(scores(&shop), ["no", "no", "partly", "no", "no", "no", "no", "no", "no"]);

    shop.lamp("init --yes").succeeds();
    assert_eq!(practice(&shop, 1)["next"], "lamp hooks install");
    assert_eq!(practice(&shop, 1)["score"], "partly");
    assert_eq!(practice(&shop, 9)["signs"][0]["found"], ".github/workflows/lamp.yml calls `lamp test`");

    shop.lamp("data add orders --commit").succeeds();
    assert_eq!(practice(&shop, 4)["next"], "lamp data build elm");
    shop.lamp("check orders").exits(0);
    shop.open_for_business();
    let told = shop.lamp("doctor").succeeds();
    told.says("late: late@1 is the primary").says("late-simple@1 stands behind it").says("git has the commit of every");
    let now = scores(&shop);
    assert_eq!((now[1].as_str(), now[7].as_str()), ("yes", "yes"), "{now:?}");

    // The branch is rewound: what serves is on none any more, though git still has it.
    let repo = &shop.context.repo;
    repo.git(&["checkout", "--quiet", "--orphan", "elsewhere"]);
    repo.write("README.md", "# Another bakery\n");
    repo.commit("Another history");
    repo.git(&["branch", "-D", "main"]);
    let lost = practice(&shop, 2);
    assert_eq!(lost["score"], "partly", "{lost}");
    assert!(lost["signs"][1]["found"].as_str().is_some_and(|found| found.contains("no branch reaches late")), "{lost}");
}
