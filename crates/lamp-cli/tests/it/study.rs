//! Practice 7: a cadence is chosen by a study of how fast the model ages.

use std::path::PathBuf;
use std::time::SystemTime;

use jiff::ToSpan as _;
use jiff::civil::{Date, date};

use super::process::eventually;
use super::shop::Shop;

const CONFIG: &str = "projects/bakery/lamp.toml";

/// The study of the tests: ten weeks, each with a training on the week before.
const STUDY: &str = "cadence study late --windows '1 week' --from 2013-01-21";

const FIRST: Date = date(2012, 12, 1);
const DAYS: i32 = 121;

/// Ten orders of each street a day. Of Oak Street always three come late; of Elm Street one at the start of December,
/// and each day a little more, up to nine at the end of March. Worked out from the shares alone, a week of that costs
/// a model 0.0077 of log loss, and two weeks 0.0207.
fn drifting() -> Shop {
    let shop = Shop::new();
    let mut so_far = 0.0;
    for day in 0..DAYS {
        let before = so_far;
        so_far += 1.0 + 8.0 * f64::from(day) / f64::from(DAYS - 1);
        let late_on_elm = f64::floor(so_far) - f64::floor(before);
        let date = FIRST + day.days();
        let mut text = "at,street,parcels,late\n".to_owned();
        for at in 0..10 {
            let (elm, oak) = (u8::from(f64::from(at) < late_on_elm), u8::from(at < 3));
            text.extend([format!(
                "{date}T{:02}:00:00Z,elm,2,{elm}\n{date}T{:02}:30:00Z,oak,1,{oak}\n",
                9 + at,
                9 + at
            )]);
        }
        shop.write_day(&date.to_string(), &text);
    }
    shop.lamp("data add orders --commit").succeeds();
    shop
}

fn results(shop: &Shop) -> Vec<(PathBuf, SystemTime)> {
    let studies = std::fs::read_dir(shop.context.repo.path().join(".lamp/studies")).into_iter().flatten().flatten();
    let results = studies.flat_map(|study| std::fs::read_dir(study.path().join("results")).into_iter().flatten());
    let written = |path: PathBuf| path.metadata().and_then(|file| file.modified()).ok().map(|at| (path, at));
    let mut found: Vec<_> = results.flatten().map(|entry| entry.path()).filter_map(written).collect();
    found.retain(|(path, _)| path.extension().is_some_and(|suffix| suffix == "json"));
    found.sort();
    found
}

#[test]
fn a_study_measures_ageing_and_its_advice_is_adopted() {
    let shop = drifting();
    // Nothing is trained where nothing could come of it.
    let short = shop.lamp("cadence study late --from 2013-03-01").exits(1);
    short.says("not enough history: 4 blocks").hints("--blocks");
    shop.lamp("cadence study late --windows configured").exits(2).says("the same at any time").hints("--windows all");
    shop.lamp("cadence study late --windows sometimes").exits(2).says("`sometimes` is not a window");
    shop.lamp("cadence studies").succeeds().says("No study yet");

    // Interrupted, it keeps what is finished and leaves nothing running.
    let studying = shop.context.lamp(STUDY.replace('\'', "\"").split('"').enumerate().flat_map(words)).start();
    eventually("the first training is finished", || (!results(&shop).is_empty()).then_some(()));
    studying.signal("INT");
    studying.wait_for("are kept; run the same command again");
    assert_eq!(studying.stop(), Some(130));
    let before = results(&shop);
    assert!(!before.is_empty() && before.len() < 10, "{before:?}");
    let worktrees = shop.context.repo.git(&["worktree", "list"]);
    assert!(!worktrees.contains("run-"), "{worktrees}");

    let studied = shop.lamp(&format!("{STUDY} --jobs 2")).succeeds();
    assert_eq!(results(&shop).len(), 10);
    assert!(before.iter().all(|kept| results(&shop).contains(kept)), "what was finished is not done again");
    let studied =
        studied.says("advice: train late every 2 weeks").says("10 of 1 week, from 2013-01-21 up to 2013-04-01");
    studied.line_with(&["1 week", " 9 ", "+0.0077 "]);
    studied.line_with(&["2 weeks", " 8 ", "+0.0207 "]);
    studied.line_with(&["2 weeks", "the slowest within the tolerance"]);
    shop.lamp("runs ls").succeeds().says("No run yet");
    shop.lamp("models ls").succeeds().says("No model yet");

    // The same again is there already, to the bit; weighed otherwise it is another document.
    let again = shop.lamp(&format!("{STUDY} --json")).succeeds().json();
    let (id, digest) = (again["id"].as_str().expect("an id"), again["digest"].as_str().expect("a digest"));
    let shown = shop.lamp(&format!("cadence show {} --json", &id[..6])).succeeds().json();
    assert_eq!(shown["digest"], digest);
    assert_eq!(shop.lamp("cadence studies --json").succeeds().json().as_array().map(Vec::len), Some(1));
    let tolerant = shop.lamp(&format!("{STUDY} --tolerance 0.05 --json")).succeeds().json();
    assert_eq!((&tolerant["id"], &tolerant["recommended_every"]), (&again["id"], &"3 weeks".into()));
    shop.lamp(&format!("cadence show {id}")).succeeds().says("advice: train late every 3 weeks");
    // What was weighed last is what is adopted.
    shop.lamp(STUDY).succeeds();
    adopt(&shop, id, digest);
    shop.lamp("audit verify").succeeds();
}

/// Words of `STUDY`, split at quotes.
fn words((at, part): (usize, &str)) -> Vec<String> {
    if at % 2 == 1 { vec![part.to_owned()] } else { part.split_whitespace().map(str::to_owned).collect() }
}

fn adopt(shop: &Shop, id: &str, digest: &str) {
    let old = shop.context.repo.read(CONFIG);
    shop.lamp(&format!("cadence adopt {id}"))
        .succeeds()
        .says("every 2 weeks written into")
        .says("counts once it is committed");
    let new = shop.context.repo.read(CONFIG);
    let added = format!("\n[cadence.late]\nevery = \"2 weeks\"\nevidence = \"study:{id} {digest}\"\n");
    assert_eq!(new, format!("{old}{added}"), "and nothing else");
    shop.lamp("cadence ls").succeeds().line_with(&["late", "not committed"]);
    shop.lamp(&format!("cadence adopt {id} --commit")).exits(2).says("not committed").hints("git commit");
    shop.context.repo.git(&["checkout", CONFIG]);
    shop.context.repo.write("README.md", "# Being rewritten\n");
    shop.lamp(&format!("cadence adopt {id} --commit")).succeeds().says("committed as");
    assert_eq!(shop.context.repo.git(&["show", "--name-only", "--format=", "HEAD"]), CONFIG);
    shop.lamp("cadence ls").succeeds().line_with(&["late", "2 weeks"]);
    shop.lamp("cadence studies").succeeds().line_with(&[id, "2 weeks", "yes"]);
    shop.lamp("cadence adopt ffff").exits(2).says("no study `ffff`").hints("lamp cadence studies");
}
