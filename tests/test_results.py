"""Heads that users hold: read-only, edited by making others, pickled, saved and loaded."""

from __future__ import annotations

import copy
import io
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import headshot
from headshot import Head, HeadshotError, RecordError, Settings, blend, load, reconstruct
from headshot.texture import TextureSettings

SMALL = Settings(detail="low", texture=TextureSettings(size=256))


@pytest.fixture(scope="module")
def head(photos: Path) -> Head:
    return reconstruct(photos / "astronaut.jpg", settings=SMALL)


@pytest.fixture(scope="module")
def other(photos: Path) -> Head:
    return reconstruct(photos / "grace_hopper.jpg", settings=SMALL)


def test_arrays_and_weights_cannot_be_changed_in_place(head: Head) -> None:
    for values in (head.vertices, head.neutral_vertices, head.landmarks68):
        with pytest.raises(ValueError, match="read-only"):
            values[0] = 0
    with pytest.raises(TypeError):
        head.blendshapes["jawOpen"] = 1.0  # type: ignore[index]


def test_nothing_that_a_head_holds_can_be_changed_in_place(head: Head) -> None:
    observed = head.observation
    assert observed.prediction is not None and observed.identity is not None
    assert head.texture is not None and head.light is not None and head.parts is not None
    for values in (
        head.expression, head.identity, head.light, head.camera.rotation, head.view.landmarks,
        head.photo.pixels, head.landmarks.points, head.face.box, observed.prediction.points,
        observed.identity.mean, head.parts.crop, head.parts.labels, head.texture.pixels,
        head.texture.observed, head.model.mean, head.model.regions["face"],
        head.model.landmarks["ibug68"].triangle, head.vertices_in(head.expression),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="read-only"):
            values[0] = 0
    for named in (head.quality.measures, head.timings, head.measure(), observed.seconds):
        with pytest.raises(TypeError, match="read-only"):
            named["yaw"] = 0.0  # type: ignore[index]
    with pytest.raises(TypeError, match="with_expression"):
        head.blendshapes["jawOpen"] = 1.0  # type: ignore[index]
    again = pickle.loads(pickle.dumps(head))
    with pytest.raises(ValueError, match="read-only"):
        again.photo.pixels[0] = 0


def test_all_names_are_short(head: Head) -> None:
    for thing in (
        head, head.estimate, head.person, head.view, head.camera, head.photo, head.face, head.landmarks,
        head.parts, head.observation, head.observation.prediction, head.texture, head.quality, head.model,
    ):  # fmt: skip
        assert len(repr(thing)) < 800, type(thing)


def test_what_is_replaced_counts_or_is_refused(head: Head) -> None:
    opened = np.zeros(52)
    opened[head.model.expression_names.index("jawOpen")] = 1
    moved = replace(head, expression=opened.tolist())
    np.testing.assert_array_equal(moved.vertices, head.with_expression({"jawOpen": 1.0}).vertices)
    opened[:] = 0.5
    held = replace(head, expression=opened)
    opened[:] = 0.0
    assert held.blendshapes["jawOpen"] == 0.5
    larger = replace(head, estimate=replace(head.estimate, person=replace(head.person, scale=2 * head.scale)))
    np.testing.assert_allclose(larger.vertices, 2 * head.vertices, rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"expression": np.full(52, 7.0)}, "within 0 to 1"),
        ({"expression": np.full(52, np.nan)}, "finite"),
        ({"model": headshot.load_head_model("high")}, "resolution"),
        ({"estimate": None}, "estimate must be"),
        ({"texture": "albedo"}, "texture must be"),
        ({"quality": 0.5}, "quality must be"),
        ({"blendshapes": {}}, "blendshapes"),
        ({"colours": np.zeros((3, 3), np.uint8)}, "colours must have shape"),
    ],
)
def test_replacements_that_do_not_fit(head: Head, changes: dict[str, object], message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        replace(head, **changes)  # type: ignore[arg-type]


def test_parts_of_a_head_that_do_not_fit(head: Head) -> None:
    assert head.texture is not None
    short = replace(head.person, identity=[1, 2])
    for make, message in (
        (lambda: replace(head, estimate=replace(head.estimate, person=short)), "identity must have shape"),
        (lambda: replace(head.person, scale=-1.0), "scale must be positive"),
        (lambda: replace(head.texture, pixels=np.zeros((9, 9, 3))), "uint8"),
        (lambda: replace(head.texture, pixels=np.zeros((9, 9, 3), np.uint8)), "like the pixels"),
        (lambda: replace(head.camera, focal=-1.0), "positive focal length"),
        (lambda: replace(head.camera, rotation=np.eye(2)), "rotation must have shape"),
        (lambda: replace(head.photo, pixels=np.zeros((9, 9, 3))), "uint8"),
    ):
        with pytest.raises(ValueError, match=message):
            make()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda head: head.render(size=0), "within 1 to 8192"),
        (lambda head: head.render(size=10**6), "within 1 to 8192"),
        (lambda head: head.render(size=10.5), "whole number"),
        (lambda head: head.render(yaw=float("nan")), "yaw must be a number"),
        (lambda head: head.render("front"), "camera must be"),
        (lambda head: head.render(head.camera, yaw=30), "no effect"),
        (lambda head: head.render(textured="albedo"), "textured must be True or False"),
        (lambda head: head.render(background=(255, 255, 255)), "background must be uint8"),
        (lambda head: head.render(background=np.zeros((512, 512, 3))), "background must be uint8"),
        (lambda head: head.with_expression("jawOpen"), "must be numbers"),
        (lambda head: head.with_expression({"jawOpen": "wide"}), "must be numbers"),
        (lambda head: head.with_expression({3: 1.0}), "unknown expression 3"),
        (lambda head: head.with_identity("mean"), "must be numbers"),
        (lambda head: blend(head, None, 0.5), "b must be Head"),
        (lambda head: blend(head, head, "half"), "weight must be a number"),
        (lambda head: head.save("out", stem=3), "stem must be a word"),
        (lambda head: reconstruct(head.photo, settings="fast"), "headshot.Settings"),
        (lambda head: reconstruct(head.photo, model=3), "model must be"),
        (lambda head: reconstruct(head.photo, force=True), "several photos"),
        (lambda head: reconstruct(head.photo, face="2"), "face must be"),
    ],
)
def test_calls_that_make_no_sense_say_so(head: Head, call: Callable[[Head], object], message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        call(head)


def test_a_face_may_be_a_number_of_numpy(head: Head) -> None:
    assert reconstruct(head.photo, settings=SMALL, face=np.int64(1)).name == head.name  # type: ignore[call-overload]


def test_only_a_json_is_loaded(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"loaded from me\.json"):
        load(tmp_path / "me.glb")


def test_its_name_is_short(head: Head) -> None:
    assert len(repr(head)) < 200
    assert "astronaut.jpg" in repr(head)


def test_an_expression_by_name_moves_the_jaw_and_nothing_else(head: Head) -> None:
    opened = head.with_expression({"jawOpen": 1.0})
    assert opened.blendshapes["jawOpen"] == 1
    assert sum(opened.blendshapes.values()) == 1
    jaw = opened.landmarks68[8, 1] - head.with_expression({}).landmarks68[8, 1]
    assert jaw < -10
    np.testing.assert_array_equal(opened.neutral_vertices, head.neutral_vertices)
    assert head.blendshapes["jawOpen"] < 1


def test_an_expression_is_transferred_from_another_head(head: Head, other: Head) -> None:
    moved = head.with_expression(other)
    np.testing.assert_allclose(moved.expression, other.expression)
    np.testing.assert_array_equal(moved.identity, head.identity)


@pytest.mark.parametrize(
    ("expression", "message"),
    [({"jawOpne": 1.0}, "jawOpne"), ({"jawOpen": 1.5}, "within 0 to 1"), (np.zeros(3), "52")],
)
def test_expressions_that_are_none(head: Head, expression: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        head.with_expression(expression)  # type: ignore[arg-type]


def test_another_identity_is_another_shape(head: Head) -> None:
    mean = head.with_identity(np.zeros(len(head.identity)))
    np.testing.assert_allclose(mean.neutral_vertices, np.float32(head.scale) * head.model.mean, rtol=1e-6)
    with pytest.raises(ValueError, match="shape"):
        head.with_identity([1.0])
    with pytest.raises(ValueError, match="finite"):
        head.with_identity(np.full(len(head.identity), np.nan))


def test_a_blend_lies_between_two_heads(head: Head, other: Head) -> None:
    half = blend(head, other, 0.5)
    np.testing.assert_allclose(half.identity, (head.identity + other.identity) / 2)
    np.testing.assert_allclose(blend(head, other, 0.0).vertices, head.vertices, atol=1e-4)
    np.testing.assert_allclose(blend(head, other, 1.0).vertices, other.vertices, atol=1e-3)
    assert half.texture is not None and head.texture is not None
    assert np.abs(half.texture.pixels.astype(int) - head.texture.pixels).max() > 10
    with pytest.raises(ValueError, match="weight"):
        blend(head, other, 2.0)


def test_pictures_of_a_head(head: Head) -> None:
    front, side = head.render(size=96), head.render(size=96, yaw=60)
    assert front.shape == side.shape == (96, 96, 3)
    assert np.abs(front.astype(int) - side).max() > 50
    clay = head.render(size=96, textured=False)
    assert np.abs(front.astype(int) - clay).max() > 20
    over = head.render(head.camera, background=head.photo.pixels)
    assert over.shape == head.photo.pixels.shape
    assert (over[0] == head.photo.pixels[0]).all()
    assert head._repr_png_().startswith(b"\x89PNG")


@pytest.mark.parametrize("style", ["afro01", "long01"])
def test_pictures_show_all_of_the_hair(head: Head, style: str) -> None:
    hairy = head.with_hair(style)
    for picture in (hairy.render(size=128, yaw=90), hairy.render(size=128)):
        border = np.concatenate([picture[0], picture[-1], picture[:, 0], picture[:, -1]])
        assert (border == border[0]).all()


def test_it_pickles_and_copies_without_the_model(head: Head) -> None:
    data = pickle.dumps(head)
    assert len(data) < head.photo.pixels.nbytes + 8_000_000
    for again in (pickle.loads(data), copy.copy(head), copy.deepcopy(head)):
        np.testing.assert_array_equal(again.vertices, head.vertices)
        assert again.model is head.model


def test_pickles_that_name_the_parts_of_an_estimate_here_are_read(head: Head) -> None:
    """Before `headshot.estimate` they were classes of `headshot.results`."""
    now, before = b"cheadshot.estimate\n", b"cheadshot.results\n"
    data = pickle.dumps(head, protocol=2)  # which writes names of classes as text
    assert data.count(now) == 4
    again = pickle.loads(data.replace(now, before))
    assert type(again.estimate) is headshot.Estimate
    np.testing.assert_array_equal(again.vertices, head.vertices)


def test_a_saved_head_comes_back_without_its_photo(head: Head, tmp_path: Path) -> None:
    head.save(tmp_path, formats="json,obj")
    again = load(tmp_path / "astronaut.json")
    np.testing.assert_array_equal(again.vertices, head.vertices)
    np.testing.assert_array_equal(again.camera.rotation, head.camera.rotation)
    assert again.scale == head.scale and again.view.photo == head.view.photo
    assert again.texture is not None and head.texture is not None
    assert head.albedo_texture is not None
    np.testing.assert_array_equal(again.texture.pixels, head.albedo_texture.pixels)
    assert again.quality.score == pytest.approx(head.quality.score, abs=1e-4)
    with pytest.raises(HeadshotError, match="loaded from a file"):
        _ = again.photo
    again.with_expression({"jawOpen": 0.5}).save(tmp_path / "again", formats="all")
    third = load(tmp_path / "again" / "astronaut.json")
    assert third.blendshapes["jawOpen"] == 0.5


def test_a_texture_that_takes_too_long_to_decode_is_refused(head: Head, tmp_path: Path) -> None:
    head.save(tmp_path, formats="obj,json")
    picture = io.BytesIO()
    Image.new("RGB", (1024, 1024)).save(picture, "JPEG", progressive=True)
    content = picture.getvalue()
    scan = content.rfind(b"\xff\xda")
    repeated = content[:-2] + content[scan:-2] * 3000 + content[-2:]
    (tmp_path / "astronaut_texture.png").write_bytes(repeated)
    with pytest.raises(HeadshotError, match="scans"):
        load(tmp_path / "astronaut.json")


def test_the_texture_of_a_glb_comes_back_nearly(head: Head, tmp_path: Path) -> None:
    head.save(tmp_path)
    again = load(tmp_path / "astronaut.json")
    assert again.texture is not None and head.texture is not None
    assert np.abs(again.texture.pixels.astype(int) - head.texture.pixels).mean() < 4
    (tmp_path / "astronaut.glb").write_bytes(b"glTF")
    with pytest.raises(HeadshotError, match="cannot be read as a GLB"):
        load(tmp_path / "astronaut.json")
    (tmp_path / "astronaut.glb").unlink()
    assert load(tmp_path / "astronaut.json").texture is None


def test_a_record_of_another_head_model_is_refused(head: Head, tmp_path: Path) -> None:
    head.save(tmp_path, formats="json")
    file = tmp_path / "astronaut.json"
    text = file.read_text(encoding="utf-8")
    sha = headshot.assets.manifest()["head_model.npz"]["sha256"]  # type: ignore[attr-defined]
    file.write_text(text.replace(sha, "0" * 64), encoding="utf-8")
    with pytest.raises(RecordError, match="another version of the head model"):
        load(file)


def test_measures_of_a_face(head: Head) -> None:
    found = head.measure()
    eyes = found["interpupillary distance (p-p)"]
    assert 52 < eyes.value < 74
    assert 0.02 * eyes.value < eyes.uncertainty < 0.1 * eyes.value
    assert found["biocular width (ex-ex)"].value > eyes.value > found["intercanthal width (en-en)"].value
    assert found["face height (n-gn)"].value > found["lower face height (sn-gn)"].value
    wider = head.with_expression({"mouthSmileLeft": 1.0, "mouthSmileRight": 1.0}).measure()
    assert wider["mouth width (ch-ch)"].value == found["mouth width (ch-ch)"].value  # of the neutral face
