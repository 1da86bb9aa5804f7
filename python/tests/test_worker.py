"""The worker, as a process of its own on a real socket."""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import GOLDEN

MOODY = """
import sys
print("importing")

class Predictor:
    def __init__(self, package):
        sys.stdin.read()
        self.calls = 0

    def predict(self, columns):
        print("predicting", len(columns["carrier"]))
        self.calls += 1
        mood = columns["carrier"][0]
        if mood == "raise":
            raise ValueError("what a day" * 1000)
        if mood == "exit":
            sys.exit(3)
        if mood == "short":
            return {"probability": []}
        if mood == "forget":
            return {}
        if mood == "list":
            return [0.5]
        if mood == "object":
            return {"probability": [object()]}
        if mood == "infinite":
            return {"probability": [float("inf")], "extra": object()}
        if mood == "scalar":
            return {"probability": 0.5}
        if mood == "tuple":
            return {"probability": (0.5,)}
        if mood == "numpy":
            import numpy
            return {"probability": numpy.array([0.5], dtype=numpy.float32)}
        if mood == "missing":
            temp = columns["temp"][0]
            return {"probability": [1.0 if temp != temp else 0.0]}
        return {"probability": [0.25] * len(columns["carrier"])}
"""


class Worker:
    """A worker process and this end of its socket."""

    def __init__(self, package: Path, project: Path) -> None:
        """Start a worker and wait until it connects."""
        self.folder = tempfile.TemporaryDirectory(prefix="w-", dir="/tmp")
        path = f"{self.folder.name}/worker.sock"
        self.log = Path(self.folder.name, "log.txt")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen()
        listener.settimeout(30)
        sdk = str(Path(__file__).parents[1])
        command = [sys.executable, "-m", "lamplighter.worker"]
        command += ["--socket", path, "--package", str(package)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=project,
                env={**os.environ, "PYTHONPATH": f"{project}:{sdk}"},
                stdout=log,
                stderr=log,
            )
        self.connection, _ = listener.accept()
        self.connection.settimeout(30)
        listener.close()

    def send(self, message: object) -> None:
        """Send one frame."""
        body = json.dumps(message).encode()
        self.connection.sendall(struct.pack(">I", len(body)) + body)

    def receive(self) -> Any:
        """Receive one frame."""
        (length,) = struct.unpack(">I", self._exactly(4))
        return json.loads(self._exactly(length))

    def _exactly(self, length: int) -> bytes:
        data = b""
        while len(data) < length:
            part = self.connection.recv(length - len(data))
            assert part, f"the worker closed the socket: {self.log.read_text()}"
            data += part
        return data

    def ask(self, mood: str, temp: float | None = 1.0, frame: int = 7) -> Any:
        """Ask about one row."""
        columns = {"carrier": [mood], "distance": [1], "temp": [temp]}
        self.send({"type": "predict", "id": frame, "rows": 1, "columns": columns})
        return self.receive()

    def close(self) -> None:
        """End the process, whatever state it is in."""
        self.connection.close()
        self.process.kill()
        self.process.wait(30)
        self.folder.cleanup()


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Make the golden package."""
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "model.json").write_bytes((GOLDEN / "model-python.json").read_bytes())
    (folder / "share.txt").write_text("0.25")
    return folder


@pytest.fixture
def start(package: Path, project: Path) -> Iterator[Any]:
    """Start workers that are ended after the test."""
    workers: list[Worker] = []

    def begin(serving: str | None = None) -> Worker:
        if serving is not None:
            (project / "shop" / "serve.py").write_text(serving)
        workers.append(Worker(package, project))
        return workers[-1]

    yield begin
    for worker in workers:
        worker.close()


def test_the_golden_exchange(start: Any) -> None:
    worker = start()
    for turn in json.loads((GOLDEN / "frames.json").read_text())["exchange"]:
        if "send" in turn:
            worker.send(turn["send"])
        if "receive" in turn:
            expected, received = turn["receive"], worker.receive()
            if expected.get("pid") == "<pid>":
                assert received.pop("pid") == worker.process.pid
                expected.pop("pid")
            assert received == expected
    assert worker.process.wait(30) == 0


@pytest.mark.parametrize(
    ("mood", "message"),
    [
        ("raise", "ValueError: what a day"),
        ("exit", "SystemExit: 3"),
        ("short", "output `probability` has 0 values, not 1"),
        ("forget", "left out the output `probability`"),
        ("list", "must return a dict"),
        ("object", "a `object` cannot be written as JSON"),
    ],
)
def test_an_error_is_answered_and_the_worker_lives(
    start: Any, mood: str, message: str
) -> None:
    worker = start(MOODY)
    assert worker.receive()["type"] == "ready"
    error = worker.ask(mood, frame=8)
    assert (error["type"], error["id"]) == ("error", 8)
    assert message in error["message"]
    assert len(error["message"]) <= 2_000
    assert "Traceback" in error["traceback"] or len(error["traceback"]) == 16_000
    assert worker.ask("calm")["outputs"] == {"probability": [0.25]}


def test_answers_of_all_kinds(start: Any) -> None:
    worker = start(MOODY)
    worker.receive()
    assert worker.ask("infinite")["outputs"] == {"probability": [None]}
    assert worker.ask("scalar")["outputs"] == {"probability": [0.5]}
    assert worker.ask("tuple")["outputs"] == {"probability": [0.5]}
    assert worker.ask("missing", None)["outputs"] == {"probability": [1.0]}
    assert worker.ask("missing", 3.0)["outputs"] == {"probability": [0.0]}


def test_numpy_answers(start: Any) -> None:
    pytest.importorskip("numpy")
    worker = start(MOODY)
    worker.receive()
    assert worker.ask("numpy")["outputs"] == {"probability": [0.5]}


def test_what_the_model_prints_goes_to_the_log(start: Any) -> None:
    worker = start(MOODY)
    worker.receive()
    worker.ask("calm")
    assert worker.log.read_text() == "importing\npredicting 2\npredicting 1\n"


@pytest.mark.parametrize(
    ("serving", "message"),
    [
        ("import nothing_of_this_name", "ModuleNotFoundError"),
        ("class Other: pass", "has no `Predictor`"),
        ("class Predictor:\n def __init__(self, p): pass", "has no method `predict`"),
        ("class Predictor:\n def __init__(self, p): raise OSError('gone')", "gone"),
        (
            "class Predictor:\n def __init__(self, p): pass\n"
            " def predict(self, columns): return {}",
            "left out the output",
        ),
    ],
)
def test_a_package_that_does_not_load_is_reported(
    start: Any, serving: str, message: str
) -> None:
    worker = start(serving)
    failed = worker.receive()
    assert failed["type"] == "failed"
    assert message in failed["message"]
    assert "Traceback" in failed["traceback"]
    assert worker.process.wait(30) == 1
    assert message in worker.log.read_text()


def test_the_worker_ends_with_the_socket(start: Any) -> None:
    worker = start()
    worker.receive()
    worker.connection.close()
    assert worker.process.wait(30) == 0


def test_the_worker_ends_though_a_thread_of_the_model_does_not(start: Any) -> None:
    worker = start(
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=[600]).start()\n" + MOODY
    )
    worker.receive()
    worker.send({"type": "stop"})
    assert worker.process.wait(30) == 0


def test_the_worker_ends_in_the_middle_of_a_frame(start: Any) -> None:
    worker = start()
    worker.receive()
    worker.connection.sendall(struct.pack(">I", 100) + b"{")
    worker.connection.close()
    assert worker.process.wait(30) == 0


def test_sigterm_ends_cleanly_and_ctrl_c_is_left_to_lamplighter(start: Any) -> None:
    worker = start()
    worker.receive()
    worker.process.send_signal(signal.SIGINT)
    worker.send({"type": "ping", "id": 1})
    assert worker.receive() == {"type": "pong", "id": 1}
    worker.process.send_signal(signal.SIGTERM)
    assert worker.process.wait(30) == 0
    assert worker.log.read_text() == ""


def test_an_unknown_frame_is_an_error(start: Any) -> None:
    worker = start()
    worker.receive()
    worker.send({"type": "dance", "id": 4})
    error = worker.receive()
    assert (error["type"], error["id"]) == ("error", 4)


@pytest.mark.parametrize(
    "data", [struct.pack(">I", 1 << 31), struct.pack(">I", 2) + b"[]"]
)
def test_what_is_no_frame_ends_the_worker(start: Any, data: bytes) -> None:
    worker = start()
    worker.receive()
    worker.connection.sendall(data)
    assert worker.process.wait(30) == 1
    assert "a frame" in worker.log.read_text()
