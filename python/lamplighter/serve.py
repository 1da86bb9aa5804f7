"""What serving code looks like, and how to bring a package to life in Python.

A model served by Python names a class in its package (``delay.serve:Predictor``)::

    class Predictor:
        def __init__(self, package: Path) -> None:
            self.model = joblib.load(package / "model.joblib")

        def predict(self, columns: dict[str, list]) -> dict[str, Sequence]:
            frame = features.frame(columns)
            return {"probability": self.model.predict_proba(frame)[:, 1]}

``columns`` has every input of the signature, each a list with one value a row;
a missing value is NaN in a column of floats and ``None`` elsewhere. The answer has
every output of the signature with as many values as there are rows, in the rows'
order: lists, numpy arrays or pandas series. An answer must depend on its own row
alone, because Lamplighter chooses how many rows come together.

Prepare everything in ``__init__``: the first ``predict`` may have a deadline. To
try a package by hand, in a test or a notebook::

    predictor = lamplighter.load_predictor(Path("model"))
    predictor.predict({"carrier": ["UA"], "temp": [39.0]})
"""

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from lamplighter.errors import PackageError
from lamplighter.package import columns_of, read_description
from lamplighter.values import to_plain


@runtime_checkable
class Predictor(Protocol):
    """What the class named by ``serve`` must be able to do."""

    def predict(self, columns: dict[str, list[Any]]) -> Mapping[str, Sequence[Any]]:
        """Answer every row of ``columns``."""
        ...


def load_predictor(package: Path) -> Predictor:
    """Import the entry of a Python package and build it on the package's folder."""
    description = read_description(package)
    entry = description.get("entry")
    if description.get("flavour") != "python" or not isinstance(entry, str):
        raise PackageError(f"{package} is not a package of Python code")
    return build_predictor(entry, package)


def build_predictor(entry: str, package: Path) -> Predictor:
    """Import ``entry`` (``module:Class``) and build it on the folder ``package``."""
    module_name, colon, class_name = entry.partition(":")
    if not (module_name and colon and class_name):
        raise PackageError(f"the entry `{entry}` is not of the form module:Class")
    module = importlib.import_module(module_name)
    try:
        build = getattr(module, class_name)
    except AttributeError:
        raise PackageError(f"module `{module_name}` has no `{class_name}`") from None
    predictor = build(package)
    if not isinstance(predictor, Predictor):
        raise PackageError(f"`{entry}` has no method `predict`")
    return predictor


def answer_rows(
    predictor: Predictor,
    signature: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Ask ``predictor`` about ``rows`` as a worker would, and answer row by row."""
    columns = columns_of(rows, signature["inputs"])
    names = [field["name"] for field in signature["outputs"]]
    outputs = check_outputs(predictor.predict(columns), names, len(rows))
    return [{name: outputs[name][at] for name in names} for at in range(len(rows))]


def check_outputs(answer: Any, names: Sequence[str], rows: int) -> dict[str, list[Any]]:
    """Turn a predictor's answer into plain lists, one value a row.

    Outputs that the signature does not name are left out. A bare number will do for
    one row. Raises ``ValueError`` when an output is missing or has another length,
    ``TypeError`` when it cannot be written as JSON.
    """
    if not isinstance(answer, Mapping):
        raise TypeError(
            "predict must return a dict of output names and values,"
            f" not a `{type(answer).__name__}`"
        )
    checked = {}
    for name in names:
        if name not in answer:
            raise ValueError(f"predict left out the output `{name}`")
        values = to_plain(answer[name])
        if not isinstance(values, list):
            values = [values]
        if len(values) != rows:
            raise ValueError(f"output `{name}` has {len(values)} values, not {rows}")
        checked[name] = values
    return checked
