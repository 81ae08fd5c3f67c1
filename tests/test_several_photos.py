"""Several photos of one person: renders of a head stand in for photos from other sides."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from headshot import Head, HeadshotError, NoFaceError, Photo, Reconstructor, Settings, reconstruct
from headshot.apps.cli.main import app
from headshot.arrays import U8
from headshot.pipeline import MOST_PHOTOS
from headshot.render import view_camera
from headshot.texture import TextureSettings
from headshot.texture.make import COMPLETED

SHAPE = Settings(detail="low", texture=None)
YAWS = (0.0, 25.0, -25.0)


@pytest.fixture(scope="module")
def person(photos: Path) -> Head:
    return reconstruct(photos / "astronaut.jpg", settings=replace(SHAPE, texture=TextureSettings(size=512)))


@pytest.fixture(scope="module")
def views(person: Head) -> list[Photo]:
    # Further from the average than any fit would go, so that the prior alone does not give it.
    neutral = person.with_identity(2 * person.identity)
    neutral = neutral.with_expression({"mouthSmileLeft": 0.3, "mouthSmileRight": 0.3})
    cameras = [view_camera(neutral.vertices, yaw, 4.0, 400) for yaw in YAWS]
    return [Photo(neutral.render(c), f"view{k}.png") for k, c in enumerate(cameras)]


@pytest.fixture(scope="module")
def joint(views: list[Photo]) -> Head:
    settings = replace(SHAPE, texture=TextureSettings(size=256))
    return reconstruct(list(views), settings=settings)


def test_one_person_and_a_view_of_each_photo(joint: Head, views: list[Photo]) -> None:
    assert [view.photo.name for view in joint.estimate.views] == [photo.name for photo in views]
    for view, yaw in zip(joint.estimate.views, YAWS, strict=True):
        assert view.camera.angles[0] == pytest.approx(yaw, abs=8)
        assert view.light is not None and 0 < view.weight <= 1
    assert joint.main == 0
    assert not joint.left_out
    assert joint.name == "view0.png"


def test_the_shape_is_that_of_all_photos(joint: Head, views: list[Photo], person: Head) -> None:
    """Nearer to the head that the photos show than the single photos' shapes are in the mean."""
    face = joint.model.regions["face"] > 0.5
    true = person.model.neutral(2 * person.identity)[face]

    def off(head: Head) -> float:
        from headshot.geometry.align import similarity

        shape = head.model.neutral(head.identity)[face]
        return float(np.linalg.norm(similarity(shape, true)(shape) - true, axis=1).mean())

    single = [off(reconstruct(photo, settings=SHAPE)) for photo in views]
    assert off(joint) < np.mean(single)


def test_each_cheek_comes_from_a_photo_that_shows_it(joint: Head) -> None:
    assert joint.texture is not None
    source = joint.texture.source
    used = set(np.unique(source).tolist()) - {COMPLETED}
    assert len(used) >= 2 and used <= {0, 1, 2}
    assert (source == COMPLETED).any()


def test_the_order_of_photos_does_not_matter(joint: Head, views: list[Photo]) -> None:
    again = reconstruct([views[2], views[0], views[1]], settings=SHAPE)
    np.testing.assert_allclose(again.identity, joint.identity, atol=0.02)
    assert again.main == 1


def test_a_repeated_photo_and_one_without_a_face_are_left_out(views: list[Photo]) -> None:
    blank: U8 = np.full((200, 200, 3), 90, np.uint8)
    head = reconstruct([*views[:2], views[0], Photo(blank, "blank.png")], settings=SHAPE)
    assert len(head.estimate.views) == 2
    assert [out.name for out in head.left_out] == ["view0.png", "blank.png"]
    assert "same picture" in head.left_out[0].reason
    assert "no face found" in head.left_out[1].reason
    assert any("blank.png was left out" in warning for warning in head.quality.warnings)


def test_somebody_else_is_left_out_unless_forced(views: list[Photo], photos: Path) -> None:
    stranger = photos / "grace_hopper.jpg"
    head = reconstruct([views[0], stranger, views[1]], settings=SHAPE)
    assert [view.photo.name for view in head.estimate.views] == ["view0.png", "view1.png"]
    (out,) = head.left_out
    assert out.name == "grace_hopper.jpg" and "somebody else" in out.reason
    assert out.figure is not None and out.figure < 0.2
    forced = reconstruct([views[0], stranger, views[1]], settings=SHAPE, force=True)
    assert len(forced.estimate.views) == 3 and not forced.left_out


def test_a_photo_that_is_far_too_blurred_is_left_out(views: list[Photo]) -> None:
    tiny = Image.fromarray(views[1].pixels).resize((44, 44)).resize((400, 400), Image.Resampling.BICUBIC)
    blurred = Photo(np.asarray(tiny), "blurred.png")
    head = reconstruct([views[0], views[2], blurred], settings=SHAPE)
    (out,) = head.left_out
    assert out.name == "blurred.png" and "blurred or small" in out.reason


def test_two_people_half_and_half_are_said(views: list[Photo], photos: Path) -> None:
    with pytest.raises(HeadshotError, match="2 people"):
        reconstruct([views[0], photos / "grace_hopper.jpg"], settings=SHAPE)


def test_one_photo_in_a_list_is_that_photo(views: list[Photo]) -> None:
    alone, listed = reconstruct(views[0], settings=SHAPE), reconstruct([views[0]], settings=SHAPE)
    np.testing.assert_array_equal(alone.vertices, listed.vertices)


def test_lists_that_give_no_head() -> None:
    blank: U8 = np.full((64, 64, 3), 90, np.uint8)
    with pytest.raises(HeadshotError, match="at least one photo"):
        reconstruct([], settings=SHAPE)
    with pytest.raises(NoFaceError, match="none of the 2 photos"):
        reconstruct([blank, blank + np.uint8(1)], settings=SHAPE)
    with pytest.raises(HeadshotError, match="too many"):
        reconstruct([blank] * (MOST_PHOTOS + 1), settings=SHAPE)
    with pytest.raises(ValueError, match="largest face"):
        reconstruct([blank], face=2, settings=SHAPE)


def test_threads_share_a_reconstructor(views: list[Photo]) -> None:
    from concurrent.futures import ThreadPoolExecutor

    made = Reconstructor(SHAPE)
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(made, views[:2] * 2))
    np.testing.assert_array_equal(found[0].identity, found[2].identity)
    np.testing.assert_array_equal(found[1].identity, found[3].identity)


def test_the_command_makes_a_head_of_each_folder(views: list[Photo], tmp_path: Path) -> None:
    for name, some in (("anna", views[:2]), ("ben", views[1:])):
        (tmp_path / "people" / name).mkdir(parents=True)
        for photo in some:
            Image.fromarray(photo.pixels).save(tmp_path / "people" / name / photo.name)
    arguments = ["reconstruct", str(tmp_path / "people"), "--one-person", "-o", str(tmp_path / "out")]
    found = CliRunner().invoke(app, [*arguments, "--detail", "low", "--formats", "json"])
    assert found.exit_code == 0, found.output
    for name in ("anna", "ben"):
        record = json.loads((tmp_path / "out" / f"{name}.json").read_text(encoding="utf-8"))
        assert len(record["views"]) == 2
    again = CliRunner().invoke(app, [*arguments, "--detail", "low", "--formats", "json", "--resume"])
    assert "2 of 2 photos were already done" in again.output


def test_files_named_for_one_person_are_one_head(views: list[Photo], tmp_path: Path) -> None:
    files = []
    for photo in views[:2]:
        files.append(str(tmp_path / photo.name))
        Image.fromarray(photo.pixels).save(files[-1])
    options = ["--one-person", "-o", str(tmp_path / "out"), "--detail", "low", "--formats", "json"]
    found = CliRunner().invoke(app, ["reconstruct", *files, *options])
    assert found.exit_code == 0, found.output
    assert [f.name for f in (tmp_path / "out").iterdir()] == ["view0.json"]
    refused = CliRunner().invoke(app, ["reconstruct", *files, *options, "--face", "all"])
    assert refused.exit_code == 2 and "largest face" in refused.output
