"""A service of BentoML: the probability of each row."""

import bentoml
import joblib
import numpy as np


@bentoml.service(workers=1)
class Flights:
    """Answers with one process."""

    def __init__(self) -> None:
        """Load the model."""
        self.model = joblib.load("model.joblib")

    @bentoml.api
    def predict(self, rows: list[list[float]]) -> list[float]:
        """Compute the probability of each row."""
        answers: list[float] = self.model.predict_proba(np.array(rows))[:, 1].tolist()
        return answers
