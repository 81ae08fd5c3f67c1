"""Light on heads: closed forms of each part, and pictures."""

from __future__ import annotations

import numpy as np
import pytest

from headshot.arrays import F32, I32, U8
from headshot.geometry.environment import PRESETS, Environment, lamp, sky
from headshot.geometry.rays import build
from headshot.geometry.rays.directions import even_directions
from headshot.models.head_model import HeadModel, load_head_model
from headshot.relight import RelightSettings, relit
from headshot.relight.bounce import bounced
from headshot.relight.reflect import Points, gather, microfacet
from headshot.relight.spread import spread
from headshot.render import view_camera

SIZE = 160
PLAIN = RelightSettings(supersample=1, bounce=False, spread=False, highlights=False)


def points(position: F32, normal: F32, turns: int = 1, f0: float = 0.0) -> Points:
    count = len(position)
    view = np.tile(np.float32([0, 0, 1]), (count, 1))
    rough = np.full(count, 0.5, np.float32)
    turn = (np.arange(count) % turns).astype(np.int32)
    return Points(position, normal, view, rough, np.full(count, f0, np.float32), turn)


def test_irradiance_of_a_plane_below_a_roof() -> None:
    up = np.tile(np.float32([0, 1, 0]), (3, 1))
    roof = build(np.array([[-1, 1, -1], [1, 1, -1], [0, 1, 2]]), [[0, 1, 2]])
    places = np.array([[0, 0, 0], [5, 0, 0], [5, 2, 0]], np.float32)
    angle = np.radians(65)
    light = Environment(
        np.array([[0, 1, 0], [np.sin(angle), np.cos(angle), 0], [0, -1, 0]], np.float32),
        np.array([[1, 1, 1], [0.5, 1, 2], [9, 9, 9]], np.float32),
    )
    diffuse, gleam = gather(points(places, up), light, roof, 1, 2)
    slanted = np.cos(angle) * np.array([0.5, 1, 2])
    np.testing.assert_allclose(diffuse[1:], np.tile(1 + slanted, (2, 1)), rtol=1e-5)
    np.testing.assert_allclose(diffuse[0], slanted, rtol=1e-5)  # the roof hides the lamp above it
    assert not gleam.any()


def test_sets_of_lamps_average_to_all() -> None:
    nothing = build(np.eye(3) + 1e5, [[0, 1, 2]])
    up = np.tile(np.float32([0, 1, 0]), (4, 1))
    light = lamp((0.3, 1, 0), (1, 2, 3), 20, 64)
    parts = [g.mean(axis=0) for g in gather(points(0 * up, up, 4, 0.04), light, nothing, 4, 1)]
    whole = [g[0] for g in gather(points(0 * up, up, 1, 0.04), light, nothing, 1, 1)]
    np.testing.assert_allclose(parts, whole, rtol=0.02)


def test_microfacets_keep_reciprocity_and_energy() -> None:
    rng = np.random.default_rng(0)
    directions = even_directions(4000)[:, [0, 2, 1]]
    above = directions[directions[:, 2] > 0]
    for roughness in (0.3, 0.6, 1.0):
        view = above[rng.integers(len(above))]
        if view[2] < 0.2:
            view = np.float32([0, 0.6, 0.8])
        total = 0.0
        for light in above:
            half = (light + view) / np.linalg.norm(light + view)
            cosines = [np.float32(x) for x in (light[2], view[2], half[2], view @ half)]
            there = microfacet(*cosines, np.float32(roughness), np.float32(1))
            back = microfacet(cosines[1], cosines[0], *cosines[2:], np.float32(roughness), np.float32(1))
            np.testing.assert_allclose(there / cosines[0], back / cosines[1], rtol=1e-3)
            total += there * 2 * np.pi / len(above)
        assert 0.5 < total < 1.02  # a mirror loses only what single scattering loses


def test_light_spreads_and_none_is_lost() -> None:
    depth = np.full((40, 40), 500, np.float32)
    skin = np.ones((40, 40), np.float32)
    same = spread(np.full((40, 40, 3), 0.4, np.float32), depth, 2.0, skin)
    np.testing.assert_allclose(same, 0.4, rtol=1e-5)
    edge = np.zeros((40, 40, 3), np.float32)
    edge[:, 20:] = 1
    out = spread(edge, depth, 2.0, skin)[20]
    assert out[17, 0] > 10 * out[17, 1] > 10 * out[17, 2]  # red goes farthest into the dark
    np.testing.assert_allclose(out[:20] + out[20:][::-1], 1, atol=1e-5)
    depth[:, 20:] = 600  # another surface
    np.testing.assert_array_equal(spread(edge, depth, 2.0, skin)[20, :20], 0)


def test_light_bounces_as_in_an_integrating_sphere() -> None:
    """Inside a white sphere all of whose wall sends out 0.3, every place receives 0.3."""
    rings = 20
    t, p = np.meshgrid(
        np.linspace(0.02, np.pi - 0.02, rings), np.arange(2 * rings) * np.pi / rings, indexing="ij"
    )
    wall = np.stack([np.sin(t) * np.cos(p), np.cos(t), np.sin(t) * np.sin(p)], axis=-1).reshape(-1, 3)
    wall = (100 * wall).astype(np.float32)
    n = 2 * rings
    faces: list[tuple[int, int, int]] = []
    for i in range(rings - 1):
        for j in range(n):
            k = (j + 1) % n
            a, b, c, d = i * n + j, i * n + k, (i + 1) * n + j, (i + 1) * n + k
            faces += [(a, c, b), (b, c, d)]
    triangles: I32 = np.array(faces, np.int32)
    inwards = (-wall / 100).astype(np.float32)
    side = np.cross(
        wall[triangles[:, 1]] - wall[triangles[:, 0]], wall[triangles[:, 2]] - wall[triangles[:, 0]]
    )
    if (side * inwards[triangles[:, 0]]).sum() < 0:
        triangles = triangles[:, ::-1].copy()
    start = wall + np.float32(0.5) * inwards
    found = bounced(start, inwards, triangles, np.full_like(wall, 0.3), build(wall, triangles), 1)
    middle = slice(5 * n, 15 * n)
    np.testing.assert_allclose(found[middle], 0.3, atol=0.01)
    backs = bounced(
        start, inwards, triangles[:, ::-1].copy(), np.full_like(wall, 0.3), build(wall, triangles), 1
    )
    assert not backs.any()


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return load_head_model("low")


def picture(model: HeadModel, light: Environment, settings: RelightSettings = PLAIN, yaw: float = 0.0) -> U8:
    background = np.full((SIZE, SIZE, 3), 255, np.uint8)
    return relit(
        model.mean,
        model,
        view_camera(model.mean, yaw, 0, SIZE),
        light,
        background=background,
        settings=settings,
    )


def test_light_from_a_side_and_its_shadows(model: HeadModel) -> None:
    left = picture(model, lamp((1, 0, 0), (1, 1, 1), 3, 4))
    head = (left != 255).any(axis=2)
    middle = slice(SIZE // 4, SIZE // 2)
    # The subject's left is at the right of its picture.
    right_half, left_half = (
        left[middle, part][head[middle, part]].mean() for part in (slice(80, 160), slice(0, 80))
    )
    assert right_half > 3 * left_half
    top = lamp((0, 1, 0.6), (1, 1, 1), 3, 4)
    open_, shadowed = (
        picture(model, top, RelightSettings(1, False, False, False, shadows=on)) for on in (False, True)
    )
    darker = (open_.astype(int) - shadowed) > 60
    assert 0.02 < darker[head].mean() < 0.4 and not (shadowed > open_).any()


def test_what_each_part_adds(model: HeadModel) -> None:
    light = PRESETS["studio"]()
    plain = picture(model, light).astype(int)
    for name in ("bounce", "highlights"):
        more = picture(
            model,
            light,
            RelightSettings(1, **{"spread": False, "bounce": False, "highlights": False, name: True}),
        )
        assert (more >= plain).all() and (more > plain).mean() > 0.05, name
    softer = picture(model, light, RelightSettings(1, False, True, False))
    assert 0.03 < np.abs(softer - plain).mean() < 1
    again = picture(model, light, RelightSettings(1, False, False, False, threads=1))
    np.testing.assert_array_equal(again, plain)


def test_white_sky_shows_the_base_colour_where_nothing_is_in_the_way(model: HeadModel) -> None:
    found = picture(model, sky(lambda d: np.ones((len(d), 3))))
    bright = found[12:30, 60:100].reshape(-1, 3)
    bright = bright[(bright != 255).any(axis=1)]
    colours = np.full((len(model.mean), 3), 128, np.uint8)
    background = np.full((SIZE, SIZE, 3), 255, np.uint8)
    grey = relit(
        model.mean, model, view_camera(model.mean, 0, 0, SIZE), sky(lambda d: np.ones((len(d), 3))),
        colours=colours, background=background, settings=PLAIN,
    )  # fmt: skip
    forehead = grey[28:40, 70:90]
    assert abs(int(np.median(forehead)) - 128) <= 3
    assert (grey[:, :, 0] <= 132)[(grey != 255).any(axis=2)].mean() > 0.97
    with pytest.raises(ValueError, match="background must be uint8"):
        relit(model.mean, model, view_camera(model.mean, 0, 0, 64), PRESETS["top"](), background=background)
