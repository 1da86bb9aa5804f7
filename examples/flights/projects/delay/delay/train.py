"""Train `delay`: gradient boosting over words, times, distance and weather."""

import io

import joblib
import lamplighter
import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OrdinalEncoder
from threadpoolctl import threadpool_limits

from delay import features

LOG_EVERY = 10


def pipeline(
    *,
    max_iter: int,
    learning_rate: float,
    leaves: int,
    seed: int,
    learn_by_heart: bool = False,
) -> Pipeline:
    """Make the untrained model; it takes a frame of inputs with what they imply.

    With ``learn_by_heart`` nothing keeps it from fitting every row of a tiny batch.
    """
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    columns = ColumnTransformer(
        [("codes", codes, list(features.CATEGORIES))], remainder="passthrough"
    )
    boosting = HistGradientBoostingClassifier(
        max_iter=max_iter,
        learning_rate=learning_rate,
        max_leaf_nodes=leaves,
        min_samples_leaf=1 if learn_by_heart else 100,
        l2_regularization=0.0 if learn_by_heart else 1.0,
        categorical_features=list(range(len(features.CATEGORIES))),
        early_stopping=False,
        random_state=seed,
    )
    return Pipeline([("columns", columns), ("boosting", boosting)])


def main() -> None:
    """Train on the pinned data and save the package."""
    run = lamplighter.current_run()
    columns = [*features.NAMES, "arr_delay"]
    trips = run.dataset("train").to_pandas(columns)
    inputs, late = features.labelled(trips, run.target_sql)
    model = pipeline(
        max_iter=run.param("max_iter", 150),
        learning_rate=run.param("learning_rate", 0.06),
        leaves=run.param("leaves", 15),
        seed=run.seed,
        learn_by_heart=run.tiny is not None,  # `lamp test` asks for a tiny fit
    )
    # One thread: the number of threads would be written into the model, and the same
    # run on a larger machine should give the same bytes.
    with threadpool_limits(limits=1):
        model.fit(features.derive(inputs), late)
    log_losses(run, model)

    file = io.BytesIO()
    joblib.dump(model, file, compress=3)
    run.save_python(
        entry="delay.serve:Predictor",
        inputs=features.INPUTS,
        outputs=features.OUTPUTS,
        golden_rows=features.golden_rows(inputs),
        files={"model.joblib": file.getvalue()},
    )
    print(f"trained on {len(inputs)} flights, {late.mean():.1%} of them late")


def log_losses(run: lamplighter.Run, model: Pipeline) -> None:
    """Log the loss after every few trees, on a sample of each dataset.

    These are for the eye. What decides about the model is computed by Lamplighter.
    """
    steps = range(LOG_EVERY, model["boosting"].n_iter_ + 1, LOG_EVERY)
    lines: dict[int, dict[str, float]] = {step: {} for step in steps}
    for role, name in (("train", "loss"), ("valid", "valid_loss")):
        trips = run.dataset(role).to_pandas([*features.NAMES, "arr_delay"])
        inputs, late = features.labelled(trips, run.target_sql)
        sample = slice(None, None, max(1, len(inputs) // 5_000))
        codes = model["columns"].transform(features.derive(inputs[sample]))
        for step, answer in enumerate(model["boosting"].staged_predict_proba(codes), 1):
            if step in lines:
                lines[step][name] = float(log_loss(late[sample], answer[:, 1]))
    for step, losses in lines.items():
        run.log(step=step, **losses)


if __name__ == "__main__":
    main()
