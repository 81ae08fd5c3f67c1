"""Recognised heads: similarities of known vectors, pictures of heads, and real people."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from headshot.datasets.selection import PeopleSelection
from headshot.datasets.subject import find_subject
from headshot.errors import HeadshotError
from headshot.evaluate.baselines import MeanFace
from headshot.evaluate.recognised import (
    PHOTO,
    VIEWS,
    RecognisedSettings,
    _Similarities,
    evaluate_recognised,
    faces_of,
)
from headshot.image.photo import read_photo
from headshot.perception.recognition import HEIGHT, WIDTH, Recogniser


def test_perfect_and_swapped_heads() -> None:
    axes = np.eye(4)
    photos = {"a/2.jpg": axes[0], "a/3.jpg": axes[0], "b/2.jpg": axes[1]}
    views = {"a": np.stack([axes[0]] * 4), "b": np.stack([axes[1]] * 4)}
    found = _Similarities(views, photos).of_person("a")
    assert found["auc"] == found["front"] == found["neutral"] == found["likeness"] == 1
    assert found["others"] == 0
    swapped = _Similarities({"a": views["b"], "b": views["a"]}, photos)
    assert swapped.of_person("a")["auc"] == 0
    assert swapped.of_person("nobody") == {}


def test_the_neutral_view_does_not_count_twice() -> None:
    """AUC pools the three views as in the photo; neutral stands alone."""
    axes = np.eye(4)
    photos = {"a/2.jpg": axes[0], "b/2.jpg": axes[1]}
    wrong_neutral = {"a": np.stack([axes[0]] * 3 + [axes[2]]), "b": np.stack([axes[1]] * 3 + [axes[2]])}
    found = _Similarities(wrong_neutral, photos).of_person("a")
    assert found["auc"] == 1 and found["neutral"] == 0.5


def test_pairs_of_a_person_are_those_with_its_head_or_its_photos() -> None:
    axes = np.eye(4)
    photos = {"a/2.jpg": axes[0], "b/2.jpg": axes[1], "c/2.jpg": axes[2]}
    heads = {name: axes[k : k + 1] for k, name in enumerate("abc")}
    same, different = _Similarities(heads, photos).pairs(None, "a")
    assert (len(same), len(different)) == (1, 4)
    same, different = _Similarities(heads, photos).pairs()
    assert (len(same), len(different)) == (3, 6)


def test_faces_of_a_head_lie_as_the_network_wants_them(photos: Path) -> None:
    head = MeanFace()(find_subject(read_photo(photos / "grace_hopper.jpg")), textured=True).head
    assert head is not None
    faces = faces_of(head)
    assert faces.shape == (len(VIEWS), HEIGHT, WIDTH, 3)
    # Turned to one side and to the other, cheeks are on the other side of the picture.
    right, left = (faces[list(VIEWS).index(name)].astype(float) for name in ("right", "left"))
    assert np.abs(right - left[:, ::-1]).mean() < 0.75 * np.abs(right - left).mean()
    # The backdrop is light, the face is not, and it fills the middle.
    assert np.median(faces[0, 30:100, 25:70].mean(axis=-1)) < 225
    with pytest.raises(ValueError, match="no texture"):
        faces_of(MeanFace()(find_subject(read_photo(photos / "grace_hopper.jpg"))).head)  # type: ignore[arg-type]


def test_three_people(data: Path, tmp_path: Path) -> None:
    root = tmp_path / "people"
    for person in ("George_W_Bush", "Serena_Williams", "Jennifer_Aniston"):
        (root / person).mkdir(parents=True)
        for file in sorted((data / "lfw-deepfunneled" / person).glob("*.jpg"))[:2]:
            shutil.copy(file, root / person / file.name)
    recogniser = Recogniser(data / "face-embedding" / "mobilefacenet.onnx")
    settings = RecognisedSettings(recogniser, PeopleSelection(people=3, photos=2))
    result = evaluate_recognised(root, settings)
    assert [item.name for item in result.items] == ["George_W_Bush", "Jennifer_Aniston", "Serena_Williams"]
    assert all(value == 1 for value in result.values(PHOTO, "auc").values())
    assert np.mean(list(result.values("headshot", "auc").values())) > 0.9
    assert len(result.pictures) == 3


def test_too_few_people(tmp_path: Path) -> None:
    settings = RecognisedSettings(Recogniser(tmp_path / "none.onnx"))
    with pytest.raises(HeadshotError, match="PERSON/PHOTO"):
        evaluate_recognised(tmp_path, settings)
