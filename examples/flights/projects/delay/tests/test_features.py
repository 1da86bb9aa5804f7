"""The feature module that training and serving share."""

import math

import numpy as np
import pandas as pd
import pytest

from delay import features


def row(**changes: object) -> dict[str, object]:
    """Make one plausible row of inputs."""
    plain: dict[str, object] = {"carrier": "UA", "origin": "EWR", "dest": "IAH"}
    plain |= {"hour": 6, "minute": 30, "weekday": 6, "distance": 1400}
    plain |= {"temp": 39.0, "dewp": 28.0, "humid": 64.4, "wind_dir": 90.0}
    plain |= {"wind_speed": 10.0, "precip": 0.0, "pressure": 1012.0, "visib": 10.0}
    return plain | changes


def test_serving_and_training_build_the_same_frame() -> None:
    trips = pd.DataFrame([row(), row(carrier="AA", pressure=None)])
    served = {name: trips[name].tolist() for name in features.NAMES}
    served["pressure"] = [1012.0, math.nan]
    pd.testing.assert_frame_equal(features.frame(trips), features.frame(served))


def test_nothing_known_only_after_departure_is_an_input() -> None:
    after = {"dep_time", "dep_delay", "arr_time", "arr_delay", "air_time", "tailnum"}
    assert not after & set(features.NAMES)


def test_east_wind_blows_east() -> None:
    derived = features.derive(features.frame(pd.DataFrame([row()])))
    assert derived["wind_east"].iloc[0] == pytest.approx(10.0)
    assert derived["wind_north"].iloc[0] == pytest.approx(0.0)
    assert derived["minute_of_day"].iloc[0] == 390
    assert derived["is_weekend"].iloc[0] == 1


def test_weather_that_cannot_be_becomes_missing() -> None:
    trips = pd.DataFrame([row(wind_speed=1048.4), row(wind_speed=20.0), row()])
    blanked = features.blank_impossible(trips)["wind_speed"]
    assert np.isnan(blanked[0])
    assert blanked[1] == 20.0


def test_flights_without_an_outcome_are_not_labelled() -> None:
    trips = pd.DataFrame([row(), row(), row()])
    trips["arr_delay"] = pd.array([14, 15, None], dtype="Int64")
    inputs, late = features.labelled(trips, "arr_delay >= 15")
    assert len(inputs) == 2
    assert late.tolist() == [0, 1]


def test_golden_rows_hold_one_without_pressure() -> None:
    rows = [row(minute=minute) for minute in range(50)]
    rows[17]["pressure"] = None
    golden = features.golden_rows(features.frame(pd.DataFrame(rows)), count=4)
    assert len(golden) == 5
    assert sum(math.isnan(one["pressure"]) for one in golden) == 1
