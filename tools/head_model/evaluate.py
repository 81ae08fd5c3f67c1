"""How well the head model represents heads that it has not seen.

Prints the tables of docs/explanation/head-model.md.

    python tools/head_model/evaluate.py --makehuman DATA --ict ict_facekit_light.npz

Unseen heads: new draws from ICT-FaceKit's Gaussian and new MakeHuman characters. Both are of the families
that the model was made from; they are no substitute for scans of people.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import geometry
import identity
from atlas import make_atlas
from fine import refine
from parts import exchanged
from quadmesh import closest_points, normals_of, triangles_of
from surface import ibug68, regions

HEADS = 60
DENSE_NOISE, POINT_NOISE = 0.3, 1.0  # mm: standard deviations that the fits assume (and the points have)


def motions(mean: np.ndarray) -> np.ndarray:
    """The seven similarity motions (7, V, 3)."""
    centred = mean - mean.mean(0)
    translations = [np.tile(axis, (len(mean), 1)) for axis in np.eye(3)]
    return np.array(translations + [np.cross(axis, centred) for axis in np.eye(3)] + [centred])


def fitted(
    modes: np.ndarray, moves: np.ndarray, pick: np.ndarray, precision: np.ndarray, seen: np.ndarray
) -> np.ndarray:
    """Offsets (N, V, 3) of maximum posterior heads for observed offsets (N, P, 3) of the vertices' mixture.

    ``pick`` (P, V) mixes vertices to observations (identity when dense), ``precision`` (P,) is 1 / variance.
    """
    basis = np.concatenate([modes, moves])
    observed = (pick @ basis.transpose(1, 0, 2).reshape(basis.shape[1], -1)).reshape(-1, len(basis), 3)
    a = observed.transpose(1, 0, 2).reshape(len(basis), -1)
    weighted = a * np.repeat(precision, 3)
    prior = np.diag(np.r_[np.ones(len(modes)), np.full(len(moves), 1e-9)])
    c = np.linalg.solve(weighted @ a.T + prior, weighted @ seen.reshape(len(seen), -1).T)
    return (c.T @ basis.reshape(len(basis), -1)).reshape(len(seen), *basis.shape[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--makehuman", type=Path, required=True)
    parser.add_argument("--ict", type=Path, required=True)
    options = parser.parse_args()
    registered = geometry.register_sources(options.makehuman, options.ict)
    head = geometry.make_head(registered)
    _surface(head)

    rng = np.random.default_rng(geometry.SEED + 1)
    ict_rows = registered.ict_rows()
    skin = head.topology.part("skin")
    weight = head.face_weight[skin] / head.face_weight[skin].sum()
    drawn = rng.normal(size=(HEADS, len(ict_rows)))
    unseen = {
        "ICT": np.einsum("ni,ivc->nvc", drawn, ict_rows)[:, skin],
        "MakeHuman": registered.characters(HEADS, rng)[:, skin],
    }
    total = head.variances.sum()
    print("\nvariance on the face carried by n modes")
    print(
        "  ".join(f"{n}: {100 * head.variances[:n].sum() / total:.1f} %" for n in (10, 20, 40, 60, 80, 100))
    )

    sources = {"mixture": head.identity}
    made = registered.characters(identity.CHARACTERS, np.random.default_rng(geometry.SEED))
    for name, share in (("ICT alone", 1.0), ("MakeHuman alone", 0.0)):
        rows = identity.mixture_rows(ict_rows, made, share)
        sources[name], _ = identity.principal_modes(
            rows, head.face_weight, head.topology.mirror, identity.MODES
        )
    index, barycentric = ibug68(head, head.marks)
    corners = triangles_of(head.topology.quads)[index]
    points = np.zeros((68, len(skin)))
    np.add.at(points, (np.arange(68)[:, None], corners), barycentric)
    moves, dense = motions(head.mean)[:, skin], weight > 0
    noise = rng.normal(0, POINT_NOISE, (HEADS, 68, 3))

    def error(result: np.ndarray, truth: np.ndarray) -> float:
        return float((np.linalg.norm(result - truth, axis=2) @ weight).mean())

    print(f"\nmean distance of the face's vertices, mm, over {HEADS} heads")
    for kind, truth in unseen.items():
        print(f"{kind}: mean head {error(np.zeros_like(truth), truth):.2f}")
        for name, modes in sources.items():
            for count in (20, 40, 80, 100) if name == "mixture" else (100,):
                chosen = modes[:count][:, skin]
                full = fitted(
                    chosen, moves, np.eye(len(skin))[dense],
                    weight[dense] * dense.sum() / DENSE_NOISE**2, truth[:, dense],
                )  # fmt: skip
                marks = np.einsum("pv,nvc->npc", points, truth) + noise
                sparse = fitted(chosen, moves, points, np.full(68, 1 / POINT_NOISE**2), marks)
                print(
                    f"  {name:16s} {count:4d} modes: dense {error(full, truth):.2f}, "
                    f"68 points with {POINT_NOISE} mm noise {error(sparse, truth):.2f}"
                )


def _surface(head: geometry.Head) -> None:
    """How close the meshes are to ICT's mean head on the face."""
    masks = regions(head)
    head, atlas, masks = exchanged(head, make_atlas(head.topology, head.mean, head.makehuman), masks)
    fine = refine(head, atlas, masks)
    vertices, surface = head.target
    normals = normals_of(vertices, surface)
    meshes = {
        "low": (head.mean, triangles_of(head.topology.quads)),
        "high": (fine.matrix @ head.mean + fine.offset, triangles_of(fine.quads)),
    }
    face = np.unique(surface)
    near = head.mean[masks["narrow_face"] > 0.5]
    inside = (vertices[face] > near.min(0)).all(1) & (vertices[face] < near.max(0)).all(1)
    face = face[inside & (normals[face, 2] > 0.1)]
    print("distance of ICT's mean face to the meshes, mm")
    for name, (positions, triangles) in meshes.items():
        distance = closest_points(vertices[face], positions, triangles, normals[face], 0.5)[2]
        distance = distance[np.isfinite(distance)]
        print(
            f"  {name}: median {np.median(distance):.3f}, mean {distance.mean():.3f}, "
            f"95 % below {np.percentile(distance, 95):.2f}"
        )


if __name__ == "__main__":
    main()
