from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from headshot.export.asset import HeadAsset, asset_of
from headshot.export.neck import neck_lid
from headshot.results import Head


@pytest.fixture(scope="module", params=["made up", "real"])
def asset(request: pytest.FixtureRequest, head: Head, astronaut: Head) -> HeadAsset:
    return asset_of(head if request.param == "made up" else astronaut)


def test_the_lid_closes_the_neck(asset: HeadAsset) -> None:
    assert asset.neck is not None
    lid = neck_lid(asset, asset.neck)
    rim = set(zip(asset.neck.tolist(), np.roll(asset.neck, -1).tolist(), strict=True))
    skin = asset.triangles[slice(*asset.parts[0].ranges[0])]
    passed = {tuple(edge) for t in skin.tolist() for edge in zip(t, t[1:] + t[:1], strict=True)}
    assert rim <= passed
    names = [*asset.neck.tolist(), -1]
    closing = {
        (names[a], names[b]) for t in lid.triangles.tolist() for a, b in zip(t, t[1:] + t[:1], strict=True)
    }
    assert {(b, a) for a, b in rim} == {edge for edge in closing if -1 not in edge}
    np.testing.assert_array_equal(lid.neutral[:-1], asset.neutral[asset.neck])


def test_it_faces_down(asset: HeadAsset) -> None:
    assert asset.neck is not None
    lid = neck_lid(asset, asset.neck)
    a, b, c = np.moveaxis(lid.neutral[lid.triangles], 1, 0)
    assert (np.cross(b - a, c - a)[:, 1] < 0).all()
    assert lid.neutral[:, 1].mean() < asset.neutral[:, 1].min() + 45


def test_it_moves_with_the_rim(asset: HeadAsset) -> None:
    assert asset.neck is not None
    lid = neck_lid(asset, asset.neck)
    assert [morph.name for morph in lid.morphs] == [morph.name for morph in asset.morphs]
    for mine, theirs in zip(lid.morphs, asset.morphs, strict=True):
        np.testing.assert_array_equal(mine.offsets[:-1], theirs.offsets[asset.neck])
        np.testing.assert_allclose(mine.offsets[-1], theirs.offsets[asset.neck].mean(axis=0), atol=1e-5)
        assert mine.weight == theirs.weight


def test_it_has_the_colour_of_the_nape(asset: HeadAsset) -> None:
    assert asset.neck is not None and asset.uv is not None and asset.triangles_uv is not None
    lid = neck_lid(asset, asset.neck)
    assert lid.uv is not None and lid.uv.shape == (1, 2) and not lid.triangles_uv.any()
    nape = asset.neck[asset.neutral[asset.neck, 2].argmin()]
    assert lid.uv[0].tolist() in asset.uv[asset.triangles_uv[asset.triangles == nape]].tolist()
    coloured = neck_lid(
        replace(
            asset, texture=None, photographed=None, colours=np.full((len(asset.vertices), 3), 70, np.uint8)
        ),
        asset.neck,
    )
    np.testing.assert_array_equal(coloured.colours, np.full((len(lid.vertices), 3), 70))
