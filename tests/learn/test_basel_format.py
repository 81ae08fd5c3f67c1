"""A model in Basel's layout of our own head: every field, and that it shows the same faces."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from headshot.learn.data.align import CENTRE
from headshot.models.albedo import load_albedo
from headshot.models.head_model import load_head_model
from headshot.models.readers import basel_front
from headshot.models.readers.basel_front import BaselFront

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))
import basel_format

COUNT = 3000


@pytest.fixture(scope="module")
def made() -> BaselFront:
    """With the coarse head and few vertices, which takes seconds."""
    return basel_format.make(resolution="low", vertices=COUNT)


def test_every_field_is_as_basels(made: BaselFront, tmp_path: Path) -> None:
    basel_front.save_front(made, tmp_path / "front.npz")
    read = basel_front.load_front(tmp_path / "front.npz")
    f = len(read.triangles)
    assert read.mean.shape == read.texture_mean.shape == (COUNT, 3)
    assert read.identity.shape == read.texture.shape == (80, COUNT, 3)
    assert read.expression.shape == (64, COUNT, 3)
    assert read.vertex_triangles.shape == (COUNT, 8) and read.vertex_triangles.max() == f
    assert read.keypoints.shape == (68,) and len(np.unique(read.keypoints)) == 68
    assert set(np.unique(read.triangles)) == set(range(COUNT))
    assert 0.3 * COUNT < len(read.front) < COUNT and 0.3 * COUNT < read.skin.sum() < COUNT
    assert (np.diff(read.front) > 0).all() and read.front_triangles.max() == len(read.front) - 1
    for vertex in range(0, COUNT, 97):
        owners = read.vertex_triangles[vertex]
        wanted = np.flatnonzero((read.triangles == vertex).any(axis=1))
        assert sorted(owners[owners < f]) == wanted.tolist()
    # Every edge belongs to one or two triangles, which go along it in opposite senses.
    t = read.triangles
    directed = np.concatenate([t[:, [0, 1]], t[:, [1, 2]], t[:, [2, 0]]])
    assert len(np.unique(directed, axis=0)) == len(directed)
    lit = read.colours(basel_front.split(np.zeros(257)))
    assert 0.2 < lit[read.skin > 0].mean() < 0.8
    linear = read.linear_model()
    assert "2009" not in linear.name and linear.terms.startswith("MIT")  # not Basel's, whatever its layout
    outside = read.normals(read.mean)[read.front]
    assert (outside[:, 2] > 0).mean() > 0.9


def test_the_landmarks_are_the_heads(made: BaselFront) -> None:
    model = load_head_model("low")
    points = model.landmarks["ibug68"].on(model.mean, model.triangles)
    away = np.linalg.norm(made.mean[made.keypoints] * 100 + CENTRE - points, axis=1)
    assert away.max() < 5 and away.mean() < 1.5  # mm, on a mesh with edges of some 4 mm


def test_modes_are_independent_and_show_the_heads_faces(made: BaselFront) -> None:
    for modes in (made.identity, made.expression, made.texture):
        flat = modes.reshape(len(modes), -1).astype(np.float64)
        common = flat @ flat.T
        sizes = np.diag(common)
        assert (np.diff(sizes) <= 1e-9 * sizes[0]).all() and sizes[-1] > 0
        assert np.abs(common - np.diag(sizes)).max() < 1e-4 * sizes[0]
    # The head's variance at the landmarks, all of it but what 20 of 100 modes have left.
    model = load_head_model("low")
    own = (model.at(model.landmarks["ibug68"]).identity ** 2).sum(axis=(0, 2))
    theirs = (made.identity[:, made.keypoints].astype(np.float64) ** 2).sum(axis=(0, 2)) * 100**2
    assert np.sqrt(theirs.sum() / own.sum()) == pytest.approx(1, abs=0.05)
    # A head of the head model is one of this model too, to a fraction of a millimetre.
    surface = basel_format.Surface(basel_format.cut(model))
    random = np.random.default_rng(5).standard_normal(100).astype(np.float32)
    person = np.tensordot(random, model.identity, 1)[surface.kept]
    basis = made.identity[:, : len(surface.kept)].reshape(80, -1).T * 100
    left = person.ravel() - basis @ np.linalg.lstsq(basis, person.ravel(), rcond=None)[0]
    assert np.sqrt(np.square(left.reshape(-1, 3)).sum(axis=1).mean()) < 0.25


def test_colours_are_those_of_the_albedo_model(made: BaselFront) -> None:
    cheek = made.skin > 0
    level = made.texture_mean[cheek].mean(axis=0)
    own = load_albedo("low").mean[load_head_model("low").regions["cheeks"] > 0.5].mean(axis=0)
    ours = np.where(own < 0.0031308, 12.92 * own, 1.055 * own ** (1 / 2.4) - 0.055) * 255
    np.testing.assert_allclose(level, ours, atol=15)
    # Irises and pupils are dark, in white eyes.
    eye = made.keypoints[[36, 39]]
    between = made.mean[eye].mean(axis=0)
    near = np.linalg.norm((made.mean - between)[:, :2], axis=1) < 0.08
    assert made.texture_mean[near].max() > 150 and made.texture_mean[near].mean(axis=1).min() < 60


def test_refining_keeps_what_a_mesh_is() -> None:
    square = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], float)
    surface = basel_format.Surface(np.array([[0, 1, 2], [0, 2, 3]], np.int32))
    up = np.tile([0.0, 0, 1], (4, 1))
    points, normals = surface.refine(square, up, 50)
    assert points.shape == normals.shape == (50, 3) and (points[:, 2] == 0).all()
    a, b, c = (points[surface.triangles[:, k]] for k in range(3))
    areas = np.cross(b - a, c - a)[:, 2] / 2
    assert (areas > 0).all() and areas.sum() == pytest.approx(1)
    np.testing.assert_allclose(surface.spread(square[None].astype(np.float32))[0], points, atol=1e-6)
    fan = np.array([[0, k + 1, (k + 1) % 12 + 1] for k in range(12)], np.int32)
    angle = 2 * np.pi * np.arange(12) / 12
    rim = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)
    around_it = basel_format.Surface(fan)
    disc = np.concatenate([np.zeros((1, 3)), rim])
    around_it.turn_edges(disc)
    valence = np.bincount(around_it.triangles.ravel())
    assert valence.max() <= 8 and basel_format.around(around_it.triangles, 13).shape == (13, 8)
    with pytest.raises(ValueError, match="12 triangles"):
        basel_format.around(fan, 13)
