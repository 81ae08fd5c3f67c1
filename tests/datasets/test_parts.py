"""Readers of labelled face parts, on files generated in the layouts of the data sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headshot.datasets.parts import celebamask, fasseg, find, helen, helen_points, lfw
from headshot.datasets.parts.scheme import UNKNOWN, Sample, classes
from headshot.errors import HeadshotError
from headshot.perception.segmentation import CLASSES


def _photo(file: Path, size: tuple[int, int] = (8, 6)) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (200, 150, 120)).save(file)


def _save(file: Path, labels: list[list[int]] | np.ndarray) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(labels, np.uint8)).save(file)


def _names(sample: Sample) -> list[list[str]]:
    labels = sample.read(sample.labels)
    return [[sample.scheme.labels[v] if v < 255 else "?" for v in row] for row in labels]


def test_celebamask_merged(tmp_path: Path) -> None:
    _photo(tmp_path / "images" / "a.jpg")
    _save(tmp_path / "masks" / "a.png", [[0, 1, 3, 4, 5], [10, 13, 14, 15, 17]])
    _save(tmp_path / "masks" / "without-photo.png", [[0]])
    (sample,) = find(tmp_path)
    assert sample.scheme is celebamask.SCHEME
    assert _names(sample) == [
        ["background", "skin", "glasses", "eyes", "eyes"], ["mouth", "hair", "hat", "cloth", "neck"],
    ]  # fmt: skip
    assert sample.read_sets()[0, 3] == classes("eyes")


def test_celebamask_merged_with_too_many_labels(tmp_path: Path) -> None:
    _photo(tmp_path / "images" / "a.jpg")
    _save(tmp_path / "masks" / "a.png", [[0, 19]])
    (sample,) = celebamask.find(tmp_path)
    with pytest.raises(HeadshotError, match="labels 0 to 18"):
        sample.read_sets()


def test_celebamask_original(tmp_path: Path) -> None:
    _photo(tmp_path / "CelebA-HQ-img" / "7.jpg")
    folder = tmp_path / "CelebAMask-HQ-mask-anno" / "0"
    _save(folder / "00007_skin.png", [[255, 255, 255, 0]])
    _save(folder / "00007_l_brow.png", [[0, 255, 0, 0]])
    _save(folder / "00007_hair.png", [[0, 0, 255, 0]])
    (sample,) = find(tmp_path)
    assert sample.photo.name == "7.jpg"
    assert _names(sample) == [["skin", "brows", "hair", "background"]]  # later parts lie above
    _save(folder / "00007_tail.png", [[0, 0, 0, 0]])
    (sample,) = find(tmp_path)
    with pytest.raises(HeadshotError, match="no part of CelebAMask"):
        sample.read_sets()


def test_fasseg_colours_and_what_lies_between_them(tmp_path: Path) -> None:
    colours = [
        (255, 0, 0), (120, 3, 2), (255, 250, 8), (0, 255, 255), (0, 0, 255), (3, 251, 0), (127, 127, 127),
    ]  # fmt: skip
    for folder, labels in (("V2/Train_RGB", "V2/Train_Labels"), ("V3/Test_RGB/+30", "V3/Test_labels/+30")):
        _photo(tmp_path / folder / "personne03x.jpg")
        _save(tmp_path / labels / "personne03x.png", np.array([colours]))
    frontal, posed = find(tmp_path)
    want = [["background", "hair", "skin", "nose", "eyes", "mouth", "?"]]
    assert _names(frontal) == want and _names(posed) == want
    # V2 labels brows as hair, V3 as skin: what a brow counts as differs, what a label may stand for is wide.
    brow = np.array([[CLASSES.index("brows")]], np.uint8)
    assert frontal.scheme.labels[frontal.scheme.from_classes(brow)[0, 0]] == "hair"
    assert posed.scheme.labels[posed.scheme.from_classes(brow)[0, 0]] == "skin"
    assert frontal.read_sets()[0, 1] & classes("brows")
    assert frontal.read_sets()[0, 6] == UNKNOWN
    assert posed.group == "personne03"


def test_fasseg_in_other_colours_is_refused(tmp_path: Path) -> None:
    _photo(tmp_path / "Train_RGB" / "1.jpg")
    _save(tmp_path / "Train_Labels" / "1.png", np.full((4, 4, 3), 128))
    (sample,) = fasseg.find(tmp_path)
    with pytest.raises(HeadshotError, match="not in FASSEG's colours"):
        sample.read_sets()


def test_helen(tmp_path: Path) -> None:
    _photo(tmp_path / "images" / "123_1.jpg")
    order = [0, 1, 3, 5, 6, 8, 10]
    for index in range(11):
        row = [200 if index == wanted else 30 for wanted in order]
        _save(tmp_path / "labels" / "123_1" / f"123_1_lbl{index:02d}.png", [row])
    (sample,) = find(tmp_path)
    assert _names(sample) == [["background", "skin", "brows", "eyes", "nose", "mouth", "hair"]]
    assert sample.read_sets()[0, 0] & classes("neck")  # which HELEN does not label
    _save(tmp_path / "labels" / "123_1" / "123_1_lbl04.png", [[0]])
    with pytest.raises(HeadshotError, match="differ in size"):
        sample.read_sets()


def test_lfw_with_a_beard(tmp_path: Path) -> None:
    _photo(tmp_path / "photos" / "Ann_Other" / "Ann_Other_0001.jpg")
    labels = np.ones((9, 9), np.uint8)
    labels[:2], labels[7, 4], labels[:, 0] = 2, 2, 255
    _save(tmp_path / "labels" / "Ann_Other" / "Ann_Other_0001.png", labels)
    (sample,) = find(tmp_path / "labels", tmp_path / "photos")
    assert sample.group == "Ann_Other" and sample.scheme is lfw.SCHEME
    sets = sample.read_sets()
    assert sets[4, 4] == sample.scheme.sets[1] and sets[4, 4] & classes("neck", "nose", "ears")
    assert not sets[0, 4] & classes("skin")  # hair on the head is hair,
    assert sets[7, 4] & classes("skin") and sets[7, 4] & classes("hair")  # a beard may be skin
    assert (sets[:, 0] == UNKNOWN).all()


def test_the_split_is_one_in_ten_and_never_changes() -> None:
    def sample(name: str) -> Sample:
        return Sample(Path("x"), (), name, celebamask.SCHEME, celebamask.read_merged)

    held_out = [sample(f"{i:05d}").held_out for i in range(2000)]
    assert 0.08 < np.mean(held_out) < 0.12
    assert [i for i, out in enumerate(held_out) if out][:4] == SPLIT


SPLIT = [2, 5, 10, 15]


def test_folders_without_labels_say_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(HeadshotError, match="neither CelebAMask-HQ, FASSEG nor HELEN"):
        find(tmp_path)
    for reader, expected in (
        (celebamask.find, "CelebAMask-HQ-mask-anno"), (fasseg.find, "Train_RGB"), (helen.find, "lbl00"),
    ):  # fmt: skip
        with pytest.raises(HeadshotError, match=expected):
            reader(tmp_path)
    with pytest.raises(HeadshotError, match="Person_Name"):
        lfw.find(tmp_path, tmp_path)


def test_points_of_helen_bound_what_is_known(tmp_path: Path) -> None:
    turns = np.linspace(np.pi, 2 * np.pi, 17)
    jaw = 50 + 30 * np.stack([np.cos(turns), -np.sin(turns)], axis=1)  # from the left ear round the chin
    points = np.zeros((68, 2))
    points[:17] = jaw
    points[17:27] = np.column_stack([np.linspace(25, 75, 10), np.full(10, 38)])
    points[27:36] = [(50, 48), (50, 52), (50, 56), (50, 60), (44, 62), (47, 63), (50, 64), (53, 63), (56, 62)]
    eye = np.array([(-6, 0), (-2, -3), (2, -3), (6, 0), (2, 3), (-2, 3)])
    points[36:42], points[42:48] = eye + (37, 50), eye + (63, 50)
    outer = [(40, 70), (45, 67), (48, 66), (50, 66), (52, 66), (55, 67), (60, 70), (55, 76), (52, 77),
             (50, 77), (48, 77), (45, 76)]  # fmt: skip
    inner = [(41, 70), (46, 69), (50, 69), (54, 69), (59, 70), (54, 73), (50, 73), (46, 73)]
    points[48:68] = outer + inner
    _photo(tmp_path / "a.jpg", (100, 100))
    lines = [" ".join(f"{v:.1f}" for v in point) for point in points + 1]  # iBUG counts from 1
    (tmp_path / "a.pts").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (sample,) = find(tmp_path)
    assert sample.scheme is helen_points.SCHEME
    labels = np.array(_names(sample))
    places = {
        "eyes": (50, 37), "nose": (61, 50), "upper_lip": (67, 50), "mouth": (71, 50), "lower_lip": (75, 50),
        "skin": (60, 30), "outside": (90, 90), "?": (30, 50),
    }  # fmt: skip
    assert {name: str(labels[at]) for name, at in places.items()} == {name: name for name in places}
    assert labels[79, 50] == "?"  # the jaw itself
    assert sample.read_sets()[60, 30] == classes("skin", "glasses", "nose", "hair")
    assert sample.read_sets()[30, 50] == UNKNOWN
    with pytest.raises(HeadshotError, match=r"NAME\.pts"):
        helen_points.find(tmp_path / "none")
