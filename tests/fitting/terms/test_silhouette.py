"""The silhouette: its derivatives, where on the head it is, and what it takes for an outline."""

import numpy as np
import pytest

from headshot.fitting.parameters import PersonState, ViewState
from headshot.fitting.terms.silhouette import Silhouette, silhouette_model
from headshot.geometry.camera import Camera, project_for_raster, rotation_from_angles
from headshot.geometry.raster import rasterise
from headshot.perception.segmentation import CLASSES, Segmentation

NONE = np.zeros(0)
SIZE = 400
EXTENT = 180.0
"""Of the landmarks of these heads, pixels: about what the networks would see."""


def camera_at(yaw):
    turn = rotation_from_angles(yaw, 4, -3)
    return Camera(SIZE, SIZE, 1200.0, (200.0, 200.0), turn, np.array([0.0, 30.0, -900]))


def state(identity, camera, expression=None):
    weights = np.zeros(52) if expression is None else expression
    return PersonState(identity, NONE), ViewState(camera, weights, NONE, NONE, NONE)


def segmented(head, identity, camera, *, around="background"):
    """What a perfect segmentation sees of a head without hair: the face, and one class around it."""
    vertices = head.shape(identity, np.zeros(52))
    xy, depth = project_for_raster(vertices, camera)
    triangle = rasterise(xy, depth, head.triangles, SIZE, SIZE).triangle
    of_face = silhouette_model(head).solid
    crop = np.zeros((len(CLASSES), SIZE, SIZE), np.float32)
    crop[CLASSES.index(around)] = 1
    seen = triangle >= 0
    crop[:, seen] = 0
    face = seen & of_face[triangle]
    crop[CLASSES.index("skin"), face] = 1
    crop[CLASSES.index("hair"), seen & ~face] = 1
    return Segmentation(crop, np.array([[1.0, 0, 0], [0, 1.0, 0]]), (SIZE, SIZE))


def silhouette_of(head, identity, camera, **options):
    return Silhouette.of(segmented(head, identity, camera, **options), EXTENT, silhouette_model(head))


@pytest.fixture(scope="module")
def identity(head):
    return np.random.default_rng(2).normal(size=len(head.identity))


@pytest.mark.parametrize("yaw", [40, -60, 85])
def test_it_is_where_the_head_ends_before_the_background(head, identity, yaw):
    camera = camera_at(yaw)
    term = silhouette_of(head, identity, camera).at(*state(identity, camera))
    assert len(term.points) > 40
    places = term.model.positions(identity, np.zeros(52))
    away = np.linalg.norm(camera.project(places) - term.points, axis=1)
    assert np.median(away) < 0.5 and np.percentile(away, 90) < 2
    # The surface is seen edge-on there, and on the side to which the nose points.
    side = np.sign(term.across[:, 0].mean())
    assert side == np.sign(yaw)


def test_outlines_of_the_face_before_itself_are_none(head, identity):
    """Beyond the bridge of the nose the far eye turns away as well, unseen."""
    camera = camera_at(60)
    silhouette = silhouette_of(head, identity, camera)
    everything = silhouette.candidates.on_outline(identity, np.zeros(52), camera)
    term = silhouette.at(*state(identity, camera))
    assert len(term.points) < 0.7 * len(everything.edge)
    face = silhouette.parts[..., 0]
    for share in (0.02, 0.04):
        x, y = np.floor(term.points + share * EXTENT * term.across).astype(int).T
        assert face[y, x].mean() < 0.02


@pytest.mark.parametrize("around", ["hair", "neck", "hat"])
def test_what_hides_the_outline_says_nothing(head, identity, around):
    camera = camera_at(60)
    person, view = state(identity, camera)
    term = silhouette_of(head, identity, camera, around=around).at(person, view)
    assert len(term.points) == 0
    assert term.cost(person, view) == 0
    assert not term.equations(person, view).hessian.any()


def test_a_shift_of_the_picture_is_measured_across_the_outline(head, identity):
    camera = camera_at(60)
    term = silhouette_of(head, identity, camera).at(*state(identity, camera))
    moved = Camera(SIZE, SIZE, 1200.0, (203.0, 200.0), camera.rotation, camera.translation)
    shifted = silhouette_of(head, identity, moved).at(*state(identity, camera))
    places = shifted.model.positions(identity, np.zeros(52))
    across = ((shifted.points - camera.project(places)) * shifted.across).sum(axis=1)
    # Where the outline bends away within a few pixels, lines across it meet it elsewhere.
    sideways = np.abs(shifted.across[:, 0]) > 0.9
    assert np.median((across / shifted.across[:, 0])[sideways]) == pytest.approx(3, abs=0.4)
    assert shifted.cost(*state(identity, camera)) > 10 * term.cost(*state(identity, camera))


def test_equations_are_the_slope_of_the_cost(head, identity, downhill):
    rng = np.random.default_rng(3)
    camera, count = camera_at(55), len(identity)
    person, view = state(identity + 0.3 * rng.normal(size=count), camera, rng.uniform(0, 0.3, 52))
    term = silhouette_of(head, identity, camera).at(person, view)
    equations = term.equations(person, view)
    gradient = np.zeros(7 + count + 52)
    equations.add_to(np.zeros((len(gradient), len(gradient))), gradient)
    # Steps are small: the weights of the equations are those of the robust cost at one place.
    for k in (0, 5, *range(count, count + 7), count + 7 + 24, count + 7 + 30):
        size = 0.02 if count + 3 <= k < count + 5 else 1e-3
        assert gradient[k] == pytest.approx(downhill(term.cost, person, view, k, size), rel=0.03, abs=0.03)


def test_many_points_in_one_place_count_as_one(head, identity):
    camera = camera_at(60)
    term = silhouette_of(head, identity, camera).at(*state(identity, camera))
    length = np.ptp(term.points, axis=0).max()  # of the outline, at least
    assert 0.5 * length < term.share.sum() * 0.027 * EXTENT * np.sqrt(2 * np.pi) < 4 * length
