"""Named distances: how their intervals depend on the size, the pose and the age."""

from pathlib import Path

import numpy as np
import pytest

from headshot import Reconstructor, Settings, load_head_model, read_photo
from headshot.datasets.split import held_out
from headshot.datasets.utkface import with_border
from headshot.measurements import DISTANCES, Measurement, measure

MODEL = load_head_model("low")
EYES = "interpupillary distance (p-p)"


def relative(scale: float, uncertainty: float, yaw: float = 0.0) -> dict[str, float]:
    found = measure(MODEL, np.float32(scale) * MODEL.mean, scale, uncertainty, yaw)
    return {name: distance.uncertainty / distance.value for name, distance in found.items()}


def test_size_and_shape_add_up() -> None:
    known, unknown = relative(1.0, 0.0), relative(1.0, 0.06)
    assert list(known) == list(DISTANCES)
    for name, (_, _, frontal, _) in DISTANCES.items():
        assert known[name] == pytest.approx(frontal)
        assert unknown[name] == pytest.approx(np.hypot(frontal, 0.06))


def test_turned_heads_are_known_less() -> None:
    frontal, half, turned = (relative(1.0, 0.05, yaw) for yaw in (0.0, 30.0, 60.0))
    for name, (_, _, _, added) in DISTANCES.items():
        assert turned[name] == pytest.approx(np.hypot(frontal[name], added))
        assert frontal[name] <= half[name] <= turned[name]
    assert turned[EYES] > frontal[EYES]
    assert relative(1.0, 0.05, -60.0) == turned


def test_children_are_known_by_the_distance_of_their_eyes() -> None:
    adult, child = relative(1.0, 0.05), relative(0.75, 0.05)
    assert child[EYES] == pytest.approx(adult[EYES])
    assert relative(1.1, 0.05) == pytest.approx(adult)
    for name in set(DISTANCES) - {EYES}:
        assert np.sqrt(child[name] ** 2 - adult[name] ** 2) == pytest.approx(0.06, rel=0.2)


def test_toddlers_are_small(data: Path) -> None:
    """Their eyes are 45 to 49 mm apart (`headshot.datasets.growth`); the photos were not learned from."""
    files = sorted((data / "utkface-balanced").glob("[12]_*.jpg"))
    files = [file for file in files if held_out(file.stem, "utkface")][:4]
    assert len(files) == 4
    made = Reconstructor(Settings(detail="low", texture=None, photometric=None, segment=False))
    found = []
    for file in files:
        photo = read_photo(file)
        found.append(made(with_border(photo, photo.width // 2)).measure()[EYES])
    assert 44 < np.mean([eyes.value for eyes in found]) < 52
    assert all(0.06 < eyes.uncertainty / eyes.value < 0.12 for eyes in found)
    assert all(eyes.interval()[0] < 48 < eyes.interval()[1] for eyes in found)


def test_intervals() -> None:
    distance = Measurement(48.0, 4.8)
    low, high = distance.interval(0.68)
    assert low * high == pytest.approx(48.0**2)  # as probably longer as shorter
    assert high / 48.0 == pytest.approx(np.exp(0.1), rel=0.01)
    wide = distance.interval()
    assert wide[0] < low < 48.0 < high < wide[1]
    assert distance.interval(0.95) == wide
    for share in (0.0, 1.0, 68.0):
        with pytest.raises(ValueError, match="share must be between 0 and 1"):
            distance.interval(share)
