"""Find where on the head model the landmark network's 478 points and the 68 iBUG points lie.

    python tools/head_model/calibrate.py --data $HEADSHOT_DATA --cache FILE

writes ``landmarks.npz`` beside it; ``build.py`` puts it into the head model. A landmark network has its own
idea of where, say, "point 50" is. Here that idea is measured: the head model is fitted to a thousand real
photos, the mean residual of each point over all photos is its systematic error, and the point moves along
the surface until that is gone. To keep the whole cloud from drifting, hand-placed iBUG points with a clear
anatomical meaning (corners of eyes and mouth, nose, lip midlines) hold HELEN's heads in place. The result is
mirror-symmetric. Two thirds of HELEN are left out, for the check that is printed at the end.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rich.progress import track

from headshot import assets
from headshot.datasets.utkface import with_border
from headshot.errors import HeadshotError
from headshot.fitting.evidence import CONFIDENCE
from headshot.fitting.initialise import LandmarkObservation
from headshot.fitting.landmarks import LandmarkFit, fit_landmarks
from headshot.fitting.settings import FitSettings
from headshot.geometry.raster import rasterise
from headshot.image.photo import read_photo
from headshot.models.contour import landmarks68
from headshot.models.correspondence import Correspondence
from headshot.models.head_model import HeadModel, PointModel, read
from headshot.models.topologies import ibug68
from headshot.models.topologies.mediapipe478 import (
    IRIS_LEFT_IN_IMAGE,
    IRIS_RIGHT_IN_IMAGE,
    LOWER_LIP,
    MIRROR,
    UPPER_LIP,
)
from headshot.perception.detection.detect import detect_faces
from headshot.perception.landmarks.mediapipe import find_landmarks
from headshot.robust import geman_mcclure_weight
from quadmesh import closest_points

RESULT = Path(__file__).parent / "landmarks.npz"
CALIBRATION_SHARE = 3  # every third HELEN photo calibrates, the others check
IRIS_RADIUS = 5.85
# Points that meet while the mouth is closed, above and below the line of the mouth.
MEETING = np.array([[191, 80, 81, 82, 13, 312, 311, 310, 415], [95, 88, 178, 87, 14, 317, 402, 318, 324]])
MEETING_IBUG = np.array([[61, 62, 63], [67, 66, 65]])
ANCHORS = np.r_[27:36, 36, 39, 42, 45, 48, 51, 54, 57, 60, 64]
ANCHOR_CONFIDENCE = 6.0
REGIONS = {
    "jaw": ibug68.JAW,
    "brows": ibug68.BROWS,
    "nose": ibug68.NOSE,
    "eyes": ibug68.EYES,
    "mouth": ibug68.MOUTH,
}


@dataclass(frozen=True)
class Example:
    """One photo: the network's points, its blendshapes, the photo's size, and hand-made points or None."""

    points: np.ndarray
    blendshapes: np.ndarray
    width: int
    height: int
    hand: np.ndarray | None


def gather(data: Path, cache: Path) -> list[Example]:
    """Landmarks of HELEN (all), UTKFace (250) and LFW (300 people); stored in ``cache`` between runs."""
    if not cache.exists():
        _run_networks(data, cache)
    with np.load(cache) as file:
        points, shapes, sizes, hand = (file[k] for k in ("points", "blendshapes", "sizes", "hand"))
    return [
        Example(p, b, int(w), int(h), None if np.isnan(g).any() else g)
        for p, b, (w, h), g in zip(points, shapes, sizes, hand, strict=True)
    ]


def _run_networks(data: Path, cache: Path) -> None:
    rng = np.random.default_rng(0)
    helen = sorted((data / "helen-train").glob("*.jpg"))
    people = sorted(p for p in (data / "lfw-deepfunneled").iterdir() if p.is_dir())
    lfw = [sorted(people[i].glob("*.jpg"))[0] for i in rng.choice(len(people), 300, replace=False)]
    crops = sorted((data / "utkface-balanced").glob("*.jpg"))
    utk = [crops[i] for i in rng.choice(len(crops), 250, replace=False)]
    rows = []
    for file in track([*helen, *lfw, *utk], description="landmarks"):
        photo = read_photo(file)
        pixels = (with_border(photo, photo.width // 2) if file in utk else photo).pixels
        try:
            faces = detect_faces(pixels)
            seen = [find_landmarks(pixels, face) for face in faces[:1]]
        except HeadshotError as error:
            print(f"{file.name}: {error}")
            continue
        if not seen or seen[0].presence < 0.5:
            continue
        points_file = file.with_suffix(".pts")
        # The files count pixels from 1.
        hand = np.loadtxt(points_file) - 1 if points_file.exists() else np.full((68, 2), np.nan)
        rows.append((seen[0].points, seen[0].blendshapes, (pixels.shape[1], pixels.shape[0]), hand))
    points, shapes, sizes, hand = (np.array(column) for column in zip(*rows, strict=True))
    np.savez_compressed(cache, points=points, blendshapes=shapes, sizes=sizes, hand=hand)


def triangles_of(model: HeadModel, *parts: str) -> np.ndarray:
    """Indices of the triangles of the named parts."""
    return np.concatenate([np.arange(*model.parts[name]) for name in parts])


def lips(model: HeadModel) -> tuple[np.ndarray, np.ndarray]:
    """Triangles of the skin above and below the line of the mouth, which touch while it is closed."""
    jaw = np.linalg.norm(model.expression[model.expression_names.index("jawOpen")], axis=1)
    skin = triangles_of(model, "skin")
    motion = jaw[model.triangles[skin]].mean(axis=1)
    lower = motion > 0.5 * motion.max()
    return skin[~lower], skin[lower]


def closest(points: np.ndarray, model: HeadModel, chosen: np.ndarray) -> Correspondence:
    """Closest points of the mean head's chosen triangles to positions (L, 3)."""
    triangle, weights, _ = closest_points(points, model.mean.astype(np.float64), model.triangles[chosen])
    return Correspondence(chosen[triangle].astype(np.int32), weights.astype(np.float32))


def bootstrap(model: HeadModel, examples: list[Example]) -> np.ndarray:
    """First positions (478, 3) on the mean head: fit to hand-made points, then where the rays hit."""
    hand_model = model.at(model.landmarks["ibug68"])
    confidence = np.r_[np.zeros(17), np.full(10, 0.2), np.ones(41)]
    skin = model.part_triangles("skin")
    hits: list[list[np.ndarray]] = [[] for _ in range(478)]
    settings = FitSettings(expression_noise=0.25)
    for e in track(examples, description="bootstrap"):
        seen = LandmarkObservation(e.hand, confidence, e.blendshapes, e.width, e.height, None)
        fit = fit_landmarks(seen, hand_model, settings)
        vertices = model.shape(fit.identity, fit.expression)
        raster = rasterise(
            fit.camera.project(vertices).astype(np.float32),
            (-fit.camera.to_camera(vertices)[:, 2]).astype(np.float32),
            skin,
            e.height,
            e.width,
        )
        corners = vertices[skin]
        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        view = fit.camera.position - corners.mean(axis=1)
        facing = (normal * view).sum(1) / np.linalg.norm(normal, axis=1) / np.linalg.norm(view, axis=1)
        pixel = np.floor(e.points).astype(int)
        within = ((pixel >= 0) & (pixel < [e.width, e.height])).all(axis=1)
        for k in np.flatnonzero(within):
            x, y = pixel[k]
            t = raster.triangle[y, x]
            if t >= 0 and facing[t] > 0.25:
                hits[k].append(raster.barycentric[y, x] @ model.mean[skin[t]])
    positions = np.array([np.median(h, axis=0) if h else np.full(3, np.nan) for h in hits])
    for eye, first in (("eye_right", 468), ("eye_left", 473)):
        corners = model.mean[np.unique(model.part_triangles(eye))]
        centre, radius = (corners.min(0) + corners.max(0)) / 2, np.ptp(corners[:, 1]) / 2
        height = np.sqrt(radius**2 - IRIS_RADIUS**2)
        rim = IRIS_RADIUS * np.array([[1, 0], [0, 1], [-1, 0], [0, -1]])
        positions[first] = centre + [0, 0, radius]
        positions[first + 1 : first + 5] = centre + np.column_stack([rim, np.full(4, height)])
    return positions


def place(model: HeadModel, positions: np.ndarray) -> Correspondence:
    """Positions of the 478 points as correspondences, each on its own lip or eyeball."""
    upper, lower = lips(model)
    groups = {
        **dict.fromkeys(UPPER_LIP, upper),
        **dict.fromkeys(LOWER_LIP, lower),
        **dict.fromkeys(IRIS_LEFT_IN_IMAGE, triangles_of(model, "eye_right")),
        **dict.fromkeys(IRIS_RIGHT_IN_IMAGE, triangles_of(model, "eye_left")),
    }
    return _placed(positions, model, groups)


def place_ibug(model: HeadModel, positions: np.ndarray) -> Correspondence:
    """Positions of the 68 iBUG points as correspondences, each on its own lip."""
    upper, lower = lips(model)
    groups = {
        **dict.fromkeys([49, 50, 51, 52, 53, 61, 62, 63], upper),
        **dict.fromkeys([55, 56, 57, 58, 59, 65, 66, 67], lower),
    }
    return _placed(positions, model, groups)


def _placed(positions: np.ndarray, model: HeadModel, groups: dict[int, np.ndarray]) -> Correspondence:
    found = closest(positions, model, triangles_of(model, "skin"))
    for k, allowed in groups.items():
        one = closest(positions[k : k + 1], model, allowed)
        found.triangle[k], found.barycentric[k] = one.triangle[0], one.barycentric[0]
    return found


def motion_per_mm(fit: LandmarkFit, model: PointModel) -> np.ndarray:
    """Jacobian (L, 2, 3) of the projection by motion of each point in the head frame, pixels per mm."""
    camera = fit.camera
    x, y, z = camera.to_camera(model.positions(fit.identity, fit.expression)).T
    gain, zero = camera.focal / -z, np.zeros_like(z)
    rows = np.stack([[gain, zero, gain * x / -z], [zero, -gain, -gain * y / -z]])
    return np.einsum("ijl,jk->lik", rows, camera.rotation)


def systematic(
    residuals: np.ndarray, jacobians: np.ndarray, weights: np.ndarray, normals: np.ndarray
) -> np.ndarray:
    """Displacement (L, 3) along the surface that best explains residuals (N, L, 2) of N photos, mm."""
    squares = np.einsum("nlij,nlik,nl->ljk", jacobians, jacobians, weights)
    slopes = np.einsum("nlij,nli,nl->lj", jacobians, residuals, weights)
    moves = np.zeros((len(normals), 3))
    for k, normal in enumerate(normals):
        tangents = np.linalg.svd(np.eye(3) - np.outer(normal, normal))[0][:, :2]
        a = tangents.T @ squares[k] @ tangents
        moves[k] = tangents @ np.linalg.solve(
            a + 1e-3 * np.trace(a) * np.eye(2) + 1e-12 * np.eye(2), tangents.T @ slopes[k]
        )
    return moves


def surface_normals(model: HeadModel, points: Correspondence) -> np.ndarray:
    """Unit normals (L, 3) of the mean head's triangles under the points."""
    a, b, c = model.mean[model.triangles[points.triangle]].transpose(1, 0, 2).astype(np.float64)
    normal = np.cross(b - a, c - a)
    return normal / np.linalg.norm(normal, axis=1, keepdims=True)


def joined(first: Correspondence, second: Correspondence) -> Correspondence:
    return Correspondence(
        np.concatenate([first.triangle, second.triangle]),
        np.concatenate([first.barycentric, second.barycentric]),
    )


def refine(
    model: HeadModel, examples: list[Example], positions: np.ndarray, iterations: int
) -> tuple[np.ndarray, np.ndarray]:
    """Move the points until their mean residuals vanish; returns positions (478, 3) and iBUG (68, 3)."""
    ibug = model.landmarks["ibug68"].on(model.mean, model.triangles).astype(np.float64)
    trust = np.r_[CONFIDENCE, np.zeros(68)]
    trust[478 + ANCHORS] = ANCHOR_CONFIDENCE
    for iteration in range(iterations):
        points = joined(place(model, positions), place_ibug(model, ibug))
        point_model = model.at(points)
        residuals, jacobians, weights = [], [], []
        for e in track(examples, description=f"iteration {iteration + 1} of {iterations}"):
            hand = np.full((68, 2), np.nan) if e.hand is None else e.hand
            seen = LandmarkObservation(
                np.concatenate([e.points, hand]), trust, e.blendshapes, e.width, e.height, None
            )
            fit = fit_landmarks(seen, point_model)
            jacobian = motion_per_mm(fit, point_model)
            robust = geman_mcclure_weight((fit.residual**2).sum(1) / (3 * fit.noise) ** 2)
            robust[478:] *= e.hand is not None
            residuals.append(fit.residual)
            jacobians.append(jacobian)
            weights.append(robust / np.median(np.abs(jacobian).max(axis=(1, 2))) ** 2)
        moves = systematic(*map(np.array, (residuals, jacobians, weights)), surface_normals(model, points))
        moves[468:478] = 0  # irises are round and in the middle of the eye by construction
        moves[478 + ANCHORS] = 0
        size = np.linalg.norm(moves, axis=1)
        print(
            f"systematic error, mm: 478 points mean {size[:468].mean():.2f}, max {size[:468].max():.2f}; "
            f"iBUG {size[478:].mean():.2f}"
        )
        moved = points.on(model.mean, model.triangles) + moves
        positions = _met(_symmetric(moved[:478], MIRROR), MEETING)
        ibug = _met(_symmetric(moved[478:], ibug68.MIRROR), MEETING_IBUG)
    return positions, ibug


def refine_ibug(
    model: HeadModel, examples: list[Example], ibug: np.ndarray, iterations: int = 3
) -> np.ndarray:
    """Move the iBUG points to where HELEN's annotators put them on heads fitted to the 478 points alone."""
    fits = [_fit(e, model) for e in track(examples, description="iBUG points")]
    for _ in range(iterations):
        points = place_ibug(model, ibug)
        model = replace(model, landmarks={**model.landmarks, "ibug68": points})
        point_model = model.at(points)
        residuals, jacobians = [], []
        for e, fit in zip(examples, fits, strict=True):
            shown = landmarks68(model, model.shape(fit.identity, fit.expression), fit.camera)
            residuals.append(e.hand - fit.camera.project(shown))
            jacobians.append(motion_per_mm(fit, point_model))
        residual, jacobian = np.array(residuals), np.array(jacobians)
        gain = np.median(np.abs(jacobian).max(axis=(2, 3)), axis=1, keepdims=True)
        size = np.linalg.norm(residual, axis=2) / gain
        weights = geman_mcclure_weight((size / 8) ** 2) / gain**2
        # On a turned head the far jaw points are wherever the outline is, and not on one point of the skin.
        yaw = np.array([fit.camera.angles[0] for fit in fits])
        weights[:, :8] *= (yaw < 12)[:, None]
        weights[:, 9:17] *= (yaw > -12)[:, None]
        moves = systematic(residual, jacobian, weights, surface_normals(model, points))
        ibug = _met(_symmetric(points.on(model.mean, model.triangles) + moves, ibug68.MIRROR), MEETING_IBUG)
    return ibug


def _fit(e: Example, model: HeadModel) -> LandmarkFit:
    seen = LandmarkObservation(e.points, CONFIDENCE, e.blendshapes, e.width, e.height, None)
    return fit_landmarks(seen, _at_network_points(model))


_CACHE: dict[int, PointModel] = {}


def _at_network_points(model: HeadModel) -> PointModel:
    points = model.landmarks["mediapipe478"]
    if id(points) not in _CACHE:
        _CACHE[id(points)] = model.at(points)
    return _CACHE[id(points)]


def _symmetric(points: np.ndarray, mirror: np.ndarray) -> np.ndarray:
    return (points + points[mirror] * [-1, 1, 1]) / 2


def _met(points: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Put points that meet while the mouth is closed, as it is on the mean head, in the same place.

    Open mouths alone would place them on the edges that the lips show then, millimetres apart; closed mouths
    would be fitted with lips pressed into each other.
    """
    met = points.copy()
    met[pairs] = points[pairs].mean(axis=0)
    return met


def report(model: HeadModel, examples: list[Example]) -> None:
    """Error of the heads' iBUG points on photos that did not calibrate, percent of the eye distance."""
    errors = []
    for e in track(examples, description="check"):
        fit = _fit(e, model)
        shown = landmarks68(model, model.shape(fit.identity, fit.expression), fit.camera)
        gap = np.linalg.norm(fit.camera.project(shown) - e.hand, axis=1)
        errors.append(100 * gap / np.linalg.norm(e.hand[36] - e.hand[45]))
    table = np.array(errors)
    inner, every = np.median(table[:, 17:].mean(1)), np.median(table.mean(1))
    print(f"{len(table)} photos: inner 51 {inner:.2f} %, all 68 {every:.2f} %")
    print(", ".join(f"{name} {np.median(table[:, s].mean(1)):.2f} %" for name, s in REGIONS.items()))


def calibrate(data: Path, cache: Path, iterations: int) -> None:
    """The whole calibration."""
    model = read(assets.path("head_model.npz"), "low")
    examples = gather(data, cache)
    by_hand = [e for e in examples if e.hand is not None]
    train = by_hand[::CALIBRATION_SHARE]
    positions = bootstrap(model, by_hand)
    positions, ibug = refine(model, train + [e for e in examples if e.hand is None], positions, iterations)
    model = replace(model, landmarks={**model.landmarks, "mediapipe478": place(model, positions)})
    ibug = refine_ibug(model, train, ibug)
    found = {"mediapipe478": place(model, positions), "ibug68": place_ibug(model, ibug)}
    np.savez_compressed(
        RESULT,
        **{f"{n}/triangle": c.triangle for n, c in found.items()},
        **{f"{n}/barycentric": c.barycentric for n, c in found.items()},
    )
    report(
        replace(model, landmarks={**model.landmarks, **found}),
        [e for i, e in enumerate(by_hand) if i % CALIBRATION_SHARE],
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of the research data sets (docs/reference/data.md)"
    )
    parser.add_argument(
        "--cache", type=Path, required=True, help="file that keeps the landmarks between runs"
    )
    parser.add_argument("--iterations", type=int, default=6)
    arguments = parser.parse_args()
    calibrate(arguments.data, arguments.cache, arguments.iterations)


if __name__ == "__main__":
    main()
