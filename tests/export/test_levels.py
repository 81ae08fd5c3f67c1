from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial import cKDTree

from headshot.errors import AssetError
from headshot.export import ExportSettings
from headshot.export.asset import HeadAsset, asset_of
from headshot.export.levels import level_of
from headshot.export.rig import rigged_asset
from headshot.geometry.borders import border_lines
from headshot.models.head_model import load_head_model
from headshot.results import Head

# Level: triangles of skin, mean and largest distance from the fine skin, mm, of this head at rest.
EXPECTED = {1: (16000, 0.1, 0.6), 2: (5000, 0.2, 1.2), 3: (1500, 0.5, 3.0)}


@pytest.fixture(scope="module")
def fine(astronaut: Head) -> HeadAsset:
    return asset_of(astronaut)


@pytest.fixture(scope="module", params=EXPECTED)
def level(request: pytest.FixtureRequest) -> int:
    return request.param


@pytest.fixture(scope="module")
def asset(astronaut: Head, level: int) -> HeadAsset:
    return rigged_asset(astronaut, ExportSettings(level=level, bones=True, visemes=True))


def _skin(asset: HeadAsset) -> np.ndarray:
    return asset.triangles[slice(*asset.parts[0].ranges[0])]


def _distances(points: np.ndarray, vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """From points (N, 3) to a surface, by points that are scattered over it, ten a square millimetre."""
    a, b, c = (vertices[triangles[:, k]].astype(float) for k in range(3))
    area = 0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1)
    rng = np.random.default_rng(2)
    chosen = rng.choice(len(triangles), int(10 * area.sum()), p=area / area.sum())
    s, t = np.sqrt(rng.random(len(chosen))), rng.random(len(chosen))
    on = a[chosen] * (1 - s)[:, None] + b[chosen] * (s * (1 - t))[:, None] + c[chosen] * (s * t)[:, None]
    return cKDTree(np.concatenate([on, a, b, c])).query(points)[0]


def test_fewer_triangles_have_the_same_shape(fine: HeadAsset, asset: HeadAsset, level: int) -> None:
    count, mean, largest = EXPECTED[level]
    assert abs(len(_skin(asset)) - count) <= 2
    apart = _distances(fine.neutral[np.unique(_skin(fine))], asset.neutral, _skin(asset))
    assert apart.mean() < mean and apart.max() < largest
    # So has it with the mouth open, though no vertex was moved for it.
    opened = {m.name: m.offsets for m in fine.morphs}["jawOpen"]
    less = {m.name: m.offsets for m in asset.morphs}["jawOpen"]
    places = (fine.neutral + opened)[np.unique(_skin(fine))]
    apart = _distances(places, asset.neutral + less, _skin(asset))
    assert apart.mean() < 2 * mean and apart.max() < 2 * largest


def test_what_stays_is_as_it_was(fine: HeadAsset, asset: HeadAsset) -> None:
    where = {tuple(place): n for n, place in enumerate(fine.neutral.tolist())}
    of = np.array([where[tuple(place)] for place in asset.neutral.tolist()])
    for mine, theirs in zip(asset.morphs, fine.morphs, strict=False):
        assert mine.name == theirs.name
        np.testing.assert_array_equal(mine.offsets, theirs.offsets[of])
    assert len(asset.morphs) == 52 + 15
    assert [p.name for p in asset.parts] == [p.name for p in fine.parts]
    # Corners have texture coordinates that their vertex has in the fine mesh, in the same part.
    for mine, theirs in zip(asset.parts, fine.parts, strict=True):
        known = set()
        for first, last in theirs.ranges:
            places = fine.uv[fine.triangles_uv[first:last].ravel()]
            vertices = fine.triangles[first:last].ravel().tolist()
            known |= set(zip(vertices, map(tuple, places.tolist()), strict=True))
        for first, last in mine.ranges:
            places = asset.uv[asset.triangles_uv[first:last].ravel()]
            corners = of[asset.triangles[first:last].ravel()].tolist()
            assert set(zip(corners, map(tuple, places.tolist()), strict=True)) <= known


def test_the_surface_is_still_one(fine: HeadAsset, asset: HeadAsset) -> None:
    edges = np.sort(_skin(asset)[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    assert np.unique(edges, axis=0, return_counts=True)[1].max() == 2
    assert len(border_lines(_skin(asset))) == len(border_lines(_skin(fine)))
    rim = set(asset.neck.tolist())
    assert any(set(line.tolist()) == rim for line in border_lines(_skin(asset)))
    a, b, c = (asset.neutral[_skin(asset)[:, k]] for k in range(3))
    assert (np.linalg.norm(np.cross(b - a, c - a), axis=1) > 1e-4).all()
    mirrored = asset.neutral * [-1, 1, 1]
    assert cKDTree(asset.neutral).query(mirrored)[0].mean() < 4  # as symmetric as the person


def test_heads_of_low_detail_have_levels_too(astronaut: Head, fine: HeadAsset) -> None:
    low = replace(
        astronaut,
        model=load_head_model("low"),
        estimate=replace(astronaut.estimate, resolution="low"),
    )
    asset, same = (rigged_asset(head, ExportSettings(level=2)) for head in (low, astronaut))
    np.testing.assert_array_equal(asset.neutral, same.neutral)


def test_levels_of_another_model_are_refused() -> None:
    model = load_head_model("high")
    turned = replace(model, triangles=np.roll(model.triangles, 1, axis=1))
    with pytest.raises(AssetError, match=r"levels\.py"):
        level_of(turned, 1)
