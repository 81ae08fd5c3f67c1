"""Another head model than the bundled one on HELEN: points that a fit did not see, and the keypoint method.

    python benchmarks/other_models.py --data DATA [--model DATA/sfm/sfm_shape_3448.bin] [--count 75]

DATA holds ``helen-train/`` (photos with 68 hand-placed points) and the model. Two tables:

1. The in-house network's points, their standard deviations times a factor: half of the model's points (drawn
   at random) are hidden from the fit, and their distance from the hand-placed ones is measured, root mean
   square in % of the face's extent; with the length of the shape's coefficients of a fit to all points.
2. ``headshot.reconstruct(model=...)`` against ``headshot keypoint`` on the same points: mean distance of the
   vertices of the neutral faces after the best similarity, mm; differences of yaw and pitch, degrees;
   residuals of either, % of the extent.

Medians over the photos.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from headshot import NoFaceError, Reconstructor, Settings
from headshot.apps.keypoint.fit import KeypointFitter
from headshot.arrays import Array
from headshot.fitting.evidence import BESIDE_INNER
from headshot.fitting.other_models import OtherModel, other_model, start_other
from headshot.fitting.priors import IdentityPrior
from headshot.fitting.schedule import Fit, begin, descend_landmarks
from headshot.fitting.settings import FitSettings
from headshot.geometry.align import similarity
from headshot.models.readers import read_linear_model
from headshot.perception.observe import FaceObservation
from headshot.results import Head

FACTORS = (1.0, 1.2, 1.5, 2.0, 3.0, 4.0)


def fitted(seen: FaceObservation, model: OtherModel, factor: float, hidden: Array) -> Fit:
    """The fit with the network's standard deviations times a factor, some points hidden from it."""
    prediction = seen.prediction
    assert prediction is not None
    scaled = replace(prediction, sigma68=prediction.sigma68 * factor / BESIDE_INNER)
    prior = IdentityPrior.standard(len(model.inner.identity))
    start = start_other(replace(seen, prediction=scaled), model, prior.mean, FitSettings())
    term = start.problem.landmarks
    confidence = np.where(np.isin(np.arange(len(term.points)), hidden), 0.0, term.confidence)
    problem = replace(start.problem, landmarks=replace(term, confidence=confidence))
    return descend_landmarks(begin([replace(start, problem=problem)], prior), FitSettings())


def factors(heads: list[tuple[Head, Array]], model: OtherModel) -> None:
    """The first table."""
    rng = np.random.default_rng(0)
    count = len(model.inner_index)
    splits = [rng.permutation(count)[: count // 2] for _ in heads]
    print("factor   hidden, %   norm")
    for factor in FACTORS:
        away, norm = [], []
        for (head, hand), hidden in zip(heads, splits, strict=True):
            seen = head.observation
            fit, whole = (fitted(seen, model, factor, which) for which in (hidden, np.zeros(0)))
            view = fit.state.views[0]
            places = view.camera.project(model.inner.positions(fit.identity, view.expression))
            off = ((places - hand[model.inner_index])[hidden] ** 2).sum(axis=1).mean()
            away.append(100 * np.sqrt(off) / seen.face_pixels)
            norm.append(np.linalg.norm(whole.identity))
        print(f"{factor:6.1f}   {np.median(away):9.2f}   {np.median(norm):4.1f}")


def against_keypoint(heads: list[tuple[Head, Array]], fitter: KeypointFitter) -> None:
    """The second table."""
    model, rows = fitter.model, []
    index = model.landmarks.index
    for head, _ in heads:
        seen = head.observation
        assert seen.prediction is not None
        points, size = seen.prediction.points68, (seen.photo.width, seen.photo.height)
        other = fitter.fit(points, size, seen.photo.focal_pixels())
        ours, theirs = model.neutral(head.identity), model.neutral(other.identity)
        apart = np.linalg.norm(similarity(ours, theirs)(ours) - theirs, axis=1).mean()
        far = np.linalg.norm(similarity(ours, model.mean)(ours) - model.mean, axis=1).mean()
        turn = np.abs(np.array(head.camera.angles) - other.view.angles)
        marks = model.landmarks.points.on(other.vertices, model.triangles)
        residuals = [
            100 * np.sqrt(((seen_at - points[index]) ** 2).sum(axis=1).mean()) / seen.face_pixels
            for seen_at in (head.project(head.landmarks68)[index], other.view.project(marks))
        ]
        rows.append([apart, far, turn[0], turn[1], *residuals])
    table = np.array(rows)
    names = ("apart, mm", "from the mean, mm", "yaw", "pitch", "residual, %", "of keypoint, %")
    for name, column in zip(names, table.T, strict=True):
        print(f"{name:18} {np.median(column):6.2f}   (90 % below {np.percentile(column, 90):.2f})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--count", type=int, default=75)
    options = parser.parse_args()
    model = read_linear_model(options.model or options.data / "sfm" / "sfm_shape_3448.bin")
    reconstruct = Reconstructor(Settings(texture=None, segment=False), model)
    files = sorted((options.data / "helen-train").glob("*.jpg"))
    heads = []
    for file in files[:: max(len(files) // options.count, 1)][: options.count]:
        try:
            heads.append((reconstruct(file), np.loadtxt(file.with_suffix(".pts"))))
        except NoFaceError:
            continue
    print(f"{model.name}, {len(heads)} photos\n")
    factors(heads, other_model(replace(model, dense=None)))
    print()
    against_keypoint(heads, KeypointFitter(model))


if __name__ == "__main__":
    main()
