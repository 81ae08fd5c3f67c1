"""Identity statistics: a mixture of ICT-FaceKit's Gaussian and random MakeHuman characters, and its PCA.

Both populations become offsets from the registered mean head. ICT's modes transfer by barycentric
interpolation. MakeHuman's characters enter as differences from the average of their population, turned and
scaled by the local linear map between MakeHuman's average adult and the registered head, so that the artists'
own idea of a mean face does not shift ours. Rigid motion and face scale are taken out of every sample.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from scipy.sparse.linalg import splu
from scipy.spatial import cKDTree

from ict import EYEBALLS, LINED, Ict
from makehuman import MakeHuman
from quadmesh import closest_points, laplacian, normals_of, triangles_of
from register import FLIP, procrustes
from topology import Topology

MODES = 100
SHARE_ICT = 0.6  # of the variance; ICT's heads are scans, MakeHuman's sliders are artists' work
CHARACTERS = 1500
TOO_FAR = 1.5  # mm between a registered vertex and ICT's surface beyond which its motion is interpolated

OPPOSITES = {
    "decr": "incr", "down": "up", "in": "out", "backward": "forward", "concave": "convex",
    "compress": "uncompress",
}  # fmt: skip
# Sliders that only move the head, or make ears that people do not have.
EXCLUDED = re.compile(r"head-trans|neck-trans|ear-shape|neck-double|neck-height|asymm-|head-angle")
FOLDERS = ("head", "nose", "eyes", "mouth", "chin", "cheek", "ears", "forehead", "eyebrows", "neck", "asym")
# Standard deviation of the sliders of a folder, or of one slider.
SPREAD = {"head": 0.2, "eyes": 0.22, "ears": 0.3, "neck": 0.3, "asym": 0.15, "head/head-fat-decr": 0.45}
OTHER_SPREAD = 0.25
CHILDREN = 0.1  # share of the characters


def transfer(fields: np.ndarray, skin: np.ndarray, topology: Topology, ict: Ict) -> np.ndarray:
    """Carry fields (N, V_ict, 3) on the ICT head to the registered skin, (N, S, 3)."""
    quads = topology.quads[slice(*topology.parts["skin"])]
    n = len(skin)
    surface = ict.surface(LINED)
    normals = normals_of(skin, triangles_of(quads))
    triangle, barycentric, distance = closest_points(skin, ict.mean, surface, normals, 0.2)
    lost = triangle < 0
    if lost.any():
        triangle[lost], barycentric[lost], distance[lost] = closest_points(skin[lost], ict.mean, surface)
    corners = surface[triangle]
    moved = np.einsum("fncd,nc->fnd", fields[:, corners], barycentric)
    far = np.flatnonzero(distance > TOO_FAR)
    near = np.setdiff1d(np.arange(n), far)
    stiff = laplacian(quads, n)
    solver = splu(stiff[far][:, far].tocsc())
    known = moved[:, near].transpose(1, 0, 2).reshape(len(near), -1)
    filled = solver.solve(-(stiff[far][:, near] @ known)).reshape(len(far), len(fields), 3)
    moved[:, far] = filled.transpose(1, 0, 2)
    return moved


def ict_modes(skin: np.ndarray, topology: Topology, ict: Ict) -> np.ndarray:
    """ICT's 100 identity modes on our skin and (rigidly) our eyeballs, (100, V, 3) mm."""
    modes = np.zeros((len(ict.identity), len(topology.makehuman), 3))
    modes[:, : len(skin)] = transfer(ict.identity, skin, topology, ict)
    for eye, vertices in EYEBALLS.items():
        modes[:, topology.part(eye)] = ict.identity[:, vertices].mean(1, dtype=float)[:, None]
    return modes


@dataclass(frozen=True)
class Sliders:
    """MakeHuman's local morphs, each with one or two directions.

    Attributes:
        names: (S,) stems.
        positive, negative: (S, V, 3) mm, offsets at weight 1; ``negative`` is zero for one-way sliders.
        two_way: (S,) bool.
        spread: (S,) standard deviation of the weight.
    """

    names: list[str]
    positive: np.ndarray
    negative: np.ndarray
    two_way: np.ndarray
    spread: np.ndarray


def read_sliders(source: MakeHuman, topology: Topology) -> Sliders:
    """All local sliders of the head."""
    names, positive, negative, spread = [], [], [], []
    for folder in FOLDERS:
        available = [t for t in source.targets(folder) if not EXCLUDED.search(t)]
        for target in available:
            stem, _, last = target.rpartition("-")
            if last in OPPOSITES.values() and any(f"{stem}-{k}" in available for k in OPPOSITES):
                continue  # met as the opposite of another
            offsets = source.target(target)[topology.makehuman]
            other = np.zeros_like(offsets)
            if last in OPPOSITES and f"{stem}-{OPPOSITES[last]}" in available:
                other = source.target(f"{stem}-{OPPOSITES[last]}")[topology.makehuman]
            names.append(target)
            positive.append(offsets)
            negative.append(other)
            spread.append(SPREAD.get(target, SPREAD.get(folder, OTHER_SPREAD)))
    negative_fields = np.array(negative)
    return Sliders(
        names, np.array(positive), negative_fields, np.abs(negative_fields).max((1, 2)) > 0, np.array(spread)
    )


def characters(source: MakeHuman, topology: Topology, count: int, rng: np.random.Generator) -> np.ndarray:
    """Random MakeHuman characters as offsets (count, V, 3), mm, from the average adult.

    Nine in ten are adults between young and old, the others between child and young; origins and sex mix
    freely; every local slider is drawn around zero, left and right mostly together. (MakeHuman's weight and
    muscle leave the head alone; its head-fat slider stands for them.)
    """
    vertices = topology.makehuman
    child = rng.random(count) < CHILDREN
    towards = np.where(child, rng.uniform(0.2, 1.0, count), rng.beta(0.8, 1.8, count))
    ages = {"young": 1 - towards, "old": np.where(child, 0, towards), "child": np.where(child, towards, 0)}
    male = rng.beta(0.5, 0.5, count)
    sexes = {"female": 1 - male, "male": male}
    origin = rng.dirichlet([0.6] * 3, count)
    origins = dict(zip(("african", "asian", "caucasian"), origin.T, strict=True))
    offsets = np.tile((source.vertices - source.adult)[vertices].ravel(), (count, 1))
    for age, age_share in ages.items():
        for sex, sex_share in sexes.items():
            share = age_share * sex_share
            for name, origin_share in origins.items():
                field = source.target(f"macrodetails/{name}-{sex}-{age}")[vertices]
                offsets += np.outer(share * origin_share, field.ravel())

    sliders = read_sliders(source, topology)
    weights = rng.normal(0, 1, (count, len(sliders.names)))
    for k, name in enumerate(sliders.names):  # the right side mostly follows the left
        twin = re.sub(r"/r-", "/l-", name)
        if twin != name and twin in sliders.names:
            weights[:, k] = 0.95 * weights[:, sliders.names.index(twin)] + 0.31 * weights[:, k]
    weights = np.clip(weights, -2, 2) * sliders.spread
    one_way = np.where(sliders.two_way, np.maximum(weights, 0), np.abs(weights))
    offsets += one_way @ sliders.positive.reshape(len(sliders.names), -1)
    offsets += np.maximum(-weights, 0) * sliders.two_way @ sliders.negative.reshape(len(sliders.names), -1)
    return offsets.reshape(count, len(vertices), 3)


def local_maps(
    before: np.ndarray, after: np.ndarray, similarity: np.ndarray, radius: float = 18.0
) -> np.ndarray:
    """(V, 3, 3) linear map at each vertex that takes neighbouring differences before to those after.

    Weighted least squares over a Gaussian neighbourhood of that radius (mm), drawn towards ``similarity``.
    """
    tree = cKDTree(before)
    maps = np.empty((len(before), 3, 3))
    for v, near in enumerate(tree.query_ball_point(before, 2 * radius)):
        d0, d1 = before[near] - before[v], after[near] - after[v]
        w = np.exp(-0.5 * (d0**2).sum(1) / radius**2)[:, None]
        ridge = 0.15 * (w * d0**2).sum() / 3 * np.eye(3)
        maps[v] = np.linalg.solve(d0.T @ (w * d0) + ridge, d0.T @ (w * d1) + ridge @ similarity.T).T
    return maps


def aligned(samples: np.ndarray, mean: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Offsets (N, V, 3) from ``mean`` of heads given as offsets, after rigid motion and scale are taken out.

    ``weight`` (V,) says where: the frontal face and the eyeballs, so that scale means the face's.
    """
    out = np.empty_like(samples)
    for k, offsets in enumerate(samples):
        scale, rotation, translation = procrustes(mean + offsets, mean, weight)
        out[k] = scale * (mean + offsets) @ rotation.T + translation - mean
    return out


def without_similarity(modes: np.ndarray, mean: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Modes (N, V, 3) less their least-squares rigid motion and scaling: `aligned` to first order."""
    centred = mean - weight @ mean / weight.sum()
    motions = [np.tile(axis, (len(mean), 1)) for axis in np.eye(3)]
    motions += [np.cross(axis, centred) for axis in np.eye(3)] + [centred]
    basis = np.array(motions).reshape(7, -1)
    weighted = basis * np.repeat(weight, 3)
    flat = modes.reshape(len(modes), -1)
    return (flat - np.linalg.solve(weighted @ basis.T, weighted @ flat.T).T @ basis).reshape(modes.shape)


def principal_modes(
    rows: np.ndarray, weight: np.ndarray, mirror: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """PCA of rows (N, V, 3) whose sum of outer products is the covariance, under vertex weights (V,).

    Every row counts with its mirror image too. Then the modes are symmetric or antisymmetric, and those two
    families are orthogonal, so each is found by itself.

    Returns:
        modes (count, V, 3) in falling order, one standard deviation long; variances (N',) of all modes.
    """
    families = []
    mirrored = rows[:, mirror] * FLIP
    for sign in (1, -1):
        part = ((rows + sign * mirrored) / 2).reshape(len(rows), -1)
        scaled = part * np.sqrt(np.repeat(weight, 3))
        values, vectors = np.linalg.eigh(scaled @ scaled.T)
        families.append((values, vectors, part))
    order = sorted(
        ((value, f, k) for f, (values, _, _) in enumerate(families) for k, value in enumerate(values)),
        reverse=True,
    )
    modes = [families[f][1][:, k] @ families[f][2] for _, f, k in order[:count]]
    # The sign of an eigenvector is arbitrary: the largest entry is made positive, so that builds agree.
    modes = [mode * np.sign(mode[np.abs(mode).argmax()]) for mode in modes]
    variances = np.array([value for value, _, _ in order])
    return np.array(modes).reshape(count, -1, 3), variances


def mixture_rows(
    ict_rows: np.ndarray, character_rows: np.ndarray, share_ict: float = SHARE_ICT
) -> np.ndarray:
    """Rows whose sum of outer products is the mixture's covariance (both populations centred on the mean)."""
    centred = character_rows - character_rows.mean(0)
    return np.concatenate([np.sqrt(share_ict) * ict_rows, np.sqrt((1 - share_ict) / len(centred)) * centred])
