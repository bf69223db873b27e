"""The report of a backtest as canonical JSON: equal content is equal bytes."""

import json
import math
import zlib
from collections.abc import Mapping
from typing import Any

LEVEL = 9


class ReportError(ValueError):
    """A report that cannot be read."""


def canonical(content: Mapping[str, Any]) -> bytes:
    """Return the one text of a content: keys sorted, no spaces, floats as `repr`, no NaN."""
    text = json.dumps(
        _plain(content), sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode()


def deflated(content: Mapping[str, Any]) -> bytes:
    """Return the canonical bytes, deflated."""
    return zlib.compress(canonical(content), LEVEL)


def inflated(data: bytes) -> dict[str, Any]:
    """Return what `deflated` kept."""
    found: dict[str, Any] = json.loads(zlib.decompress(data))
    return found


def _plain(value: Any) -> Any:
    """Return a value that JSON has: what is no finite number is null."""
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
