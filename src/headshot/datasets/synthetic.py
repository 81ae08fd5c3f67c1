"""Synthetic heads with exact truth: the folders of tools/synthetic_heads.py.

Every vertex of a true head corresponds to a place on the mean head of our model, the mesh's ``canonical``
position.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from headshot.arrays import I32, Array, Index
from headshot.errors import HeadshotError
from headshot.geometry.align import Surface
from headshot.models.head_model import load_head_model

POINTS = 2500  # of the face, in which errors are taken
TOO_FAR = 2.0  # mm from our mean surface at which a vertex of the mesh has no counterpart


@dataclass(frozen=True, eq=False)
class Mesh:
    """What all heads of a kind share.

    Attributes:
        triangles: (F, 3).
        canonical: (V, 3) place of each vertex on our mean head, mm.
        face: (P,) vertices in which errors are taken.
        skin: (F', 3) triangles of the skin.
    """

    triangles: I32
    canonical: Array
    face: Index
    skin: I32


@dataclass(frozen=True, eq=False)
class Truth:
    """A synthetic photo: its file, mesh, true vertices and what tables are split by."""

    name: str
    photo: Path
    mesh: Mesh
    camera_vertices: Array
    neutral: Array
    rotation: Array
    yaw: float
    focal_35mm: float
    melanin: float
    head: str
    expressive: bool


def read_mesh(file: Path) -> Mesh:
    """Read KIND-mesh.npz."""
    with np.load(file, allow_pickle=False) as data:
        triangles, canonical = data["triangles"], data["canonical"].astype(np.float64)
        skin = triangles[data["part"] == data["part_names"].tolist().index("skin")]
    model = load_head_model("low")
    surface = Surface(model.mean, model.part_triangles("skin"))
    index, weights, distance = surface.closest(canonical)
    on_face = (model.regions["face"][surface.triangles[index]] * weights).sum(axis=1) > 0.5
    on_skin = np.zeros(len(canonical), bool)
    on_skin[skin] = True
    usable = np.flatnonzero(on_face & on_skin & (distance < TOO_FAR))
    if len(usable) < 100:
        raise HeadshotError(f"{file} has no face on our mean head: make the heads again")
    picked = usable[np.linspace(0, len(usable) - 1, min(POINTS, len(usable))).astype(int)]
    return Mesh(triangles, canonical, picked, skin)


def read_truths(folder: str | Path) -> list[Truth]:
    """All photos of a folder of tools/synthetic_heads.py.

    Raises:
        HeadshotError: there are none, or a file is damaged.
    """
    root = Path(folder)
    meshes, truths = {}, []
    try:
        for file in sorted(root.glob("*-mesh.npz")):
            meshes[file.name.removesuffix("-mesh.npz")] = read_mesh(file)
        for file in sorted(root.glob("*-[0-9]*-[0-9]*.npz")):
            kind, head, _ = file.stem.rsplit("-", 2)
            with np.load(file, allow_pickle=False) as data:
                truths.append(
                    Truth(
                        name=file.stem,
                        photo=file.with_suffix(".png"),
                        mesh=meshes[kind],
                        camera_vertices=data["camera_vertices"].astype(np.float64),
                        neutral=data["neutral"].astype(np.float64),
                        rotation=data["rotation"],
                        yaw=float(data["angles"][0]),
                        focal_35mm=float(data["focal_35mm"]),
                        melanin=float(data["melanin"]),
                        head=f"{kind}-{head}",
                        expressive=bool(len(data["expression_weights"])),
                    )
                )
    except (OSError, ValueError, KeyError, BadZipFile, zlib.error) as error:
        raise HeadshotError(f"{file} is damaged ({error}): run tools/synthetic_heads.py again") from error
    if not truths:
        raise HeadshotError(f"{root} has no synthetic heads: make some with tools/synthetic_heads.py")
    return truths
