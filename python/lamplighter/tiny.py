"""What a test asks of a training script: learn a few rows by heart."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Tiny:
    """Settings of a tiny-batch test: learn a few rows by heart.

    ``lamp test`` hands ``rows`` rows over as ``train``, and again as ``valid``, and
    scores the package on them. A script that regularises, stops early, or wants a
    least number of rows in a leaf switches that off when ``run.tiny`` is set.
    """

    rows: int
    """Rows in the batch."""
    steps: int
    """Steps (epochs, trees, iterations) that should be enough."""
    seed: int = 0
    """The seed that the rows were chosen with."""
    capacity: str = "high"
    """How free the model should be: ``high`` is free enough to fit every row."""


def parse_tiny(given: Mapping[str, Any]) -> Tiny:
    """Read the settings of ``run.json``."""
    return Tiny(
        rows=int(given["rows"]),
        steps=int(given["steps"]),
        seed=int(given.get("seed", 0)),
        capacity=str(given.get("capacity", "high")),
    )
