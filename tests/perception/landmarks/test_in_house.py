"""The in-house network: where it places points, how they move with the photo, and its conventions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from headshot import load_head_model, read_photo
from headshot.image.crop import FaceCrop
from headshot.perception.detection.detect import detect_faces
from headshot.perception.landmarks.in_house import (
    MARGIN,
    predict_head,
    predict_heads,
    refine_points,
)
from headshot.perception.landmarks.mediapipe import find_landmarks
from headshot.perception.landmarks.mirror import head_mirror

PHOTOS = Path(__file__).parents[3] / "photos"


@pytest.fixture(scope="module")
def astronaut():
    pixels = read_photo(PHOTOS / "astronaut.jpg").pixels
    return pixels, detect_faces(pixels)[0]


def test_points_lie_where_mediapipe_places_them(astronaut):
    pixels, face = astronaut
    truth = find_landmarks(pixels, face).points
    found = predict_head(pixels, FaceCrop.of_box(face.box, MARGIN))
    extent = np.sqrt(np.prod(np.ptp(truth, axis=0)))
    assert np.linalg.norm(found.points - truth, axis=1).mean() < 0.06 * extent
    assert found.presence > 0.9
    assert (found.sigma > 0).all() and found.sigma.mean() < 0.1 * extent
    assert ((found.expression >= 0) & (found.expression <= 1)).all()
    assert np.allclose(found.rotation @ found.rotation.T, np.eye(3), atol=1e-6)


def test_refinement_brings_points_nearer(astronaut):
    pixels, face = astronaut
    truth = find_landmarks(pixels, face).points
    first = predict_heads(pixels, [FaceCrop.of_box(face.box, MARGIN)])[0]
    rough = predict_heads(pixels, [first.next_crop], mirrored=True)[0]
    fine = refine_points(pixels, rough)
    before, after = (np.linalg.norm(found.points - truth, axis=1).mean() for found in (rough, fine))
    assert after < 0.8 * before
    assert (fine.sigma > 0).all() and (fine.sigma68 > 0).all()
    assert fine.crop == rough.crop and (fine.identity == rough.identity).all()


def test_refinement_in_the_mirrored_photo_is_mirrored(astronaut):
    pixels, face = astronaut
    width = pixels.shape[1]
    crop = FaceCrop.of_box(face.box, MARGIN)
    other = FaceCrop(width - crop.x, crop.y, crop.side)
    flipped = np.ascontiguousarray(pixels[:, ::-1])
    one = refine_points(pixels, predict_heads(pixels, [crop], mirrored=True)[0])
    two = refine_points(flipped, predict_heads(flipped, [other], mirrored=True)[0])
    swap = head_mirror().points
    points = np.concatenate([one.points, one.points68])[swap]
    points[:, 0] = width - points[:, 0]
    assert np.allclose(points[:478], two.points, atol=0.05)
    assert np.allclose(np.concatenate([one.sigma, one.sigma68])[swap][:478], two.sigma, rtol=0.01)


def test_a_poor_crop_leads_to_the_same_face(astronaut):
    pixels, face = astronaut
    good = FaceCrop.of_box(face.box, MARGIN)
    poor = good.varied(1.35, right=0.2, down=-0.1, turn=20.0)
    near, far = predict_head(pixels, good, passes=4), predict_head(pixels, poor, passes=4)
    assert np.linalg.norm(near.points - far.points, axis=1).mean() < 0.03 * good.side


def test_no_face_has_little_presence(astronaut):
    pixels, face = astronaut
    crop = FaceCrop.of_box(face.box, MARGIN)
    empty = FaceCrop(60.0, 60.0, crop.side)  # flag and wall
    seen, unseen = (found.presence for found in predict_heads(pixels, [crop, empty]))
    assert seen > 0.9 > 0.5 > unseen


def test_mirrored_photos_have_mirrored_predictions(astronaut):
    pixels, face = astronaut
    width = pixels.shape[1]
    crop = FaceCrop.of_box(face.box, MARGIN)
    other = FaceCrop(width - crop.x, crop.y, crop.side)
    one = predict_heads(pixels, [crop], mirrored=True)[0]
    two = predict_heads(np.ascontiguousarray(pixels[:, ::-1]), [other], mirrored=True)[0]
    swap = head_mirror()
    points = np.concatenate([one.points, one.points68])[swap.points]
    points[:, 0] = width - points[:, 0]
    assert np.allclose(points[:478], two.points, atol=0.05)
    assert np.allclose(one.identity * swap.identity, two.identity, atol=1e-3)
    assert np.allclose(one.expression[swap.expression], two.expression, atol=1e-3)
    assert np.allclose(np.array(one.angles) * [-1, 1, -1], two.angles, atol=0.1)
    assert np.allclose(one.light * np.array([1, 1, 1, -1, -1, 1, 1, -1, 1])[:, None], two.light, atol=1e-3)


def test_several_crops_at_once_are_predicted_as_alone(astronaut):
    pixels, face = astronaut
    crops = [FaceCrop.of_box(face.box, MARGIN), FaceCrop.of_box(face.box, MARGIN, roll=15.0)]
    both = predict_heads(pixels, crops)
    for crop, found in zip(crops, both, strict=True):
        alone = predict_heads(pixels, [crop])[0]
        assert np.allclose(alone.points, found.points, atol=1e-2)


def test_the_camera_shows_the_head_where_its_points_are(astronaut):
    pixels, face = astronaut
    height, width = pixels.shape[:2]
    found = predict_head(pixels, FaceCrop.of_box(face.box, MARGIN))
    camera = found.camera(width, height)
    model = load_head_model("low")
    vertices = model.shape(found.identity, found.expression)
    seen = camera.project(model.landmarks["mediapipe478"].on(vertices, model.triangles))
    assert np.linalg.norm(seen - found.points, axis=1).mean() < 0.04 * found.crop.side
