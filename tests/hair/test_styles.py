"""Hair styles: what ships, and how it sits on heads."""

from __future__ import annotations

import numpy as np
import pytest

from headshot.arrays import F32
from headshot.geometry.raster import vertex_normals
from headshot.hair.styles import HairStyle, load_styles, place
from headshot.models.head_model import HeadModel, load_head_model
from headshot.models.subdivision import refined

STYLES = tuple(load_styles())


@pytest.fixture(scope="module", params=["low", "high"])
def model(request: pytest.FixtureRequest) -> HeadModel:
    return load_head_model(request.param)


def someone(model: HeadModel, seed: int) -> F32:
    return model.neutral(np.random.default_rng(seed).normal(size=len(model.identity)))


def heights(style: HairStyle, model: HeadModel, head: F32, placed: F32) -> tuple[F32, F32]:
    """How far vertices lie over the tangent planes at their roots, and beside the normals there, mm."""
    root = refined(style.root) if model.resolution == "high" else style.root
    normal = root.on(vertex_normals(head, model.triangles), model.triangles)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    apart = placed - root.on(head, model.triangles)
    over = (apart * normal).sum(1)
    return over, np.linalg.norm(apart - over[:, None] * normal, axis=1)


def test_ten_styles_ship() -> None:
    assert len(STYLES) == 10
    for style in load_styles().values():
        assert 0 < style.inner <= len(style.triangles) <= 25_000
        assert -0.01 < style.uv[:, 1].min() < 0.11 and 0.7 < style.uv[:, 1].max() < 1.01
        assert np.unique(style.triangles).size == len(style.vertices)


def test_styles_keep_their_volume_and_length() -> None:
    skull = load_head_model("low").mean.max(0)
    afro, long = load_styles()["afro01"].vertices, load_styles()["long01"].vertices
    assert 20 < afro[:, 1].max() - skull[1] < 45  # mm; MakeHuman's lies 30 mm over its average adult
    assert -700 < long[:, 1].min() < -600


@pytest.mark.parametrize("name", STYLES)
def test_triangles_come_from_inside_out(name: str) -> None:
    style, model = load_styles()[name], load_head_model("low")
    height = np.linalg.norm(style.vertices - style.root.on(model.mean, model.triangles), axis=1)
    for triangles in (style.triangles[: style.inner], style.triangles[style.inner :]):
        centres = height[triangles].mean(1)
        assert (np.diff(centres) > -0.1).all()  # mm: the file has 16 bits
        assert centres[-1] > centres[0] + 5


@pytest.mark.parametrize("name", STYLES)
def test_hair_covers_the_back_of_the_head_and_leaves_the_chin(name: str, model: HeadModel) -> None:
    head = someone(model, 1)
    placed = place(load_styles()[name], model, head)
    back = head[model.mean[:, 2].argmin()]
    # The nearest vertex: those of the bob and the braid are 32 mm away, of all others 16 mm at most.
    assert np.linalg.norm(placed - back, axis=1).min() < 40
    chin = model.landmarks["ibug68"].on(head, model.triangles)[8]
    assert np.linalg.norm(placed - chin, axis=1).min() > 25


@pytest.mark.parametrize("seed", range(4))
def test_hair_follows_any_head_without_cutting_into_it(model: HeadModel, seed: int) -> None:
    head = someone(model, seed)
    for style in load_styles().values():
        over, beside = heights(style, model, head, place(style, model, head))
        assert over[beside < 4].min() > 2.9, style.name


@pytest.mark.parametrize("name", STYLES)
def test_hair_is_where_it_was_made_on_the_mean_head_and_moves_with_it(name: str, model: HeadModel) -> None:
    style = load_styles()[name]
    moved = np.linalg.norm(place(style, model, model.mean) - style.vertices, axis=1)
    assert np.median(moved) < 0.1 and moved.max() < 3
    shift = np.float32([3, -20, 8])
    assert np.allclose(
        place(style, model, model.mean + shift) - shift, place(style, model, model.mean), atol=1e-2
    )


# Afro01 and short01 are covered with tufts that stand up.
@pytest.mark.parametrize("name", [name for name in STYLES if name not in ("afro01", "short01")])
def test_strands_hang_down_from_their_roots(name: str) -> None:
    style = load_styles()[name]
    tip = style.uv[:, 1] > 0.75
    root = style.uv[:, 1] < 0.25
    assert style.vertices[root, 1].mean() > style.vertices[tip, 1].mean() + 20  # mm


def test_a_head_of_another_mesh_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(4188, 3\), got \(10, 3\)"):
        place(load_styles()["short01"], load_head_model("low"), np.zeros((10, 3)))
