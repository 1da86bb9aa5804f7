"""What other tools take to describe the same Parquet file, and a wide table to try.

    python profile_peers.py wide FILE      # write a table of 200,000 rows and 300 columns
    python profile_peers.py polars FILE    # time polars.DataFrame.describe
    python profile_peers.py duckdb FILE    # time DuckDB's SUMMARIZE

Prints wall time, processor time and peak memory of this process, so run each alone. Wants numpy and pyarrow, polars
or duckdb; `tpchgen-cli parquet -s 1 --tables=lineitem` writes the other table.
"""

import resource
import sys
import time


def write_wide(path: str) -> None:
    """Write floats, integers of few and of many values, and categories, in turn."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    random, rows, columns = np.random.default_rng(7), 200_000, {}
    for at in range(300):
        if at % 6 in (0, 1):
            values = random.normal(at, 1 + at % 7, rows)
        elif at % 6 == 2:
            values = random.lognormal(0, 2, rows)
            values[random.random(rows) < 0.05] = np.nan
        elif at % 6 == 3:
            values = random.integers(0, 50 + at, rows)
        elif at % 6 == 4:
            values = random.integers(0, 10**9, rows)
        else:
            words = np.array([f"category {word}" for word in range(20 + at)])
            values = words[random.integers(0, 20 + at, rows)]
        columns[f"c{at:03}"] = pa.array(values, from_pandas=False)
    pq.write_table(pa.table(columns), path)


def describe_with_polars(path: str) -> None:
    """Describe every column."""
    import polars

    print(polars.read_parquet(path).describe().shape)


def summarize_with_duckdb(path: str) -> None:
    """Summarize every column."""
    import duckdb

    rows = duckdb.sql(f"SUMMARIZE SELECT * FROM read_parquet('{path}')").fetchall()
    print(len(rows))


def main() -> None:
    """Do what the first argument says with the file that the second names."""
    what, path = sys.argv[1:]
    work = {
        "wide": write_wide,
        "polars": describe_with_polars,
        "duckdb": summarize_with_duckdb,
    }[what]
    started = time.perf_counter()
    work(path)
    seconds = time.perf_counter() - started
    usage = resource.getrusage(resource.RUSAGE_SELF)
    cpu = usage.ru_utime + usage.ru_stime
    print(
        f"{what}: {seconds:.2f} s, {cpu:.2f} s of processors, peak memory {usage.ru_maxrss} kB"
    )


if __name__ == "__main__":
    main()
