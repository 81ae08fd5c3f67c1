"""Profiles: what counts as off, which side a face is turned to, mixed pairs, and photos of CFP."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from headshot.datasets.annotations import CFP_LEFT, MIRROR68, Annotation, read_cfp
from headshot.datasets.split import held_out_people
from headshot.errors import HeadshotError
from headshot.evaluate.profiles import MIXED, ProfileSettings, evaluate_profiles, measure, mixed_auc
from headshot.geometry.camera import rotation_from_angles


def _annotation(*, left: bool = True) -> Annotation:
    rng = np.random.default_rng(0)
    points = np.full((68, 2), np.nan)
    known = np.array(CFP_LEFT) if left else np.array(MIRROR68)[list(CFP_LEFT)]
    points[known] = rng.uniform(0, 100, (30, 2))
    points[known[:4]] = [[0, 0], [100, 0], [100, 100], [0, 100]]  # jaw: the box is 100 x 100
    return Annotation(Path("003/profile_01.jpg"), points)


@pytest.mark.parametrize(("shift", "off"), [(0.0, 0.0), (6.9, 0.0), (7.1, 100.0)])
def test_off_beyond_seven_percent_of_the_box(shift: float, off: float) -> None:
    truth = _annotation()
    found = measure(truth.points + [shift, 0], truth, None)
    assert found["off"] == off and found["found"] == 100
    assert found["inner"] == pytest.approx(shift) and found["all"] == pytest.approx(shift)


def test_the_jaw_alone_makes_no_photo_off() -> None:
    truth = _annotation()
    points = truth.points.copy()
    points[:17] += 50
    assert measure(points, truth, None)["off"] == 0


@pytest.mark.parametrize("left", [True, False])
def test_the_side_that_a_profile_faces(left: bool) -> None:
    """Seen is the left half of the picture's face: it faces the right of the picture, positive yaw."""
    truth = _annotation(left=left)
    right = measure(truth.points, truth, rotation_from_angles(80, 10, 5))
    wrong = measure(truth.points, truth, rotation_from_angles(-80, 10, 5))
    assert (right["side"], wrong["side"]) == ((100, 0) if left else (0, 100))
    assert right["yaw"] == pytest.approx(80, abs=0.1)


def test_only_mixed_pairs_count() -> None:
    names = ["a/frontal_01.jpg", "a/profile_01.jpg", "b/frontal_01.jpg", "b/profile_01.jpg"]
    similarity = np.zeros((4, 4))
    similarity[0, 2] = similarity[2, 0] = 9  # both frontal: of no interest
    similarity[0, 1] = similarity[1, 0] = 2
    similarity[2, 3] = similarity[3, 2] = 2
    similarity[0, 3] = similarity[3, 0] = 1
    similarity[1, 2] = similarity[2, 1] = 3
    assert mixed_auc(similarity, names) == {"a": 0.5, "b": 0.5}
    assert mixed_auc(similarity, [n.replace("profile", "frontal") for n in names]) == {}


def test_photos_of_held_out_people(data: Path) -> None:
    folder = data / "cfp-train"
    result = evaluate_profiles(folder, settings=ProfileSettings(people=3, frontal=1, profile=1))
    photos = [item for item in result.items if item.group["view"] != MIXED]
    assert len(photos) == 6
    everybody = {a.photo.parent.name for a in read_cfp(folder / "fiducials30.csv")}
    assert {str(item.group["person"]) for item in photos} == set(held_out_people(everybody)[:3])
    frontal = [item for item in photos if item.group["view"] == "frontal"]
    assert all(item.values["headshot"]["inner"] < 7 for item in frontal)
    people = [item for item in result.items if item.group["view"] == MIXED]
    assert all(item.values["mean face"] == {"auc": 0.5} for item in people)


def test_no_folder_of_cfp(tmp_path: Path) -> None:
    with pytest.raises(HeadshotError, match=r"fiducials30\.csv"):
        evaluate_profiles(tmp_path)
    header = ",".join(["image", *(f"{axis}{k}" for k in range(30) for axis in "xy")])
    row = ",".join(["nobody-held-out-7/profile_01.jpg", *["1"] * 60])
    (tmp_path / "fiducials30.csv").write_text(f"{header}\n{row}\n")
    with pytest.raises(HeadshotError, match="nobody"):
        evaluate_profiles(tmp_path)
