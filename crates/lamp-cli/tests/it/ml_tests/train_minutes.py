"""A small network of numpy, trained step by step, on the minutes of a round."""

import io

import lamplighter
import numpy as np
from lamplighter import Field

from rounds import features

HIDDEN = 64

run = lamplighter.current_run()
inputs, minutes = features.labelled(run.dataset("train").to_pandas(), run.target_sql)
numbers = np.nan_to_num(features.numbers(inputs).to_numpy())
mean, spread = numbers.mean(axis=0), numbers.std(axis=0) + 1e-9
x, y = (numbers - mean) / spread, minutes.to_numpy(float)
low, scale = y.mean(), y.std() + 1e-9
y = (y - low) / scale
draw = np.random.default_rng(run.seed)
a, b = draw.normal(size=(x.shape[1], HIDDEN)), draw.normal(size=HIDDEN)
c, d = draw.normal(size=HIDDEN) / HIDDEN, 0.0
decay = 0.0 if run.tiny else 1e-3
moments = [np.zeros_like(a), np.zeros_like(b), np.zeros_like(c), 0.0]
for step in range(1, 2_001):
    hidden = np.tanh(x @ a + b)
    error = hidden @ c + d - y
    back = np.outer(error, c) * (1 - hidden**2) / len(y)
    slopes = [x.T @ back, back.sum(axis=0), hidden.T @ error / len(y), error.mean()]
    moments = [0.9 * moment + slope for moment, slope in zip(moments, slopes)]
    a, b, c, d = (
        weight - 0.03 * moment - 0.03 * decay * weight
        for weight, moment in zip((a, b, c, d), moments)
    )
    if step % 500 == 0:
        run.log(step=step, loss=float((error**2).mean()))
kept = io.BytesIO()
np.savez(kept, a=a, b=b, c=c, d=d, mean=mean, spread=spread, low=low, scale=scale)
run.save_python(
    entry="rounds.serve:Line",
    inputs=features.INPUTS,
    outputs=[Field("minutes", "FP64")],
    golden_rows=features.golden(inputs),
    files={"weights.npz": kept.getvalue()},
)
