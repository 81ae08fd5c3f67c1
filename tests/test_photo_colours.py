"""Colours from a photo onto a surface, and pictures of it."""

from __future__ import annotations

import numpy as np
import pytest

from headshot.apps.keypoint.pictures import clay, paint
from headshot.geometry.camera import Camera
from headshot.geometry.view import Orthographic
from headshot.models.readers import read_linear_model
from headshot.photo_colours import PhotoSurface, bake, merged, photo_surface
from headshot.render import view_camera

SHEET = np.array([[-50, -50, 0], [50, -50, 0], [50, 50, 0], [-50, 50, 0]], np.float32)
TRIANGLES = np.array([[0, 1, 2], [0, 2, 3]], np.int32)


def gradient() -> np.ndarray:
    """A photo whose red grows to the right and green downwards."""
    y, x = np.mgrid[0:200, 0:200]
    return np.stack([x, y, np.full_like(x, 90)], axis=-1).astype(np.uint8)


@pytest.fixture
def front() -> Orthographic:
    return Orthographic(np.eye(3), np.array([100.0, 100.0]), 1.0)


def test_a_sheet_takes_the_photos_colours(front: Orthographic) -> None:
    surface = photo_surface(gradient(), front, SHEET, TRIANGLES)
    np.testing.assert_array_equal(surface.seen, 1)
    expected = (front.project(SHEET) - 0.5) / 255
    np.testing.assert_allclose(surface.colours[:, :2], expected, atol=1e-4)
    uv = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float32)  # the photo's own layout, cut out
    texture, observed, source = bake(merged([surface]), uv, TRIANGLES, 100)
    assert (observed[1:-1, 1:-1] > 0.999).all() and (source[1:-1, 1:-1] == 0).all()
    np.testing.assert_allclose(texture[:, :, :2], gradient()[50:150, 50:150, :2], atol=1)
    camera = Camera(100, 100, 1e5, (50, 50), np.eye(3), np.array([0.0, 0, -1e5]))
    picture = paint(surface, camera, supersample=1)
    np.testing.assert_allclose(picture[2:-2, 2:-2, :2], gradient()[52:148, 52:148, :2], atol=1)


def test_hidden_and_grazing_parts_do_not_count(front: Orthographic) -> None:
    behind = SHEET * np.float32(0.5) - np.array([0, 0, 40], np.float32)
    side = np.array([[80, -50, 0], [80, 50, 0], [80, 0, -60]], np.float32)
    vertices = np.concatenate([SHEET, behind, side])
    triangles = np.concatenate([TRIANGLES, TRIANGLES + 4, [[8, 9, 10]]]).astype(np.int32)
    surface = photo_surface(gradient(), front, vertices, triangles)
    np.testing.assert_array_equal(surface.seen[:4], 1)
    np.testing.assert_array_equal(surface.seen[4:], 0)
    # pieces of which nothing is seen take the mean colour of what is
    np.testing.assert_allclose(surface.colours[5], surface.colours[:4].mean(axis=0), atol=1e-5)


def test_unseen_vertices_take_their_neighbours_colours(front: Orthographic) -> None:
    model = read_linear_model("headshot")
    red = np.zeros((400, 400, 3), np.uint8)
    red[:, :, 0] = 200
    view = Orthographic(np.eye(3), np.array([200.0, 200.0]), 1.0)
    surface = photo_surface(red, view, model.mean, model.triangles)
    skin = model.mean[:, 2] < -120  # the back of the head
    assert (surface.seen[skin] == 0).all() and surface.seen.max() == 1
    assert np.abs(surface.colours[skin] - [200 / 255, 0, 0]).max() < 1e-5


def test_points_outside_of_the_photo_take_the_fallback(front: Orthographic) -> None:
    seen, black = np.ones(4, np.float32), np.zeros((4, 3), np.float32)
    small = PhotoSurface(gradient(), front, SHEET, TRIANGLES, seen, black)
    found = small.at([[0, 0, 0]], [0.0], [[0.1, 0.2, 0.3]])
    np.testing.assert_allclose(found, [[0.1, 0.2, 0.3]], atol=1e-6)


def test_clay_is_lit_from_the_front() -> None:
    model = read_linear_model("headshot")
    picture = clay(model.mean, model.triangles, view_camera(model.mean, 0, 0, 120), supersample=1)
    assert picture.shape == (120, 120, 3)
    assert picture[0, 0, 0] == 240 and 120 < picture[60, 60, 0] < 230


def test_several_photos_are_averaged_in_the_exposure_of_the_first(front: Orthographic) -> None:
    steps = np.linspace(-50, 50, 9)
    x, y = (c.ravel() for c in np.meshgrid(steps, steps))
    grid = np.stack([x, y, np.zeros_like(x)], axis=1).astype(np.float32)
    corner = np.arange(81).reshape(9, 9)
    a, b, c, d = (k.ravel() for k in (corner[:-1, :-1], corner[:-1, 1:], corner[1:, 1:], corner[1:, :-1]))
    triangles = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]).astype(np.int32)
    bright = np.full((200, 200, 3), 160, np.uint8)
    dark = bright // 2
    dark[:, :80] = (80, 20, 20)  # redder on the left, where the mean shows it
    surfaces = [photo_surface(photo, front, grid, triangles) for photo in (bright, dark)]
    found = merged(surfaces)
    np.testing.assert_allclose(found.gains[0], 1)
    np.testing.assert_allclose(found.gains[1], 2, rtol=0.05)
    right = grid[:, 0] > 20
    np.testing.assert_allclose(found.colours[right], 160 / 255, atol=0.02)
    left = found.colours[grid[:, 0] < -30]
    assert (left[:, 0] > left[:, 1] + 0.15).all()
    uv = (grid[:, :2] / [100, -100] + 0.5).astype(np.float32)
    texture, observed, source = bake(found, uv, triangles, 64)
    assert observed[8:-8, 8:-8].min() > 0.99 and set(np.unique(source[8:-8, 8:-8])) <= {0, 1}
    np.testing.assert_allclose(texture[20:40, 50:60], 160, atol=4)
