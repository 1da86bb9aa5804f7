//! Practice 6: a handful of labels a day, and what they say of the models.

use lamp_testkit::http::Request;
use serde_json::{Value, json};

use super::process::eventually;
use super::shop::Shop;
use super::up::{Up, up};

const ROTA: &str = "\n[rota.ml]\npeople = [\"ada@example.com\"]\n";
const DUTY: &str = "\n[duties]\nlabels = { rota = \"ml\", every = \"day\", count = 10 }\n";

/// The bakery open for business, with ten labels a day as somebody's duty.
fn shop_with_duty() -> Shop {
    let shop = Shop::new();
    let repo = &shop.context.repo;
    repo.write("lamp.toml", repo.read("lamp.toml") + ROTA);
    repo.write("projects/bakery/lamp.toml", repo.read("projects/bakery/lamp.toml") + DUTY);
    repo.commit("Somebody labels ten a day");
    shop.lamp("data add orders --commit").succeeds();
    shop.open_for_business();
    shop
}

/// Asks about `elm` orders to Elm Street and `oak` to Oak Street in one request; the ids in that order.
async fn order(base: &str, elm: usize, oak: usize) -> Vec<String> {
    let row = |street: &str| json!({"street": street, "parcels": 2});
    let rows: Vec<Value> = (0..elm).map(|_| row("elm")).chain((0..oak).map(|_| row("oak"))).collect();
    let response = Request::post(&format!("{base}/predict/late")).json(&json!({"rows": rows})).send().await;
    assert_eq!(response.status, 200, "{}", response.body);
    let predictions = response.json()["predictions"].as_array().expect("predictions").clone();
    predictions.iter().map(|one| one["prediction_id"].as_str().expect("an id").to_owned()).collect()
}

fn next(shop: &Shop) -> Value {
    shop.lamp("label next late --json").succeeds().json()
}

fn series<'a>(view: &'a Value, model: &Value, metric: &str) -> &'a Value {
    let all = view[0]["series"].as_array().expect("series");
    let found = all.iter().find(|one| {
        let now = &one["now"];
        one["model"] == *model && now["metric"] == metric && one["served_by"].is_null() && one["basis"] == "drawn"
    });
    found.unwrap_or_else(|| panic!("no {metric} of {model} in {view:#}"))
}

/// The accuracy of the main model, as it was known each day.
fn points(view: &Value) -> Vec<Value> {
    let all = view[0]["series"].as_array().expect("series");
    if all.is_empty() {
        return Vec::new();
    }
    series(view, &json!("late@1"), "accuracy")["points"].as_array().expect("points").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_of_labels_from_the_draw_to_the_verdict() {
    let shop = shop_with_duty();
    let Up { running, predictions, .. } = up(&shop).await;
    let ids = order(&predictions, 12, 8).await;
    shop.lamp("label").succeeds().says("Nothing waits for a label");
    shop.lamp("metrics late").succeeds().says("there are none");

    // The day ends, and the scheduler draws by itself.
    shop.set_time("2013-04-02T04:05:00Z");
    running.wait_for("10 of 20 predictions of late on 2013-04-01 drawn");
    let again = shop.lamp("label draw late --json").succeeds().json();
    assert_eq!((&again["is_new"], &again["population"], &again["drawn"]), (&json!(false), &json!(20), &json!(10)));
    shop.lamp("duty").succeeds().line_with(&["labels 2013-04-02 of bakery", "0/10", "due 2013-04-03 00:00"]);
    shop.lamp("label draw late --day 2013-04-09").exits(2).says("2013-04-09 has not begun");

    // Blind: the row, and nothing of what was said of it.
    let task = next(&shop);
    assert_eq!((&task["rank"], &task["spec"]["task"]), (&json!(1), &json!("binary")));
    assert_eq!(task["inputs"]["parcels"], 2);
    let text = task.to_string();
    for hidden in ["probability", "late@1", "late-simple", "inclusion", "served_by", "primary", "0.75"] {
        assert!(!text.contains(hidden), "`{hidden}` would lead the labeller: {text}");
    }
    let id = |task: &Value| task["prediction"].as_str().expect("an id").to_owned();
    let first = id(&task);
    shop.lamp(&format!("label submit {first} perhaps")).exits(2).says("neither yes nor no");
    let not_drawn = ids.iter().find(|id| !is_drawn(&shop, id)).expect("ten are left");
    shop.lamp(&format!("label submit {not_drawn} yes")).exits(2).says("was not drawn").hints("lamp label import");
    shop.lamp(&format!("label submit {first}")).exits(2);

    // One by one on the keyboard; a slip is asked again, and one can go back.
    let streets_are_true = |task: &Value| if task["inputs"]["street"] == "elm" { "yes" } else { "no" };
    let said = shop.context.lamp(["label"]).stdin(format!("maybe\n{}\nb\nno\nq\n", streets_are_true(&task))).succeed();
    assert!(said.stdout.contains("neither yes nor no") && said.stdout.contains("0/10"), "{}", said.text());
    assert!(said.stdout.contains("1/10") && said.stdout.contains("the rest waits"), "{}", said.text());
    shop.lamp(&format!("label submit {first} {}", streets_are_true(&task))).succeeds().says("(was no)").says("1/10");
    let unclear = id(&next(&shop));
    shop.lamp(&format!("label submit {unclear} --skip --note 'the baker was ill'")).succeeds().says("2/10");
    for done in 3..=10 {
        let task = next(&shop);
        let line = format!("label submit {} {}", id(&task), streets_are_true(&task));
        shop.lamp(&line).succeeds().says(&format!("{done}/10"));
    }
    assert_eq!(next(&shop), Value::Null);
    // On the day of the predictions itself there was nothing to label, and nobody missed anything.
    let duties = shop.lamp("duty ls --json").succeeds().json();
    let said: Vec<_> = duties.as_array().expect("duties").iter().map(|duty| (&duty["title"], &duty["state"])).collect();
    assert_eq!(said, [(&json!("labels 2013-04-02"), &json!("done"))]);
    shop.lamp("duty ls").succeeds().line_with(&["labels 2013-04-02", "10/10", "ada@example.com"]);
    let labels = shop.lamp("label ls --json").succeeds().json();
    let labels = labels.as_array().expect("labels");
    assert_eq!(labels.iter().filter(|label| label["is_current"] == true).count(), 10);
    assert!(labels.len() > 10, "a correction leaves what it corrects");
    shop.lamp("label ls").succeeds().says("the baker was ill").says("(corrected)");

    // The streets were right each time: the main model knows them, the simple one does not.
    shop.set_time("2013-04-02T14:00:00Z");
    let view = eventually("all nine labels are in the estimate of the day", || {
        let view = shop.lamp("metrics late --json").exits(0).json();
        let is_known = points(&view).last().is_some_and(|point| point["labels"] == 9);
        is_known.then_some(view)
    });
    let main = series(&view, &json!("late@1"), "accuracy");
    assert_eq!(
        (&main["now"]["value"], &main["now"]["labels"], &main["now"]["cannot_tell"]),
        (&json!(1.0), &json!(9), &json!(1))
    );
    assert!(main["now"]["lower"].as_f64().expect("a number") < 0.65, "nine labels are nine labels: {main}");
    assert_eq!((&main["place"], &main["report"]["rows"]), (&json!("primary"), &json!(4)));
    assert_eq!(main["judged"]["verdict"], "cannot_tell_yet");
    let simple = series(&view, &json!("late-simple@1"), "accuracy");
    let elm = labels.iter().filter(|label| label["is_current"] == true && label["value"]["value"] == true).count();
    #[expect(clippy::cast_precision_loss, reason = "ten labels")]
    let expected = elm as f64 / 9.0;
    assert!((simple["now"]["value"].as_f64().expect("a number") - expected).abs() < 1e-9, "scored on the same labels");
    assert_eq!(series(&view, &Value::Null, "accuracy")["now"]["value"], 1.0, "the primary answered");
    shop.lamp("metrics late@1").succeeds().says("good for one look").says("accuracy").does_not_say("late-simple");

    // A day without labels: known as before, but of fewer labels in a week's window, and older.
    shop.set_time("2013-04-09T12:00:00Z");
    let month = eventually("a day that ends is estimated without a label", || {
        let view = shop.lamp("metrics late --window 28d --json").succeeds().json();
        (points(&view).len() == 2).then_some(view)
    });
    assert_eq!(points(&month).iter().map(|point| &point["day"]).collect::<Vec<_>>(), ["2013-04-02", "2013-04-09"]);
    let week = shop.lamp("metrics late --window 7d --json").succeeds().json();
    let empty = series(&week, &json!("late@1"), "accuracy");
    assert_eq!((&empty["now"]["kind"], &week[0]["labels_are_old"]), (&json!("not_enough"), &json!(true)));
    assert_eq!(points(&week).iter().map(|point| &point["labels"]).collect::<Vec<_>>(), [9, 0], "never frozen");
    shop.lamp("metrics late").succeeds().says("as it was known each day").says("2013-04-09  ");
    shop.lamp("audit ls -n 500").succeeds().says("labels.drawn").says("label.submitted").says("metrics.updated");
    shop.lamp("audit verify").succeeds();
    assert_eq!(running.stop(), Some(0));

    outcomes_that_come_by_themselves(&shop, &ids);
}

fn is_drawn(shop: &Shop, id: &str) -> bool {
    let ask = shop.lamp(&format!("label submit {id} perhaps"));
    !ask.0.stderr.contains("was not drawn")
}

/// Imported outcomes are another estimator, beside the first.
fn outcomes_that_come_by_themselves(shop: &Shop, ids: &[String]) {
    let stranger = "013dc2a0-0000-7000-8000-000000000000";
    let csv = |rows: &[(&str, &str)]| {
        let lines = rows.iter().map(|(id, value)| format!("{id},{value}\n"));
        "prediction_id,value\n".to_owned() + &lines.collect::<String>()
    };
    let write = |name: &str, text: &str| {
        let path = shop.context.repo.temporary().join(name);
        std::fs::write(&path, text).expect("written");
        path.display().to_string()
    };
    let bad = write("bad.csv", &csv(&[(&ids[0], "1"), (&ids[1], "2"), ("nonsense", "1"), (&ids[0], "0")]));
    let refused =
        shop.lamp(&format!("label import {bad}")).exits(2).says("3 of 4 rows are no labels, so none was taken");
    refused
        .says("line 3: `2` is neither yes nor no")
        .says("line 4: `nonsense` is no prediction id")
        .says("line 5: line 2 says something else");
    let labels = |shop: &Shop| shop.lamp("label ls -n 1000 --json").succeeds().json().as_array().map_or(0, Vec::len);
    let before = labels(shop);

    let mut rows: Vec<(&str, &str)> = ids.iter().map(|id| (id.as_str(), "1")).collect();
    rows.push((stranger, "1"));
    let good = write("good.csv", &csv(&rows));
    let said = shop.lamp(&format!("label import {good}")).succeeds().says("20 labels added, 0 known already");
    said.says("1 row(s) about predictions that no log has").says(stranger);
    assert_eq!(labels(shop), before + 20);
    shop.lamp(&format!("label import {good}")).succeeds().says("0 labels added, 20 known already");
    assert_eq!(labels(shop), before + 20, "nothing twice");
    let line = json!({"prediction_id": ids[0], "value": false, "event_at": "2013-04-01T09:00:00Z"}).to_string();
    let correction = write("late.jsonl", &line);
    shop.lamp(&format!("label import {correction}")).succeeds().says("1 labels added (1 of them corrections)");

    let view = shop.lamp("metrics late --json").succeeds().json();
    let imported = view[0]["series"]
        .as_array()
        .expect("series")
        .iter()
        .find(|one| one["basis"] == "imported" && one["model"] == "late@1" && one["now"]["metric"] == "accuracy");
    let imported = imported.expect("an estimate of imported outcomes");
    assert_eq!((&imported["now"]["labels"], &imported["now"]["value"]), (&json!(20), &json!(11.0 / 20.0)));
    assert_eq!(series(&view, &json!("late@1"), "accuracy")["now"]["labels"], 9, "the drawn ones are not touched");
    shop.lamp("metrics late").succeeds().says("from imported outcomes").says("from labels by hand on drawn");
    shop.lamp("metrics bread").exits(2).says("neither a service nor a model");
}
