"""Turn scheduled flights into requests, hour by hour, as a booking system would.

What a request holds is what is known before departure: the same join and the same
inputs as in training. The outcome is not in it; whoever labels predictions later can
have it in a file of its own.

    python -m delay.requests --data data --out requests.jsonl \
        --outcomes outcomes.jsonl --from 2013-04-01 --to 2013-04-30
"""

import argparse
import datetime
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from delay import clean, features


def read_days(
    folder: Path, first: datetime.date, last: datetime.date, columns: Sequence[str]
) -> pd.DataFrame:
    """Read the files of the days from `first` to `last` that are there."""
    count = (last - first).days + 1
    days = [first + datetime.timedelta(days=number) for number in range(count)]
    paths = [folder / f"{day}.parquet" for day in days]
    parts = [
        pd.read_parquet(path, columns=list(columns)) for path in paths if path.is_file()
    ]
    if not parts:
        raise SystemExit(f"{folder} holds no file from {first} to {last}")
    return pd.concat(parts, ignore_index=True)


def hours(trips: pd.DataFrame) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Give each hour's scheduled departures as rows of inputs; unknown is null."""
    inputs = trips[list(features.NAMES)].astype(object)
    inputs = inputs.where(inputs.notna(), None)
    hour = trips["scheduled_at"].dt.floor("h")
    for at, rows in inputs.groupby(hour, sort=True):
        yield pd.Timestamp(at).isoformat(), rows.to_dict(orient="records")


def outcomes(trips: pd.DataFrame) -> Iterator[tuple[str, list[bool | None]]]:
    """Tell which of each hour's departures arrived late, in the order of `hours`.

    Flights that never arrived have no outcome.
    """
    late = trips["arr_delay"] >= features.LATE_MINUTES
    hour = trips["scheduled_at"].dt.floor("h")
    for at, values in late.groupby(hour, sort=True):
        found = [None if pd.isna(value) else bool(value) for value in values]
        yield pd.Timestamp(at).isoformat(), found


def main(arguments: Sequence[str] | None = None) -> int:
    """Write a line of JSON an hour."""
    parser = argparse.ArgumentParser(prog="python -m delay.requests")
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--outcomes", type=Path)
    day = datetime.date.fromisoformat
    parser.add_argument("--from", dest="first", type=day, required=True)
    parser.add_argument("--to", dest="last", type=day, required=True)
    options = parser.parse_args(arguments)
    flights = read_days(
        options.data / "flights", options.first, options.last, clean.FLIGHT_COLUMNS
    )
    # The weather of the evening before is known to the first flights of the day.
    evening = options.first - datetime.timedelta(days=1)
    weather = read_days(
        options.data / "weather",
        evening,
        options.last,
        ["origin", "observed_at", *features.WEATHER],
    )
    trips = clean.join(flights, weather)
    if options.outcomes:
        with options.outcomes.open("w", encoding="utf-8") as file:
            for at, late in outcomes(trips):
                file.write(json.dumps({"at": at, "late": late}) + "\n")
    count = 0
    with options.out.open("w", encoding="utf-8") as file:
        for at, rows in hours(trips):
            file.write(json.dumps({"at": at, "rows": rows}, allow_nan=False) + "\n")
            count += 1
    print(f"{count} hours")
    return 0


if __name__ == "__main__":
    sys.exit(main())
