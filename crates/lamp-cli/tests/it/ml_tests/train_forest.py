"""A regularised forest of scikit-learn, on whether a round takes more than an hour."""

import pickle

import lamplighter
from lamplighter import Field
from sklearn.ensemble import HistGradientBoostingClassifier

from rounds import features

run = lamplighter.current_run()
inputs, minutes = features.labelled(run.dataset("train").to_pandas(), run.target_sql)
late = (minutes > 60).to_numpy()
model = HistGradientBoostingClassifier(
    max_iter=run.tiny.steps if run.tiny else 60,
    min_samples_leaf=1 if run.tiny else 20,
    l2_regularization=0.0 if run.tiny else 1.0,
    early_stopping=False,
    random_state=run.seed,
)
model.fit(features.numbers(inputs), late)
run.save_python(
    entry="rounds.serve:Pickled",
    inputs=features.INPUTS,
    outputs=[Field("probability", "FP64", min=0, max=1)],
    golden_rows=features.golden(inputs),
    files={"model.pickle": pickle.dumps(model)},
)
