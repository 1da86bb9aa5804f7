"""Values of numerical libraries as plain JSON."""

import datetime
import decimal
import json

import pytest
from lamplighter.files import is_plain_name, write_atomically
from lamplighter.values import to_json, to_plain


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (float("nan"), None),
        (float("-inf"), None),
        ((1, 2.5, None, True, "ä"), [1, 2.5, None, True, "ä"]),
        (decimal.Decimal("0.5"), 0.5),
        (decimal.Decimal("NaN"), None),
        ({1: (2,)}, {"1": [2]}),
        (datetime.date(2013, 1, 2), "2013-01-02"),
    ],
)
def test_plain_values(value: object, plain: object) -> None:
    assert to_plain(value) == plain


def test_numpy_and_pandas() -> None:
    numpy = pytest.importorskip("numpy")
    pandas = pytest.importorskip("pandas")
    floats = numpy.array([[0.5, numpy.nan]], dtype=numpy.float32)
    assert to_plain(floats) == [[0.5, None]]
    assert to_plain([numpy.int64(3), numpy.bool_(True), numpy.str_("x")]) == [
        3,
        True,
        "x",
    ]
    series = pandas.Series([1, None], dtype="Int64")
    assert to_plain(series) == [1, None]
    assert to_plain(pandas.NaT) is None
    assert json.loads(to_json(numpy.array(["a", None], dtype=object))) == ["a", None]


def test_what_is_no_value_is_named() -> None:
    with pytest.raises(TypeError, match="a `object` cannot be written as JSON"):
        to_plain(object())
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(TypeError, match="nested deeper"):
        to_plain(loop)


def test_a_lone_surrogate_does_not_lose_the_answer() -> None:
    assert to_json("a\ud800") == b'"a?"'


@pytest.mark.parametrize("name", ["", "/etc/x", "..", "a/../b", "a//b", "a\\b", "a\0"])
def test_names_that_leave_their_folder(name: str) -> None:
    assert not is_plain_name(name)
    assert is_plain_name("weights/part-0.bin")


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "model.json"
    write_atomically(path, b"old")

    def full(*_arguments: object) -> None:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="no space"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.json"]
