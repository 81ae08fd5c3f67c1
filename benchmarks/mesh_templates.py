"""How far MeshNet's templates are from faces before anything is learned, and what its loss asks for a face.

    python benchmarks/mesh_templates.py SYNTHETIC

SYNTHETIC is a folder of tools/synthetic_heads.py. Each template has the same 2,113 vertices; those on the
face are laid on the corresponding points of the true head, as photographed, by the best similarity.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from headshot.datasets.synthetic import read_truths
from headshot.evaluate.tables import table
from headshot.geometry.align import similarity
from headshot.learn.data.heads import places_on
from headshot.learn.losses.mesh import chamfer
from headshot.learn.mesh import FinalLoss
from headshot.learn.mesh_reference import Reference
from headshot.learn.template import face_template


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    truths = read_truths(parser.parse_args().folder)
    face, sphere = Reference("face"), Reference("hemisphere")
    inside = (face.importance > 0.5).numpy()
    round_, mean = (r.vertices.numpy().astype(float) for r in (sphere, face))
    shapes = {
        "mean face": mean,
        "hemisphere": round_,
        "hemisphere, 1.3 times as high and 0.8 times as deep": round_ * (1, 1.3, 0.8),
        "hemisphere, 1.2 times as high and half as deep": round_ * (1, 1.2, 0.5),
    }
    errors: dict[str, list[float]] = {name: [] for name in shapes}
    corners = {id(t.mesh): places_on(t.mesh, face_template()) for t in truths}
    for truth in truths:
        index, weights = corners[id(truth.mesh)]
        true = np.einsum("vcd,vc->vd", truth.camera_vertices[index], weights)[inside]
        for name, points in shapes.items():
            here = points[inside]
            errors[name].append(float(np.linalg.norm(similarity(here, true)(here) - true, axis=1).mean()))
    weight = FinalLoss().chamfer
    rows = []
    for name, points in shapes.items():
        laid = torch.tensor(similarity(points, round_)(points), dtype=torch.float32)[None]
        asked = weight * float(chamfer(laid, sphere.vertices[None]))
        values = errors[name]
        deviation = np.std(values) / np.sqrt(len(values))
        rows.append([name, f"{np.mean(values):.2f} ± {deviation:.2f}", f"{asked:.2f}"])
    print(f"{len(truths)} heads as photographed; mean ± standard error.\n")
    print(
        table(
            ["template", "distance from the true face (mm)", f"{weight:.0f} chamfer to the hemisphere"], rows
        )
    )


if __name__ == "__main__":
    main()
