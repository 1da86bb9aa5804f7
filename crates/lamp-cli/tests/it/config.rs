//! What is wrong in `lamp.toml` is told with its place and the remedy.

use super::shop::Shop;

#[test]
fn an_unknown_key_is_told_with_line_and_remedy() {
    let shop = Shop::new();
    let old = shop.context.repo.read("projects/bakery/lamp.toml");
    shop.context.repo.write("projects/bakery/lamp.toml", old.replace("contract  =", "contrct   ="));
    shop.lamp("data ls")
        .exits(2)
        .says("projects/bakery/lamp.toml:9:1")
        .says("`contrct`")
        .says("did you mean `contract`?");
}

#[test]
fn all_problems_are_told_at_once() {
    let shop = Shop::new();
    shop.context.repo.write(
        "lamp.toml",
        "[workspace]\nmembers = [\"projects/*\"]\ntime_zone = \"Mars/Olympus\"\nstroe = \"here\"\n",
    );
    shop.lamp("models ls")
        .exits(2)
        .says("lamp.toml:3")
        .says("Mars/Olympus")
        .says("lamp.toml:4")
        .says("unknown key `stroe`");
}

#[test]
fn training_data_may_not_overlap_the_exam() {
    let shop = Shop::new();
    let old = shop.context.repo.read("projects/bakery/lamp.toml");
    shop.context
        .repo
        .write("projects/bakery/lamp.toml", old.replacen("orders[..2013-03-30]", "orders[..=2013-03-30]", 1));
    shop.lamp("models ls").exits(2).says("projects/bakery/lamp.toml:20").says("overlap");
}

#[test]
fn a_service_of_a_model_that_is_not_there_is_refused() {
    let shop = Shop::new();
    let old = shop.context.repo.read("projects/bakery/lamp.toml");
    shop.context
        .repo
        .write("projects/bakery/lamp.toml", old.replace("shadow   = \"late-simple\"", "shadow   = \"late-simpel\""));
    shop.lamp("models ls").exits(2).says("late-simpel").says("did you mean `late-simple`?");
}

#[test]
fn injected_time_is_refused_where_real_models_live() {
    let shop = Shop::new();
    std::fs::remove_file(shop.context.repo.path().join(".lamp/clock.json")).expect("the mark");
    let refused = shop.context.lamp(["data", "ls"]).env("LAMP_NOW", "2013-04-01T04:00:00Z").run();
    assert_eq!(refused.code, Some(2), "{}", refused.text());
    assert!(refused.stderr.contains("hint: unset LAMP_NOW"), "{}", refused.text());
}
