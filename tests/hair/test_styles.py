"""Hair styles: what ships, and how it sits on heads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from headshot.arrays import F32, Mask
from headshot.geometry.camera import Camera, project_for_raster
from headshot.geometry.raster import rasterise, vertex_normals
from headshot.hair.styles import HairStyle, load_styles, place
from headshot.models.head_model import HeadModel, load_head_model
from headshot.models.subdivision import refined
from headshot.render import view_camera

STYLES = tuple(load_styles())
FLAT = ("buzz", "buzz_receding", "crop")
TUFTED = ("afro01", "afro_large", "afro_small", "short01", "short_tousled")


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


def test_every_style_is_small_enough() -> None:
    assert len(STYLES) == 34
    for style in load_styles().values():
        assert 0 < style.inner <= len(style.triangles) <= 25_000
        assert -0.01 < style.uv[:, 1].min() < 0.11 and 0.7 < style.uv[:, 1].max() < 1.01
        assert np.unique(style.triangles).size == len(style.vertices)


def test_at_least_24_outlines_are_distinct() -> None:
    model = load_head_model("low")
    cameras = [view_camera(1.25 * model.mean, yaw, size=96) for yaw in (0.0, 90.0)]
    chosen: list[Mask] = []
    for style in load_styles().values():
        outline = np.concatenate([shown(style, model, camera) for camera in cameras])
        if all((outline ^ other).sum() > 0.05 * (outline | other).sum() for other in chosen):
            chosen.append(outline)
    assert len(chosen) >= 24


def shown(style: HairStyle, model: HeadModel, camera: Camera) -> Mask:
    """Where hair is seen."""
    both = np.concatenate([style.triangles, style.triangles[:, ::-1]]) + len(model.mean)
    xy, depth = project_for_raster(np.concatenate([model.mean, style.vertices]), camera)
    raster = rasterise(xy, depth, np.concatenate([model.triangles, both]), camera.height, camera.width)
    seen: Mask = raster.triangle >= len(model.triangles)
    return seen


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
        assert centres[-1] > centres[0] + (5 if name not in FLAT else -0.1)


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
    beside_ears = any(style.covers) & (np.abs(style.vertices[:, 0]) > 40)  # where ears stuck out through it
    assert np.median(moved) < 0.2 and moved[~beside_ears].max() < 3
    shift = np.float32([3, -20, 8])
    assert np.allclose(
        place(style, model, model.mean + shift) - shift, place(style, model, model.mean), atol=1e-2
    )


@pytest.mark.parametrize("name", [name for name in STYLES if name not in TUFTED])
def test_strands_hang_down_from_their_roots(name: str) -> None:
    style = load_styles()[name]
    tip = style.uv[:, 1] > 0.75
    root = style.uv[:, 1] < 0.25
    assert style.vertices[root, 1].mean() > style.vertices[tip, 1].mean() + 20  # mm


@pytest.mark.parametrize("name", ["bob01", "long01", "bob_long"])
def test_ears_do_not_stick_out_through_hair_that_covers_them(name: str) -> None:
    style, model = load_styles()[name], load_head_model("low")
    assert style.covers == (True, True)
    head = someone(model, 3)
    wide = head.copy()
    ears = model.regions["ears"] > 0.3
    wide[ears, 0] *= 1.12  # ears that stick out
    camera = view_camera(1.25 * model.mean, 90.0, size=96)
    uncovered = []
    for shape in (head, wide):
        placed = replace(style, vertices=place(style, model, shape))
        seen = shown(placed, replace(model, mean=shape), camera)
        centre = camera.project(shape[ears & (shape[:, 0] < 0)].mean(0)).astype(int)
        uncovered.append(int((~seen[centre[1] - 3 : centre[1] + 4, centre[0] - 2 : centre[0] + 3]).sum()))
    assert uncovered == [0, 0]


def test_hair_lies_beside_ears_that_it_does_not_cover() -> None:
    model = load_head_model("low")
    assert not any(load_styles()["short01"].covers)
    camera = view_camera(1.25 * model.mean, 90.0, size=96)
    seen = shown(load_styles()["short01"], model, camera)
    ear = model.mean[(model.regions["ears"] > 0.8) & (model.mean[:, 0] < 0)]
    x, y = camera.project(ear).astype(int).T
    assert seen[y, x].mean() < 0.1


def test_a_head_of_another_mesh_is_refused() -> None:
    with pytest.raises(ValueError, match=r"shape \(5504, 3\), got \(10, 3\)"):
        place(load_styles()["short01"], load_head_model("low"), np.zeros((10, 3)))
