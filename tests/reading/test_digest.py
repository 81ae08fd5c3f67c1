"""Hashes of files are those of their content."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import pytest

from headshot.reading.digest import digest_of


@pytest.mark.parametrize("size", [0, 5, (1 << 20) - 1, 1 << 20, (1 << 20) + 7])
def test_digest_and_size(tmp_path: Path, size: int) -> None:
    content = bytes(range(256)) * (size // 256) + bytes(size % 256)
    (tmp_path / "a").write_bytes(content)
    assert digest_of(tmp_path / "a") == (sha256(content).hexdigest(), size)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        digest_of(tmp_path / "none")
