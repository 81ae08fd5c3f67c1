"""MeshNet and MeshNet+ side by side, on the same held-out photos and on heads with known shape.

Measures:
- photometric error: mean absolute sRGB difference where the segmentation sees the face, levels of 255;
- LPIPS of photo and rendering, both grey outside of the face;
- landmark error: mean distance of MediaPipe's 478 points, in the picture, over that of the outer corners of
  the eyes (the hemisphere has no correspondence with faces: see `mesh_networks.Paper`);
- shape error on synthetic heads (tools/synthetic_heads.py): points of the true face that are seen in the
  photo against what a method's mesh has at the same pixel, after the best similarity, mm. It needs no
  correspondence, and forgives what is wrong sideways.

The mean face is the rigidly fitted mean head: only its pose comes from the photo. Differences from it are of
the same photos, with the standard error of their mean.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from headshot.arrays import F32, I32, U8, Array
from headshot.datasets.subject import find_subject
from headshot.datasets.synthetic import Truth, read_truths
from headshot.errors import NoFaceError
from headshot.evaluate.baselines import named_method
from headshot.evaluate.tables import table
from headshot.geometry.align import similarity
from headshot.geometry.camera import Camera
from headshot.geometry.raster import interpolate, rasterise
from headshot.image.photo import Photo, read_photo
from headshot.learn.data.faces import Faces, face_in
from headshot.learn.data.mesh_items import batch_of, cameras_of, item
from headshot.learn.losses.perceptual import LPIPS
from headshot.learn.mesh import clay as plain
from headshot.learn.mesh import masked_error
from headshot.learn.mesh_networks import Paper, crop_size, faces_of, load_plus
from headshot.learn.mesh_plus import clay, turned
from headshot.learn.mesh_plus_loss import Loss, draw, predict
from headshot.learn.mesh_reference import Shown
from headshot.learn.networks.meshnet_plus import STAGES
from headshot.learn.template import face_template

METHODS = ("MeshNet", "mean face", "MeshNet+")


@dataclass(frozen=True, eq=False)
class Result:
    """What a method makes of one crop.

    Attributes:
        picture: (1, 3, S, S) sRGB, or None.
        landmarks: (478, 2) pixels.
        xy, depth: (V, 2) pixels and (V,) depths of its mesh.
        points: (V, 3) of its mesh, in the camera frame, any unit.
        triangles: (F, 3).
    """

    picture: Tensor | None
    landmarks: Array
    xy: F32
    depth: F32
    points: F32
    triangles: I32


class Methods:
    """Both networks with their best weights, and the mean face."""

    def __init__(self, paper: Path, plus: Path) -> None:
        """Load the runs of `headshot learn mesh`.

        Raises:
            HeadshotError: a run has no weights yet.
        """
        self.template = face_template()
        self.plus, self.paper = load_plus(plus), Paper(paper)
        self.loss = Loss(self.template, None)

    def __call__(self, faces: Faces, n: int) -> dict[str, Result]:
        """What each method makes of face n."""
        size, triangles = faces.pixels.shape[1], self.paper.reference.topology.triangles
        flat, at, deep, points = self.paper.of_face(faces, n)
        known = self.paper.landmarks.on(at, triangles).astype(np.float64)
        out = {METHODS[0]: Result(flat, known, at, deep, points, triangles)}
        batch = batch_of([item(faces, n)])
        cameras = cameras_of(batch)
        triangles = self.template.triangles[-1]
        with torch.no_grad():
            found = predict(self.plus, batch)
            picture = draw(self.plus, found, cameras, size)[:, :3]
            level = self.template.counts[STAGES[-1]]
            for name, vertices in (
                (METHODS[1], torch.from_numpy(self.template.vertices)[None]),
                (METHODS[2], found.vertices),
            ):
                xy, depth = cameras.project(vertices)
                marks, _ = cameras.project(self.loss.landmarks(vertices[:, :level]))
                out[name] = Result(
                    picture if name == METHODS[2] else None, marks[0].double().numpy(), xy[0].numpy(),
                    depth[0].numpy(), cameras.to_camera(vertices)[0].numpy(), triangles,
                )  # fmt: skip
        return out


def photo_errors(methods: Methods, held: Faces, limit: int, say: Callable[[str], None]) -> str:
    """Table of the errors on held-out photos."""
    lpips = LPIPS()
    values: dict[str, dict[str, list[float]]] = {name: {} for name in METHODS}
    count = min(limit, len(held))
    masks = held.mask()
    for n in range(count):
        mask = torch.from_numpy(masks[n])[None, None].float()
        picture = torch.from_numpy(held.pixels[n]).permute(2, 0, 1)[None].float() / 255
        true = held.landmarks[n].astype(np.float64)
        eyes = np.linalg.norm(true[33] - true[263])
        for name, found in methods(held, n).items():
            found_values = values[name]
            off = np.linalg.norm(found.landmarks - true, axis=1).mean() / eyes
            found_values.setdefault("landmarks", []).append(100 * float(off))
            if found.picture is not None:
                error = masked_error(found.picture, picture, mask)
                found_values.setdefault("photometric", []).append(255 * float(error))
                with torch.no_grad():
                    a, b = (x * mask + 0.5 * (1 - mask) for x in (found.picture.clamp(0, 1), picture))
                    found_values.setdefault("lpips", []).append(float(lpips(a, b)))
        say(f"photo {n + 1}/{count}")
    header = ["method", "photometric error (levels)", "LPIPS", "478 landmarks (% of eye distance)"]
    rows = [
        [name, _mean(v.get("photometric")), _mean(v.get("lpips"), 3), _mean(v.get("landmarks"))]
        for name, v in values.items()
    ]
    return f"{count} held-out photos; mean ± standard error.\n\n{table(header, rows)}"


def _mean(values: list[float] | None, decimals: int = 2) -> str:
    if not values:
        return "–"
    error = np.std(values) / np.sqrt(len(values))
    return f"{np.mean(values):.{decimals}f} ± {error:.{decimals}f}"


def shape_errors(methods: Methods, folder: Path, size: int, limit: int, say: Callable[[str], None]) -> str:
    """Table of the shape errors on synthetic heads."""
    truths = read_truths(folder)
    truths = truths[:: max(1, len(truths) // limit)][:limit]
    names = (*METHODS, "landmarks only")
    values: dict[str, list[float]] = {name: [] for name in names}
    missing = 0
    for k, truth in enumerate(truths):
        photo = read_photo(truth.photo)
        try:
            face, affine = face_in(photo, size)
        except NoFaceError:
            missing += 1
            continue
        seen, pixels = _visible(truth, photo)
        inverse = np.linalg.inv(affine[:, :2])
        found = methods(face, 0)
        fit = named_method(names[-1])(find_subject(photo)).head
        assert fit is not None
        # All parts: through the holes for the eyes, the inside of the skull would be seen.
        found[names[-1]] = _of_head(fit.vertices, fit.model.triangles, fit.camera, affine)
        where = (pixels - affine[:, 2]) @ inverse.T
        for name, error in _same_pixel(found, where, seen, size).items():
            values[name].append(error)
        say(f"head {k + 1}/{len(truths)}")
    header = ["method", "shape at the same pixels (mm)", "less than the mean face", "n"]
    none = np.array(values[METHODS[1]])
    rows = [
        [name, _mean(v), "–" if name == METHODS[1] else _mean(list(none - v)), str(len(v))]
        for name, v in values.items()
    ]
    return f"{len(truths)} synthetic photos, {missing} without a face found.\n\n{table(header, rows)}"


def _visible(truth: Truth, photo: Photo) -> tuple[Array, Array]:
    """Points (P, 3) of the true face that the photo shows, camera frame, mm, and their pixels (P, 2)."""
    focal = truth.focal_35mm / 36 * max(photo.width, photo.height)
    p = truth.camera_vertices
    depth = -p[:, 2]
    xy = np.column_stack(
        [photo.width / 2 + focal * p[:, 0] / depth, photo.height / 2 - focal * p[:, 1] / depth]
    )
    raster = rasterise(xy, depth, truth.mesh.triangles, photo.height, photo.width)
    face = truth.mesh.face
    column = np.clip(xy[face, 0].astype(int), 0, photo.width - 1)
    row = np.clip(xy[face, 1].astype(int), 0, photo.height - 1)
    shown = depth[face] < raster.depth[row, column] + 2.0
    return p[face][shown], xy[face][shown]


def _of_head(vertices: F32, triangles: I32, camera: Camera, affine: Array) -> Result:
    """A head of the photo as a result in the crop."""
    points = camera.to_camera(vertices)
    xy = (camera.project(vertices) - affine[:, 2]) @ np.linalg.inv(affine[:, :2]).T
    return Result(
        None, np.zeros((478, 2)), xy.astype(np.float32), (-points[:, 2]).astype(np.float32),
        points.astype(np.float32), triangles,
    )  # fmt: skip


def _same_pixel(found: dict[str, Result], where: Array, true: Array, size: int) -> dict[str, float]:
    """Mean distance of the points that each method has at pixels ``where`` (P, 2), for pixels that all cover.

    Cameras of methods may be turned against the photo's: the similarity takes that out.
    """
    fine = 4
    points, common = {}, np.ones(len(where), bool)
    at = np.clip((where * fine).astype(int), 0, size * fine - 1)
    for name, result in found.items():
        raster = rasterise(
            result.xy * np.float32(fine), result.depth, result.triangles, size * fine, size * fine, cull=False
        )
        position = interpolate(raster, result.points, result.triangles)
        points[name] = position[at[:, 1], at[:, 0]].astype(np.float64)
        common &= raster.triangle[at[:, 1], at[:, 0]] >= 0
    out = {}
    for name, p in points.items():
        motion = similarity(p[common], true[common])
        out[name] = float(np.linalg.norm(motion(p[common]) - true[common], axis=1).mean())
    return out


def tiles(methods: Methods, faces: Faces, n: int) -> Tensor:
    """Row (3, S, 7 S) of face n: photo; MeshNet and its shape; MeshNet+, its shape, and both turned."""
    size, paper = faces.pixels.shape[1], methods.paper
    deformed = paper.deformation(faces, n)
    batch = batch_of([item(faces, n)])
    cameras, own = cameras_of(batch), paper.reference.cameras(batch)
    with torch.no_grad():
        found = predict(methods.plus, batch)
        row = [batch["picture"]]
        row += [paper.reference.draw(kind, own, Shown(size))[:, :3] for kind in (deformed, plain(deformed))]
        row += [
            draw(methods.plus, kind, view, size)[:, :3]
            for view in (cameras, turned(cameras))
            for kind in (found, clay(found))
        ]
    return torch.cat([tile[0].clamp(0, 1) for tile in row], dim=2)


def picture(paper: Path, plus: Path, photos: Sequence[Path]) -> U8:
    """`tiles` of the largest face of each photo, below each other."""
    methods, size = Methods(paper, plus), crop_size(plus)
    rows = [tiles(methods, face_in(read_photo(file), size)[0], 0) for file in photos]
    return _pixels(torch.cat(rows, dim=1))


def people(paper: Path, plus: Path, count: int) -> U8:
    """`tiles` of so many photos that the plus run holds out, spread over them, in two columns."""
    methods, faces = Methods(paper, plus), faces_of(plus)
    held = faces.select(faces.held_out)
    rows = [tiles(methods, held, int(n)) for n in np.linspace(0, len(held) - 1, min(count, len(held)))]
    if len(rows) % 2:
        rows.append(torch.zeros_like(rows[0]))
    return _pixels(torch.cat([torch.cat(rows[0::2], dim=1), torch.cat(rows[1::2], dim=1)], dim=2))


def _pixels(picture: Tensor) -> U8:
    return (picture.permute(1, 2, 0).numpy() * 255 + 0.5).astype(np.uint8)


def compare(
    paper: Path, plus: Path, synthetic: Path | None, *, limit: int = 40, say: Callable[[str], None] = print
) -> str:
    """Markdown with the tables, from two runs of `headshot learn mesh` (the plus run's photos are used)."""
    size = crop_size(plus)
    faces, methods = faces_of(plus), Methods(paper, plus)
    parts = [photo_errors(methods, faces.select(faces.held_out), limit, say)]
    if synthetic is not None:
        parts.append(shape_errors(methods, synthetic, size, limit, say))
    return "\n\n".join(parts)
