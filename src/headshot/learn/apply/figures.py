"""The figures of Jiang and Yang, and of Jeon, Millman and Kapron, of any run and any photo.

Rows (figures 7 and 8 of the one, 9 of the other): photo, its landmarks, the face in its place, alone, without
colours, and turned. Landmarks in 3D (figure 5). The model with key points, without light and lit (figures 1
to 3). Pictures are (H, W, 3) uint8 sRGB.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from headshot.arrays import U8, Array, Mask
from headshot.geometry.camera import Camera
from headshot.image.resample import warp
from headshot.learn.apply.found import FaceMesh, FoundFace, ModelPictures
from headshot.models.correspondence import Correspondence
from headshot.models.linear import LinearModel
from headshot.models.protocol import LandmarkSet
from headshot.models.topologies import ibug68
from headshot.models.topologies.mediapipe478 import MEDIAPIPE_TO_IBUG68
from headshot.perception.segmentation import EXPLAINED, segment
from headshot.render import RenderSettings, render, view_camera

CELL, BIG = 300, 450
"""Side of a picture in rows, and of others, pixels."""
TURN = 40.0
"""Degrees by which faces are turned to the side."""
_CLOSE = 1.35  # side of the close-up over that of the mesh in the photo
_HEADING, _PAPER, _INK = 26, (255, 255, 255), (32, 32, 36)
_GROUPS = {
    "jaw": (ibug68.JAW, False, (86, 180, 233)),
    "brow left": (ibug68.BROW_LEFT_IN_IMAGE, False, (230, 159, 0)),
    "brow right": (ibug68.BROW_RIGHT_IN_IMAGE, False, (230, 159, 0)),
    "bridge": (ibug68.NOSE_BRIDGE, False, (0, 158, 115)),
    "nose": (ibug68.NOSE_BASE, False, (0, 158, 115)),
    "eye left": (ibug68.EYE_LEFT_IN_IMAGE, True, (204, 121, 167)),
    "eye right": (ibug68.EYE_RIGHT_IN_IMAGE, True, (204, 121, 167)),
    "lips": (ibug68.LIPS_OUTER, True, (213, 94, 0)),
    "teeth": (ibug68.LIPS_INNER, True, (240, 200, 60)),
}
"""Points that are joined: which, whether in a ring, and their colour (Okabe and Ito's palette)."""

Panel = tuple[str, U8]


def row(found: FoundFace, *, contrast: bool = False) -> list[Panel]:
    """Photo, landmarks, the face in the photo, alone, its shape, its shape turned, and itself turned.

    With ``contrast`` also alone with more of it.
    """
    photo, camera, affine = _close_up(found)
    mesh = found.mesh
    alone = picture(mesh, camera)
    subject = found.subject
    parts = segment(subject.photo.pixels, subject.landmarks.points)
    # As in training: what hides the face (hair, glasses, hands) is not painted over.
    share = parts.resampled(affine, (CELL, CELL), *EXPLAINED)[:, :, None]
    painted = picture(mesh, camera, photo)
    stitched = np.round(photo + share * (painted.astype(np.float32) - photo)).astype(np.uint8)
    points = _in_grid(affine, subject.landmarks.points[MEDIAPIPE_TO_IBUG68])
    side = _turned(mesh, camera)
    return [
        ("photo", photo),
        ("landmarks", joined(photo, points)),
        ("in the photo", stitched),
        ("alone", alone),
        *(
            [("more contrast", more_contrast(alone, (alone != RenderSettings().backdrop).any(axis=2)))]
            if contrast
            else []
        ),
        ("shape", picture(mesh, camera, coloured=False)),
        ("shape, turned", picture(mesh, side, coloured=False)),
        ("turned", picture(mesh, side)),
    ]


def sheet(rows: Sequence[Sequence[Panel]]) -> U8:
    """Rows of equal panels below their headings."""
    columns = max(len(panels) for panels in rows)
    page = Image.new("RGB", (columns * CELL, _HEADING + len(rows) * CELL), _PAPER)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(16)
    for column, (heading, _) in enumerate(rows[0]):
        draw.text((column * CELL + CELL // 2, _HEADING // 2), heading, _INK, font, "mm")
    for number, panels in enumerate(rows):
        for column, (_, panel) in enumerate(panels):
            page.paste(Image.fromarray(panel), (column * CELL, _HEADING + number * CELL))
    return np.asarray(page)


def model_pictures(model: ModelPictures, size: int = BIG) -> dict[str, U8]:
    """Figures 1 to 3 by name: key points on the model, unlit, lit; each from the front and turned."""
    out = {}
    for name, mesh, coloured in (
        ("keypoints", model.unlit, False), ("unlit", model.unlit, True), ("lit", model.lit, True)
    ):  # fmt: skip
        panels = []
        for yaw in (0.0, TURN):
            camera = view_camera(mesh.vertices, yaw, size=size)
            panel = picture(mesh, camera, coloured=coloured)
            if name == "keypoints":
                panel = joined(panel, camera.project(mesh.keypoints), numbers=True)
            panels.append(panel)
        out[name] = np.concatenate(panels, axis=1)
    return out


def landmarks_in_3d(found: FoundFace, size: int = BIG) -> U8:
    """Figure 5: the landmarks of the photo; those in space, by the landmark network; the face's key points.

    The landmark network's depth is in pixels of the photo, as its points are; key points are in millimetres.
    """
    photo, camera, affine = _close_up(found, size)
    marks = found.subject.landmarks
    points, depth = marks.points[MEDIAPIPE_TO_IBUG68], marks.depth[MEDIAPIPE_TO_IBUG68]
    panels = (
        joined(photo, _in_grid(affine, points)),
        in_space(np.column_stack([points * [1, -1], depth]), size, "pixels"),
        in_space(camera.to_camera(found.mesh.keypoints), size, "mm"),
    )
    return np.concatenate(panels, axis=1)


def picture(mesh: FaceMesh, camera: Camera, behind: U8 | None = None, *, coloured: bool = True) -> U8:
    """A mesh with its colours as they are, or as clay, over a picture or a plain backdrop."""
    colours = np.round(mesh.colours * 255).astype(np.uint8) if coloured else None
    return render(
        mesh.vertices, model_of(mesh), camera, colours=colours, background=behind,
        settings=RenderSettings(lighting=0.0),
    )  # fmt: skip


def more_contrast(pixels: U8, face: Mask) -> U8:
    """A picture whose pixels (H, W) of the face go from black to white, one in fifty beyond either end."""
    low, high = np.percentile(pixels[face], (2, 98)) if face.any() else (0.0, 255.0)
    stretched = np.clip((pixels - low) * (255 / max(high - low, 1)), 0, 255)
    return np.where(face[:, :, None], np.round(stretched), pixels).astype(np.uint8)


def model_of(mesh: FaceMesh) -> LinearModel:
    """A mesh as a head model without modes, as the renderer takes it."""
    none = Correspondence(np.zeros(0, np.int32), np.zeros((0, 3), np.float32))
    nothing = np.zeros((0, len(mesh.vertices), 3), np.float32)
    return LinearModel(
        "mesh", mesh.vertices, nothing, nothing, (), "pca", mesh.triangles,
        LandmarkSet(np.zeros(0, np.int32), none), {"right": none, "left": none},
    )  # fmt: skip


def joined(behind: U8, points: Array, *, numbers: bool = False) -> U8:
    """A picture with the 68 points (68, 2), pixels, joined by lines; NaN are left out."""
    scale = 2
    page = Image.fromarray(behind).resize((scale * behind.shape[1], scale * behind.shape[0]))
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(16)
    _draw_groups(draw, scale * points, scale * max(1.0, behind.shape[0] / 250))
    for number, (x, y) in enumerate(scale * points if numbers else ()):
        if np.isfinite(x):
            draw.text((x + 6, y - 6), str(number), (0, 0, 0), font, "lm")
    return np.asarray(page.resize((behind.shape[1], behind.shape[0]), Image.Resampling.LANCZOS))


def in_space(points: Array, size: int, unit: str) -> U8:
    """Points (68, 3), y up and z towards the viewer, in a box with a scale, seen from the side above."""
    points = points - np.nanmean(points, axis=0)
    step = _round_step(float(np.ptp(points[np.isfinite(points).all(axis=1)], axis=0).max()) / 8)
    low, high = (
        np.floor(np.nanmin(points, axis=0) / step) * step,
        np.ceil(np.nanmax(points, axis=0) / step) * step,
    )
    middle, scale = (low + high) / 2, 2
    yaw, pitch = np.radians(-35), np.radians(20)
    turn = np.array([[np.cos(yaw), 0, np.sin(yaw)], [0, 1, 0], [-np.sin(yaw), 0, np.cos(yaw)]])
    tilt = np.array([[1, 0, 0], [0, np.cos(pitch), -np.sin(pitch)], [0, np.sin(pitch), np.cos(pitch)]])
    gain = 0.8 * scale * size / float(np.linalg.norm(high - low))

    def seen(p: Array) -> Array:
        flat = (np.asarray(p, np.float64) - middle) @ (tilt @ turn).T
        return scale * size / 2 + gain * flat[..., :2] * [1, -1]

    page = Image.new("RGB", (scale * size, scale * size), _PAPER)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(20)
    # The three sides that are farther away, each with its lines.
    for axis, at in enumerate(low):
        for along in (k for k in range(3) if k != axis):
            other = 3 - axis - along
            for value in np.arange(low[along], high[along] + step / 2, step):
                ends = np.empty((2, 3))
                ends[:, axis], ends[:, along], ends[:, other] = at, value, (low[other], high[other])
                draw.line([tuple(p) for p in seen(ends)], (214, 214, 220), 2)
    places = (("x", 0, (low[1], high[2])), ("y", 1, (low[0], high[2])), ("z", 2, (high[0], low[1])))
    for name, axis, corner in places:
        others = [k for k in range(3) if k != axis]
        away = np.array({"x": (0, 20), "y": (-26, 0), "z": (24, 8)}[name])
        for value in np.arange(low[axis], high[axis] + step / 2, 2 * step):
            p = np.empty(3)
            p[axis], p[others[0]], p[others[1]] = value, *corner
            draw.text(tuple(seen(p) + away), f"{value:g}", _INK, font, "mm")
        p[axis] = middle[axis]
        draw.text(tuple(seen(p) + 2.6 * away), f"{name}, {unit}", _INK, font, "mm")
    _draw_groups(draw, seen(points), scale * max(1.0, size / 250))
    return np.asarray(page.resize((size, size), Image.Resampling.LANCZOS))


def _round_step(about: float) -> float:
    """1, 2 or 5 times a power of ten, at least so much."""
    power = 10.0 ** np.floor(np.log10(about))
    return float(next(power * k for k in (1, 2, 5, 10) if power * k >= about * 0.999))


def _draw_groups(draw: ImageDraw.ImageDraw, points: Array, width: float) -> None:
    for group, ring, colour in _GROUPS.values():
        own = points[group]
        own = own[np.isfinite(own).all(axis=1)]
        path = [tuple(p) for p in (np.concatenate([own, own[:1]]) if ring else own)]
        if len(path) > 1:
            draw.line(path, colour, round(width))
        for x, y in own:
            r = 1.6 * width
            draw.ellipse([x - r, y - r, x + r, y + r], colour, (255, 255, 255))


def _close_up(found: FoundFace, size: int = CELL) -> tuple[U8, Camera, Array]:
    """A square of the photo around the face, its camera, and its map (2, 3) to the photo."""
    seen = found.camera.project(found.mesh.vertices)
    marks = found.subject.landmarks.points
    low = np.minimum(np.nanmin(seen, axis=0), marks.min(axis=0))
    high = np.maximum(np.nanmax(seen, axis=0), marks.max(axis=0))
    side = _CLOSE * float((high - low).max())
    corner, step = (low + high) / 2 - side / 2, side / size
    affine = np.array([[step, 0, corner[0]], [0, step, corner[1]]])
    pixels = warp(found.subject.photo.pixels, affine[None], (size, size))[0]
    camera = found.camera
    centre = (np.array(camera.centre) - corner) / step
    small = Camera(
        size, size, camera.focal / step, (float(centre[0]), float(centre[1])), camera.rotation,
        camera.translation,
    )  # fmt: skip
    return pixels, small, affine


def _in_grid(affine: Array, points: Array) -> Array:
    """Points (..., 2) of the photo in a square of it."""
    return np.asarray((points - affine[:, 2]) / affine[0, 0])


def _turned(mesh: FaceMesh, camera: Camera) -> Camera:
    """The camera before the face turned by `TURN` about its middle, to the side that it shows less of."""
    middle = mesh.vertices.mean(axis=0).astype(np.float64)
    angle = np.radians(-TURN if camera.angles[0] > 0 else TURN)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    rotation = turn @ camera.rotation
    there = camera.to_camera(middle)
    return replace(camera, rotation=rotation, translation=there - rotation @ middle)
