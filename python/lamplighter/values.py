"""Values of numerical libraries as plain JSON, without importing any of them."""

import datetime
import decimal
import json
import math
from collections.abc import Mapping
from typing import Any

NESTING_MAX = 8
"""How deep a value may be nested; more is a mistake."""


def to_plain(value: Any, depth: int = 0) -> Any:
    """Turn ``value`` into what JSON can say.

    Arrays, series and scalars of numpy, pandas, torch and their kin become lists
    and numbers (through their ``tolist`` or ``item``); a number that is not finite
    and pandas' missing values become ``None``.

    Raises ``TypeError`` for anything else, naming its type.
    """
    if depth > NESTING_MAX:
        raise TypeError(f"nested deeper than {NESTING_MAX}")
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, decimal.Decimal):
        return float(value) if value.is_finite() else None
    if isinstance(value, (list, tuple)):
        return [to_plain(item, depth + 1) for item in value]
    if isinstance(value, Mapping):
        return {str(key): to_plain(item, depth + 1) for key, item in value.items()}
    if type(value).__name__ in ("NAType", "NaTType"):
        return None
    if isinstance(value, (datetime.datetime, datetime.date)):
        return value.isoformat()
    for method in ("tolist", "item"):
        convert = getattr(value, method, None)
        if callable(convert):
            return to_plain(convert(), depth + 1)
    raise TypeError(f"a `{type(value).__name__}` cannot be written as JSON")


def to_json(value: Any) -> bytes:
    """Write ``value`` as compact UTF-8 JSON; see :func:`to_plain`."""
    return plain_to_json(to_plain(value))


def plain_to_json(plain: Any) -> bytes:
    """Write what :func:`to_plain` gave as compact UTF-8 JSON."""
    text = json.dumps(plain, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # A lone surrogate cannot be UTF-8; replacing it beats losing the whole answer.
    return text.encode("utf-8", errors="replace")
