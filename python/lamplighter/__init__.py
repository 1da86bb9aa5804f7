"""Talk to Lamplighter from training, building and serving code.

A training script asks for its run, reads the data that was pinned for it, and
leaves a model package behind::

    import lamplighter

    run = lamplighter.current_run()
    frame = run.dataset("train").to_pandas()
    model = fit(frame, seed=run.seed, max_iter=run.param("max_iter", 200))
    run.log(step=1, loss=0.41)
    run.save_python(entry="delay.serve:Predictor", ...)

Outside a run that ``lamp`` started, ``current_run()`` gives a scratch run: it
trains and prints, and registers nothing.
"""

from lamplighter.dataset import DataFile, Dataset
from lamplighter.errors import LamplighterError, PackageError, RunError
from lamplighter.package import Field, TensorSource
from lamplighter.run import Run, current_run, scratch
from lamplighter.serve import Predictor, load_predictor
from lamplighter.tiny import Tiny

__version__ = "0.1.0"

__all__ = [
    "DataFile",
    "Dataset",
    "Field",
    "LamplighterError",
    "PackageError",
    "Predictor",
    "Run",
    "RunError",
    "TensorSource",
    "Tiny",
    "__version__",
    "current_run",
    "load_predictor",
    "scratch",
]
