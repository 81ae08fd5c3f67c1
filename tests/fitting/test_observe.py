"""Hidden landmarks are doubted, visible ones are not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from headshot.fitting.methods import HybridSettings, Told, landmark_solver
from headshot.fitting.observe import hidden_doubt, observe

from headshot import Settings, reconstruct
from headshot.models.topologies.mediapipe478 import EYELIDS, LOWER_LIP, OVAL, UPPER_LIP
from headshot.perception.segmentation import segment


def test_points_under_a_mask_are_doubted(photos: Path) -> None:
    settings = Settings(detail="low", texture=None, method="fit")
    head = reconstruct(photos / "grace_hopper.jpg", settings=settings)
    points = head.landmarks.points
    assert head.parts is not None
    # Glasses and a cap hide nothing that matters.
    np.testing.assert_array_equal(hidden_doubt(points, head.parts), 1)

    covered = head.photo.pixels.copy()
    nose, chin = head.project(head.landmarks68[[30, 8]])
    half = 0.45 * float(np.ptp(points[:, 0]))
    covered[int(nose[1]) : int(chin[1]) + 9, int(nose[0] - half) : int(nose[0] + half)] = (150, 175, 190)
    parts = segment(covered, points)
    doubt = hidden_doubt(points, parts)
    assert np.median(doubt[list(UPPER_LIP + LOWER_LIP)]) > 10
    np.testing.assert_array_equal(doubt[list(OVAL)], 1)
    assert doubt[list(EYELIDS)].max() < 1.5

    given = observe(head.photo, head.landmarks, parts).doubt
    assert given is not None
    np.testing.assert_array_equal(given, doubt)
    assert observe(head.photo, head.landmarks).doubt is None

    # Points that were guessed wrong then hardly matter.
    wrong = head.landmarks.points.copy()
    mouth = list(UPPER_LIP + LOWER_LIP)
    wrong[mouth] += [0.08 * head.landmarks.extent, 0]
    moved = []
    for seen in (None, parts):
        lips = []
        for where in (points, wrong):
            found = replace(head.landmarks, points=where)
            solver = landmark_solver(head.photo, found, Told(), "low", (settings.fit, HybridSettings()), seen)
            fit = solver.run()
            at = fit.camera.project(solver.true.positions(fit.identity, fit.expression))
            lips.append(at[mouth].mean(axis=0))
        moved.append(np.linalg.norm(lips[1] - lips[0]))
    assert moved[1] < 0.7 * moved[0]
