"""Is it the landmarks or the fit? The same fit, given where the surface truly is, on synthetic heads.

    python benchmarks/exact_landmarks.py FOLDER        # made by tools/synthetic_heads.py

The vertices of the true mesh nearest to our model's 478 landmarks (on our mean head) are projected into the
photo. Shown are medians: how far the network's points lie from these, in percent of the face's extent, and
the shape error (corresponding points, mm) and correlation of `headshot.reconstruct`, of the mean face, and
of the fit to the exact points, without and with the true focal length.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.progress import track

from headshot import HeadshotError, load_head_model, read_photo
from headshot.datasets.subject import find_subject
from headshot.datasets.synthetic import Truth, read_truths
from headshot.evaluate.baselines import Head, MeanFace, named_method
from headshot.evaluate.synthetic import errors
from headshot.evaluate.tables import table
from headshot.fitting.evidence import landmark_observation
from headshot.fitting.landmarks import fit_landmarks
from headshot.geometry.camera import Camera, extent_of

NEAR = 3.0  # mm from a landmark within which a vertex may stand for it


def measure(truth: Truth) -> list[float]:
    """Yaw and the numbers of one photo."""
    model = load_head_model("low")
    points = model.at(model.landmarks["mediapipe478"])
    subject = find_subject(read_photo(truth.photo))
    gaps = np.linalg.norm(truth.mesh.canonical[:, None] - points.mean, axis=2)
    size = subject.photo.width
    focal = truth.focal_35mm / 36 * size
    camera = Camera(size, size, focal, (size / 2, size / 2), np.eye(3), np.zeros(3))
    exact = camera.project(truth.camera_vertices[gaps.argmin(axis=0)])
    extent = extent_of(exact)
    off = 100 * np.linalg.norm(exact - subject.landmarks.points, axis=1).mean() / extent
    row = [abs(truth.yaw), float(off)]
    for method in (named_method("landmarks only"), MeanFace()):
        head = method(subject).head
        assert head is not None
        found = errors(head, truth)
        row += [found["vertex"], found["correlation"]]
    seen_exactly = landmark_observation(subject.photo, subject.landmarks)
    confidence = seen_exactly.confidence * (gaps.min(axis=0) < NEAR)
    for known in (None, focal):
        given = replace(seen_exactly, points=exact, confidence=confidence, focal=known)
        fit = fit_landmarks(given, points)
        shape, neutral = model.shape(fit.identity, fit.expression), model.neutral(fit.identity)
        found = errors(Head(model, shape, neutral, fit.camera, fit.identity, 1.0), truth)
        row += [found["vertex"], found["correlation"]]
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    rows = []
    for truth in track(read_truths(parser.parse_args().folder)[::3], description="exact landmarks"):
        try:
            rows.append(measure(truth))
        except HeadshotError as error:
            print(error)
    values = np.array(rows)
    header = ["yaw", "photos", "network off, %"]
    methods = ("reconstruct", "mean face", "exact points", "exact, focal known")
    header += [f"{name}, {what}" for name in methods for what in ("mm", "correlation")]
    lines = []
    for low, high in ((0, 35), (35, 90), (0, 90)):
        part = values[(values[:, 0] >= low) & (values[:, 0] < high)]
        medians = np.median(part[:, 1:], axis=0)
        lines.append([f"{low}-{high}°", str(len(part)), *(f"{v:.2f}" for v in medians)])
    print(table(header, lines))


if __name__ == "__main__":
    main()
