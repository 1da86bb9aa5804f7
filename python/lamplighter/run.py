"""The run that this process belongs to, or a scratch run."""

import datetime
import glob
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from lamplighter.dataset import DataFile, Dataset
from lamplighter.errors import PackageError, RunError
from lamplighter.package import (
    PACKAGE_FILE,
    Content,
    Field,
    Package,
    write_description,
    write_files,
)
from lamplighter.serve import answer_rows, build_predictor
from lamplighter.tiny import Tiny, parse_tiny
from lamplighter.upstream import ask_rows
from lamplighter.values import to_json, to_plain

PROTOCOL = 1
VARIABLE = "LAMP_RUN"
T = TypeVar("T")

_PARTITION = re.compile(r"\d{4}-\d{2}(-\d{2})?")
_current: "Run | None" = None


@dataclass(frozen=True, eq=False)
class Run:
    """One execution of a project's command, with its inputs and outputs."""

    folder: Path
    """Where the run's files are: outputs are written below it."""
    id: str
    """The run's id; ``scratch`` in a scratch run."""
    kind: str
    """``train`` or ``build``."""
    name: str
    """The model or dataset that it makes."""
    datasets: Mapping[str, Dataset]
    """Pinned data by role (``train``, ``valid``, or a build's inputs)."""
    params: Mapping[str, Any]
    """Parameters, as given by ``lamp.toml`` and ``-p key=value``."""
    seed: int
    """Seed for every random number that the command draws."""
    as_of: datetime.datetime
    """The instant, in UTC, that relative ranges count from."""
    task: str | None = None
    """``binary``, ``multiclass`` or ``regression``; none for builds."""
    project: str | None = None
    commit: str | None = None
    """Full hash of the commit that runs; none in a scratch run."""
    target_sql: str | None = None
    """The target as ``lamp.toml`` writes it, for example ``arr_delay >= 15``."""
    tiny: Tiny | None = None
    """Set when a test asks for a fit of a tiny batch; see :class:`Tiny`."""
    is_scratch: bool = False
    """Whether nothing of this run will be registered."""

    @property
    def model_dir(self) -> Path:
        """Where the model package goes."""
        return self.folder / "model"

    @property
    def predictions_dir(self) -> Path:
        """Where the command may leave predictions, in any form."""
        folder = self.folder / "predictions"
        folder.mkdir(exist_ok=True)
        return folder

    def dataset(self, role: str) -> Dataset:
        """Get the data pinned under ``role``."""
        found = self.datasets.get(role)
        if found is not None:
            return found
        if self.is_scratch:
            raise RunError(
                f"a scratch run has no dataset `{role}`; give it files:"
                f" lamplighter.scratch(datasets={{'{role}': 'data/*.parquet'}}), or"
                f" python -m lamplighter --dataset {role}='data/*.parquet' MODULE"
            )
        known = ", ".join(sorted(self.datasets)) or "none"
        raise RunError(f"the run has no dataset `{role}`; it has: {known}")

    def param(self, name: str, default: T) -> T:
        """Get a parameter, or ``default`` when none was given.

        The value has the default's type: a whole number will do for a float, and
        anything else is refused.
        """
        if name not in self.params:
            return default
        value = self.params[name]
        if isinstance(default, float) and type(value) is int:
            value = float(value)
        if default is not None and type(value) is not type(default):
            raise RunError(
                f"parameter `{name}` is {value!r}; it must be of type"
                f" {type(default).__name__}, like its default {default!r}"
            )
        chosen: T = value
        return chosen

    def log(self, step: int | None = None, **values: Any) -> None:
        """Append one line to the run's metrics, for curves and for a look later.

        A number that is not finite is written as null. The metrics that decide about
        a model are not these: Lamplighter computes them itself.
        """
        line: dict[str, Any] = {} if step is None else {"step": int(step)}
        line.update(values)
        if not line:
            return
        data = to_json(line) + b"\n"
        # One write to a file opened for appending: lines of several processes of a
        # run do not mix, and a reader sees whole lines.
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT
        handle = os.open(self.folder / "metrics.jsonl", flags, 0o644)
        try:
            os.write(handle, data)
        finally:
            os.close(handle)
        if self.is_scratch:
            print(data.decode().rstrip(), file=sys.stderr, flush=True)

    def output_path(self, partition: str, suffix: str = ".parquet") -> Path:
        """Say where a build writes the file of ``partition`` (``2013-01-01``)."""
        if not _PARTITION.fullmatch(partition):
            raise RunError(
                f"`{partition}` is not a partition; write a day (2013-01-31) or a"
                " month (2013-01)"
            )
        folder = self.folder / "dataset"
        folder.mkdir(exist_ok=True)
        return folder / f"{partition}{suffix}"

    def save_python(
        self,
        *,
        entry: str,
        inputs: Sequence[Field],
        outputs: Sequence[Field],
        golden_rows: Sequence[Mapping[str, Any]],
        answers: Sequence[Mapping[str, Any]] | None = None,
        files: Mapping[str, Content] | None = None,
        tolerance: float = 1e-6,
        task: str | None = None,
    ) -> Path:
        """Save a package that a Python class brings to life.

        ``entry`` is ``module:Class``; the class is built with the package's folder
        and answers ``predict(columns)``. ``files`` are put beside ``model.json``:
        bytes, or paths to copy. The entry is loaded from the package and asked the
        golden rows; its answers must be ``answers``, where those are given, within
        ``tolerance``, and become the golden answers where they are not.

        Returns the package's folder.
        """
        flavour = {"flavour": "python", "entry": entry}
        self._prepare_model_dir(files or {})
        predictor = build_predictor(entry, self.model_dir)
        signature = {
            "inputs": [field.to_dict() for field in inputs],
            "outputs": [field.to_dict() for field in outputs],
        }
        found = answer_rows(predictor, signature, golden_rows)
        package = self._package(
            flavour,
            inputs,
            outputs,
            golden_rows,
            found if answers is None else answers,
            tolerance,
            task,
        )
        package.check()
        _compare(package.answers, found, tolerance)
        return self._finish(package)

    def save_onnx(
        self,
        model: bytes,
        *,
        inputs: Sequence[Field],
        outputs: Sequence[Field],
        golden_rows: Sequence[Mapping[str, Any]],
        answers: Sequence[Mapping[str, Any]],
        file: str = "model.onnx",
        files: Mapping[str, Content] | None = None,
        tolerance: float = 1e-5,
        task: str | None = None,
    ) -> Path:
        """Save a package that is an ONNX graph.

        The graph's inputs are named as ``inputs``, each of shape ``[rows, 1]``.
        ``answers`` are what the model in Python says of the golden rows; the graph is
        held to them before anyone can approve it.

        Returns the package's folder.
        """
        self._prepare_model_dir({**(files or {}), file: model})
        package = self._package(
            {"flavour": "onnx", "file": file},
            inputs,
            outputs,
            golden_rows,
            answers,
            tolerance,
            task,
        )
        return self._finish(package)

    def save_upstream(
        self,
        url: str,
        model: str,
        *,
        inputs: Sequence[Field],
        outputs: Sequence[Field],
        golden_rows: Sequence[Mapping[str, Any]],
        answers: Sequence[Mapping[str, Any]] | None = None,
        tolerance: float = 1e-5,
        task: str | None = None,
    ) -> Path:
        """Save a package that ``model`` of the server at the base address ``url`` answers.

        The golden answers are ``answers`` or, where those are left out, what the server
        says now.

        Returns the package's folder.
        """
        self._prepare_model_dir({})
        if answers is None:
            answers = ask_rows(url, model, inputs, outputs, golden_rows)
        flavour = {"flavour": "upstream", "url": url, "model": model}
        return self._finish(
            self._package(
                flavour, inputs, outputs, golden_rows, answers, tolerance, task
            )
        )

    def _prepare_model_dir(self, files: Mapping[str, Content]) -> None:
        if self.kind != "train":
            raise RunError(f"a run of kind `{self.kind}` cannot save a model")
        if (self.model_dir / PACKAGE_FILE).exists():
            if not self.is_scratch:
                raise RunError("the run has saved its model already")
            shutil.rmtree(self.model_dir)
        write_files(self.model_dir, files)

    def _finish(self, package: Package) -> Path:
        write_description(self.model_dir, package)
        if self.is_scratch:
            print(f"lamplighter: scratch model in {self.model_dir}", file=sys.stderr)
        return self.model_dir

    def _package(
        self,
        flavour: Mapping[str, str],
        inputs: Sequence[Field],
        outputs: Sequence[Field],
        golden_rows: Sequence[Mapping[str, Any]],
        answers: Sequence[Mapping[str, Any]],
        tolerance: float,
        task: str | None,
    ) -> Package:
        if task is not None and self.task is not None and task != self.task:
            raise RunError(f"the run's task is `{self.task}`, not `{task}`")
        chosen = task or self.task
        if chosen is None:
            raise RunError("a scratch run needs `task=` to save a model")
        return Package(
            task=chosen,
            flavour=flavour,
            inputs=tuple(inputs),
            outputs=tuple(outputs),
            golden_rows=tuple(golden_rows),
            answers=tuple(answers),
            tolerance=float(tolerance),
        )


def current_run() -> Run:
    """Get the run of this process.

    In a command that ``lamp`` started it is the run in ``LAMP_RUN``; anywhere else a
    scratch run, which registers nothing and says so on stderr.
    """
    global _current
    if _current is None:
        folder = os.environ.get(VARIABLE)
        _current = _read(Path(folder)) if folder else _scratch_run()
    return _current


def scratch(
    datasets: Mapping[str, str | Path | Sequence[str | Path]] | None = None,
    *,
    params: Mapping[str, Any] | None = None,
    task: str | None = None,
    target: str | None = None,
    seed: int = 0,
    kind: str = "train",
    name: str = "scratch",
    folder: str | Path | None = None,
    tiny: Tiny | None = None,
) -> Run:
    """Start a scratch run with files given by hand, and make it the current one.

    ``datasets`` maps a role to a glob, a path, or several. Outputs go to ``folder``,
    else to a new temporary folder; ``tiny`` asks for a tiny fit. Refused inside a run of Lamplighter, where data
    and parameters are pinned.
    """
    global _current
    if os.environ.get(VARIABLE):
        raise RunError("this is a run of Lamplighter; its data is pinned in run.json")
    chosen = {role: _by_hand(role, given) for role, given in (datasets or {}).items()}
    _current = _scratch_run(
        datasets=chosen,
        params=dict(params or {}),
        task=task,
        target=target,
        seed=seed,
        kind=kind,
        name=name,
        folder=folder,
        tiny=tiny,
    )
    return _current


def _scratch_run(
    *,
    datasets: Mapping[str, Dataset] | None = None,
    params: Mapping[str, Any] | None = None,
    task: str | None = None,
    target: str | None = None,
    seed: int = 0,
    kind: str = "train",
    name: str = "scratch",
    folder: str | Path | None = None,
    tiny: Tiny | None = None,
) -> Run:
    if kind not in ("train", "build"):
        raise RunError(f"the kind is `{kind}`; it must be train or build")
    place = Path(folder or tempfile.mkdtemp(prefix="lamp-scratch-")).resolve()
    place.mkdir(parents=True, exist_ok=True)
    print(
        f"lamplighter: scratch run in {place}: nothing is registered;"
        " `lamp train` makes a run that counts",
        file=sys.stderr,
        flush=True,
    )
    return Run(
        folder=place,
        id="scratch",
        kind=kind,
        name=name,
        datasets=dict(datasets or {}),
        params=dict(params or {}),
        seed=seed,
        as_of=datetime.datetime.now(datetime.timezone.utc),
        task=task,
        target_sql=target,
        tiny=tiny,
        is_scratch=True,
    )


def _by_hand(role: str, given: str | Path | Sequence[str | Path]) -> Dataset:
    patterns = [given] if isinstance(given, (str, Path)) else list(given)
    paths = sorted({name for one in patterns for name in glob.glob(str(one))})
    if not paths:
        named = ", ".join(str(one) for one in patterns)
        raise RunError(f"no file matches {named} (dataset `{role}`)")
    files = []
    for name in paths:
        path = Path(name).resolve()
        partition = _PARTITION.search(path.name)
        files.append(
            DataFile(path, path.name, partition.group() if partition else None)
        )
    partitions = sorted({file.partition for file in files if file.partition})
    return Dataset(role, "scratch", None, tuple(files), partitions=tuple(partitions))


def _read(folder: Path) -> Run:
    path = folder / "run.json"
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RunError(
            f"{VARIABLE} says {folder}, but {path} cannot be read: {error.strerror}"
        ) from error
    except ValueError as error:
        raise RunError(f"{path} is not JSON: {error}") from error
    if not isinstance(given, dict):
        raise RunError(f"{path} is not a run: it is no JSON object")
    protocol = given.get("protocol")
    if protocol != PROTOCOL:
        raise RunError(
            f"{path} speaks protocol {protocol}, this package {PROTOCOL}; use the"
            " lamplighter package that came with `lamp`"
        )
    try:
        return _parse(folder, given)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RunError(f"{path} is not a run: {error!r}") from error


def _parse(folder: Path, given: Mapping[str, Any]) -> Run:
    tiny = given.get("tiny")
    return Run(
        folder=folder,
        id=given["run"],
        kind=given["kind"],
        name=given["name"],
        datasets={
            role: _parse_dataset(role, one) for role, one in given["datasets"].items()
        },
        params=dict(given.get("params") or {}),
        seed=int(given["seed"]),
        as_of=parse_instant(given["as_of"]),
        task=given.get("task"),
        project=given.get("project"),
        commit=given.get("commit"),
        target_sql=(given.get("target") or {}).get("sql"),
        tiny=parse_tiny(tiny) if tiny else None,
    )


def _parse_dataset(role: str, given: Mapping[str, Any]) -> Dataset:
    files = tuple(
        DataFile(
            Path(file["path"]), file["name"], file.get("partition"), file.get("rows")
        )
        for file in given["files"]
    )
    return Dataset(
        role=role,
        dataset=given["dataset"],
        version=given["version"],
        files=files,
        digest=given.get("digest"),
        slice=given.get("slice"),
        partitions=tuple(given.get("partitions") or ()),
    )


def parse_instant(text: str) -> datetime.datetime:
    """Parse an RFC 3339 instant; digits below a microsecond are cut off."""
    found = re.fullmatch(r"(.+?)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)", text)
    if not found:
        raise ValueError(f"`{text}` is not an instant such as 2013-04-01T04:00:00Z")
    whole, fraction, zone = found.groups()
    offset = "+00:00" if zone == "Z" else zone
    micros = f".{fraction[:6]:0<6}" if fraction else ""
    instant = datetime.datetime.fromisoformat(f"{whole}{micros}{offset}")
    return instant.astimezone(datetime.timezone.utc)


def _compare(
    expected: Sequence[Mapping[str, Any]],
    found: Sequence[Mapping[str, Any]],
    tolerance: float,
) -> None:
    for index, (want, got) in enumerate(zip(expected, found, strict=True)):
        for name, value in want.items():
            if not _is_close(value, got[name], tolerance):
                raise PackageError(
                    f"golden row {index}: the package answers {name} ="
                    f" {got[name]!r}, training says {value!r}"
                )


def _is_close(want: Any, got: Any, tolerance: float) -> bool:
    want, got = to_plain(want), to_plain(got)
    if isinstance(want, list) and isinstance(got, list):
        return len(want) == len(got) and all(
            _is_close(a, b, tolerance) for a, b in zip(want, got, strict=True)
        )
    is_number = isinstance(want, (int, float)) and isinstance(got, (int, float))
    return abs(want - got) <= tolerance if is_number else bool(want == got)
