"""Levels of detail as files of their own: GLBs like the head's, with fewer triangles."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from headshot.export.glb import glb
from headshot.export.rig import rigged_asset
from headshot.export.settings import Target

if TYPE_CHECKING:
    from headshot.head_data import HeadData

FILES = {"_lod1.glb": 2, "_lod2.glb": 3}
"""Endings of the files, and the level (`headshot.export.levels`) of each. The head's own GLB is number 0."""


def write(head: HeadData, target: Target) -> dict[str, bytes]:
    """The GLBs, content by file name."""
    files = {}
    for ending, level in FILES.items():
        settings = replace(target.settings, level=level)
        files[target.stem + ending] = glb(rigged_asset(head, settings), settings)
    return files
