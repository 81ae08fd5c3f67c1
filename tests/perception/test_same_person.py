"""One person or several: the likelihood ratio is that of the model, groups are found, and people are
known."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from headshot import NoFaceError, read_photo
from headshot.arrays import Array
from headshot.evaluate.baselines import look
from headshot.evaluate.identity import auc
from headshot.evaluate.split import held_out, held_out_people
from headshot.perception import identity, same_person
from headshot.perception.detection.detect import detect_faces
from headshot.perception.identity import IdentityPrediction, predict_identity
from headshot.perception.landmarks.mediapipe import find_landmarks
from headshot.perception.same_person import Metric, load_metric, odd_ones_out, same_person_scores

K = 6
TOY = Metric(
    centre=np.zeros(256),
    projection=12 * np.eye(256)[:, :K],
    between=np.full(K, 24.0),
    within=1.5,
    correlation=0.2,
    slope=1.0,
    offset=0.0,
)


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Metric]:
    """A model of few dimensions, in which people are directions."""
    monkeypatch.setattr(same_person, "load_metric", lambda: TOY)
    yield TOY


def _photos(*people: int, seed: int = 0) -> list[IdentityPrediction]:
    """Photos of people by their number, about the directions of the axes."""
    random, found = np.random.default_rng(seed), []
    for person in people:
        x = np.zeros(256)
        x[person] = 1
        x[:K] += random.normal(0, 0.1, K)
        found.append(IdentityPrediction(np.zeros(100), np.ones(100), 3 * x))
    return found


def test_the_ratio_is_that_of_the_model() -> None:
    """Means of 3 and of 2 photos: one person has the covariance B in both, and each mean an error of its
    own."""
    random = np.random.default_rng(0)
    model = replace(TOY, between=random.uniform(1, 30, K))
    means = random.normal(size=(2, K)) * 4
    w, r = model.within, model.correlation
    errors = np.diag([w * (r + (1 - r) / 3), w * (r + (1 - r) / 2)])
    expected = 0.0
    for k in range(K):
        one, two = np.full((2, 2), model.between[k]) + errors, np.eye(2) * model.between[k] + errors
        expected += multivariate_normal.logpdf(means[:, k], np.zeros(2), one)
        expected -= multivariate_normal.logpdf(means[:, k], np.zeros(2), two)
    assert model.ratio(3, means[0], 2, means[1]) == pytest.approx(expected)
    assert model.ratio(2, means[1], 3, means[0]) == pytest.approx(expected)


def test_photos_of_one_occasion_count_less_than_independent_ones() -> None:
    near, far = np.full(K, 1.0), np.full(K, 1.4)
    alike = replace(TOY, correlation=0.0), replace(TOY, correlation=0.5)
    # The means of eight photos are known better where their errors are independent: they differ more surely.
    independent, correlated = (float(m.ratio(8, near, 8, -far)) for m in alike)
    assert independent < correlated < 0
    single = [float(m.ratio(1, near, 1, far)) for m in alike]
    assert single[0] == pytest.approx(single[1])


def test_probabilities_of_pairs(toy: Metric) -> None:
    scores = same_person_scores(_photos(0, 0, 1, 1))
    same = np.array([0, 0, 1, 1])[:, None] == [0, 0, 1, 1]
    np.testing.assert_allclose(scores, scores.T)
    np.testing.assert_array_equal(np.diag(scores), 1)
    assert scores[same].min() > 0.9 and scores[~same].max() < 0.1


def test_a_stranger_is_left_out_wherever_they_stand(toy: Metric) -> None:
    for place in range(5):
        people = [0] * 5
        people[place] = 3
        found = odd_ones_out(_photos(*people, seed=place))
        assert found.left_out == (place,) and not found.several_people
        assert found.probability[place] < 0.15 < found.probability[list(found.members)].min()


def test_one_person_stays_whole(toy: Metric) -> None:
    found = odd_ones_out(_photos(2, 2, 2, 2))
    assert found.groups == ((0, 1, 2, 3),) and found.left_out == ()
    assert (found.probability > 0.9).all()


@pytest.mark.parametrize("people", [(0, 1), (0, 1, 0, 1), (0, 0, 0, 1, 1, 1, 2), (0, 1, 2)])
def test_half_and_half_are_several_people(toy: Metric, people: tuple[int, ...]) -> None:
    found = odd_ones_out(_photos(*people))
    assert found.several_people
    expected = {tuple(np.flatnonzero(np.array(people) == p).tolist()) for p in set(people)}
    assert set(found.groups) == expected


def test_a_majority_is_the_person(toy: Metric) -> None:
    found = odd_ones_out(_photos(4, 0, 0, 4, 4))
    assert found.members == (0, 3, 4) and found.left_out == (1, 2) and not found.several_people
    assert found.probability[1] == found.probability[2] < 0.15


def test_one_photo_is_one_person(toy: Metric) -> None:
    found = odd_ones_out(_photos(0))
    assert found.groups == ((0,),) and found.probability[0] == 1 and not found.several_people


def test_a_lower_least_probability_joins_more(toy: Metric) -> None:
    photos = _photos(0, 0, 1)
    assert odd_ones_out(photos).left_out == (2,)
    assert odd_ones_out(photos, 1e-40).left_out == ()


def test_what_cannot_be_compared_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one photo, got 0"):
        odd_ones_out([])
    with pytest.raises(ValueError, match="1 have no embedding"):
        same_person_scores([*_photos(0), IdentityPrediction(np.zeros(100), np.ones(100))])
    with pytest.raises(ValueError, match="least_probability"):
        odd_ones_out(_photos(0), 0.0)


def test_the_metric_belongs_to_the_network() -> None:
    metric = load_metric()
    assert metric.centre.shape == (256,) and metric.projection.shape == (256, 64)
    assert (metric.between > 0).all() and metric.within > 0.5 and metric.slope > 0


def test_two_people_in_any_light_and_mirrored(photos: Path) -> None:
    found = []
    for name in ("astronaut", "grace_hopper"):
        pixels = read_photo(photos / f"{name}.jpg").pixels
        for picture in (pixels, (pixels * 0.5).astype(np.uint8), np.ascontiguousarray(pixels[:, ::-1])):
            points = find_landmarks(picture, detect_faces(picture)[0])
            found.append(predict_identity(picture, points.crop(identity.MARGIN)))
    scores = same_person_scores(found)
    same = np.arange(6)[:, None] // 3 == np.arange(6) // 3
    assert scores[same].min() > 0.95 and scores[~same].max() < 0.15
    assert odd_ones_out(found[:4]).left_out == (3,)
    assert odd_ones_out(found).several_people


def _predicted(file: Path) -> IdentityPrediction:
    photo = read_photo(file)
    landmarks = look(photo, (photo.width / 2, photo.height / 2)).landmarks
    return predict_identity(photo.pixels, landmarks.crop(identity.MARGIN))


def _pairs(scores: Array, person: Array) -> tuple[Array, Array]:
    once = np.triu(np.ones_like(scores, bool), 1)
    same = person[:, None] == person
    return scores[once & same], scores[once & ~same]


def test_held_out_people_of_lfw(data: Path) -> None:
    folders = [p for p in sorted((data / "lfw-deepfunneled").iterdir()) if held_out(p.name, "lfw")]
    folders = [p for p in folders if len(list(p.glob("*.jpg"))) >= 3][:20]
    files = [file for folder in folders for file in sorted(folder.glob("*.jpg"))[:3]]
    scores = same_person_scores([_predicted(file) for file in files])
    same, different = _pairs(scores, np.array([file.parent.name for file in files]))
    assert auc(same, different) > 0.98
    assert np.mean(same > 0.5) > 0.85 and np.mean(different < 0.5) > 0.93


def _first(folder: Path, kind: str) -> IdentityPrediction:
    """Of the first photo of a kind in which the face is found; of profiles one in a hundred is lost."""
    for file in sorted(folder.glob(f"{kind}*.jpg")):
        with suppress(NoFaceError):
            return _predicted(file)
    raise AssertionError(f"no face in any {kind} photo of {folder}")


def test_fronts_and_profiles_of_held_out_people(data: Path) -> None:
    root = data / "cfp-train"
    people = held_out_people(p.name for p in root.iterdir() if p.is_dir())[:12]
    found = [_first(root / name, kind) for kind in ("frontal", "profile") for name in people]
    scores = same_person_scores(found)[: len(people), len(people) :]
    same = np.eye(len(people), dtype=bool)
    assert auc(scores[same], scores[~same]) > 0.9
