"""The models of the rounds, brought to life."""

import json
import pickle

import numpy as np
import pandas as pd

from rounds import features


def frame(columns):
    """Columns as a frame, typed."""
    inputs = pd.DataFrame(columns)
    for name in ("stops", "km", "rain"):
        inputs[name] = inputs[name].astype(float)
    return features.numbers(inputs)


class Pickled:
    def __init__(self, package):
        self.model = pickle.loads((package / "model.pickle").read_bytes())

    def predict(self, columns):
        numbers = frame(columns)
        if "LGBM" in type(self.model).__name__:
            return {"shares": self.model.predict_proba(numbers.to_numpy())}
        return {"probability": self.model.predict_proba(numbers)[:, 1]}


class Line:
    def __init__(self, package):
        self.kept = dict(np.load(package / "weights.npz"))

    def predict(self, columns):
        kept = self.kept
        x = (np.nan_to_num(frame(columns).to_numpy()) - kept["mean"]) / kept["spread"]
        y = np.tanh(x @ kept["a"] + kept["b"]) @ kept["c"] + kept["d"]
        return {"minutes": y * kept["scale"] + kept["low"]}


class Usual:
    def __init__(self, package):
        self.mean = json.loads((package / "mean.json").read_text())

    def predict(self, columns):
        return {"minutes": [self.mean for _ in columns["van"]]}
