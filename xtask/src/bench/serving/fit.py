"""Fit a logistic regression of 15 numbers and keep it in model.joblib."""

import joblib
import numpy as np
from sklearn.linear_model import LogisticRegression

random = np.random.default_rng(0)
rows = random.normal(size=(2_000, 15))
late = rows @ random.normal(size=15) + random.normal(size=2_000) > 0
joblib.dump(LogisticRegression().fit(rows, late), "model.joblib")
