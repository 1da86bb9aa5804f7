"""Build `trips`: each flight with the weather known before it leaves.

Run by Lamplighter (``lamp data build trips``), one file a day.
"""

import lamplighter
import pandas as pd

from delay import features

FLIGHT_COLUMNS = (
    "scheduled_at",
    "carrier",
    "flight",
    "origin",
    "dest",
    "hour",
    "minute",
    "distance",
    "arr_delay",
)
COLUMNS = (
    "scheduled_at",
    "carrier",
    "flight",
    "origin",
    "dest",
    "hour",
    "minute",
    "weekday",
    "distance",
    *features.WEATHER,
    "arr_delay",  # the truth, for the target alone; no model takes it in
)
KEY = ["scheduled_at", "carrier", "flight"]


def join(flights: pd.DataFrame, weather: pd.DataFrame) -> pd.DataFrame:
    """Join each flight with the weather of the hour before its scheduled hour.

    Observations are stamped with the hour they fall in, so the one of the scheduled
    hour itself may be made after departure. Instants are compared in UTC; where an
    hour is missing, the weather is. Every flight is kept, cancelled ones too.
    """
    known_hour = flights["scheduled_at"].dt.floor("h") - pd.Timedelta(hours=1)
    observed = weather[["origin", "observed_at", *features.WEATHER]]
    joined = flights.assign(observed_at=known_hour).merge(
        observed, how="left", on=["origin", "observed_at"], validate="many_to_one"
    )
    local = joined["scheduled_at"].dt.tz_convert(features.TIME_ZONE)
    joined["weekday"] = local.dt.isocalendar().day.astype("int64")
    joined["arr_delay"] = joined["arr_delay"].astype("Int64")  # whole, or missing
    trips = features.blank_impossible(joined)[list(COLUMNS)]
    return trips.sort_values(KEY, ignore_index=True)


def main() -> None:
    """Read the pinned flights and weather, write trips."""
    run = lamplighter.current_run()
    flights = run.dataset("flights").to_pandas(FLIGHT_COLUMNS)
    weather = run.dataset("weather").to_pandas(
        ["origin", "observed_at", *features.WEATHER]
    )
    trips = join(flights, weather)
    local = trips["scheduled_at"].dt.tz_convert(features.TIME_ZONE)
    days = 0
    for day, rows in trips.groupby(local.dt.strftime("%Y-%m-%d"), sort=True):
        rows.to_parquet(run.output_path(str(day)), index=False, compression="zstd")
        days += 1
    without_weather = int(trips["temp"].isna().sum())
    run.log(days=days, trips=len(trips), without_weather=without_weather)
    print(f"{len(trips)} trips on {days} days, {without_weather} without weather")


if __name__ == "__main__":
    main()
