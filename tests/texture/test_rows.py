"""Rows of a texture on several threads."""

from __future__ import annotations

from itertools import pairwise

import pytest

from headshot.texture.rows import in_rows


@pytest.mark.parametrize("size, multiple", [(1024, 1), (1024, 8), (100, 8), (3, 8), (1, 1)])
def test_rows_are_split_without_gaps(size: int, multiple: int) -> None:
    parts: list[tuple[int, int]] = []
    in_rows(parts.append, size, multiple)
    parts.sort()
    assert parts[0][0] == 0 and parts[-1][1] == size
    assert all(a[1] == b[0] for a, b in pairwise(parts))
    assert all(first % multiple == 0 for first, _ in parts)
