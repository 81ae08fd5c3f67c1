"""The keypoint fit against eos, on the same landmarks and the same Surrey Face Model, in one run.

    python benchmarks/keypoint.py --data DATA [--landmarks helen|lfw|synthetic] [--count 100]

DATA holds ``sfm/`` (the files of eos) and ``helen-train/`` (hand landmarks) or ``lfw-deepfunneled/`` (on
which dlib finds landmarks: extra ``dlib``). Synthetic faces are drawn from the Surrey model, seen in
perspective from 0.5 to 1.5 m, nearly from the front, with 1 % of noise on the landmarks. With eos-py
installed (``pip install eos-py``) it runs beside; without, only this project's fit is measured.

For each photo and method:

    residual   root mean square distance of the landmarks that the model defines (50 of the Surrey model, the
               same vertices for all methods) from their projections, % of the face's size (root of the area
               of the landmarks' box)
    jaw        the same for the jaw's landmarks and the nearest point of the projected jaw line or outline
    hidden     residual of 25 landmarks, drawn at random, in a second fit that does not see them
    norm       length of the shape coefficients (63 standard normal ones have 7.9)
    ms         wall time of one fit
    shape      on synthetic faces: mean distance of the vertices from the true ones, after the best
               similarity, mm

Medians over the photos. "same prior" gives eos the regularisation that this project's noise amounts to: eos
minimises r^2 / 3 + lambda a^2, so lambda = noise^2 / 3. The last row is this project's own head model.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from headshot.apps.keypoint.find import find_points68
from headshot.apps.keypoint.fit import KeypointFitter, KeypointSettings
from headshot.errors import MissingExtraError, NoFaceError
from headshot.geometry.align import similarity
from headshot.geometry.camera import Camera, rotation_from_angles
from headshot.geometry.view import Orthographic, View
from headshot.image.photo import read_photo
from headshot.models.linear import LinearModel
from headshot.models.outline import JAW, Outline, turned_away
from headshot.models.readers import read_linear_model

NOISE = KeypointSettings().noise


@dataclass(frozen=True)
class Fitted:
    """What a method returns: vertices (V, 3) in the model's frame, the view, and shape coefficients."""

    vertices: np.ndarray
    view: View
    identity: np.ndarray


Method = Callable[[np.ndarray, tuple[int, int]], Fitted]


def ours(model: LinearModel, settings: KeypointSettings) -> Method:
    """This project's fit."""
    fitter = KeypointFitter(model, settings)

    def run(points: np.ndarray, size: tuple[int, int]) -> Fitted:
        fit = fitter.fit(points, size)
        return Fitted(fit.vertices, fit.view, fit.identity)

    return run


class Eos:
    """eos with its own files."""

    def __init__(self, folder: Path, origin: np.ndarray) -> None:
        import eos

        self.eos, self.origin = eos, origin
        shape = eos.morphablemodel.load_model(str(folder / "sfm_shape_3448.bin"))
        self.model = eos.morphablemodel.MorphableModel(
            shape.get_shape_model(),
            eos.morphablemodel.load_blendshapes(str(folder / "expression_blendshapes_3448.bin")),
            color_model=eos.morphablemodel.PcaModel(),
            vertex_definitions=None,
            texture_coordinates=shape.get_texture_coordinates(),
        )
        self.rest = (
            eos.morphablemodel.load_edge_topology(str(folder / "sfm_3448_edge_topology.json")),
            eos.fitting.ContourLandmarks.load(str(folder / "ibug_to_sfm.txt")),
            eos.fitting.ModelContour.load(str(folder / "sfm_model_contours.json")),
        )
        self.mapper = eos.core.LandmarkMapper(str(folder / "ibug_to_sfm.txt"))

    def method(self, iterations: int, regularisation: float | None) -> Method:
        """Its fit; None for the regularisation that `NOISE` amounts to."""

        def run(points: np.ndarray, size: tuple[int, int]) -> Fitted:
            known = np.flatnonzero(np.isfinite(points[:, 0]))
            # eos counts pixel centres from 0.
            landmarks = [self.eos.core.Landmark(str(i + 1), points[i] - 0.5) for i in known]
            weight = regularisation
            if weight is None:
                weight = (NOISE * face_size(points)) ** 2 / 3
            mesh, pose, shape, _ = self.eos.fitting.fit_shape_and_pose(
                self.model, landmarks, self.mapper, *size, *self.rest,
                num_iterations=iterations, lambda_identity=weight,
            )  # fmt: skip
            vertices = np.array(mesh.vertices)
            return Fitted((vertices - self.origin).astype(np.float32), self.view(pose, size), np.array(shape))

        return run

    def view(self, pose: Any, size: tuple[int, int]) -> Orthographic:
        """The pose of eos, which is scaled orthographic, as ours."""
        clip = np.asarray(pose.get_projection(), np.float64) @ np.asarray(pose.get_modelview(), np.float64)
        half = np.array(size) / 2
        affine = clip[:2] * half[:, None]
        scale = float(np.sqrt(np.linalg.norm(affine[0, :3]) * np.linalg.norm(affine[1, :3])))
        rows = affine[:, :3] / scale
        rotation = np.stack([rows[0], rows[1], np.cross(rows[0], rows[1])])
        centre = affine[:, :3] @ self.origin + affine[:, 3]
        return Orthographic(rotation, half + [centre[0], -centre[1]] + 0.5, scale)


def face_size(points: np.ndarray) -> float:
    """Root of the area of the landmarks' box, pixels."""
    return float(np.sqrt(np.prod(np.nanmax(points, axis=0) - np.nanmin(points, axis=0))))


def distances(fitted: Fitted, points: np.ndarray, outline: Outline) -> np.ndarray:
    """Distances of the model's fixed landmarks from their projections, % of the face's size."""
    places = outline.fixed
    gap = fitted.view.project(places.of(fitted.vertices)) - points[places.landmark]
    return np.asarray(100 * np.linalg.norm(gap, axis=1) / face_size(points))


def jaw(fitted: Fitted, points: np.ndarray, outline: Outline) -> float:
    """RMS distance of the jaw's landmarks from the jaw line and, on the far side, the outline."""
    known = np.ones(68, bool)
    places = outline.places(fitted.view, fitted.vertices, points, known, turned_away(fitted.view))
    gap = fitted.view.project(places.of(fitted.vertices)) - points[places.landmark]
    return float(100 * np.sqrt((gap**2).sum(axis=1).mean()) / face_size(points))


@dataclass(frozen=True)
class Case:
    """Landmarks (68, 2), size of the photo, and on synthetic faces the true vertices (V, 3)."""

    points: np.ndarray
    size: tuple[int, int]
    truth: np.ndarray | None = None


def synthetic(model: LinearModel, seed: int) -> Case:
    """A random face of the model, in a picture of 320 pixels."""
    rng = np.random.default_rng(seed)
    weights = np.abs(rng.normal(0, 0.3, len(model.expression)))
    face = model.shape(rng.standard_normal(len(model.identity)), weights)
    distance = rng.uniform(500, 1500)
    pose = rotation_from_angles(rng.uniform(-7, 7), rng.uniform(-10, 10), rng.uniform(-10, 10))
    camera = Camera(320, 320, 4 / 3 * distance, (160, 160), pose, np.array([0, 20.0, -distance]))
    points = np.full((68, 2), np.nan)
    points[model.landmarks.index] = camera.project(model.landmarks.points.on(face, model.triangles))
    for side, numbers in JAW.items():
        line = camera.project(model.contours[side].on(face, model.triangles))
        points[list(numbers)] = line[:: len(line) // 8][:8]
    return Case(points + rng.normal(0, 2, points.shape), (320, 320), face)


def shape_error(vertices: np.ndarray, truth: np.ndarray) -> float:
    """Mean distance (mm) of corresponding vertices after the best similarity."""
    return float(np.linalg.norm(similarity(vertices, truth)(vertices) - truth, axis=1).mean())


def faces(data: Path, kind: str, count: int) -> list[Case]:
    """Landmarks and photo sizes."""
    found: list[Case] = []
    if kind == "helen":
        files = sorted((data / "helen-train").glob("*.pts"))
        for file in files[:: max(1, len(files) // count)][:count]:
            photo = read_photo(file.with_suffix(".jpg"))
            found.append(Case(np.loadtxt(file), (photo.width, photo.height)))
        return found
    files = sorted((data / "lfw-deepfunneled").glob("*/*_0001.jpg"))
    for file in files[:: max(1, len(files) // count)][:count]:
        photo = read_photo(file)
        try:
            found.append(Case(find_points68(photo, "dlib")[0].points, (photo.width, photo.height)))
        except NoFaceError:
            continue
    return found


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--landmarks", choices=("helen", "lfw", "synthetic"), default="helen")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--noise", type=float, default=NOISE, help="of this project's fits")
    parser.add_argument("--slow", action="store_true", help="also eos with 50 rounds")
    args = parser.parse_args()
    folder, noise = args.data / "sfm", args.noise
    model = read_linear_model(folder / "sfm_shape_3448.bin")
    methods: dict[str, Method] = {
        "headshot, perspective": ours(model, KeypointSettings(noise=noise)),
        "headshot, orthographic": ours(model, KeypointSettings("orthographic", noise=noise)),
        "headshot, orthographic, alternating": ours(
            model, KeypointSettings("orthographic", "alternating", noise)
        ),
    }
    try:
        eos = Eos(folder, model.origin)
        methods["eos, its defaults (5 rounds)"] = eos.method(5, 30.0)
        methods["eos, 5 rounds, same prior"] = eos.method(5, None)
        if args.slow:
            methods["eos, 50 rounds"] = eos.method(50, 30.0)
    except ImportError:
        print("eos-py is not installed (pip install eos-py): only headshot is measured\n")
    own = read_linear_model("headshot")
    if args.landmarks != "synthetic":  # those are faces of the Surrey model
        methods["headshot's own model, perspective"] = ours(own, KeypointSettings(noise=noise))
    outlines = {name: Outline(own if "own" in name else model) for name in methods}
    try:
        if args.landmarks == "synthetic":
            cases = [synthetic(model, seed) for seed in range(args.count)]
        else:
            cases = faces(args.data, args.landmarks, args.count)
    except MissingExtraError as error:
        raise SystemExit(str(error)) from error
    index = model.landmarks.index
    table: dict[str, list[list[float]]] = {name: [] for name in methods}
    for case in cases:
        points, size = case.points, case.size
        rng = np.random.default_rng(len(points) + size[0])
        left_out = rng.permutation(index)[:25]
        partial = points.copy()
        partial[left_out] = np.nan
        for name, method in methods.items():
            if not table[name]:
                method(points, size)  # first-call costs are not counted
            start = perf_counter()
            fitted = method(points, size)
            seconds = perf_counter() - start
            outline = outlines[name]
            gap = distances(fitted, points, outline)
            hidden = np.isin(outline.fixed.landmark, left_out)
            unseen = distances(method(partial, size), points, outline)[hidden]
            table[name].append(
                [
                    float(np.sqrt((gap**2).mean())),
                    jaw(fitted, points, outline),
                    float(np.sqrt((unseen**2).mean())),
                    float(np.linalg.norm(fitted.identity)),
                    1000 * seconds,
                    np.nan if case.truth is None else shape_error(fitted.vertices, case.truth),
                ]
            )
    report(table, len(cases), args.landmarks)
    if args.landmarks == "synthetic":
        mean = np.median([shape_error(model.mean, case.truth) for case in cases if case.truth is not None])
        print(f"\nshape error of the mean face: {mean:.2f} mm")


def report(table: dict[str, list[list[float]]], count: int, kind: str) -> None:
    """Print medians, and ours over eos's."""
    source = {"helen": "HELEN, hand landmarks", "lfw": "LFW, dlib's landmarks"}.get(kind, "synthetic faces")
    print(f"{source}, {count} photos, medians\n")
    formats = ("{:.2f}", "{:.2f}", "{:.2f}", "{:.1f}", "{:.1f}", "{:.2f}")
    width = 6 if kind == "synthetic" else 5
    heads = ("residual, %", "jaw, %", "hidden, %", "norm", "ms", "shape, mm")[:width]
    print("| method | " + " | ".join(heads) + " |\n" + "|---" * (width + 1) + "|")
    for name, rows in table.items():
        row = np.median(rows, axis=0)
        cells = [text.format(value) for text, value in zip(formats[:width], row, strict=False)]
        print(f"| {name} | " + " | ".join(cells) + " |")
    for other in (name for name in table if name.startswith("eos")):
        for mine in (name for name in table if name.startswith("headshot,")):
            a, b = np.array(table[mine]), np.array(table[other])
            better = (a[:, 0] <= b[:, 0]).mean()
            print(
                f"\n{mine} / {other}: residual x {np.median(a[:, 0] / b[:, 0]):.2f}, no worse on "
                f"{100 * better:.0f} % of the photos; time x {np.median(a[:, 4] / b[:, 4]):.2f}"
            )


if __name__ == "__main__":
    main()
