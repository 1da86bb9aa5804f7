"""Both models learn, and are saved as packages that answer."""

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import lamplighter
import numpy as np
import onnx
import pandas as pd
import pytest

from delay import features, train, train_simple


@pytest.fixture
def trips(tmp_path: Path) -> str:
    """Write trips of which those in the evening are late."""
    random = np.random.default_rng(7)
    count = 600
    hours = random.integers(5, 24, count)
    columns: dict[str, object] = {
        "carrier": random.choice(["UA", "B6", "DL"], count),
        "origin": random.choice(["EWR", "JFK", "LGA"], count),
        "dest": random.choice(["IAH", "MIA", "BOS"], count),
        "hour": hours,
        "minute": random.integers(0, 60, count),
        "weekday": random.integers(1, 8, count),
        "distance": random.integers(100, 3_000, count),
        "arr_delay": np.where(hours >= 18, 40, -5),
    }
    for name in features.WEATHER:
        low, high = features.RANGES[name]
        columns[name] = random.uniform(low, high, count)
    frame = pd.DataFrame(columns)
    frame.loc[::9, "pressure"] = np.nan
    path = tmp_path / "2013-01-01.parquet"
    frame.to_parquet(path)
    return str(path)


@pytest.mark.parametrize("module", [train, train_simple])
def test_a_model_learns_and_its_package_answers(
    module: ModuleType, trips: str, tmp_path: Path
) -> None:
    run = lamplighter.scratch(
        datasets={"train": trips, "valid": trips},
        task="binary",
        target="arr_delay >= 15",
        params={"max_iter": 30} if module is train else None,
        folder=tmp_path / "run",
    )
    module.main()
    package = json.loads((run.model_dir / "model.json").read_text())
    evening, morning = probabilities(run.model_dir, trips)
    assert evening - morning > 0.4
    assert len(package["golden"]["rows"]) == len(package["golden"]["answers"]) >= 8
    names = [field["name"] for field in package["signature"]["inputs"]]
    assert names == list(features.NAMES)


@pytest.mark.parametrize("module", [train, train_simple])
def test_a_tiny_batch_is_learned_by_heart(
    module: ModuleType, trips: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = pd.read_parquet(trips).head(32)
    frame["arr_delay"] = np.where(np.arange(32) % 2 == 0, 40, -5)
    tiny = tmp_path / "tiny.parquet"
    frame.to_parquet(tiny)
    run = lamplighter.scratch(
        datasets={"train": tiny, "valid": tiny},
        task="binary",
        target="arr_delay >= 15",
        folder=tmp_path / "run",
        tiny=lamplighter.Tiny(rows=32, steps=300),
    )
    module.main()
    answers = answers_of(run.model_dir, str(tiny))
    assert ((answers > 0.5) == (frame["arr_delay"] >= 15).to_numpy()).all()


def probabilities(folder: Path, trips: str) -> tuple[float, float]:
    """Ask the package of evening and of morning flights; answer with the means."""
    answers = answers_of(folder, trips)
    evening = pd.read_parquet(trips)["hour"].to_numpy() >= 18
    return float(answers[evening].mean()), float(answers[~evening].mean())


def answers_of(folder: Path, trips: str) -> "np.ndarray[Any, Any]":
    """Ask the package of every flight."""
    frame = features.frame(pd.read_parquet(trips))
    if (folder / "model.onnx").exists():
        graph = onnx.load(folder / "model.onnx")
        return train_simple.answers_of_graph(graph, frame)
    predictor = lamplighter.load_predictor(folder)
    columns = {name: frame[name].tolist() for name in features.NAMES}
    return np.asarray(predictor.predict(columns)["probability"])
