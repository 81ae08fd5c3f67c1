"""Borders of open surfaces."""

from __future__ import annotations

import numpy as np

from headshot.arrays import I32, Index


def border_lines(triangles: I32) -> list[Index]:
    """The borders of a surface, each a closed line (K,) of vertices in the order its triangles pass them.

    Args:
        triangles: (F, 3) vertex indices; all have the same orientation, and borders no common vertices.
    """
    start = triangles.astype(np.int64).ravel()
    end = np.roll(triangles, -1, axis=1).astype(np.int64).ravel()
    count = int(start.max(initial=0)) + 1
    # An edge inside of the surface is passed once in each direction.
    border = ~np.isin(start * count + end, end * count + start)
    following = dict(zip(start[border].tolist(), end[border].tolist(), strict=True))
    lines = []
    while following:
        line = [next(iter(following))]
        while (after := following.pop(line[-1])) != line[0]:
            line.append(after)
        lines.append(np.array(line, np.int64))
    return lines
