"""Frames and bodies that were hurt: cut, spliced, with other bytes or other values inside."""

import json
import re
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from hypothesis import strategies as st

ODD_VALUES: list[Any] = [None, True, "", "NaN", -1, 0, 1e308, 10**30, [], {}, "\x00", "9" * 5000]


def mutated(raw: bytes) -> st.SearchStrategy[bytes]:
    """Return ways to hurt a JSON text, byte by byte and value by value."""
    size = len(raw)
    cut = st.integers(0, size).map(lambda n: raw[:n])
    spliced = st.tuples(st.integers(0, size), st.integers(0, size), st.binary(max_size=8)).map(
        lambda t: raw[: t[0]] + t[2] + raw[t[1] :]
    )
    exchanged = st.tuples(st.integers(0, 200), st.sampled_from(ODD_VALUES)).map(
        lambda t: json.dumps(exchange(json.loads(raw), *t)).encode()
    )
    return st.one_of(cut, spliced, exchanged, st.binary(max_size=40))


def exchange(value: Any, place: int, other: Any) -> Any:
    """Return a value with the leaf number `place` (counted round) exchanged."""
    leaves = _count(value)
    return _walk(value, [place % leaves if leaves else 0], other)


def _count(value: Any) -> int:
    if isinstance(value, dict):
        return sum(map(_count, value.values()))
    if isinstance(value, list):
        return sum(map(_count, value))
    return 1


def _walk(value: Any, left: list[int], other: Any) -> Any:
    if isinstance(value, dict):
        return {key: _walk(inner, left, other) for key, inner in value.items()}
    if isinstance(value, list):
        return [_walk(inner, left, other) for inner in value]
    left[0] -= 1
    return other if left[0] == -1 else value


# Texts that json.dumps cannot write, or that are no JSON at all.
ODD_TEXTS = [b"NaN", b"-Infinity", b"1e999", b"-0", b"1" * 400, b'"\\ud800"', b"0x1", b"[" * 3000]


def hurt(rng: Random, raw: bytes, values: Sequence[Any] = ()) -> bytes:
    """Return a hurt copy of a text: quick, and the same for the same state of `rng`.

    `values` are the decoded JSON texts from which values are taken away, exchanged or doubled; the
    bytes of `raw` are cut, flipped, spliced and put out of order.
    """
    ways = _BYTE_WAYS if not values else _BYTE_WAYS + _VALUE_WAYS
    way = rng.choice(ways)
    changed = way(rng, raw if way in _BYTE_WAYS else rng.choice(values))
    return changed if isinstance(changed, bytes) else json.dumps(changed).encode()


def _cut(rng: Random, raw: bytes) -> bytes:
    return raw[: rng.randrange(len(raw) + 1)]


def _flip(rng: Random, raw: bytes) -> bytes:
    changed = bytearray(raw)
    for _ in range(rng.randrange(1, 4)):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def _splice(rng: Random, raw: bytes) -> bytes:
    one, other = sorted((rng.randrange(len(raw) + 1), rng.randrange(len(raw) + 1)))
    put = rng.choice((b"", b"\xff\xfe", b"\xc3\x28", b"\0", b"{", b'"', b",", rng.randbytes(5)))
    return raw[:one] + put + raw[min(other, one + 12) :]


def _token(rng: Random, raw: bytes) -> bytes:
    """Put something odd in the place of a number or a word that stands in the text."""
    found = list(_TOKENS.finditer(raw))
    if not found:
        return raw + rng.choice(ODD_TEXTS)
    where = rng.choice(found)
    return raw[: where.start()] + rng.choice(ODD_TEXTS) + raw[where.end() :]


def _double(rng: Random, raw: bytes) -> bytes:
    """Tell a key twice, the second time with another value."""
    found = list(_PAIRS.finditer(raw))
    if not found:
        return raw + raw
    where = rng.choice(found)
    other = rng.choice((b"null", b'"1"', b"-1", b"[]", b"true"))
    return raw[: where.start()] + where[1] + b":" + other + b"," + raw[where.start() :]


def _exchanged(rng: Random, value: Any) -> Any:
    return exchange(value, rng.randrange(1000), rng.choice(ODD_VALUES))


def _without(rng: Random, value: Any) -> Any:
    """Take a key or an item away somewhere."""
    return _at(rng, value, lambda inner: None, is_gone=True)


def _swapped(rng: Random, value: Any) -> Any:
    """Wrap something, somewhere, in a list or an object."""
    wraps = (lambda v: [v], lambda v: {"x": v}, str, lambda v: [v, v])
    return _at(rng, value, rng.choice(wraps))


def _at(rng: Random, value: Any, change: Callable[[Any], Any], *, is_gone: bool = False) -> Any:
    """Return the value with one of its parts changed or gone, at a random depth."""
    if not isinstance(value, (dict, list)) or not value:
        return change(value)
    key = rng.choice(list(value)) if isinstance(value, dict) else rng.randrange(len(value))
    inner = value[key]
    copy = dict(value) if isinstance(value, dict) else list(value)
    is_end = not isinstance(inner, (dict, list)) or rng.random() < 0.25
    if is_end and is_gone:
        del copy[key]
    else:
        copy[key] = change(inner) if is_end else _at(rng, inner, change, is_gone=is_gone)
    return copy


_TOKENS = re.compile(rb'"[^"\\]{0,60}"|-?\d+(?:\.\d+)?')
_PAIRS = re.compile(rb'("[^"\\]{1,40}")\s*:')
_BYTE_WAYS: tuple[Callable[..., Any], ...] = (_cut, _flip, _splice, _token, _double)
_VALUE_WAYS: tuple[Callable[..., Any], ...] = (_exchanged, _exchanged, _without, _swapped)
