"""The requests of a booking system: the inputs of each hour, nothing of the outcome."""

import json

import pandas as pd

from delay import clean, features, requests


def trips() -> pd.DataFrame:
    """Make three trips in two hours; only the last has weather."""
    scheduled = ["2013-04-01T11:40Z", "2013-04-01T10:05Z", "2013-04-01T10:59Z"]
    rows = [
        {"scheduled_at": at, "carrier": "UA", "flight": number, "origin": "EWR"}
        | {"dest": "IAH", "hour": 6, "minute": 5, "distance": 1400, "arr_delay": 99}
        for number, at in enumerate(scheduled, 1)
    ]
    flights = pd.DataFrame(rows)
    flights["scheduled_at"] = pd.to_datetime(flights["scheduled_at"], utc=True)
    weather = pd.DataFrame({name: [1.5] for name in features.WEATHER})
    weather = weather.assign(origin="EWR", pressure=1012.5)
    weather["observed_at"] = pd.to_datetime(["2013-04-01T10:00Z"], utc=True)
    return clean.join(flights, weather)


def test_each_hour_asks_about_its_own_departures_in_order() -> None:
    asked = [(at, len(rows)) for at, rows in requests.hours(trips())]
    assert asked == [
        ("2013-04-01T10:00:00+00:00", 2),
        ("2013-04-01T11:00:00+00:00", 1),
    ]


def test_a_row_holds_the_inputs_and_no_outcome() -> None:
    for _, rows in requests.hours(trips()):
        for row in rows:
            assert tuple(row) == features.NAMES
            assert 99 not in row.values()


def test_missing_weather_is_null() -> None:
    (_, without), (_, [known]) = requests.hours(trips())
    for row in without:
        assert {row[name] for name in features.WEATHER} == {None}
        assert row["distance"] == 1400
    assert known["pressure"] == 1012.5
    written = json.loads(json.dumps(without, allow_nan=False))
    assert written == without


def test_outcomes_stand_in_the_order_of_the_rows() -> None:
    made = trips()
    made["arr_delay"] = pd.array([20, None, 3], dtype="Int64")
    told = list(requests.outcomes(made))
    assert [(at, len(late)) for at, late in told] == [
        (at, len(rows)) for at, rows in requests.hours(made)
    ]
    assert [late for _, late in told] == [[True, None], [False]]
