//! The exam is marked by lamp, whatever the task.

use super::shop::Shop;

const PROJECT: &str = r#"[project]
name = "extras"
env_pass = ["OVEN"]

[models.parcels]
task   = "regression"
train  = "python3 -m extras.train"
serve  = "extras.serve:Mean"
data   = { train = "orders[..2013-03-30]", valid = "orders[2013-03-30..]" }
target = { column = "parcels" }
gate   = { metric = "mae", goal = "min", max = 0.8 }

[models.street]
task   = "multiclass"
train  = "python3 -m extras.train"
serve  = "extras.serve:Street"
data   = { train = "orders[..2013-03-30]", valid = "orders[2013-03-30..]" }
target = { column = "street" }
"#;

const TRAIN: &str = r#"import os

import lamplighter
from lamplighter import Field

run = lamplighter.current_run()
print("variables:", *sorted(os.environ), flush=True)
if run.task == "regression":
    run.save_python(
        entry="extras.serve:Mean",
        inputs=[Field("street", "BYTES")],
        outputs=[Field("parcels", "FP64")],
        golden_rows=[{"street": "elm"}],
    )
else:
    run.save_python(
        entry="extras.serve:Street",
        inputs=[Field("parcels", "INT64")],
        outputs=[Field("shares", "FP64", shape=(2,), classes=("elm", "oak"), min=0, max=1)],
        golden_rows=[{"parcels": 1}, {"parcels": 2}],
    )
"#;

const SERVE: &str = r#"class Mean:
    """On training days an order has one parcel or two, as often."""

    def __init__(self, package):
        pass

    def predict(self, columns):
        return {"parcels": [1.5 for _ in columns["street"]]}


class Street:
    """Two parcels go to Elm Street."""

    def __init__(self, package):
        pass

    def predict(self, columns):
        return {"shares": [[0.9, 0.1] if parcels == 2 else [0.1, 0.9] for parcels in columns["parcels"]]}
"#;

fn shop_with_extras() -> Shop {
    let shop = Shop::with_orders();
    shop.context.repo.write("projects/extras/lamp.toml", PROJECT);
    shop.context.repo.write("projects/extras/extras/__init__.py", "");
    shop.context.repo.write("projects/extras/extras/train.py", TRAIN);
    shop.context.repo.write("projects/extras/extras/serve.py", SERVE);
    shop.context.repo.commit("Two more tasks");
    shop
}

fn assert_near(found: f64, by_hand: f64, name: &str) {
    assert!((found - by_hand).abs() < 1e-9, "{name} is {found}, by hand {by_hand}");
}

#[test]
fn numbers_and_classes_are_marked_by_hand_checkable_metrics() {
    let shop = shop_with_extras();
    // The exam's parcels are 1, 3, 1, 2, 2; the model says 1.5 of each.
    let parcels = shop.train("parcels");
    assert_near(parcels.metric("mae"), (0.5 + 1.5 + 0.5 + 0.5 + 0.5) / 5.0, "mae");
    assert_near(parcels.metric("rmse"), (0.25_f64.mul_add(4.0, 2.25) / 5.0).sqrt(), "rmse");
    assert_near(parcels.metric("bias"), -0.3, "bias");
    shop.lamp("models show parcels@1").succeeds().says("mae <= 0.8 passed").says("5 rows, 0 without target");

    // By parcels it calls oak, oak, oak, elm, elm; the truth is elm, elm, oak, oak, oak.
    let street = shop.train("street");
    assert_near(street.metric("accuracy"), 0.2, "accuracy");
    assert_near(street.metric("log_loss"), -(4.0 * 0.1_f64.ln() + 0.9_f64.ln()) / 5.0, "log_loss");
    assert_near(street.metric("macro_f1"), f64::midpoint(0.0, 1.0 / 3.0), "macro_f1");
}

#[test]
fn a_run_sees_no_more_of_the_environment_than_it_is_given() {
    let shop = shop_with_extras();
    let train = shop.context.lamp(["train", "parcels"]).env("STORE_SECRET_KEY", "hunter2").env("OVEN", "hot");
    let trained = train.succeed();
    let seen = trained.stdout.lines().find(|line| line.contains("variables:")).expect("the run's variables");
    let has = |name: &str| seen.split_whitespace().any(|word| word == name);
    assert!(has("OVEN") && has("LAMP_RUN") && has("PYTHONPATH") && has("PYTHONHASHSEED"), "{seen}");
    assert!(!has("STORE_SECRET_KEY") && !has("GIT_CONFIG_GLOBAL"), "{seen}");
}
