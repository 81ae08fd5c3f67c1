"""How exactly the segmentation shows the outline of a face: on synthetic heads, whose outline is known.

    python benchmarks/silhouettes.py SYNTHETIC_HEADS

Each photo of a turned head (`headshot.fitting.terms.silhouette.TURNED`) is fitted; the outline that the fit
found in the segmentation is compared with the nearest place where the true head turns away from the camera,
across the outline, in per cent of the extent of the landmarks.
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from pathlib import Path

import numpy as np
from rich.progress import track

from headshot import Settings
from headshot.datasets.subject import find_subject
from headshot.datasets.synthetic import Truth, read_truths
from headshot.errors import HeadshotError
from headshot.fitting.parameters import PersonState, ViewState
from headshot.fitting.person import fit_person
from headshot.fitting.terms.silhouette import TURNED, Silhouette, silhouette_model
from headshot.geometry.raster import vertex_normals
from headshot.image.photo import read_photo
from headshot.models.head_model import load_head_model
from headshot.perception.observe import observe
from report import table

NONE = np.zeros(0)
EDGE_ON = 0.12  # cosine between normal and line of sight up to which a vertex is on the outline
NEAR = 0.05  # extents: outlines farther away are others
BINS = (TURNED, 45.0, 60.0, 90.0)  # degrees of yaw


def true_outline(truth: Truth) -> np.ndarray:
    """(K, 2) pixels of the skin's vertices that are seen edge-on, hidden ones too."""
    vertices = truth.camera_vertices.astype(np.float32)
    normals = vertex_normals(vertices, truth.mesh.skin)
    cosine = -(normals * vertices).sum(axis=1) / np.linalg.norm(vertices, axis=1)
    skin = np.unique(truth.mesh.skin)
    edge = vertices[skin[np.abs(cosine[skin]) < EDGE_ON]]
    size = 512.0
    focal = truth.focal_35mm / 36 * size
    return size / 2 + focal * edge[:, :2] * [1, -1] / -edge[:, 2:]


def errors_of(truth: Truth) -> np.ndarray:
    """Per cent of the extent, positive outwards, of each point of the outline in one photo."""
    model, settings = load_head_model("low"), Settings(detail="low")
    subject = find_subject(read_photo(truth.photo))
    seen = observe(subject.photo, subject.face, subject.landmarks)
    assert seen.segmentation is not None
    person = fit_person([seen], model, *settings.steps())
    view = person.views[0]
    silhouette = Silhouette.of(seen.segmentation, seen.face_pixels, silhouette_model(model))
    state = ViewState(view.camera, view.expression, NONE, NONE, NONE)
    term = silhouette.at(PersonState(person.identity, NONE), state)
    outline = true_outline(truth)
    gap = np.linalg.norm(term.points[:, None] - outline, axis=2)
    if not gap.size:
        return NONE
    nearest = gap.argmin(axis=1)
    near = gap[np.arange(len(gap)), nearest] < NEAR * seen.face_pixels
    across = ((term.points - outline[nearest]) * term.across).sum(axis=1)
    return 100 * across[near] / seen.face_pixels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("folder", type=Path, help="made by tools/synthetic_heads.py, without --photos")
    options = parser.parse_args()
    turned = [truth for truth in read_truths(options.folder) if abs(truth.yaw) > TURNED]
    found: dict[tuple[float, float], list[np.ndarray]] = {}
    for truth in track(turned, description="photos"):
        try:
            errors = errors_of(truth)
        except HeadshotError:
            continue
        for low, high in pairwise(BINS):
            if low < abs(truth.yaw) <= high:
                found.setdefault((low, high), []).append(errors)
    rows: list[list[object]] = []
    for (low, high), parts in sorted(found.items()):
        errors = np.concatenate(parts)
        spread = np.median(np.abs(errors - np.median(errors)))
        numbers = (np.median(errors), spread, *np.percentile(errors, [10, 90]))
        rows.append([f"{low:.0f}-{high:.0f}°", len(parts), len(errors), *map(float, numbers)])
    head = ["yaw", "photos", "points", "median, %", "median deviation, %", "10 %", "90 %"]
    print(table(head, rows))


if __name__ == "__main__":
    main()
