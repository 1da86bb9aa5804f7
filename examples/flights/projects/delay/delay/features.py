"""What the models see: the one definition for cleaning, training and serving.

Everything here is known before a flight leaves. What is not, and would make a model
look good only until it is used: when it left (``dep_time``, ``dep_delay``), when it
landed (``arr_time``), how long it flew (``air_time``), and whether it has a tail
number, which flights that are cancelled early never get.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from lamplighter import Field

TIME_ZONE = "America/New_York"

CATEGORIES = ("carrier", "origin", "dest")
"""Inputs that are words."""

INTEGERS = ("hour", "minute", "weekday", "distance")
"""Inputs that are whole numbers: the scheduled local time, Monday = 1, miles."""

WEATHER = (
    "temp",
    "dewp",
    "humid",
    "wind_dir",
    "wind_speed",
    "precip",
    "pressure",
    "visib",
)
"""Inputs measured at the airport of departure; any of them may be missing."""

RANGES: dict[str, tuple[float, float]] = {
    "hour": (0, 23),
    "minute": (0, 59),
    "weekday": (1, 7),
    "distance": (0, 12_500),
    "temp": (-60, 130),  # Fahrenheit
    "dewp": (-80, 100),  # Fahrenheit
    "humid": (0, 100),  # percent
    "wind_dir": (0, 360),  # degrees
    "wind_speed": (0, 150),  # miles an hour
    "precip": (0, 12),  # inches an hour
    "pressure": (850, 1_100),  # millibars
    "visib": (0, 100),  # miles
}
"""What the world can produce; a value outside is a fault of an instrument."""


def _field(name: str) -> Field:
    if name in CATEGORIES:
        return Field(name, "BYTES")
    low, high = RANGES[name]
    datatype = "INT64" if name in INTEGERS else "FP64"
    return Field(name, datatype, nullable=name in WEATHER, min=low, max=high)


INPUTS = tuple(_field(name) for name in (*CATEGORIES, *INTEGERS, *WEATHER))
"""The inputs of both models, so that one can stand in for the other."""

OUTPUTS = (Field("probability", "FP64", min=0, max=1),)
"""The probability of arriving 15 minutes late or more."""

LATE_MINUTES = 15
"""A flight that arrives so late, or later, is late: the target in `lamp.toml`."""

NAMES = tuple(field.name for field in INPUTS)


def frame(columns: Mapping[str, Any]) -> pd.DataFrame:
    """Turn columns, by name, into a frame with exactly the inputs, typed.

    ``columns`` may be a frame of trips or the lists that a worker gets.
    """
    typed: dict[str, Any] = {}
    for name in NAMES:
        if name in CATEGORIES:
            typed[name] = np.asarray(columns[name], dtype=object)
        elif name in INTEGERS:
            typed[name] = np.asarray(columns[name], dtype=np.int64)
        else:
            typed[name] = np.asarray(columns[name], dtype=np.float64)
    return pd.DataFrame(typed)


def derive(inputs: pd.DataFrame) -> pd.DataFrame:
    """Add what the inputs imply to a frame of inputs."""
    angle = np.deg2rad(inputs["wind_dir"])
    return inputs.assign(
        minute_of_day=inputs["hour"] * 60 + inputs["minute"],
        is_weekend=(inputs["weekday"] >= 6).astype(np.int64),
        dew_spread=inputs["temp"] - inputs["dewp"],  # small before fog
        wind_north=inputs["wind_speed"] * np.cos(angle),
        wind_east=inputs["wind_speed"] * np.sin(angle),
    )


def blank_impossible(trips: pd.DataFrame) -> pd.DataFrame:
    """Empty the weather values outside their range; the raw data keeps them."""
    blanked = {}
    for name in WEATHER:
        low, high = RANGES[name]
        blanked[name] = trips[name].where(trips[name].between(low, high))
    return trips.assign(**blanked)


def labelled(
    trips: pd.DataFrame, target: str | None
) -> tuple[pd.DataFrame, "pd.Series[int]"]:
    """Split trips whose outcome is known into inputs and target (0 or 1).

    ``target`` is the run's expression over trips, for example ``arr_delay >= 15``.
    """
    if target is None:
        raise ValueError("the run has no target; in a scratch run, give it one")
    known = trips[trips["arr_delay"].notna()]
    return frame(known), known.eval(target).astype(int).reset_index(drop=True)


def golden_rows(inputs: pd.DataFrame, count: int = 8) -> list[dict[str, Any]]:
    """Choose rows from all over the frame, and one without an air pressure."""
    chosen = np.linspace(0, len(inputs) - 1, num=min(count, len(inputs)), dtype=int)
    incomplete = np.flatnonzero(inputs["pressure"].isna())[:1]
    positions: Sequence[int] = sorted({*chosen.tolist(), *incomplete.tolist()})
    rows = inputs.iloc[list(positions)].astype(object)
    return [dict(zip(NAMES, row, strict=True)) for row in rows[list(NAMES)].to_numpy()]
