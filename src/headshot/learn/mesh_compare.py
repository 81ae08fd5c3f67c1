"""MeshNet and MeshNet+ side by side, on the same held-out photos and on heads with known shape.

Measures:
- photometric error: mean absolute sRGB difference where the segmentation sees the face, levels of 255;
- LPIPS of photo and rendering, both grey outside of the face;
- landmark error: mean distance of MediaPipe's 478 points, in the picture, over that of the outer corners of
  the eyes. MeshNet has no correspondence with faces: a landmark is the point of its mesh that lies, on the
  mean of all meshes of the training photos, where the landmarks' mean lies;
- shape error on synthetic heads (tools/synthetic_heads.py): points of the true face that are seen in the
  photo against what a method's mesh has at the same pixel, after the best similarity, mm. It needs no
  correspondence, and forgives what is wrong sideways.

The mean face is the rigidly fitted mean head: only its pose comes from the photo.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headshot.camera import Camera
from headshot.errors import HeadshotError, NoFaceError
from headshot.evaluate.align import similarity
from headshot.evaluate.baselines import LandmarksOnly, look
from headshot.evaluate.report import table
from headshot.evaluate.synthetic import Truth, read_truths
from headshot.learn.data.faces import Faces, camera_of, read
from headshot.learn.engine import best_weights
from headshot.learn.losses.perceptual import LPIPS
from headshot.learn.mesh import Hemisphere, Photos, masked_error
from headshot.learn.mesh_plus import Loss, batch_of, cameras_of, clay, draw, item, surface_of, turned
from headshot.learn.networks.meshnet import MeshNet
from headshot.learn.networks.meshnet_plus import STAGES, MeshNetPlus
from headshot.learn.template import face_template
from headshot.photo import Photo, read_photo
from headshot.raster import interpolate, rasterise
from headshot.resample import warp
from headshot.segment import crop_frame, crop_map, segment

F32 = NDArray[np.float32]
I32 = NDArray[np.int32]
Array = NDArray[np.float64]

METHODS = ("MeshNet (paper)", "mean face", "MeshNet+")


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
        self.plus = MeshNetPlus(surface_of(self.template))
        self.plus.load_state_dict(best_weights(plus))
        self.plus.eval()
        weights = best_weights(paper)
        size = _size_of(weights["offsets.weight"].shape[1])
        self.hemisphere = Hemisphere()
        self.paper = MeshNet(size, len(self.hemisphere.vertices))
        self.paper.load_state_dict(weights)
        self.paper.eval()
        self.loss = Loss(self.template, None)
        self.landmarks: tuple[I32, Array] | None = None  # of MeshNet: corners (478, 3), weights (478, 3)

    def learn_landmarks(self, training: Faces, limit: int = 60) -> None:
        """Find MediaPipe's landmarks on MeshNet's mesh, from training photos."""
        size = training.pixels.shape[1]
        photos = Photos(training, self.paper.size, shuffled=False)
        step = max(1, len(training) // limit)
        rows = range(0, len(training), step)
        xy = np.mean([self.paper_mesh(photos, n, size)[1].xy for n in rows], axis=0)
        depth = np.mean([self.paper_mesh(photos, n, size)[1].depth for n in rows], axis=0)
        mean = training.landmarks[list(rows)].mean(axis=0)
        fine = 8  # pixels of the raster in which they are looked up, per pixel
        triangles = self.hemisphere.topology.triangles
        seen = rasterise(xy * fine, depth, triangles, size * fine, size * fine, cull=False)
        covered = np.argwhere(seen.triangle >= 0)
        corners, weights = np.empty((478, 3), np.int32), np.empty((478, 3))
        for n, (x, y) in enumerate(mean * fine):
            row, column = covered[((covered + 0.5 - (y, x)) ** 2).sum(axis=1).argmin()]
            corners[n] = triangles[seen.triangle[row, column]]
            weights[n] = seen.barycentric[row, column]
        self.landmarks = corners, weights

    def paper_mesh(self, photos: Photos, n: int, size: int) -> tuple[Tensor, Result]:
        """MeshNet's picture and mesh of face n."""
        picture, painted, _ = (x[None] for x in photos[n])
        with torch.no_grad():
            offsets, colours = self.paper(picture, painted)
            drawn = self.hemisphere.draw(offsets, colours, size)[:, :3]
        cameras = self.hemisphere.cameras(size)
        vertices = self.hemisphere.vertices + offsets
        xy, depth = cameras.project(vertices)
        points = cameras.to_camera(vertices)[0].numpy()
        found = Result(
            drawn, np.zeros((478, 2)), xy[0].numpy(), depth[0].numpy(), points,
            self.hemisphere.topology.triangles,
        )  # fmt: skip
        return drawn, found

    def __call__(self, faces: Faces, n: int) -> dict[str, Result]:
        """What each method makes of face n."""
        if self.landmarks is None:
            raise ValueError("call learn_landmarks first")
        size = faces.pixels.shape[1]
        _, first = self.paper_mesh(Photos(faces, self.paper.size, shuffled=False), n, size)
        corners, weights = self.landmarks
        points = np.einsum("lcd,lc->ld", first.xy[corners].astype(np.float64), weights)
        out = {METHODS[0]: replace(first, landmarks=points)}
        batch = batch_of([item(faces, n, None)])
        cameras = cameras_of(batch)
        triangles = self.template.triangles[-1]
        with torch.no_grad():
            found = self.plus(batch["picture"], batch["mask"], cameras)
            picture = draw(self.plus, found, cameras, size)[:, :3]
            level = self.template.counts[STAGES[-1]]
            for name, vertices in (
                (METHODS[1], torch.from_numpy(self.template.vertices)[None]),
                (METHODS[2], found.vertices),
            ):
                xy, depth = cameras.project(vertices)
                marks, _ = cameras.project(self.loss.landmarks(vertices[:, :level], len(STAGES) - 1))
                out[name] = Result(
                    picture if name == METHODS[2] else None, marks[0].double().numpy(), xy[0].numpy(),
                    depth[0].numpy(), cameras.to_camera(vertices)[0].numpy(), triangles,
                )  # fmt: skip
        return out


def _size_of(features: int) -> int:
    """Pixels of MeshNet's pictures from the inputs of its linear layers."""
    for size in range(46, 1025):
        left = size
        for _ in range(4):
            left = (left - 2) // 2
        if 128 * left * left == features and size % 16 == 0:
            return size
    raise HeadshotError(f"no MeshNet has {features} features: the run is of another network")


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
            kept = values[name]
            off = np.linalg.norm(found.landmarks - true, axis=1).mean() / eyes
            kept.setdefault("landmarks", []).append(100 * float(off))
            if found.picture is not None:
                error = masked_error(found.picture, picture, mask)
                kept.setdefault("photometric", []).append(255 * float(error))
                with torch.no_grad():
                    a, b = (x * mask + 0.5 * (1 - mask) for x in (found.picture.clamp(0, 1), picture))
                    kept.setdefault("lpips", []).append(float(lpips(a, b)))
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


def face_in(photo: Photo, size: int) -> tuple[Faces, Array]:
    """The largest face of a photo in its crop, with parts found by `headshot.segment`; and the crop's map.

    Raises:
        NoFaceError: there is none.
    """
    seen = look(photo)
    pixels, points = photo.pixels, seen.landmarks.points
    affine = crop_map(crop_frame(points), size)
    inverse = np.linalg.inv(affine[:, :2])
    marks = (points - affine[:, 2]) @ inverse.T
    camera = camera_of(marks, size)
    labels = segment(pixels, points).labels
    y, x = np.mgrid[:size, :size] + 0.5
    at = np.floor(np.stack([x, y], axis=-1) @ affine[:, :2].T + affine[:, 2]).astype(int)
    column, row = (np.clip(at[..., k], 0, labels.shape[1 - k] - 1) for k in (0, 1))
    face = Faces(
        warp(pixels, affine[None], (size, size)), labels[row, column][None], marks[None].astype(np.float32),
        np.array([camera.focal], np.float32), camera.rotation[None].astype(np.float32),
        camera.translation[None].astype(np.float32), np.array([True]),
    )  # fmt: skip
    return face, affine


def shape_errors(methods: Methods, folder: Path, size: int, limit: int, say: Callable[[str], None]) -> str:
    """Table of the shape errors on synthetic heads."""
    truths = read_truths(folder)
    truths = truths[:: max(1, len(truths) // limit)][:limit]
    names = (*METHODS, "headshot, landmarks only")
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
        fit = LandmarksOnly(detail="low")(look(photo)).head
        assert fit is not None
        # All parts: through the holes for the eyes, the inside of the skull would be seen.
        found[names[-1]] = _of_head(fit.vertices, fit.model.triangles, fit.camera, affine)
        where = (pixels - affine[:, 2]) @ inverse.T
        for name, error in _same_pixel(found, where, seen, size).items():
            values[name].append(error)
        say(f"head {k + 1}/{len(truths)}")
    header = ["method", "shape at the same pixels (mm)", "n"]
    rows = [[name, _mean(v), str(len(v))] for name, v in values.items()]
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


def picture(paper: Path, plus: Path, photos: Sequence[Path]) -> NDArray[np.uint8]:
    """For each photo: its crop; MeshNet's rendering; MeshNet+'s rendering, its shape, and both turned."""
    methods = Methods(paper, plus)
    size = _crop_size(plus)
    rows = []
    for file in photos:
        face, _ = face_in(read_photo(file), size)
        first, _ = methods.paper_mesh(Photos(face, methods.paper.size, shuffled=False), 0, size)
        batch = batch_of([item(face, 0, None)])
        cameras = cameras_of(batch)
        with torch.no_grad():
            found = methods.plus(batch["picture"], batch["mask"], cameras)
            side = turned(cameras)
            tiles = [batch["picture"], first] + [
                draw(methods.plus, kind, view, size)[:, :3]
                for view in (cameras, side)
                for kind in (found, clay(found))
            ]
        rows.append(torch.cat([tile[0].clamp(0, 1) for tile in tiles], dim=2))
    out = torch.cat(rows, dim=1).permute(1, 2, 0)
    return (out.numpy() * 255 + 0.5).astype(np.uint8)


def _crop_size(plus: Path) -> int:
    """Pixels of the crops of a run.

    Raises:
        HeadshotError: it has none.
    """
    try:
        with np.load(plus / "faces.npz", allow_pickle=False) as archive:
            return int(archive["pixels"].shape[1])
    except (OSError, ValueError, KeyError) as error:
        raise HeadshotError(f"{plus} has no faces.npz: it is not a run of `headshot learn mesh`") from error


def compare(
    paper: Path, plus: Path, synthetic: Path | None, *, limit: int = 40, say: Callable[[str], None] = print
) -> str:
    """Markdown with the tables, from two runs of `headshot learn mesh` (the plus run's photos are used)."""
    size = _crop_size(plus)
    faces = read(plus / "faces.npz", size)
    methods = Methods(paper, plus)
    methods.learn_landmarks(faces.select(~faces.held_out))
    parts = [photo_errors(methods, faces.select(faces.held_out), limit, say)]
    if synthetic is not None:
        parts.append(shape_errors(methods, synthetic, size, limit, say))
    return "\n\n".join(parts)
