"""Read JSON from strangers: one meaning, bounded cost, nothing that a database or a page dislikes.

Used by the REST door and by the WebSocket door, so that both refuse the same things.
"""

import json
import math
import re
from typing import Any

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
LONGEST_NUMBER = 40

_TOKENS = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")
# NUL and other controls except tab and line ends, and the marks that reorder or hide text.
_CONTROL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]"
)


class StrictJSONError(ValueError):
    """Raised for text that is refused; `code` is stable, `pointer` is RFC 6901 where known."""

    def __init__(self, code: str, detail: str, pointer: str = "") -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.pointer = pointer


def loads(
    raw: bytes | str, *, max_bytes: int = MAX_BYTES, max_depth: int = MAX_DEPTH
) -> dict[str, Any]:
    """Return the one object that `raw` holds.

    Raises
    ------
    StrictJSONError
        `too_large`, `json_invalid`, `too_deep`, `duplicate_key`, `not_finite`, `number_format`,
        `object_expected` or `control_character`.
    """
    if len(raw) > max_bytes:
        raise StrictJSONError("too_large", f"the body is larger than {max_bytes} bytes")
    text = _decoded(raw)
    _refuse_depth(text, max_depth)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_pairs,
            parse_int=_integer,
            parse_float=_number,
            parse_constant=_constant,
        )
    except json.JSONDecodeError as fault:
        message = f"not JSON: {fault.msg} at line {fault.lineno}, column {fault.colno}"
        raise StrictJSONError("json_invalid", message) from None
    if not isinstance(value, dict):
        raise StrictJSONError("object_expected", "the body must be one JSON object")
    _refuse_characters(value, "")
    return value


def refuse_control(text: str, pointer: str = "") -> None:
    """Refuse characters that cannot be stored or that make text look like other text."""
    if _CONTROL.search(text) or _SURROGATE.search(text):
        message = "control, direction-changing and unpaired surrogate characters are not accepted"
        raise StrictJSONError("control_character", message, pointer)


def _decoded(raw: bytes | str) -> str:
    if isinstance(raw, str):
        return raw
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as fault:
        message = f"the body is not UTF-8 (byte {fault.start})"
        raise StrictJSONError("json_invalid", message) from None


def _refuse_depth(text: str, max_depth: int) -> None:
    """Count brackets before parsing, so that deep nesting never reaches a recursive parser."""
    depth = 0
    for match in _TOKENS.finditer(text):
        first = match[0][0]
        if first in "[{":
            depth += 1
            if depth > max_depth:
                raise StrictJSONError("too_deep", f"nested deeper than {max_depth} levels")
        elif first in "]}":
            depth -= 1


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        shown = twice[:40].encode("ascii", "backslashreplace").decode()
        raise StrictJSONError("duplicate_key", f"the key {shown!r} is given twice")
    return found


def _integer(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        raise StrictJSONError("number_format", f"a number has more than {LONGEST_NUMBER} digits")
    return int(text)


def _number(text: str) -> float:
    value = float(text) if len(text) <= LONGEST_NUMBER else math.inf
    if not math.isfinite(value) or (value == 0 and text.strip("-0.eE+") != ""):
        raise StrictJSONError("number_format", "a number is too long, too large or too small")
    return value


def _constant(text: str) -> Any:
    raise StrictJSONError("not_finite", f"{text} is not a JSON number")


def _refuse_characters(value: Any, pointer: str) -> None:
    if isinstance(value, str):
        refuse_control(value, pointer)
    elif isinstance(value, dict):
        for key, item in value.items():
            refuse_control(key, pointer)
            _refuse_characters(item, f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            _refuse_characters(item, f"{pointer}/{number}")
