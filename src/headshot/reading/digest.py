"""The hash of a file, piece by piece, whatever its size."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path


def digest_of(file: Path) -> tuple[str, int]:
    """SHA-256 of a file's content, in hexadecimal, and its size in bytes.

    Raises:
        OSError: it cannot be read.
    """
    digest, size = sha256(), 0
    with file.open("rb") as stream:
        while piece := stream.read(1 << 20):
            digest.update(piece)
            size += len(piece)
    return digest.hexdigest(), size
