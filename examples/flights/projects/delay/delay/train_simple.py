"""Train `delay-simple`: a logistic regression, preprocessing and all in one graph."""

from typing import Any

import lamplighter
import numpy as np
import pandas as pd
from onnx import ModelProto
from onnx.reference import ReferenceEvaluator
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import (
    FloatTensorType,
    Int64TensorType,
    StringTensorType,
)
from skl2onnx.sklapi import CastTransformer
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from delay import features

TOLERANCE = 1e-4
"""The graph computes in 32 bits, scikit-learn in 64."""

WEAK = 1_000.0
"""The strength of a penalty that keeps no row from being learned."""

OPSET = {"": 17, "ai.onnx.ml": 3}
ONE_HOT_INTEGERS = ["hour", "weekday"]
SCALED_INTEGERS = ["minute", "distance"]


def pipeline(*, strength: float, seed: int) -> Pipeline:
    """Make the untrained model; it takes a frame of inputs as they are."""

    def one_hot() -> OneHotEncoder:
        return OneHotEncoder(handle_unknown="ignore")

    columns = ColumnTransformer(
        [
            ("words", one_hot(), list(features.CATEGORIES)),
            ("clock", one_hot(), ONE_HOT_INTEGERS),
            (
                "integers",
                make_pipeline(CastTransformer(), StandardScaler()),
                SCALED_INTEGERS,
            ),
            (
                "weather",
                make_pipeline(SimpleImputer(strategy="median"), StandardScaler()),
                list(features.WEATHER),
            ),
        ]
    )
    regression = LogisticRegression(C=strength, max_iter=500, random_state=seed)
    return Pipeline([("columns", columns), ("regression", regression)])


def to_onnx(model: Pipeline) -> ModelProto:
    """Convert the model into a graph with one input a column, `[rows, 1]` each."""
    types: list[tuple[str, Any]] = []
    for name in features.NAMES:
        if name in features.CATEGORIES:
            types.append((name, StringTensorType([None, 1])))
        elif name in features.INTEGERS:
            types.append((name, Int64TensorType([None, 1])))
        else:
            types.append((name, FloatTensorType([None, 1])))
    graph: ModelProto = convert_sklearn(
        model,
        name="delay-simple",
        initial_types=types,
        target_opset=OPSET,
        options={id(model): {"zipmap": False}},
    )
    return graph


def answers_of_graph(graph: ModelProto, inputs: pd.DataFrame) -> "np.ndarray[Any, Any]":
    """Ask the graph for the probability of each row."""
    feed = {}
    for name in features.NAMES:
        values = inputs[[name]].to_numpy()
        is_float = name in features.WEATHER
        feed[name] = values.astype(np.float32) if is_float else values
    (probabilities,) = ReferenceEvaluator(graph).run(["probabilities"], feed)
    return np.asarray(probabilities)[:, 1]


def main() -> None:
    """Train on the pinned data and save the graph."""
    run = lamplighter.current_run()
    columns = [*features.NAMES, "arr_delay"]
    inputs, late = features.labelled(
        run.dataset("train").to_pandas(columns), run.target_sql
    )
    # A test that asks for a tiny fit wants every row learned: hardly any penalty.
    strength = WEAK if run.tiny else run.param("strength", 0.1)
    model = pipeline(strength=strength, seed=run.seed)
    model.fit(inputs, late)

    valid, valid_late = features.labelled(
        run.dataset("valid").to_pandas(columns), run.target_sql
    )
    run.log(
        step=int(model["regression"].n_iter_[0]),
        loss=log_loss(late, model.predict_proba(inputs)[:, 1]),
        valid_loss=log_loss(valid_late, model.predict_proba(valid)[:, 1]),
    )

    graph = to_onnx(model)
    rows = features.golden_rows(inputs)
    golden = features.frame(pd.DataFrame(rows))
    answers = model.predict_proba(golden)[:, 1]
    difference = float(np.abs(answers_of_graph(graph, golden) - answers).max())
    if difference > TOLERANCE:
        raise SystemExit(f"the graph differs from scikit-learn by {difference:.2g}")
    output = features.OUTPUTS[0]
    run.save_onnx(
        graph.SerializeToString(deterministic=True),
        inputs=features.INPUTS,
        outputs=[
            lamplighter.Field(
                output.name,
                output.datatype,
                min=output.min,
                max=output.max,
                source=lamplighter.TensorSource("probabilities", column=1),
            )
        ],
        golden_rows=rows,
        answers=[{output.name: float(answer)} for answer in answers],
        tolerance=TOLERANCE,
    )
    print(f"trained on {len(inputs)} flights, {late.mean():.1%} of them late")


if __name__ == "__main__":
    main()
