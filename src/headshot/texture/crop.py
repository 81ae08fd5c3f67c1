"""The part of the photo that shows the head, and what hides what in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headshot.arrays import F32, U8, Mask, single
from headshot.geometry.camera import Camera, project_for_raster
from headshot.geometry.raster import rasterise, vertex_normals
from headshot.image.chamfer import spread_distances
from headshot.image.resample import reduced
from headshot.models.head_model import HeadModel
from headshot.robust import weighted_median
from headshot.texture.masks import masks
from headshot.texture.pixel_kernels import CropFrame
from headshot.texture.surface import surface_of
from headshot.texture.view import TextureView
from headshot.texture.visibility import Occlusion

_WITHIN = np.float32(0.7)  # how much less a distance counts to an edge within the head than to its outline
_GRID = 256  # samples along the longer side of the head's box in the grids of what hides what


@dataclass(frozen=True, eq=False)
class PhotoCrop:
    """The part of the photo that shows the head, at about the texture's density.

    Attributes:
        pixels: (h, w, 3) uint8 crop, prefiltered.
        camera: projects into the crop.
        frame: the same, as kernels take it.
        points, normals: (V, 3) vertices and unit normals in the camera frame.
        hidden: what hides what.
        density: crop pixels per texel of the face, along one side.
    """

    pixels: U8
    camera: Camera
    frame: CropFrame
    points: F32
    normals: F32
    hidden: Occlusion
    density: float

    @property
    def enlarged(self) -> bool:
        """Whether the photo is coarser than the texture."""
        return self.density < 0.8


def _distances(edge: Mask, cell: float) -> F32:
    """Distance (r, c) in units of ``cell`` to the next edge."""
    out = np.where(edge, np.float32(0), np.float32(1e6))
    spread_distances(out, cell)
    return out


def _jumps(depth: F32, threshold: float) -> Mask:
    """Cells (r, c) next to a step in depth. The picture's own border says nothing about occlusion."""
    out = np.isinf(depth)
    finite = np.where(out, np.float32(1e9), depth)
    down = np.abs(np.diff(finite, axis=0)) > threshold
    right = np.abs(np.diff(finite, axis=1)) > threshold
    out[:-1] |= down
    out[1:] |= down
    out[:, :-1] |= right
    out[:, 1:] |= right
    return out


def crop_head(view: TextureView, model: HeadModel, size: int) -> PhotoCrop:
    """Crop the photo around the head, reduce it to the texture's density, and find what hides what.

    A head outside of the photo gives a crop of its nearest border. ``size`` is the texture's, texels.
    """
    camera = view.camera
    xy, depth = project_for_raster(view.vertices, camera)
    seen = np.isfinite(xy).all(axis=1)
    corners = xy[seen] if seen.any() else np.zeros((1, 2), np.float32)
    limit = np.array([camera.width, camera.height])
    # Room around the head, so that the border of the crop matters only where the photo ends.
    room = 2 + 0.04 * float(np.ptp(corners, axis=0).max())
    low = np.clip(np.floor(corners.min(axis=0) - room), 0, limit - 1).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0) + room), low + 1, limit).astype(int)
    ratio = _texels_of(xy, model) / size
    crop = view.pixels[low[1] : high[1], low[0] : high[0]]
    k = int(np.clip(round(ratio * 0.9), 1, max(1, min(crop.shape[:2]) // 2)))
    crop = np.ascontiguousarray(reduced(crop, k))
    camera = camera.cropped(low[0], low[1], crop.shape[1] * k, crop.shape[0] * k).resized(1 / k)

    normals = vertex_normals(view.vertices, model.triangles) @ camera.rotation.astype(np.float32).T
    xy, depth = project_for_raster(view.vertices, camera)
    step = max(camera.width, camera.height) / _GRID  # crop pixels per grid cell
    rows, columns = (max(1, int(np.ceil(n / step))) for n in (camera.height, camera.width))
    raster = rasterise(xy / np.float32(step), depth, model.triangles, rows, columns)
    cell = step * float(np.median(depth)) / camera.focal
    margin, outline = _edge_distances(raster.depth, cell)
    to_photo = np.array([[step * k, 0, low[0]], [0, step * k, low[1]]])
    shown = masks(view.segmentation, to_photo, (rows, columns))
    points = camera.to_camera(view.vertices).astype(np.float32)
    frame = _frame(camera, points, points[surface_of(model).vertices], step)
    return PhotoCrop(
        crop, camera, frame, points, normals, Occlusion(raster.depth, margin, outline, shown), ratio / k
    )


def _edge_distances(depth: F32, cell: float) -> tuple[F32, F32]:
    """Distances (r, c) in mm to the next edge of occlusion, and to the outline of the head.

    ``depth`` (r, c) in mm is that of the nearest surface, inf where none, ``cell`` the size of a cell in mm.
    """
    jumps = _jumps(depth, 5.0 + 3.0 * cell)
    margin = _distances(jumps, cell)
    outline = _distances(np.isinf(depth), cell)
    # What a nose hides is skin as well, so that the segmentation does not see where it begins.
    within = _distances(jumps & (outline > 1.5 * cell), cell)
    return np.minimum(margin, _WITHIN * within), outline


def _frame(camera: Camera, points: F32, skin: F32, step: float) -> CropFrame:
    """The crop's frame, from the head (V, 3) and its skin (S, 3) in the camera frame and the pixels of a grid
    cell."""
    depth = float(-np.median(points[:, 2]))
    face = float(np.ptp(skin[:, 0])) * camera.focal / depth
    border = max(2.0, 0.02 * face)
    values = (camera.focal, *camera.centre, 1 / step, camera.width, camera.height, border)
    return CropFrame(*(single(x) for x in values))


def texels_of_photo(view: TextureView, model: HeadModel) -> float:
    """The side of the texture, in texels, at which a texel of the face is a pixel of the photo.

    What is larger shows no more of the person, however sharp the photo is.
    """
    return _texels_of(project_for_raster(view.vertices, view.camera)[0], model)


def _texels_of(xy: F32, model: HeadModel) -> float:
    """See `texels_of_photo`; ``xy`` (V, 2) are the vertices in the photo."""
    first, last = model.parts.get("skin", (0, len(model.triangles)))
    some = slice(first, last, 5)  # a sample is enough
    face, chart = model.triangles[some], model.triangles_uv[some]

    def areas(points: F32) -> F32:
        a, b = points[:, 1] - points[:, 0], points[:, 2] - points[:, 0]
        return np.asarray(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])

    photo = -areas(xy[face])  # y down: front faces have negative area
    texels = np.abs(areas(model.uv[chart]))
    facing = (photo > 0) & (texels > 0)
    if not facing.any():
        return 1.0
    # Of the half that faces the camera best: weight by photo area and take the median ratio.
    values = np.sqrt(photo[facing] / texels[facing])
    return weighted_median(values, photo[facing])
