"""What all tests use."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))

from lamplighter import run as run_module  # noqa: E402

GOLDEN = Path(__file__).parent / "golden"
SERVING = """
class Predictor:
    def __init__(self, package):
        self.share = float((package / "share.txt").read_text())

    def predict(self, columns):
        return {"probability": [
            self.share if temp == temp else 2 * self.share for temp in columns["temp"]
        ]}
"""


@pytest.fixture(autouse=True)
def fresh_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Give each test a process without a run, temporary files of its own."""
    monkeypatch.delenv("LAMP_RUN", raising=False)
    monkeypatch.setattr(run_module, "_current", None)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    modules = set(sys.modules)
    yield
    for name in set(sys.modules) - modules:
        if name.split(".")[0] == "shop":
            del sys.modules[name]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a project folder with serving code, importable."""
    folder = tmp_path / "project"
    (folder / "shop").mkdir(parents=True)
    (folder / "shop" / "__init__.py").write_text("")
    (folder / "shop" / "serve.py").write_text(SERVING)
    monkeypatch.syspath_prepend(str(folder))
    return folder
