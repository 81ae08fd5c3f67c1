"""Brows and lashes: MakeHuman's (CC0), tied to the skin below them by tools/hair/build.py.

Dimension letters: P vertices of a piece, F its triangles.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from headshot.arrays import F32, I32, ReadOnly
from headshot.hair.stored import mesh_of, stored
from headshot.models.correspondence import Correspondence
from headshot.models.head_model import HeadModel
from headshot.models.subdivision import refined


@dataclass(frozen=True, eq=False, repr=False)
class FaceHair(ReadOnly):
    """Brows, or lashes, of both sides on the mean head.

    Attributes:
        name: as MakeHuman calls them.
        vertices: (P, 3) mm, frame of the head model.
        triangles: (F, 3) indices into ``vertices``, seen from both sides.
        uv: (P, 2) across the hairs in periods of the texture, and along them from 0 at the root to 1 at the
            tip.
        root: (P,) the points of the low mesh's skin that they hang on.
    """

    name: str
    vertices: F32
    triangles: I32
    uv: F32
    root: Correspondence

    def root_on(self, model: HeadModel) -> Correspondence:
        """Where they hang on the mesh of the head model, at its resolution."""
        return _refined(self.name) if model.resolution == "high" else self.root

    def on(self, model: HeadModel, neutral: F32) -> F32:
        """(P, 3) mm, where they lie on a head (V, 3) without expression: each vertex moves with its root."""
        root = self.root_on(model)
        found: F32 = self.vertices + root.on(neutral - model.mean, model.triangles)
        return found


@cache
def load_brows() -> dict[str, FaceHair]:
    """All brows by name.

    Raises:
        AssetError: the file is missing, altered, or of another version.
    """
    return _load("brows")


@cache
def load_lashes() -> dict[str, FaceHair]:
    """All lashes by name; errors as of `load_brows`."""
    return _load("lashes")


def _load(kind: str) -> dict[str, FaceHair]:
    with stored() as data:
        return {name: FaceHair(name, *mesh_of(data, name)) for name in data[kind].tolist()}


@cache
def _refined(name: str) -> Correspondence:
    return refined((load_brows() | load_lashes())[name].root)
