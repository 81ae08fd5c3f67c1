"""Files of a keypoint fit, by the command."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from headshot.apps.cli.main import app
from headshot.apps.keypoint.find import find_points68
from headshot.apps.keypoint.fit import fit_keypoints
from headshot.apps.keypoint.output import fitted_asset, names_of_files
from headshot.exit_codes import ExitCode
from headshot.export.mark import read_mark
from headshot.image.photo import read_photo
from headshot.models.readers import read_linear_model
from headshot.photo_colours import photo_surface


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("keypoint")
    photo = Path(__file__).parents[3] / "photos" / "astronaut.jpg"
    result = CliRunner().invoke(app, ["keypoint", str(photo), "--landmarks", "headshot", "-o", str(out)])
    assert result.exit_code == 0, result.output
    assert "residual" in result.output
    return out


def test_the_four_pictures(folder: Path) -> None:
    names = ["a_input", "b_model", "c_landmarks", "d_face"]
    panels = [np.asarray(Image.open(folder / f"astronaut_{name}.png")) for name in names]
    whole = np.asarray(Image.open(folder / "astronaut.png"))
    np.testing.assert_array_equal(whole, np.concatenate(panels, axis=1))
    a, b, c, d = panels
    assert (np.ptp(b, axis=2) == 0).all()  # clay
    changed = np.abs(a.astype(int) - c).max(axis=2) > 60
    assert 0.002 < changed.mean() < 0.3  # dots, not a repaint
    face = (d != 240).any(axis=2)
    assert 0.2 < face.mean() < 0.8
    skin = d[face].mean(axis=0)
    assert skin[0] > skin[1] > skin[2]


def test_record_reproduces_the_fit(folder: Path) -> None:
    record = json.loads((folder / "astronaut.json").read_text())
    model = read_linear_model("headshot")
    weights = list(record["expression"]["coefficients"].values())
    face = model.shape(record["identity"], weights)
    landmarks = record["landmarks"]
    places = dict(zip(landmarks["fitted"], landmarks["partners_mm"], strict=True))
    own = model.landmarks.points.on(face, model.triangles)
    for n, place in zip(model.landmarks.index, own, strict=True):
        np.testing.assert_allclose(places[n], place, atol=1e-2)
    camera = record["camera"]
    p = own @ np.array(camera["rotation"]).T + camera["translation_mm"]
    pixels = camera["focal_pixels"] * p[:, :2] / -p[:, 2:] * [1, -1] + camera["centre"]
    gap = pixels - np.array(record["landmarks"]["points"])[model.landmarks.index]
    assert np.sqrt((gap**2).sum(axis=1).mean()) < 2 * record["residual_pixels"] + 0.1
    assert abs(record["pose"]["yaw"]) < 10


def test_meshes(folder: Path) -> None:
    from headshot.evaluate.meshes import read_mesh

    obj, ply, glb = (read_mesh(folder / f"astronaut.{kind}") for kind in ("obj", "ply", "glb"))
    np.testing.assert_allclose(obj[0], ply[0], atol=1e-3)
    assert len(glb[0]) >= len(ply[0])  # split at the seams of the texture
    assert np.asarray(Image.open(folder / "astronaut_texture.png")).shape == (1024, 1024, 3)
    assert b"targetNames" in (folder / "astronaut.glb").read_bytes()


def test_blendshapes_start_from_the_face_without_expression(photos: Path) -> None:
    photo = read_photo(photos / "astronaut.jpg")
    found = find_points68(photo, "headshot")[0]
    model = read_linear_model("headshot")
    fit = fit_keypoints(found.points, model, (photo.width, photo.height), None)
    surface = photo_surface(photo.pixels, fit.view, fit.vertices, model.triangles)
    asset = fitted_asset(fit, surface, texture_size=64)
    np.testing.assert_allclose(asset.neutral, model.shape(fit.identity, []))
    moved = sum(np.float32(morph.weight) * morph.offsets for morph in asset.morphs)
    np.testing.assert_allclose(asset.neutral + moved, fit.vertices, atol=1e-3)
    assert np.abs(asset.neutral - fit.vertices).max() > 0.5
    pca = replace(fit, model=replace(model, expression_kind="pca"))
    still = fitted_asset(pca, surface, texture_size=64)
    assert not still.morphs and still.neutral is fit.vertices


@pytest.mark.parametrize(
    ("options", "code", "text"),
    [
        (["--model", "missing.bin"], ExitCode.UNREADABLE, "github.com/patrikhuber/eos"),
        (["--face", "9"], ExitCode.NO_FACE, "no face number 9"),
        (["--formats", "stl"], ExitCode.MISUSED, "use any of glb, obj, ply, png, json"),
    ],
)
def test_errors(photos: Path, tmp_path: Path, options: list[str], code: int, text: str) -> None:
    command = ["keypoint", str(photos / "astronaut.jpg"), "--landmarks", "headshot", "-o", str(tmp_path)]
    result = CliRunner().invoke(app, [*command, *options])
    assert result.exit_code == code and text in result.output
    assert not list(tmp_path.iterdir())


def test_surrey(small_data: Path, photos: Path, tmp_path: Path) -> None:
    model = str(small_data / "sfm" / "sfm_shape_3448.bin")
    command = ["keypoint", str(photos / "grace_hopper.jpg"), "--landmarks", "headshot", "--model", model]
    result = CliRunner().invoke(app, [*command, "-o", str(tmp_path), "--camera", "orthographic"])
    assert result.exit_code == 0, result.output
    record = json.loads((tmp_path / "grace_hopper.json").read_text())
    assert record["model"]["vertices"] == 3448 and "non-commercial" in record["model"]["terms"]
    assert len(record["identity"]) == 63 and record["camera"]["kind"] == "orthographic"
    assert "non-commercial" in (tmp_path / "grace_hopper.obj").read_text()[:600]


def keypoint(photo: Path, output: Path) -> Result:
    options = ["--landmarks", "headshot", "-o", str(output)]
    return CliRunner().invoke(app, ["keypoint", str(photo), *options])


def test_all_its_files_are_its_own_and_are_replaced(folder: Path) -> None:
    photo = Path(__file__).parents[3] / "photos" / "astronaut.jpg"
    assert {p.name for p in folder.iterdir()} <= set(names_of_files(photo.name))
    marks = {read_mark(p) for p in folder.iterdir()}
    (mark,) = marks
    assert mark is not None and mark.placed
    assert keypoint(photo, folder).exit_code == 0


def test_what_is_not_its_own_stays(folder: Path, tmp_path: Path) -> None:
    photo = tmp_path / "astronaut.png"
    photo.write_bytes(b"another photo")
    for output, message in (
        (tmp_path, "is one of the photos and is not replaced"),
        (folder, "is a result of another photo and is not replaced"),
    ):
        before = {p.name: p.read_bytes() for p in output.iterdir()}
        refused = keypoint(photo, output)
        assert refused.exit_code == ExitCode.UNWRITABLE and message in refused.output
        assert {p.name: p.read_bytes() for p in output.iterdir()} == before
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "astronaut_b_model.png").write_bytes(b"mine")
    refused = keypoint(photo, tmp_path / "out")
    assert (
        refused.exit_code == ExitCode.UNWRITABLE
        and "astronaut_b_model.png was not written by" in refused.output
    )
