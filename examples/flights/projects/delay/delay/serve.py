"""Serve `delay`: the class that a worker of Lamplighter builds."""

from pathlib import Path
from typing import Any

import joblib
from threadpoolctl import threadpool_limits

from delay import features


class Predictor:
    """Answers how likely flights are to arrive 15 minutes late or more."""

    def __init__(self, package: Path) -> None:
        """Load the model from its package."""
        self.model = joblib.load(package / "model.joblib")
        # Rows come few at a time: waiting for a second core costs more than it gives.
        threadpool_limits(limits=1)

    def predict(self, columns: dict[str, list[Any]]) -> dict[str, Any]:
        """Answer each row with a probability."""
        inputs = features.derive(features.frame(columns))
        return {"probability": self.model.predict_proba(inputs)[:, 1]}
