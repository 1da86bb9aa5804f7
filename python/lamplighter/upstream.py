"""Ask a server that speaks the Open Inference Protocol, version 2."""

import json
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

from lamplighter.errors import PackageError
from lamplighter.package import Field, columns_of

#: Seconds to wait for the server.
ANSWER_WITHIN = 30.0


def ask_rows(
    url: str,
    model: str,
    inputs: Sequence[Field],
    outputs: Sequence[Field],
    rows: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Ask ``model`` at the base address ``url`` about ``rows``, as serving will.

    Returns a row of outputs for each. Raises ``PackageError`` when the server does not
    answer, or answers something else than ``outputs``.
    """
    fields = [field.to_dict() for field in inputs]
    columns = columns_of(rows, fields)
    body = {
        "inputs": [
            {
                "name": _tensor(field),
                "shape": [len(rows), *field.get("shape", [])],
                "datatype": field["datatype"],
                "data": _flat(columns[field["name"]]),
            }
            for field in fields
        ],
        "outputs": [{"name": _tensor(field.to_dict())} for field in outputs],
    }
    address = f"{url.rstrip('/')}/v2/models/{model}/infer"
    request = urllib.request.Request(
        address,
        data=json.dumps(body).encode(),
        headers={"content-type": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_WITHIN) as response:
            answer = json.load(response)
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise PackageError(f"{address} does not answer: {error}") from error
    tensors = {tensor["name"]: tensor for tensor in answer.get("outputs", [])}
    found = [_values(field.to_dict(), tensors, len(rows)) for field in outputs]
    names = [field.name for field in outputs]
    return [dict(zip(names, row)) for row in zip(*found)]


def _values(field: dict[str, Any], tensors: Any, rows: int) -> list[Any]:
    tensor = tensors.get(_tensor(field))
    if tensor is None:
        raise PackageError(f"the server gives no output `{_tensor(field)}`")
    flat = _flat(tensor["data"])
    width, rest = divmod(len(flat), rows)
    if rest:
        raise PackageError(
            f"the server gives {len(flat)} values of `{_tensor(field)}`"
            f" for {rows} rows"
        )
    per_row = [flat[row * width : (row + 1) * width] for row in range(rows)]
    column = field.get("source", {}).get("column")
    if column is not None:
        return [values[column] for values in per_row]
    return per_row if field.get("shape") else [values[0] for values in per_row]


def _tensor(field: Mapping[str, Any]) -> str:
    source = field.get("source") or {}
    return str(source.get("tensor", field["name"]))


def _flat(values: Any) -> list[Any]:
    if not isinstance(values, list):
        return [values]
    return [value for item in values for value in _flat(item)]
