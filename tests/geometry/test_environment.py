"""Lamps: how much light they bring, from where."""

from __future__ import annotations

import numpy as np
import pytest

from headshot.arrays import F32
from headshot.geometry.environment import (
    PRESETS,
    Environment,
    from_harmonics,
    from_picture,
    lamp,
    sky,
    together,
)
from headshot.geometry.light import shade
from headshot.geometry.rays.directions import even_directions


def irradiance(light: Environment, normals: F32) -> F32:
    """(N, 3) of surfaces without anything in the way."""
    found: F32 = np.maximum(normals @ light.directions.T, 0) @ light.irradiance
    return found


def test_light_from_everywhere_is_one() -> None:
    normals = even_directions(50)
    np.testing.assert_allclose(irradiance(sky(lambda d: np.ones((len(d), 3))), normals), 1, atol=0.02)
    white = np.ones((32, 64, 3))
    np.testing.assert_allclose(irradiance(from_picture(white, 256), normals), 1, atol=0.03)


def test_harmonics_and_lamps_light_alike() -> None:
    rng = np.random.default_rng(0)
    gamma = 0.15 * rng.normal(size=(9, 3))
    gamma[0] = 1.2  # bright enough to be nowhere negative
    normals = even_directions(80)
    np.testing.assert_allclose(
        irradiance(from_harmonics(gamma), normals), shade(np.ones(3), normals, gamma), atol=0.05
    )


def test_a_lamp_lies_where_it_should() -> None:
    light = lamp((3, 4, 0), (0.5, 1.0, 2.0), 10, 40)
    np.testing.assert_allclose(light.irradiance.sum(axis=0), [0.5, 1, 2], rtol=1e-5)
    axis = np.array([0.6, 0.8, 0])
    assert (light.directions @ axis).min() > np.cos(np.radians(10)) - 1e-6
    middle = light.directions.mean(axis=0)
    np.testing.assert_allclose(middle / np.linalg.norm(middle), axis, atol=0.01)


def test_where_the_places_of_a_picture_are() -> None:
    """The middle is before the face, the right end of the middle row to the subject's left."""
    for row, column, direction in (
        (16, 32, (0, 0, 1)),
        (16, 48, (1, 0, 0)),
        (0, 5, (0, 1, 0)),
        (31, 5, (0, -1, 0)),
    ):
        picture = np.zeros((32, 64, 3))
        picture[row, column] = 1
        light = from_picture(picture)
        np.testing.assert_allclose(light.directions.mean(axis=0), direction, atol=0.12)
    picture = np.random.default_rng(1).uniform(size=(32, 64, 3)) ** 8
    few, many = from_picture(picture, 64), from_picture(picture, 2000)
    np.testing.assert_allclose(few.irradiance.sum(axis=0), many.irradiance.sum(axis=0), rtol=1e-5)
    assert len(few.directions) == 64
    normals = even_directions(60)
    np.testing.assert_allclose(irradiance(few, normals), irradiance(many, normals), atol=0.02)


def test_turned_and_together() -> None:
    light = together(*(make() for make in PRESETS.values()))
    quarter = np.array([[0, 0, 1], [0, 1, 0], [-1, 0, 0]])
    normals = even_directions(20)
    turned = light.turned(quarter)
    np.testing.assert_allclose(
        irradiance(turned, normals @ quarter.T.astype(np.float32)), irradiance(light, normals), rtol=1e-4
    )
    np.testing.assert_allclose(light.brighter(2).irradiance, 2 * light.irradiance)


@pytest.mark.parametrize(
    ("directions", "power"),
    [(np.eye(3), np.ones((2, 3))), (2 * np.eye(3), np.ones((3, 3))), (np.eye(3), -np.ones((3, 3)))],
)
def test_lamps_that_are_refused(directions: F32, power: F32) -> None:
    with pytest.raises(ValueError, match="directions"):
        Environment(directions.astype(np.float32), power.astype(np.float32))


@pytest.mark.parametrize("picture", [np.zeros((4, 8, 3)), np.ones((4, 8)), np.full((4, 8, 3), np.nan)])
def test_pictures_that_are_refused(picture: F32) -> None:
    with pytest.raises(ValueError, match="an environment picture"):
        from_picture(picture)
