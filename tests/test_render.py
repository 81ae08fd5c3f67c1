"""Previews: what is drawn where, in which colour, from which side."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from headshot.models.head_model import HeadModel, load_head_model
from headshot.render import RenderSettings, render, view_camera

UNLIT = RenderSettings(lighting=0.0)


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return load_head_model("low")


def flat_texture(colour: tuple[int, int, int], size: int = 64) -> np.ndarray:
    return np.full((size, size, 3), colour, np.uint8)


@pytest.mark.parametrize("yaw, pitch", [(0, 0), (45, 0), (-90, 0), (180, 0), (20, 60), (0, -80)])
def test_every_view_shows_the_whole_head(model: HeadModel, yaw: float, pitch: float) -> None:
    camera = view_camera(model.mean, yaw, pitch, 120)
    picture = render(model.mean, model, camera, texture=flat_texture((200, 0, 0)), settings=UNLIT)
    head = picture[..., 1] < 120
    assert head.mean() > 0.2
    for border in (head[0], head[-1], head[:, 0], head[:, -1]):
        assert not border.any()
    np.testing.assert_allclose(camera.angles, (yaw, pitch, 0), atol=1e-6)


def test_positive_yaw_turns_the_face_to_the_right_of_the_picture(model: HeadModel) -> None:
    nose = model.landmarks["ibug68"].on(model.mean, model.triangles)[30]
    assert view_camera(model.mean, 60).project(nose)[0] > 180
    assert view_camera(model.mean, -60).project(nose)[0] < 120
    assert view_camera(model.mean, 0, 50).project(nose)[1] < view_camera(model.mean, 0, 0).project(nose)[1]


def test_unlit_texture_keeps_its_colours(model: HeadModel) -> None:
    colour = (200, 120, 40)
    camera = view_camera(model.mean, 30, 0, 100)
    picture = render(model.mean, model, camera, texture=flat_texture(colour), settings=UNLIT)
    inside = np.abs(picture.astype(int) - colour).max(axis=-1) <= 1
    outside = (picture == RenderSettings().backdrop).all(axis=-1)
    assert inside.mean() > 0.2 and outside.mean() > 0.2
    assert 1 - (inside | outside).mean() < 0.06  # the antialiased outline


def test_texture_is_looked_up_at_the_models_coordinates(model: HeadModel) -> None:
    y, x = np.mgrid[:256, :256]
    texture = np.stack([x, y, np.full_like(x, 9)], axis=-1).astype(np.uint8)
    camera = view_camera(model.mean, 0, 0, 200)
    picture = render(model.mean, model, camera, texture=texture, settings=UNLIT)
    marks = model.landmarks["ibug68"]
    for k in (30, 8, 33):  # nose and chin face the camera and lie within a chart
        at = camera.project(marks.on(model.mean, model.triangles))[k]
        corners = model.uv[model.triangles_uv[marks.triangle[k]]]
        uv = marks.barycentric[k] @ corners
        np.testing.assert_allclose(picture[int(at[1]), int(at[0]), :2], uv * 256 - 0.5, atol=5)


def test_eyes_show_through_the_lids_and_carry_a_highlight(model: HeadModel) -> None:
    texture = flat_texture((40, 40, 40), 512)
    for name in ("eye_left", "eye_right"):
        first, last = model.parts[name]
        uv = model.uv[np.unique(model.triangles_uv[first:last])] * 512
        (x0, y0), (x1, y1) = uv.min(axis=0).astype(int), np.ceil(uv.max(axis=0)).astype(int)
        texture[y0:y1, x0:x1] = (0, 0, 200)
    camera = view_camera(model.mean, 0, 0, 300)
    plain = render(model.mean, model, camera, texture=texture, settings=UNLIT).astype(int)
    blue = plain[..., 2] - plain[..., 0] > 60
    left, right = blue[:, :150].sum(), blue[:, 150:].sum()
    assert 30 < left < 600 and abs(left - right) <= 0.1 * left + 4
    lit = render(model.mean, model, camera, texture=texture, settings=RenderSettings(lighting=0.3))
    assert lit[blue].min(axis=-1).max() > 120  # white, where the texture is blue


def test_clay_is_lit_from_above(model: HeadModel) -> None:
    picture = render(model.mean, model, view_camera(model.mean, 0, 0, 200)).astype(float).mean(axis=-1)
    forehead, below_chin = picture[50:70, 90:110].mean(), picture[170:180, 90:110].mean()
    assert forehead > below_chin + 20
    assert picture.std() > 10


def test_the_head_is_drawn_over_the_photo(model: HeadModel) -> None:
    camera = view_camera(model.mean, 0, 0, 120)
    photo = np.random.default_rng(0).integers(0, 255, (120, 120, 3), dtype=np.uint8)
    texture = flat_texture((255, 255, 255))
    solid = render(model.mean, model, camera, texture=texture, background=photo, settings=UNLIT)
    half = render(
        model.mean,
        model,
        camera,
        texture=texture,
        background=photo,
        settings=RenderSettings(lighting=0, opacity=0.5),
    )
    np.testing.assert_array_equal(solid[:20, :20], photo[:20, :20])
    assert (solid[50:60, 55:65] >= 254).all()
    linear = 0.5 + 0.5 * (photo[55, 60] / 255.0) ** 2.2  # mixed in linear light
    np.testing.assert_allclose(half[55, 60], 255 * linear ** (1 / 2.2), atol=4)


def test_supersampling_only_changes_edges(model: HeadModel) -> None:
    camera = view_camera(model.mean, 20, 0, 100)
    one, four = (
        render(
            model.mean,
            model,
            camera,
            texture=flat_texture((0, 0, 0)),
            settings=RenderSettings(lighting=0, supersample=s),
        ).astype(int)[..., 0]
        for s in (1, 4)
    )
    assert len(np.unique(one)) == 2
    assert len(np.unique(four)) > 5
    assert (np.abs(one - four) > 3).mean() < 0.06


def test_heads_behind_or_beside_the_camera_leave_the_backdrop(model: HeadModel) -> None:
    camera = view_camera(model.mean, 0, 0, 60)
    behind = replace(camera, translation=-camera.translation)
    beside = replace(camera, translation=camera.translation + [5000.0, 0, 0])
    for view in (behind, beside):
        assert (render(model.mean, model, view) == RenderSettings().backdrop).all()


def test_wrong_shapes_are_refused(model: HeadModel) -> None:
    camera = view_camera(model.mean, 0, 0, 60)
    with pytest.raises(ValueError, match="vertices"):
        render(model.mean[:-1], model, camera)
    with pytest.raises(ValueError, match="background"):
        render(model.mean, model, camera, background=np.zeros((50, 60, 3), np.uint8))
    with pytest.raises(ValueError, match="supersample"):
        RenderSettings(supersample=0)
