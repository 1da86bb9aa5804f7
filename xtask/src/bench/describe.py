"""Describe every column of a Parquet file with another tool. Says what the work alone took, reading included.

python describe.py TOOL FILE
"""

import sys
import time
from collections.abc import Iterator


def pyarrow(path: str) -> Iterator[None]:
    """Only decode, on all cores."""
    import pyarrow.parquet as pq

    yield
    for batch in pq.ParquetFile(path, pre_buffer=False).iter_batches(batch_size=65_536, use_threads=True):
        del batch


def polars(path: str) -> Iterator[None]:
    """`DataFrame.describe`."""
    import polars

    yield
    polars.read_parquet(path).describe()


def duckdb(path: str) -> Iterator[None]:
    """`SUMMARIZE`."""
    import duckdb

    yield
    duckdb.sql(f"SUMMARIZE SELECT * FROM read_parquet('{path}')").fetchall()


def whylogs(path: str) -> Iterator[None]:
    """A profile of a data frame, as a table."""
    import pandas
    import whylogs

    yield
    whylogs.log(pandas.read_parquet(path)).view().to_pandas()


def ydata(path: str) -> Iterator[None]:
    """The minimal report's numbers, without its HTML."""
    import pandas
    from ydata_profiling import ProfileReport

    yield
    ProfileReport(pandas.read_parquet(path), minimal=True, progress_bar=False).get_description()


def evidently(path: str) -> Iterator[None]:
    """The data summary."""
    import pandas
    from evidently import Dataset, Report
    from evidently.presets import DataSummaryPreset

    yield
    Report([DataSummaryPreset()]).run(Dataset.from_pandas(pandas.read_parquet(path)), None)


def great_expectations(path: str) -> Iterator[None]:
    """Nulls and distinct values of each column, and of numbers extremes, mean, deviation and quartiles."""
    import great_expectations as gx
    import great_expectations.expectations as gxe
    import pandas
    from pandas.api.types import is_numeric_dtype

    yield
    frame = pandas.read_parquet(path)
    source = gx.get_context(mode="ephemeral").data_sources.add_pandas("pandas")
    whole = source.add_dataframe_asset("table").add_batch_definition_whole_dataframe("whole")
    batch = whole.get_batch(batch_parameters={"dataframe": frame})
    suite = gx.ExpectationSuite(name="describe")
    quartiles = {"quantiles": [0.25, 0.5, 0.75], "value_ranges": [[None, None]] * 3}
    for column in frame.columns:
        suite.add_expectation(gxe.ExpectColumnValuesToNotBeNull(column=column))
        suite.add_expectation(gxe.ExpectColumnUniqueValueCountToBeBetween(column=column, min_value=0))
        if is_numeric_dtype(frame[column]):
            for of_numbers in (
                gxe.ExpectColumnMinToBeBetween,
                gxe.ExpectColumnMaxToBeBetween,
                gxe.ExpectColumnMeanToBeBetween,
                gxe.ExpectColumnStdevToBeBetween,
            ):
                suite.add_expectation(of_numbers(column=column, min_value=-1e300, max_value=1e300))
            suite.add_expectation(gxe.ExpectColumnQuantileValuesToBeBetween(column=column, quantile_ranges=quartiles))
    batch.validate(suite)


TOOLS = {
    "pyarrow": pyarrow,
    "polars": polars,
    "duckdb": duckdb,
    "whylogs": whylogs,
    "ydata-profiling": ydata,
    "evidently": evidently,
    "great-expectations": great_expectations,
}


def main(tool: str, path: str) -> None:
    """Import first, then work with the clock running."""
    work = TOOLS[tool](path)
    next(work)
    started = time.perf_counter()
    for _ in work:
        pass
    print(f"work: {time.perf_counter() - started:.4f} s")


if __name__ == "__main__":
    main(*sys.argv[1:])
