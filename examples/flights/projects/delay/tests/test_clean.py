"""The join of flights and weather: nothing from the future, no flight lost."""

import pandas as pd

from delay import clean, features


def flights(*scheduled: str) -> pd.DataFrame:
    """Make flights from Newark at the instants given."""
    rows = [
        {"scheduled_at": at, "carrier": "UA", "flight": number, "origin": "EWR"}
        | {"dest": "IAH", "hour": 0, "minute": 0, "distance": 1400, "arr_delay": 3}
        for number, at in enumerate(scheduled, 1)
    ]
    frame = pd.DataFrame(rows)
    return frame.assign(scheduled_at=pd.to_datetime(frame["scheduled_at"], utc=True))


def weather(temperatures: dict[str, float], origin: str = "EWR") -> pd.DataFrame:
    """Make observations with the temperatures given by hour."""
    frame = pd.DataFrame({"observed_at": pd.to_datetime([*temperatures], utc=True)})
    frame["origin"] = origin
    for name in features.WEATHER:
        frame[name] = 1000.0 if name == "pressure" else 1.0
    return frame.assign(temp=[*temperatures.values()])


def test_the_weather_is_that_of_the_hour_before() -> None:
    observed = weather({"2013-01-05T09:00Z": 30.0, "2013-01-05T10:00Z": 31.0})
    trips = clean.join(flights("2013-01-05T10:59Z", "2013-01-05T11:00Z"), observed)
    assert trips["temp"].tolist() == [30.0, 31.0]


def test_a_flight_without_weather_is_kept() -> None:
    elsewhere = weather({"2013-01-05T09:00Z": 30.0}, origin="JFK")
    trips = clean.join(flights("2013-01-05T10:30Z"), elsewhere)
    assert len(trips) == 1
    assert trips["temp"].isna().all()


def test_a_cancelled_flight_is_kept_without_an_outcome() -> None:
    cancelled = flights("2013-01-05T10:30Z").assign(arr_delay=None)
    trips = clean.join(cancelled, weather({"2013-01-05T09:00Z": 30.0}))
    assert trips["arr_delay"].isna().all()


def test_the_weekday_is_the_one_in_new_york() -> None:
    # Saturday evening there, Sunday in UTC.
    trips = clean.join(flights("2013-01-06T02:30Z"), weather({}))
    assert trips["weekday"].tolist() == [6]
