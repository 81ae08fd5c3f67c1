"""The skin as a graph."""

from __future__ import annotations

import numpy as np

from headshot.models.head_model import load_head_model
from headshot.texture.atlas import atlas_of
from headshot.texture.surface import surface_of


def test_surface_graph_is_symmetric() -> None:
    model = load_head_model("high")
    skin = surface_of(model)
    row = np.repeat(np.arange(len(skin.vertices)), np.diff(skin.start))
    edges = set(zip(row.tolist(), skin.neighbour.tolist(), strict=True))
    assert all((b, a) in edges for a, b in edges)
    assert (skin.mirror[skin.mirror] == np.arange(len(skin.mirror))).all()
    np.testing.assert_allclose(skin.selectivity, skin.selectivity[skin.mirror], atol=0.05)
    assert surface_of(model) is skin and atlas_of(model, 512) is atlas_of(model, 512)
