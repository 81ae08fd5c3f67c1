"""Changes to valid content: of bytes, of arrays by name, and of JSON."""

from __future__ import annotations

import copy
import json
import re
import struct
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np

INTEGERS = (0, 1, 2, 255, -1, -(2**31), 2**31 - 1, 2**32 - 1, 2**40, 2**63 - 1, 10**9)
WORDS = (
    b"nan", b"inf", b"-1", b"0", b"1e400", b"999999999999", b"9" * 30, b"9" * 5000, b"x", b"../../x",
    b"\xff\xfe", b"\x00", b"\xc3\x28", b'"', b",", b"\n", b"{" * 2000, b"[" * 200000,
)  # fmt: skip


def at_random(content: bytes, random: Random) -> int:
    """A place in the content, rather near its begin, where headers are."""
    return int(len(content) * random.random() ** random.choice((1, 3, 6)))


def changed(content: bytes, random: Random) -> tuple[str, bytes]:
    """The content with one change, and what it was."""
    if not content:
        return "filled", random.randbytes(50)
    name = random.choice(sorted(BYTES))
    return name, BYTES[name](content, random)


def _flipped(content: bytes, random: Random) -> bytes:
    out = bytearray(content)
    for _ in range(random.choice((1, 1, 3, 20))):
        out[min(at_random(content, random), len(out) - 1)] ^= 1 << random.randrange(8)
    return bytes(out)


def _cut(content: bytes, random: Random) -> bytes:
    return content[: at_random(content, random)]


def _without(content: bytes, random: Random) -> bytes:
    at = at_random(content, random)
    return content[:at] + content[at + random.choice((1, 4, 100)) :]


def _twice(content: bytes, random: Random) -> bytes:
    at, length = at_random(content, random), random.choice((1, 8, 200, 5000))
    return content[: at + length] + content[at:]


def _swapped(content: bytes, random: Random) -> bytes:
    first, second = sorted(at_random(content, random) for _ in range(2))
    length = min(random.choice((4, 64, 1000)), second - first)
    a, b = content[first : first + length], content[second : second + length]
    return content[:first] + b + content[first + length : second] + a + content[second + length :]


def _numbered(content: bytes, random: Random) -> bytes:
    """A count of a header replaced."""
    at = at_random(content, random) // 4 * 4
    code = random.choice(("<i", ">i", "<q", ">q"))
    number = random.choice(INTEGERS)
    bits = 32 if code[1] == "i" else 64
    data = (number % 2**bits).to_bytes(bits // 8, "little" if code[0] == "<" else "big")
    return content[:at] + data + content[at + len(data) :]


def _digits(content: bytes, random: Random) -> bytes:
    """A number in digits, or a word, replaced."""
    found = list(re.finditer(rb"[0-9][0-9.e+-]*|[A-Za-z_]{3,}", content[:20_000]))
    if not found:
        return _spliced(content, random)
    match = random.choice(found)
    return content[: match.start()] + random.choice(WORDS) + content[match.end() :]


def _spliced(content: bytes, random: Random) -> bytes:
    at = at_random(content, random)
    return content[:at] + random.choice(WORDS) + content[at:]


def _noise(content: bytes, random: Random) -> bytes:
    at, length = at_random(content, random), random.choice((4, 32, 300))
    return content[:at] + random.randbytes(length) + content[at + length :]


def _zeros(content: bytes, random: Random) -> bytes:
    at, length = at_random(content, random), random.choice((4, 32, 3000))
    return content[:at] + bytes(length) + content[at + length :]


BYTES: dict[str, Callable[[bytes, Random], bytes]] = {
    "bits": _flipped, "cut": _cut, "removed": _without, "twice": _twice, "swapped": _swapped,
    "count": _numbered, "word": _digits, "spliced": _spliced, "noise": _noise, "zeros": _zeros,
}  # fmt: skip


def changed_arrays(arrays: dict[str, np.ndarray], random: Random) -> tuple[str, dict[str, np.ndarray]]:
    """The arrays with one of them changed, and what it was."""
    out = dict(arrays)
    name = random.choice(sorted(out))
    change = random.choice(sorted(ARRAYS))
    if change == "missing":
        del out[name]
    else:
        out[name] = ARRAYS[change](np.array(out[name]), random)
    return f"{name} {change}", out


def _value(*numbers: float) -> Callable[[np.ndarray, Random], np.ndarray]:
    def change(values: np.ndarray, random: Random) -> np.ndarray:
        number = random.choice(numbers)
        if values.dtype.kind in "iu" and np.isfinite(number):
            limits = np.iinfo(values.dtype)
            number = min(max(number, limits.min), limits.max)
        elif values.dtype.kind in "iu":
            values = values.astype(np.float64)
        if values.size and values.dtype.kind in "iuf":
            with np.errstate(over="ignore"):
                values.reshape(-1)[random.randrange(values.size)] = number
        return values

    return change


def _type(values: np.ndarray, random: Random) -> np.ndarray:
    kind = random.choice(("i1", "u1", "f2", "f8", ">f4", ">i8", "<U3", "S2", "?", "c8"))
    with np.errstate(over="ignore", invalid="ignore"):
        return values.astype(kind if values.dtype.kind != "U" else "S3")


def _shape(values: np.ndarray, random: Random) -> np.ndarray:
    choices = [
        values[None],
        values.reshape(-1),
        values[..., None],
        values.T,
        np.repeat(values[..., None], 40, -1),
    ]
    if values.ndim:
        nothing = np.zeros((0, *values.shape[1:]), values.dtype)
        choices += [values[..., :0], values[:1], values[:-1], np.concatenate([values, values]), nothing]
    if values.size:
        choices.append(values.reshape(-1)[:1].reshape(()))
    return random.choice(choices)


def _shuffled(values: np.ndarray, random: Random) -> np.ndarray:
    flat = values.reshape(-1)
    return flat[np.random.default_rng(random.randrange(2**32)).permutation(flat.size)].reshape(values.shape)


def _scaled(values: np.ndarray, random: Random) -> np.ndarray:
    return values * random.choice((1000.0, -1.0)) if values.dtype.kind == "f" else values


ARRAYS: dict[str, Callable[[np.ndarray, Random], np.ndarray]] = {
    "missing": lambda values, _: values,
    "nan": _value(np.nan),
    "infinite": _value(np.inf, -np.inf),
    "huge": _value(1e30, -1e30, 2**31, 2**62, 1e9),
    "off": _value(-1, -2, 1, 0, 1000, 70_000),
    "all": lambda values, random: np.full_like(values, 0) if random.random() < 0.5 else np.ones_like(values),
    "type": _type,
    "shape": _shape,
    "shuffled": _shuffled,
    "scaled": _scaled,
}  # fmt: skip


JUNK: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 1e308, float("nan"), float("inf"), 2**31, 10**19, 10**30, 0.5, "", "x", "\0",
    "../../../../etc/passwd", "/etc/passwd", [], {}, [[]], {"": 0}, [1e9] * 3, "y" * 20_000, "@deep",
)  # fmt: skip


def changed_json(document: Any, random: Random) -> tuple[str, bytes]:
    """The document with one value changed, as text."""
    out = copy.deepcopy(document)
    places: list[tuple[Any, Any]] = []
    _walk(out, places)
    # Half of the changes near the root, where names are; most values are numbers of long lists.
    near = places[: max(1, len(places) // 20)] if random.random() < 0.5 else places
    holder, key = random.choice(near)
    change = random.choice(("replaced", "removed", "twice", "emptied"))
    if change == "removed":
        del holder[key]
    elif change == "twice" and isinstance(holder[key], list):
        holder[key] = holder[key] * 2
    elif change == "emptied" and isinstance(holder[key], (list, dict)):
        holder[key] = type(holder[key])()
    else:
        holder[key] = copy.deepcopy(random.choice(JUNK))
    depth = random.choice((30, 900, 100_000))
    text = json.dumps(out).replace('"@deep"', "[" * depth + "]" * depth)
    return f"{str(key)[:30]} {change}", text.encode()


def _walk(value: Any, places: list[tuple[Any, Any]], most: int = 4000) -> None:
    waiting = [value]
    while waiting and len(places) < most:
        here = waiting.pop(0)
        pairs = list(here.items()) if isinstance(here, dict) else list(enumerate(here))
        for key, inner in pairs:
            places.append((here, key))
            if isinstance(inner, (dict, list)):
                waiting.append(inner)


def packed(code: str, *values: Any) -> bytes:
    """`struct.pack`, little-endian."""
    return struct.pack("<" + code, *values)
