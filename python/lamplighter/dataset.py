"""The pinned data of a run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lamplighter.errors import RunError

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class DataFile:
    """One file of a dataset version, to be read in place and never written."""

    path: Path
    """Where the bytes are; it need not end in the file's own name."""
    name: str
    """The file's path in the dataset, for example ``2013-01-01.parquet``."""
    partition: str | None = None
    """The partition that it belongs to, for example ``2013-01-01``."""
    rows: int | None = None
    """Number of rows, where the format says."""


@dataclass(frozen=True)
class Dataset:
    """A slice of one version of a dataset, as pinned for a run."""

    role: str
    """What the run calls it: ``train``, ``valid``, or a build's input."""
    dataset: str
    """The dataset's name; ``scratch`` when the files were given by hand."""
    version: int | None
    """The version's number; none in a scratch run."""
    files: tuple[DataFile, ...]
    """The files, in the order of their names."""
    digest: str | None = None
    """Digest of the version's manifest; none in a scratch run."""
    slice: str | None = None
    """The slice as written in ``lamp.toml``, for example ``trips[..-1month]``."""
    partitions: tuple[str, ...] = ()
    """The partitions used, in order."""

    @property
    def paths(self) -> list[Path]:
        """Where the files can be read."""
        return [file.path for file in self.files]

    @property
    def rows(self) -> int | None:
        """Rows in all, if every file says how many it has."""
        counts = [file.rows for file in self.files]
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None

    def to_pandas(self, columns: Sequence[str] | None = None) -> "pandas.DataFrame":
        """Read all files into one frame, in file order, with a fresh index.

        ``columns`` names the columns to read; none means all of them. Parquet needs
        pyarrow; CSV needs pandas alone.
        """
        if not self.files:
            raise RunError(
                f"dataset `{self.role}` has no files; look at its slice"
                f" ({self.slice or self.dataset}) in lamp.toml"
            )
        wanted = None if columns is None else list(columns)
        suffixes = {Path(file.name).suffix.lower() for file in self.files}
        if suffixes <= {".parquet", ".pq"}:
            return _read_parquet(self.paths, wanted)
        if suffixes <= {".csv", ".gz"}:
            return _read_csv(self.files, wanted)
        raise RunError(
            f"dataset `{self.role}` has files of {', '.join(sorted(suffixes))};"
            " to_pandas reads Parquet or CSV: read `paths` yourself"
        )


def _read_parquet(paths: list[Path], columns: list[str] | None) -> "pandas.DataFrame":
    pyarrow: Any = _import("pyarrow")
    parquet: Any = _import("pyarrow.parquet")
    tables = []
    for path in paths:
        with parquet.ParquetFile(path) as file:
            present = set(file.schema_arrow.names)
            missing = [name for name in columns or () if name not in present]
            if missing:
                raise RunError(f"{path} has no column {', '.join(missing)}")
            tables.append(file.read(columns=columns))
    # A column that is empty on one day may have another type there.
    table = pyarrow.concat_tables(tables, promote_options="permissive")
    frame: "pandas.DataFrame" = table.to_pandas()
    return frame.reset_index(drop=True)


def _read_csv(
    files: tuple[DataFile, ...], columns: list[str] | None
) -> "pandas.DataFrame":
    pandas: Any = _import("pandas")
    frames = []
    for file in files:
        compression = "gzip" if file.name.lower().endswith(".gz") else None
        frames.append(
            pandas.read_csv(file.path, usecols=columns, compression=compression)
        )
    frame: "pandas.DataFrame" = pandas.concat(frames, ignore_index=True)
    return frame if columns is None else frame[columns]


def _import(name: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.split(".", maxsplit=1)[0]
        raise RunError(
            f"to_pandas needs {package}; add it to the project's environment"
        ) from error
