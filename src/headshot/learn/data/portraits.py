"""Photos as sources of colours and surroundings for synthetic heads.

A portrait is a photo on which our head was fitted, with its light explained: its colours are laid on heads of
other shapes, in other poses and other light, and the rest of it stands behind them. After the face profiling
of Zhu et al., "Face Alignment Across Large Poses", CVPR 2016, section 5, which turns the person's own shape.

Portraits contain pixels of the photos they are made from, and are bound by their terms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from headshot.arrays import F32, U8, Index
from headshot.errors import HeadshotError
from headshot.geometry.raster import vertex_normals
from headshot.image.resample import warp
from headshot.learn.data.training_crops import into_crop, upright_crop_map
from headshot.models.head_model import load_head_model
from headshot.reading.arrays import open_arrays
from headshot.reading.complaint import reading
from headshot.results import Head
from headshot.texture import TextureSettings, TextureView, make_texture
from headshot.texture.photographed import as_photographed

TEXELS = 256
AROUND, AROUND_SIDE = 2.6, 224  # the surroundings: side in face sizes, and in pixels


@dataclass(frozen=True, eq=False)
class Portrait:
    """A photo as a source of colours.

    Attributes:
        texture: (T, T, 3) uint8 sRGB, as the photo shows the head and its hair.
        around: (AROUND_SIDE, AROUND_SIDE, 3) uint8, the photo around the face, upright.
        outline: (O, 2) where the vertices `outline_vertices` are in ``around``, pixels.
        identity, expression, albedo: coefficients of the fit.
        light: (9, 3) of the fit.
        yaw: of the head, degrees.
        name: of the photo's training crop.
    """

    texture: U8
    around: U8
    outline: F32
    identity: F32
    expression: F32
    albedo: F32
    light: F32
    yaw: float
    name: str


@lru_cache(maxsize=1)
def outline_vertices() -> Index:
    """Vertices along the outlines that a head may have."""
    model = load_head_model("low")
    skin = np.unique(model.part_triangles("skin"))
    side = np.abs(vertex_normals(model.mean, model.triangles)[skin, 2]) < 0.5
    return skin[side & (model.mean[skin, 2] > -110)][::8]


def portrait_of(head: Head, name: str) -> Portrait:
    """The portrait of a low-resolution reconstruction with its fit to colours; ``name`` is its crop's."""
    assert head.light is not None and head.albedo is not None
    pixels = head.photo.pixels
    view = TextureView(pixels, head.vertices, head.camera, segmentation=head.parts)
    made = make_texture([view], head.bundled, TextureSettings(TEXELS, 0.0))
    texture = as_photographed(made.pixels, pixels, head.vertices, head.bundled, head.camera)
    places = head.bundled.landmarks["mediapipe478"].on(head.vertices, head.triangles)
    affine = upright_crop_map(head.project(places), head.camera.angles[2], AROUND, AROUND_SIDE)
    around = warp(pixels, affine[None], (AROUND_SIDE, AROUND_SIDE), clamp=True)[0]
    outline = into_crop(head.project(head.vertices[outline_vertices()]), affine)
    return Portrait(
        texture, around, outline, head.identity.astype(np.float32), head.expression.astype(np.float32),
        head.albedo.astype(np.float32), head.light.astype(np.float32), head.camera.angles[0],
        name,
    )  # fmt: skip


def save_portraits(file: Path, portraits: Sequence[Portrait]) -> None:
    """Write portraits to an .npz file."""
    columns: dict[str, Any] = {
        field.name: np.stack([np.asarray(getattr(p, field.name)) for p in portraits])
        for field in fields(Portrait)
    }
    np.savez(file, **columns)


def read_portraits(files: Sequence[Path]) -> list[Portrait]:
    """What `save_portraits` wrote.

    Raises:
        HeadshotError: a file is damaged.
    """
    found = []
    for file in files:
        with reading(file, "a file of portraits", HeadshotError), open_arrays(file, None) as data:
            columns = {name: data[name] for name in data}
            for k in range(len(columns["yaw"])):
                row = {name: values[k] for name, values in columns.items()}
                found.append(Portrait(**row | {"yaw": float(row["yaw"]), "name": str(row["name"])}))
    return found
