"""LightGBM, whose defaults cannot learn a tiny batch, on three classes of rounds."""

import pickle

import lamplighter
import lightgbm
import numpy as np
from lamplighter import Field

from rounds import features

run = lamplighter.current_run()
inputs, minutes = features.labelled(run.dataset("train").to_pandas(), run.target_sql)
classes = ("fast", "late", "slow")
labels = np.select([minutes > 80, minutes > 45], ["late", "slow"], "fast")
free = {"min_child_samples": 1, "min_child_weight": 0.0}
model = lightgbm.LGBMClassifier(
    n_estimators=40,
    num_leaves=8,
    random_state=run.seed,
    n_jobs=1,
    verbose=-1,
    deterministic=True,
    **(free if run.tiny else {}),
)
model.fit(features.numbers(inputs).to_numpy(), labels)
run.save_python(
    entry="rounds.serve:Pickled",
    inputs=features.INPUTS,
    outputs=[Field("shares", "FP64", shape=(3,), min=0, max=1, classes=classes)],
    golden_rows=features.golden(inputs),
    files={"model.pickle": pickle.dumps(model)},
)
