"""Heads of other models than the bundled one, the whole way: from photos to files and back."""

from __future__ import annotations

import io
import json
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import headshot
from headshot import HeadshotError, ModelFormatError, RecordError, Settings, reconstruct
from headshot.apps.cli.main import app
from headshot.exit_codes import ExitCode
from headshot.models.linear import LinearModel
from headshot.models.readers import read_linear_model
from headshot.pipeline import Reconstructor
from headshot.texture import TextureSettings

SMALL = Settings(texture=TextureSettings(size=256))


@pytest.fixture(scope="module")
def linear() -> LinearModel:
    """A face model with a layout for textures, seven modes and two blendshapes."""
    model = read_linear_model("headshot")
    names = ("jawOpen", "mouthSmileLeft")
    rows = [model.expression_names.index(name) for name in names]
    return replace(
        model, name="Seven", dense=None, identity=model.identity[:7], expression=model.expression[rows],
        expression_names=("open", "smile"), expression_kind="blendshapes", terms="for tests",
    )  # fmt: skip


@pytest.fixture(scope="module")
def flame_file(skinned_arrays: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("flame") / "flame.npz"
    np.savez(file, **skinned_arrays.flame())
    return file


@pytest.fixture(scope="module")
def head(photos: Path, linear: LinearModel) -> headshot.Head:
    return reconstruct(photos / "astronaut.jpg", settings=SMALL, model=linear)


@pytest.fixture(scope="module")
def skinned(photos: Path, flame_file: Path) -> headshot.Head:
    return reconstruct(photos / "astronaut.jpg", settings=SMALL, model=flame_file)


def test_the_head_is_one_of_the_model(head: headshot.Head, linear: LinearModel) -> None:
    assert head.model is linear and head.vertices.shape == linear.mean.shape
    assert set(head.blendshapes) == {"open", "smile"} and len(head.identity) == 7
    assert head.estimate.prior == "none" and head.albedo is None and head.light is None
    assert 0.8 < head.scale < 1.2
    network = head.landmarks.points
    eyes = np.linalg.norm(network[33] - network[263])
    seen = head.project(head.landmarks68)
    for mine, theirs in ((36, 33), (45, 263), (39, 133), (42, 362)):
        assert np.linalg.norm(seen[mine] - network[theirs]) < 0.12 * eyes
    assert np.isnan(head.landmarks68[:8]).all() and np.isfinite(head.landmarks68[17:]).all()
    assert any("Seven was fitted to landmarks alone" in warning for warning in head.quality.warnings)


def test_the_bundled_model_has_no_such_warning(photos: Path) -> None:
    found = reconstruct(photos / "astronaut.jpg", settings=Settings(detail="low", texture=None))
    assert found.model.id == "headshot" and not found.quality.warnings and found.colours is None
    assert found.bundled is found.model


def test_what_needs_the_bundled_model_says_so(
    head: headshot.Head, skinned: headshot.Head, linear: LinearModel
) -> None:
    with pytest.raises(HeadshotError, match="bundled model, and this head is one of Seven"):
        _ = head.bundled
    for one in (head, skinned):
        with pytest.raises(HeadshotError, match="bundled model"):
            _ = one.albedo_texture
    delit = replace(SMALL, texture=TextureSettings(size=256, delit=True))
    with pytest.raises(ValueError, match=r"texture\.delit"):
        Reconstructor(delit, linear, preload=False)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nobody", "is no model that Headshot reads"),
        ("a.pkl", "can run any code"),
        ("a.bin", "there is no model"),
    ],
)
def test_wrong_models_say_so(name: str, message: str) -> None:
    with pytest.raises(ModelFormatError, match=message):
        Reconstructor(model=name, preload=False)


def test_the_texture_is_the_photos(head: headshot.Head, skinned: headshot.Head) -> None:
    assert head.texture is not None and head.texture.pixels.shape == (256, 256, 3)
    assert head.texture.coverage == head.quality.measures["coverage"] > 0.4
    assert skinned.texture is None and skinned.colours is not None
    photo = head.photo.pixels.astype(float)
    for one in (head, skinned):
        picture = one.render(one.camera, background=np.zeros_like(one.photo.pixels)).astype(float)
        column, row = one.project(one.landmarks68[30]).astype(int)
        near = slice(row - 6, row + 7), slice(column - 6, column + 7)
        assert np.abs(picture[near].mean(axis=(0, 1)) - photo[near].mean(axis=(0, 1))).max() < 45
        clay = one.render(one.camera, textured=False)
        assert np.abs(clay.astype(float) - picture).max() > 50
    bare = reconstruct(head.photo, settings=replace(SMALL, texture=None), model=head.model)
    assert bare.texture is None and bare.colours is None and bare.quality.measures["coverage"] == 1


def test_clothes_and_hair_are_no_skin(head: headshot.Head, linear: LinearModel) -> None:
    plain = reconstruct(head.photo, settings=replace(SMALL, segment=False), model=linear)
    assert plain.texture is not None and head.texture is not None
    assert plain.texture.coverage > head.texture.coverage + 0.1
    # Her suit's collar is black, and her throat is not.
    assert head.render(yaw=0).mean() > plain.render(yaw=0).mean() + 1


def test_expressions_keep_their_bounds(head: headshot.Head, skinned: headshot.Head) -> None:
    opened = head.with_expression({"open": 2.5})  # blendshapes have no upper bound
    assert np.abs(opened.vertices - head.neutral_vertices).max() > 20
    with pytest.raises(ValueError, match="within 0 to inf"):
        head.with_expression({"open": -0.5})
    with pytest.raises(ValueError, match="unknown expression jawOpen"):
        head.with_expression({"jawOpen": 0.5})
    turned = skinned.with_expression({"jaw_x": 0.3, "expression1": -1})
    assert turned.expression[-3] == 0.3


def test_distances_whose_ends_the_model_has(head: headshot.Head, photos: Path, linear: LinearModel) -> None:
    found = head.measure()
    assert "intercanthal width (en-en)" in found and "mouth width (ch-ch)" in found
    assert "nose width (al-al)" not in found and "interpupillary distance (p-p)" not in found
    assert 25 < found["intercanthal width (en-en)"].value < 45
    rows = np.flatnonzero(np.isin(linear.landmarks.index, range(17, 27)))
    own = linear.landmarks
    brows = replace(linear, landmarks=replace(own, index=own.index[rows], points=own.points.restricted(rows)))
    with pytest.raises(HeadshotError, match="too few named points"):
        replace(head, model=brows).measure()


def test_files_have_the_models_mesh_and_morph_targets(head: headshot.Head, tmp_path: Path) -> None:
    files = {file.suffix: file for file in head.save(tmp_path, "all")}
    content = files[".glb"].read_bytes()
    (length,) = struct.unpack_from("<I", content, 12)
    document = json.loads(content[20 : 20 + length])
    assert document["meshes"][0]["extras"]["targetNames"] == ["open", "smile"]
    assert "Seven. for tests" in document["asset"]["copyright"] and document["images"]
    text = files[".obj"].read_text()
    assert text.count("\nv ") == len(head.vertices) and "# Seven. for tests" in text
    assert Image.open(io.BytesIO((tmp_path / "astronaut.png").read_bytes())).width > 500


def test_colours_of_vertices_are_written(skinned: headshot.Head, tmp_path: Path) -> None:
    files = {file.suffix: file for file in skinned.save(tmp_path, "glb,ply,obj")}
    assert (
        b"COLOR_0" in files[".glb"].read_bytes()[:20_000] and b"jaw_x" in files[".glb"].read_bytes()[:200_000]
    )
    assert b"property uchar red" in files[".ply"].read_bytes()[:900]
    assert not (tmp_path / "astronaut_texture.png").exists()


@pytest.mark.parametrize("which", ["head", "skinned"])
def test_heads_come_back_with_their_model(
    which: str, tmp_path: Path, flame_file: Path, request: pytest.FixtureRequest
) -> None:
    saved = request.getfixturevalue(which)
    saved.save(tmp_path, "glb,json")
    file = tmp_path / "astronaut.json"
    fields = json.loads(file.read_text())
    assert fields["model"]["id"] == saved.model.id and len(fields["model"]["sha256"]) == 64
    assert fields["model"]["file"] == ("flame.npz" if which == "skinned" else "")
    with pytest.raises(RecordError, match=r"load\(\.\.\., model=FILE\)"):
        headshot.load(file)
    with pytest.raises(RecordError, match="has other coefficients"):
        headshot.load(file, model=read_linear_model("headshot"))
    again = headshot.load(file, flame_file if which == "skinned" else saved.model)
    np.testing.assert_array_equal(again.identity, saved.identity)
    np.testing.assert_array_equal(again.vertices, saved.vertices)
    assert (again.texture is None) == (saved.texture is None) and again.colours is None
    text = file.read_text().replace(fields["model"]["sha256"], "f" * 64)
    file.write_text(text)
    with pytest.raises(RecordError, match="has other coefficients"):
        headshot.load(file, flame_file if which == "skinned" else saved.model)


def test_their_json_fits_the_schema(head: headshot.Head, skinned: headshot.Head, tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(
        (Path(__file__).parents[1] / "docs" / "reference" / "reconstruction.schema.json").read_text("utf-8")
    )
    for one in (head, skinned):
        one.save(tmp_path, "json")
        jsonschema.Draft202012Validator(schema).validate(
            json.loads((tmp_path / "astronaut.json").read_text())
        )


def test_bundled_heads_do_not_take_another_model(photos: Path, tmp_path: Path, linear: LinearModel) -> None:
    found = reconstruct(photos / "astronaut.jpg", settings=Settings(detail="low", texture=None))
    found.save(tmp_path, "json")
    assert headshot.load(tmp_path / "astronaut.json", "headshot").model is found.model
    with pytest.raises(RecordError, match="leave out model="):
        headshot.load(tmp_path / "astronaut.json", linear)


def test_several_photos_make_one_head(photos: Path, linear: LinearModel) -> None:
    pixels = np.asarray(Image.open(photos / "astronaut.jpg").convert("RGB"))
    dark = (pixels * 0.6).astype(np.uint8)
    found = Reconstructor(SMALL, linear)([pixels, np.ascontiguousarray(pixels[:, ::-1]), dark], force=True)
    assert len(found.estimate.views) == 3 and found.texture is not None
    yaw = [view.camera.angles[0] for view in found.estimate.views]
    assert yaw[0] == pytest.approx(-yaw[1], abs=2)
    shown = found.texture.source[found.texture.observed > 0.5]
    assert set(np.unique(shown)) <= {0, 1, 2} and len(np.unique(shown)) > 1
    # Exposures are matched to that of the main view.
    bright = pixels if found.main < 2 else dark
    lit = found.texture.pixels[found.texture.observed > 0.8].mean()
    alone = reconstruct(bright, settings=SMALL, model=linear).texture
    assert alone is not None
    assert lit == pytest.approx(alone.pixels[alone.observed > 0.8].mean(), rel=0.1)


def test_heads_of_two_models_do_not_blend(head: headshot.Head, skinned: headshot.Head) -> None:
    mixed = headshot.blend(skinned, skinned.with_identity(np.zeros_like(skinned.identity)), 0.5)
    np.testing.assert_allclose(mixed.identity, skinned.identity / 2)
    assert mixed.colours is not None
    with pytest.raises(ValueError, match="other models"):
        headshot.blend(head, skinned, 0.5)


def test_the_command(photos: Path, tmp_path: Path, flame_file: Path) -> None:
    photo, out = str(photos / "astronaut.jpg"), tmp_path / "out"
    done = CliRunner().invoke(
        app, ["reconstruct", photo, "-o", str(out), "--model", str(flame_file), "--formats", "ply,json"]
    )
    assert done.exit_code == 0, done.output
    assert "fitted to landmarks alone" in done.output and (out / "astronaut.ply").is_file()
    wrong = CliRunner().invoke(app, ["reconstruct", photo, "-o", str(out), "--model", "nobody.bin"])
    assert wrong.exit_code == ExitCode.UNREADABLE and "there is no model nobody.bin" in wrong.output


def test_real_models_on_a_real_photo(photos: Path, data: Path) -> None:
    for name in ("sfm/sfm_shape_3448.bin", "ict-facekit/ict_facekit_light.npz"):
        found = reconstruct(photos / "grace_hopper.jpg", settings=SMALL, model=data / name)
        assert found.texture is not None and found.quality.measures["residual"] < 2.5
        assert np.linalg.norm(found.identity) < 8 and abs(found.camera.angles[0]) < 25
