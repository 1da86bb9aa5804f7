//! Practice 3: one monorepo, and what a change touches in it.

use serde_json::Value;

use super::shop::{Shop, training_day};

fn names(found: &Value, kind: &str) -> Vec<String> {
    let list = found[kind].as_array().unwrap_or_else(|| panic!("no {kind} in {found}"));
    list.iter().map(|one| one["name"].as_str().expect("a name").to_owned()).collect()
}

#[test]
fn a_change_selects_what_draws_on_it() {
    let shop = Shop::with_orders();
    shop.context.repo.write("projects/lonely/lamp.toml", "[project]\nname = \"lonely\"\n");
    let base = shop.context.repo.commit("A project that nobody uses");

    shop.lamp("affected --base HEAD").succeeds().says("Nothing that runs is touched since HEAD.");

    // The bakery uses the streets, so its models are touched, and the service of those.
    shop.context
        .repo
        .write("projects/streets/streets/names.py", "def tidy(name):\n    return name.strip().casefold()\n");
    shop.context.repo.commit("Fold");
    let found = shop.lamp(&format!("affected --base {base} --json")).succeeds().json();
    assert_eq!(names(&found, "projects"), ["bakery", "streets"]);
    assert_eq!(names(&found, "models"), ["guess", "late", "late-simple"]);
    assert_eq!(names(&found, "services"), ["late"]);
    let told = shop.lamp(&format!("affected --base {base}")).succeeds().line("model    late ");
    assert!(told.contains("projects/streets/streets/names.py changed"), "each with its reason: {told}");

    // Words for people touch nothing.
    let base = shop.context.repo.head();
    shop.context.repo.write("README.md", "# The bakery, at last\n");
    shop.context.repo.write("projects/bakery/README.md", "# Late bread\n");
    shop.context.repo.commit("Words");
    shop.lamp(&format!("affected --base {base}"))
        .succeeds()
        .says("Nothing that runs is touched")
        .says("ignored  README.md")
        .says("ignored  projects/bakery/README.md");

    // New data touches what is trained on it, not the projects' code.
    shop.write_day("2013-03-28", &training_day("2013-03-28").replace(",elm,2,0", ",elm,2,1"));
    shop.lamp("data add orders --commit").succeeds();
    let found = shop.lamp("affected --base HEAD~1 --json").succeeds().json();
    assert_eq!(names(&found, "models"), ["guess", "late", "late-simple"]);
    assert_eq!(names(&found, "datasets"), ["elm", "orders"]);
    assert!(!names(&found, "projects").contains(&"streets".to_owned()), "{found}");

    shop.lamp("affected --base nowhere").exits(2).says("nowhere");
}

#[test]
fn a_file_that_belongs_to_nobody_touches_everything() {
    let shop = Shop::new();
    shop.context.repo.write("tools.py", "TOOLS = []\n");
    shop.context.repo.commit("Tools");
    shop.lamp("affected --base HEAD~1").succeeds().says("everything").says("tools.py");
}
