"""Model packages: a folder with ``model.json`` and the files it speaks of."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Union

from lamplighter.errors import PackageError
from lamplighter.files import is_plain_name, write_atomically
from lamplighter.values import to_plain

PACKAGE_FILE = "model.json"
FORMAT = 1
GOLDEN_ROWS_MAX = 1_000
DATATYPES = ("BOOL", "INT8", "INT16", "INT32", "INT64", "FP32", "FP64", "BYTES")
FLOATS = ("FP32", "FP64")
TASKS = ("binary", "multiclass", "regression")

Content = Union[bytes, str, Path]
"""A file of a package: its bytes, or the path of a file to copy."""


@dataclass(frozen=True)
class TensorSource:
    """Where an ONNX graph has an output."""

    tensor: str
    """Name of the graph's tensor."""
    column: int | None = None
    """Column of a ``[rows, columns]`` tensor; none means all of it."""


@dataclass(frozen=True)
class Field:
    """One named input or output of a model.

    ``shape`` is the shape of one row: ``()`` is one value a row, ``(3,)`` three.
    ``classes`` are the values allowed or, for multiclass probabilities, the classes
    in column order.
    """

    name: str
    datatype: str
    shape: tuple[int, ...] = ()
    nullable: bool = False
    min: float | None = None
    max: float | None = None
    classes: tuple[Any, ...] | None = None
    source: TensorSource | None = None

    def __post_init__(self) -> None:
        """Refuse a field that Lamplighter could not read."""
        if not self.name:
            raise PackageError("an input or output needs a name")
        if self.datatype not in DATATYPES:
            raise PackageError(
                f"`{self.name}` has the datatype `{self.datatype}`;"
                f" it must be one of {', '.join(DATATYPES)}"
            )
        if self.min is not None and self.max is not None and self.min > self.max:
            raise PackageError(f"`{self.name}` has a min above its max")

    def to_dict(self) -> dict[str, Any]:
        """Write the field as ``model.json`` has it, leaving out what is not set."""
        written: dict[str, Any] = {"name": self.name, "datatype": self.datatype}
        if self.shape:
            written["shape"] = list(self.shape)
        if self.nullable:
            written["nullable"] = True
        for key in ("min", "max"):
            bound = getattr(self, key)
            if bound is not None:
                written[key] = to_plain(bound)
        if self.classes is not None:
            written["classes"] = to_plain(list(self.classes))
        if self.source is not None:
            written["source"] = {"tensor": self.source.tensor}
            if self.source.column is not None:
                written["source"]["column"] = self.source.column
        return written


@dataclass(frozen=True)
class Package:
    """What ``model.json`` says."""

    task: str
    flavour: Mapping[str, str]
    """``flavour`` and what belongs to it: ``entry``, ``file``, or ``url`` and
    ``model``."""
    inputs: tuple[Field, ...]
    outputs: tuple[Field, ...]
    golden_rows: tuple[Mapping[str, Any], ...]
    answers: tuple[Mapping[str, Any], ...]
    tolerance: float

    def to_dict(self) -> dict[str, Any]:
        """Write the package as ``model.json`` has it."""
        return {
            "format": FORMAT,
            **self.flavour,
            "task": self.task,
            "signature": {
                "inputs": [field.to_dict() for field in self.inputs],
                "outputs": [field.to_dict() for field in self.outputs],
            },
            "golden": {
                "rows": [to_plain(row) for row in self.golden_rows],
                "answers": [to_plain(row) for row in self.answers],
                "tolerance": self.tolerance,
            },
        }

    def check(self) -> None:
        """Refuse a package that contradicts itself, naming the first fault."""
        if self.task not in TASKS:
            raise PackageError(
                f"the task is `{self.task}`; it must be one of {', '.join(TASKS)}"
            )
        _check_names("input", self.inputs)
        _check_names("output", self.outputs)
        if self.task == "multiclass" and not self.outputs[0].classes:
            raise PackageError(
                f"output `{self.outputs[0].name}` of a multiclass model needs its"
                " classes, in column order"
            )
        if not 1 <= len(self.golden_rows) <= GOLDEN_ROWS_MAX:
            raise PackageError(
                f"a package needs 1 to {GOLDEN_ROWS_MAX} golden rows,"
                f" not {len(self.golden_rows)}"
            )
        if len(self.answers) != len(self.golden_rows):
            raise PackageError(
                f"{len(self.golden_rows)} golden rows have {len(self.answers)} answers"
            )
        if not self.tolerance >= 0:
            raise PackageError("the tolerance must be zero or more")
        for index, row in enumerate(self.golden_rows):
            _check_row(f"golden row {index}", row, self.inputs)
        for index, row in enumerate(self.answers):
            _check_row(f"answer {index}", row, self.outputs)


def write_files(folder: Path, files: Mapping[str, Content]) -> None:
    """Write the files of a package; bytes as they are, paths by copying."""
    for name, content in files.items():
        if name == PACKAGE_FILE or not is_plain_name(name):
            raise PackageError(f"`{name}` cannot be the name of a package's file")
        write_atomically(folder / name, _read(content))


def write_description(folder: Path, package: Package) -> None:
    """Check ``package`` and write its ``model.json``.

    This comes last: a folder with a ``model.json`` is a whole package.
    """
    package.check()
    text = json.dumps(package.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    write_atomically(folder / PACKAGE_FILE, (text + "\n").encode())


def read_description(folder: Path) -> dict[str, Any]:
    """Read the ``model.json`` of a package."""
    path = folder / PACKAGE_FILE
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise PackageError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise PackageError(f"{path} is not JSON: {error}") from error
    is_known = isinstance(description, dict) and description.get("format") == FORMAT
    if not is_known:
        raise PackageError(f"{path} is not a package of format {FORMAT}")
    return dict(description)


def columns_of(
    rows: Sequence[Mapping[str, Any]], inputs: Sequence[Mapping[str, Any]]
) -> dict[str, list[Any]]:
    """Turn rows into the columns that a predictor gets.

    ``inputs`` are the inputs of a ``model.json``. What a row leaves out is ``None``,
    in a column of floats NaN.
    """
    columns = {
        field["name"]: [to_plain(row.get(field["name"])) for row in rows]
        for field in inputs
    }
    return with_nan(columns, inputs)


def with_nan(
    columns: dict[str, list[Any]], inputs: Sequence[Mapping[str, Any]]
) -> dict[str, list[Any]]:
    """Replace ``None`` in columns of floats by NaN, at any depth."""
    floats = {field["name"] for field in inputs if field["datatype"] in FLOATS}
    return {
        name: _floats(values) if name in floats else values
        for name, values in columns.items()
    }


def _floats(values: Any) -> Any:
    if isinstance(values, list):
        return [_floats(value) for value in values]
    return float("nan") if values is None else float(values)


def _check_names(kind: str, fields: Sequence[Field]) -> None:
    names = [field.name for field in fields]
    if not names:
        raise PackageError(f"a package needs at least one {kind}")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise PackageError(f"{kind} `{twice[0]}` is there twice")


def _check_row(what: str, row: Mapping[str, Any], fields: Sequence[Field]) -> None:
    unknown = sorted(set(row) - {field.name for field in fields})
    if unknown:
        raise PackageError(f"{what} has `{unknown[0]}`, which the signature lacks")
    for field in fields:
        value = to_plain(row.get(field.name))
        if value is None and not field.nullable:
            raise PackageError(f"{what} has no finite value for `{field.name}`")


def _read(content: Content) -> bytes:
    if isinstance(content, bytes):
        return content
    try:
        return Path(content).read_bytes()
    except OSError as error:
        raise PackageError(f"{content} cannot be read: {error.strerror}") from error
