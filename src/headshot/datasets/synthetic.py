"""Synthetic heads with exact truth: the folders of tools/synthetic_heads.py.

Every vertex of a true head corresponds to a place on the mean head of our model, the mesh's ``canonical``
position.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headshot.arrays import I32, Array, Index, all_finite
from headshot.errors import HeadshotError
from headshot.geometry.align import Surface
from headshot.models.head_model import load_head_model
from headshot.reading.arrays import open_arrays
from headshot.reading.bounds import index_of, require_mesh
from headshot.reading.complaint import reading

POINTS = 2500  # of the face, in which errors are taken
_AGAIN = "run tools/synthetic_heads.py again"
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
    """Read KIND-mesh.npz.

    Raises:
        HeadshotError: it is damaged.
    """
    with reading(file, "the mesh of synthetic heads", HeadshotError, _AGAIN), open_arrays(file) as data:
        require_mesh(len(data["canonical"]), len(data["triangles"]))
        canonical = data["canonical"].astype(np.float64)
        shape = (len(data["triangles"]), 3)
        triangles = index_of("triangles", data["triangles"], len(canonical), shape)
        skin = triangles[data["part"] == data["part_names"].tolist().index("skin")]
        if canonical.shape[1:] != (3,) or not all_finite(canonical):
            raise ValueError(f"canonical {canonical.shape} must be (V, 3) finite numbers")
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
    meshes = {f.name.removesuffix("-mesh.npz"): read_mesh(f) for f in sorted(root.glob("*-mesh.npz"))}
    truths = [_truth(file, meshes) for file in sorted(root.glob("*-[0-9]*-[0-9]*.npz"))]
    if not truths:
        raise HeadshotError(f"{root} has no synthetic heads: make some with tools/synthetic_heads.py")
    return truths


def _truth(file: Path, meshes: dict[str, Mesh]) -> Truth:
    kind, head, _ = file.stem.rsplit("-", 2)
    with reading(file, "a synthetic head", HeadshotError, _AGAIN), open_arrays(file) as data:
        mesh = meshes[kind]
        shapes = {
            "camera_vertices": mesh.canonical.shape, "neutral": mesh.canonical.shape, "rotation": (3, 3),
            "angles": (3,), "focal_35mm": (), "melanin": (),
        }  # fmt: skip
        for name, expected in shapes.items():
            if data[name].shape != expected or not all_finite(data[name]):
                raise ValueError(f"{name} {data[name].shape} must be {expected} finite numbers")
        return Truth(
            name=file.stem,
            photo=file.with_suffix(".png"),
            mesh=mesh,
            camera_vertices=data["camera_vertices"].astype(np.float64),
            neutral=data["neutral"].astype(np.float64),
            rotation=data["rotation"],
            yaw=float(data["angles"][0]),
            focal_35mm=float(data["focal_35mm"]),
            melanin=float(data["melanin"]),
            head=f"{kind}-{head}",
            expressive=bool(len(data["expression_weights"])),
        )
