"""Fairness: ratios between groups, colours of heads, and photos named like UTKFace's."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headshot import Settings, reconstruct
from headshot.errors import HeadshotError
from headshot.evaluate.fairness import (
    _COLUMNS,
    LABEL,
    FairnessSettings,
    bare_vertices,
    evaluate_fairness,
    median_skin,
    mirrored_distance,
    verdict,
)
from headshot.evaluate.picture import PictureSettings
from headshot.evaluate.result import Item, Result
from headshot.image.photo import read_photo
from headshot.texture import TextureSettings


def _result(errors: dict[str, float], failures: dict[str, float]) -> Result:
    items = [
        Item(f"{race}-{k}", {"race": race}, {LABEL: {"spread": e, "photometric": 5.0, "failed": 0.0}})
        for race, e in errors.items()
        for k in range(50)
    ]
    items += [Item(f"{race}-x", {"race": race}, {LABEL: {"failed": f}}) for race, f in failures.items()]
    return Result("fairness", "", "", _COLUMNS, (LABEL,), items)


def test_the_worst_group_stands_beside_the_best() -> None:
    text = verdict(_result({"Asian": 1.0, "Black": 1.29, "White": 1.1}, {"Black": 0.0}))
    assert "1.29 (Black)" in text and "above" not in text
    text = verdict(_result({"Asian": 1.0, "Black": 1.31, "White": 1.1}, {"White": 100.0}))
    assert "1.31 (Black), above 1.3" in text
    assert "1.96 % (White), above 1" in text  # one of 51


def test_the_skin_of_a_head(photos: Path) -> None:
    settings = Settings(detail="low", texture=TextureSettings(size=512))
    head = reconstruct(photos / "astronaut.jpg", settings=settings)
    grey = np.full((len(head.model.mean), 3), 0.2140411, np.float32)  # linear light of sRGB level 127.5
    left = np.zeros((head.photo.height, head.photo.width), bool)
    left[:, : int(head.camera.project(head.landmarks68[30:31])[0, 0])] = True  # of the tip of the nose
    vertices = bare_vertices(head, left)
    assert 0.2 < len(vertices) / len(bare_vertices(head, np.ones_like(left))) < 0.8
    assert (head.vertices[vertices, 2] > head.vertices[:, 2].min() + 20).all()  # the back is not seen
    np.testing.assert_allclose(median_skin(head, vertices, grey), 127.5, atol=1)
    red, green, blue = median_skin(head, vertices)
    assert 255 > red > green > blue > 60  # light skin, whatever the light


def test_photos_of_utkface(data: Path, tmp_path: Path) -> None:
    root = tmp_path / "faces"
    root.mkdir()
    for file in sorted((data / "utkface-balanced").glob("*.jpg"))[::900][:4]:
        shutil.copy(file, root / file.name)
    blank = root / "30_0_0_1.png"

    Image.new("RGB", (200, 200), (90, 120, 150)).save(blank)
    shutil.copy(blank, root / "a-name-without-groups.png")
    settings = FairnessSettings(PictureSettings(limit=None, border=0.5))
    result = evaluate_fairness(root, settings)
    failed = result.values(LABEL, "failed")
    assert len(failed) == 5 and failed["30_0_0_1.png"] == 100 and sum(failed.values()) == 100
    for key in ("spread", "mirrored", "photometric", "bare", "albedo", "unlit"):
        assert len(result.values(LABEL, key)) == 4
    assert 0 < max(result.values(LABEL, "mirrored").values()) < 2
    assert max(abs(v) for v in result.values(LABEL, "unlit").values()) < 60
    # Only looked for: failures without the rest.
    quick = evaluate_fairness(root, FairnessSettings(PictureSettings(limit=1, border=0.5), found=6))
    assert len(quick.values(LABEL, "failed")) > len(quick.values(LABEL, "spread"))


def test_the_mirrored_head(photos: Path) -> None:
    settings = Settings(detail="low", texture=None)
    photo = read_photo(photos / "grace_hopper.jpg")
    head = reconstruct(photo, settings=settings)
    distance = mirrored_distance(photo, head, settings)
    assert 0 < distance < 0.5
    # The head of another pose is not that of the mirrored photo.
    moved = replace(head.camera, translation=head.camera.translation + [10, 0, 0])
    views = (replace(head.view, camera=moved),)
    other = replace(head, estimate=replace(head.estimate, views=views))
    assert mirrored_distance(photo, other, settings) > distance + 3


def test_photos_without_groups(tmp_path: Path, photos: Path) -> None:
    shutil.copy(photos / "astronaut.jpg", tmp_path / "astronaut.jpg")
    with pytest.raises(HeadshotError, match="age_sex_race_time"):
        evaluate_fairness(tmp_path)
