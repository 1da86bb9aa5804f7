"""Runs: what `lamp` hands over, what a command leaves, and scratch runs."""

import datetime
import json
import os
import subprocess
import sys
from pathlib import Path

import lamplighter
import pytest
from conftest import GOLDEN
from lamplighter import Field, PackageError, RunError, TensorSource

INPUTS = [
    Field("carrier", "BYTES", classes=("UA", "AA")),
    Field("distance", "INT64", min=0),
    Field("temp", "FP64", nullable=True, min=-60, max=130),
]
OUTPUTS = [Field("probability", "FP64", min=0, max=1)]
ROWS = [
    {"carrier": "UA", "distance": 1400, "temp": 39.0},
    {"carrier": "AA", "distance": 1089, "temp": float("nan")},
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a run folder and put this process into it."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "run.json").write_bytes((GOLDEN / "run-train.json").read_bytes())
    monkeypatch.setenv("LAMP_RUN", str(folder))
    return folder


def test_a_training_run_is_read_whole(folder: Path) -> None:
    run = lamplighter.current_run()
    assert (run.kind, run.name, run.task, run.project) == (
        "train",
        "delay",
        "binary",
        "delay",
    )
    assert run.seed == 42
    assert run.target_sql == "arr_delay >= 15"
    assert run.commit == "3f786850e387550fdab836ed7e6dc881de23001b"
    instant = datetime.datetime(2013, 4, 1, 4, 0, 0, 123456, datetime.timezone.utc)
    assert run.as_of == instant
    assert run.model_dir == folder / "model"
    train = run.dataset("train")
    assert (train.dataset, train.version, train.rows) == ("trips", 3, 1785)
    assert train.paths == [Path("/store/cache/aa01"), Path("/store/cache/aa02")]
    assert train.files[1].partition == "2013-01-02"
    assert run.dataset("valid").rows is None
    assert not run.is_scratch
    assert lamplighter.current_run() is run


def test_a_build_writes_a_file_a_partition(folder: Path) -> None:
    (folder / "run.json").write_bytes((GOLDEN / "run-build.json").read_bytes())
    run = lamplighter.current_run()
    assert run.tiny == lamplighter.Tiny(rows=32, steps=200, seed=0, capacity="high")
    assert run.target_sql is None
    path = run.output_path("2013-01-01")
    assert path == folder / "dataset" / "2013-01-01.parquet"
    assert path.parent.is_dir()
    with pytest.raises(RunError, match="not a partition"):
        run.output_path("../2013-01-01")


def test_a_missing_dataset_names_those_that_are_there(folder: Path) -> None:
    with pytest.raises(RunError, match="has no dataset `test`; it has: train, valid"):
        lamplighter.current_run().dataset("test")


def test_a_parameter_has_the_type_of_its_default(folder: Path) -> None:
    run = lamplighter.current_run()
    assert run.param("max_iter", 10) == 200
    rate = run.param("learning_rate", 0.1)
    assert (rate, type(rate)) == (1.0, float)
    assert run.param("depth", 6) == 6
    with pytest.raises(RunError, match="`note` is 'first'; it must be of type int"):
        run.param("note", 3)


def test_metrics_are_lines_that_a_reader_sees_at_once(folder: Path) -> None:
    run = lamplighter.current_run()
    run.log(step=1, loss=0.5)
    metrics = folder / "metrics.jsonl"
    assert metrics.read_text() == '{"step":1,"loss":0.5}\n'
    run.log(step=2, loss=float("nan"), note="näh")
    assert metrics.read_text().splitlines()[1] == '{"step":2,"loss":null,"note":"näh"}'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ('{"protocol": 2}', "speaks protocol 2, this package 1"),
        ('{"protocol": 1}', "is not a run"),
        ("[]", "is not a run"),
    ],
)
def test_a_folder_that_is_no_run_is_refused(
    folder: Path, text: str, message: str
) -> None:
    (folder / "run.json").write_text(text)
    with pytest.raises(RunError, match=message):
        lamplighter.current_run()


def test_a_python_package_is_the_golden_one(folder: Path, project: Path) -> None:
    share = project / "trained.txt"
    share.write_text("0.25")
    lamplighter.current_run().save_python(
        entry="shop.serve:Predictor",
        inputs=INPUTS,
        outputs=OUTPUTS,
        golden_rows=ROWS,
        files={"share.txt": share},
    )
    written = (folder / "model" / "model.json").read_text()
    assert written == (GOLDEN / "model-python.json").read_text()
    names = sorted(path.name for path in (folder / "model").iterdir())
    assert names == ["model.json", "share.txt"]
    with pytest.raises(RunError, match="has saved its model already"):
        lamplighter.current_run().save_onnx(
            b"", inputs=INPUTS, outputs=OUTPUTS, golden_rows=ROWS, answers=[]
        )


def test_an_onnx_package_is_the_golden_one(folder: Path) -> None:
    given = json.loads((folder / "run.json").read_text()) | {"task": "multiclass"}
    (folder / "run.json").write_text(json.dumps(given))
    lamplighter.current_run().save_onnx(
        b"graph",
        inputs=[Field("pixels", "FP32", shape=(4,))],
        outputs=[
            Field(
                "digit",
                "FP32",
                shape=(3,),
                min=0,
                max=1,
                classes=(0, 1, 2),
                source=TensorSource("probabilities"),
            )
        ],
        golden_rows=[{"pixels": [0.0, 0.5, 1.0, 0.0]}],
        answers=[{"digit": [0.25, 0.5, 0.25]}],
    )
    written = (folder / "model" / "model.json").read_text()
    assert written == (GOLDEN / "model-onnx.json").read_text()
    assert (folder / "model" / "model.onnx").read_bytes() == b"graph"


def test_a_package_that_answers_otherwise_than_training_is_not_finished(
    folder: Path, project: Path
) -> None:
    with pytest.raises(PackageError, match="golden row 1: .* training says 0.4"):
        lamplighter.current_run().save_python(
            entry="shop.serve:Predictor",
            inputs=INPUTS,
            outputs=OUTPUTS,
            golden_rows=ROWS,
            answers=[{"probability": 0.25}, {"probability": 0.4}],
            files={"share.txt": b"0.25"},
        )
    assert not (folder / "model" / "model.json").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"golden_rows": []}, "needs 1 to 1000 golden rows"),
        ({"answers": []}, "2 golden rows have 0 answers"),
        ({"inputs": INPUTS[:2]}, "golden row 0 has `temp`, which the signature lacks"),
        ({"inputs": [*INPUTS, INPUTS[0]]}, "input `carrier` is there twice"),
        ({"outputs": []}, "at least one output"),
        ({"golden_rows": [{"distance": 3}] * 2}, "no finite value for `carrier`"),
        ({"answers": [{"probability": float("inf")}] * 2}, "no finite value"),
        ({"files": {"../x": b""}}, "cannot be the name of a package's file"),
        ({"file": "model.json"}, "cannot be the name of a package's file"),
        ({"task": "regression"}, "the run's task is `binary`, not `regression`"),
    ],
)
def test_a_package_that_contradicts_itself_is_refused(
    folder: Path, change: dict[str, object], message: str
) -> None:
    given: dict[str, object] = {
        "inputs": INPUTS,
        "outputs": OUTPUTS,
        "golden_rows": ROWS,
        "answers": [{"probability": 0.5}] * 2,
    }
    with pytest.raises((PackageError, RunError), match=message):
        lamplighter.current_run().save_onnx(b"graph", **(given | change))  # type: ignore
    assert not (folder / "model" / "model.json").exists()


def test_a_field_that_cannot_be_is_refused() -> None:
    with pytest.raises(PackageError, match="has the datatype `float`"):
        Field("x", "float")
    with pytest.raises(PackageError, match="min above its max"):
        Field("x", "FP64", min=1, max=0)


def test_without_a_run_nothing_is_registered_and_stderr_says_so(
    tmp_path: Path, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = lamplighter.current_run()
    assert run.is_scratch and run.commit is None
    assert tmp_path in run.folder.parents
    run.log(step=1, loss=0.5)
    for _ in range(2):
        run.save_python(
            entry="shop.serve:Predictor",
            inputs=INPUTS,
            outputs=OUTPUTS,
            golden_rows=ROWS,
            files={"share.txt": b"0.25"},
            task="binary",
        )
    stderr = capsys.readouterr().err
    assert "nothing is registered" in stderr
    assert '{"step":1,"loss":0.5}' in stderr
    with pytest.raises(RunError, match="a scratch run has no dataset `train`"):
        run.dataset("train")


def test_scratch_data_comes_from_globs(tmp_path: Path) -> None:
    for day in ("2013-01-02", "2013-01-01"):
        (tmp_path / f"{day}.csv").write_text("a\n1\n")
    run = lamplighter.scratch(datasets={"train": f"{tmp_path}/*.csv"}, target="a > 0")
    assert lamplighter.current_run() is run
    files = run.dataset("train").files
    assert [file.partition for file in files] == ["2013-01-01", "2013-01-02"]
    with pytest.raises(RunError, match="no file matches"):
        lamplighter.scratch(datasets={"train": f"{tmp_path}/*.parquet"})


def test_a_run_cannot_be_made_a_scratch_run(folder: Path) -> None:
    with pytest.raises(RunError, match="its data is pinned"):
        lamplighter.scratch(datasets={})


def test_a_module_is_tried_from_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "day.csv").write_text("a\n1\n")
    (tmp_path / "fit.py").write_text(
        "import lamplighter\n"
        "run = lamplighter.current_run()\n"
        "print(run.param('depth', 3), run.target_sql, len(run.dataset('train').files))\n"
    )
    command = [sys.executable, "-m", "lamplighter", "--dataset", "train=*.csv"]
    command += ["-p", "depth=5", "--target", "a > 0", "fit"]
    path = str(Path(__file__).parents[1])
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "5 a > 0 1\n"), done.stderr


def test_frames_are_read_by_the_name_of_the_file(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    files = []
    for day, values in (("01", [1.5, 2.5]), ("02", [None, None])):
        blob = tmp_path / f"blob{day}"
        frame = pandas.DataFrame({"x": values, "y": ["a", "b"]})
        if day == "02":
            frame["x"] = frame["x"].astype(object)
        frame.to_parquet(blob)
        files.append(lamplighter.DataFile(blob, f"2013-01-{day}.parquet"))
    dataset = lamplighter.Dataset("train", "trips", 1, tuple(files))
    frame = dataset.to_pandas(["y", "x"])
    assert list(frame.columns) == ["y", "x"]
    assert frame["x"].tolist()[:2] == [1.5, 2.5]
    assert frame["x"].isna().sum() == 2
    assert list(frame.index) == [0, 1, 2, 3]
    with pytest.raises(RunError, match="has no column z"):
        dataset.to_pandas(["x", "z"])


def test_the_version_is_the_one_of_the_workspace() -> None:
    manifest = (Path(__file__).parents[2] / "Cargo.toml").read_text()
    assert (
        f'version = "{lamplighter.__version__}"' in manifest.split("[workspace.dep")[0]
    )
