"""The face-alignment network: places and depths of landmarks, and weights in the published files' layout."""

from __future__ import annotations

import pickle
import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from typer.testing import CliRunner  # noqa: E402

from headshot.apps.cli.main import app  # noqa: E402
from headshot.errors import HeadshotError  # noqa: E402
from headshot.image.photo import read_photo  # noqa: E402
from headshot.learn.data import fan  # noqa: E402
from headshot.learn.data.cache import FaceCache  # noqa: E402
from headshot.learn.data.prepare import PrepareSettings, prepare  # noqa: E402
from headshot.models.topologies import ibug68  # noqa: E402
from headshot.perception.detection.detect import Face, detect_faces  # noqa: E402

with_package = pytest.mark.skipif(find_spec("face_alignment") is None, reason="needs the extra fan")
BOXES = ([60.0, 50, 160, 180], [61.3, 48.9, 99.2, 97.7], [-20.5, 13.25, 390.1, 431.8], [120.0, 130, 600, 777])


def drawn(places: np.ndarray, sigma: float, height: int, width: int) -> np.ndarray:
    """Gaussians (L, height, width) at places (L, 2), sampled at the pixels' centres."""
    x, y = np.arange(width) + 0.5, np.arange(height) + 0.5
    across = np.exp(-((x - places[:, :1]) ** 2) / (2 * sigma**2))
    down = np.exp(-((y - places[:, 1:]) ** 2) / (2 * sigma**2))
    return down[:, :, None] * across[:, None, :]


@pytest.mark.parametrize("box", BOXES)
def test_landmarks_are_where_the_heat_maps_say(box: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    affine = fan.crop_map(np.array(box))
    rng = np.random.default_rng(1)
    true = rng.uniform(2, 62, (68, 2))  # in cells
    maps = 0.9 * drawn(true, 1.75, 64, 64)
    calls = []

    def network(crop: torch.Tensor) -> list[torch.Tensor]:
        calls.append(crop)
        mirrored = maps[ibug68.MIRROR][:, :, ::-1]
        return [torch.tensor((maps if len(calls) == 1 else mirrored)[None].copy(), dtype=torch.float32)]

    monkeypatch.setattr(fan, "_fan", lambda: network)
    found = fan.fan_points(np.zeros((450, 500, 3), np.uint8), np.array(box))
    wanted = 4 * true @ affine[:, :2].T + affine[:, 2]
    assert np.abs(found - wanted).max() < 0.02 * affine[0, 0]  # pixels of the crop
    assert torch.equal(calls[1], calls[0].flip(3))


@pytest.mark.parametrize("box", BOXES)
def test_what_a_photo_shows_is_found_where_it_is(box: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """A bright spot, and a network whose heat maps are the picture itself: crop and decoding together."""
    monkeypatch.setattr(fan, "_fan", lambda: lambda crop: [_cells(crop)])
    affine = fan.crop_map(np.array(box))
    step = affine[0, 0]
    width, height = 700, 800
    away = []
    for place in np.random.default_rng(2).uniform(40, 216, (24, 2)):
        true = place @ affine[:, :2].T + affine[:, 2]
        if (np.minimum(true, (width, height) - true) < 20 * step).any():
            continue  # the spot is cut off
        spot = drawn(true[None], 6 * step, height, width)[0]
        pixels = np.repeat(np.round(250 * spot)[:, :, None], 3, axis=2).astype(np.uint8)
        away.append((fan.fan_points(pixels, np.array(box))[0] - true) / step)
    assert len(away) > 4
    assert np.abs(away).max() < 0.1  # pixels of the crop


def _cells(crop: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.avg_pool2d(crop.mean(dim=1, keepdim=True), 4).expand(-1, 68, -1, -1)


def test_peaks_at_borders_and_of_nothing() -> None:
    maps = np.zeros((3, 8, 8), np.float32)
    maps[0, 0, 3], maps[0, 0, 4] = 1, 0.5
    maps[1, 7, 7] = 1
    maps[2, 4, 4], maps[2, 4, 5], maps[2, 3, 4] = 1, 1, -2
    found = fan.peaks(maps)
    assert found[0, 1] == 0.5 and 3.5 < found[0, 0] < 4
    assert found[1].tolist() == [7.5, 7.5]
    np.testing.assert_allclose(found[2], [5, 4.5])  # in the middle between two that are equal
    assert fan.peaks(np.ones((1, 8, 8), np.float32)).tolist() == [[0.5, 0.5]]
    for nothing in (0, -1, np.nan):
        maps[1] = nothing
        with pytest.raises(HeadshotError, match="finds no points"):
            fan.peaks(maps)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """TORCH_HOME with files as they are published, but for the numbers, which are random."""
    pytest.importorskip("face_alignment")
    from face_alignment.detection.sfd.net_s3fd import s3fd
    from face_alignment.models import FAN, ResNetDepth

    home = tmp_path_factory.mktemp("torch")
    folder = home / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.manual_seed(3)
    network = FAN(4)
    with torch.no_grad():
        network.l3.bias += 5  # every map is positive somewhere
    torch.save(network.state_dict(), folder / fan.FAN)
    state = {f"module.{key}": value for key, value in ResNetDepth().state_dict().items()}
    torch.save({"state_dict": state, "epoch": 40, "best": np.float64(0.5)}, folder / fan.DEPTH)
    detector = s3fd()
    with torch.no_grad():
        for name, value in detector.named_parameters():
            if "mbox" in name:
                value.zero_()
            if name.endswith("mbox_conf.bias"):
                value[0] = 9  # nowhere a face
        detector.fc7_mbox_conf.bias[0], detector.fc7_mbox_conf.bias[1] = 0, 1.0  # but in each 32 x 32 pixels
    torch.save(detector.state_dict(), folder / fan.S3FD)
    return home


@pytest.fixture
def home(published: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TORCH_HOME", str(published))
    forget()
    yield published
    forget()


def forget() -> None:
    for network in (fan._fan, fan._depth_network, fan._s3fd):
        network.cache_clear()


@pytest.fixture
def main_face(photos: Path) -> tuple[np.ndarray, Face]:
    pixels = read_photo(photos / "astronaut.jpg").pixels
    return pixels, detect_faces(pixels)[0]


@with_package
def test_networks_are_those_of_the_package(
    home: Path, main_face: tuple[np.ndarray, Face], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The package's own landmarks of the same crop: within its quarters of a cell and whole pixels."""
    import face_alignment
    from face_alignment import api

    pixels, face = main_face
    found = fan.fan_points_3d(pixels, face.box)
    affine = fan.crop_map(face.box)
    theirs = face_alignment.FaceAlignment(
        face_alignment.LandmarksType.THREE_D, device="cpu", face_detector="folder", compile=False
    )
    crop = fan.warp(pixels, affine[None], (256, 256))[0]
    monkeypatch.setattr(api, "crop", lambda image, center, scale: crop)
    (wanted,) = theirs.get_landmarks_from_image(pixels, detected_faces=[np.append(face.box, 1.0)])
    away = found - wanted
    # Up to half a cell, which theirs are not moved by at borders, and up to a pixel that they cut off.
    assert away[:, :2].min() > -2.05 * affine[0, 0] and away[:, :2].max() < 1 + 2.05 * affine[0, 0]
    assert np.abs(np.median(away[:, :2], axis=0) - 0.5).max() < 0.3
    np.testing.assert_array_equal(found[:, :2], fan.fan_points(pixels, face.box))
    # Depths are of nearly the same input.
    assert np.ptp(wanted[:, 2]) > 0
    assert np.abs(away[:, 2]).max() < 0.05 * np.abs(wanted[:, 2]).max()


@with_package
def test_depth_sees_landmarks_as_in_training() -> None:
    from face_alignment.utils import draw_gaussian

    points = np.random.default_rng(0).uniform(12, 240, (20, 2))
    for point, found in zip(points, fan.landmark_maps(points), strict=True):
        wanted = draw_gaussian(np.zeros((256, 256), np.float32), torch.tensor(point), 2)
        np.testing.assert_allclose(found, wanted, atol=1e-6)


@with_package
def test_the_box_of_s3fd(home: Path, main_face: tuple[np.ndarray, Face]) -> None:
    pixels, face = main_face
    # Boxes of 128 pixels around the middle of each 32 x 32: the nearest to that of MTCNN, of those that stay.
    box = fan.s3fd_box(pixels, face)
    np.testing.assert_allclose(box[2:] - box[:2], 128, atol=1e-3)
    middle = (box[:2] + box[2:]) / 2
    np.testing.assert_allclose((middle - 16) / 32, np.round((middle - 16) / 32), atol=1e-3)
    assert np.abs(middle - (face.box[:2] + face.box[2:]) / 2).max() < 64
    twice = np.repeat(np.repeat(np.pad(pixels, ((0, 300), (0, 300), (0, 0))), 2, axis=0), 2, axis=1)
    far = Face(face.box * 2, face.points * 2, 1.0)
    reduced = fan.s3fd_box(twice, far) / 2  # the photo is too large, and seen at half its size
    np.testing.assert_allclose(reduced[2:] - reduced[:2], 128, atol=1e-3)
    with pytest.raises(HeadshotError, match="S3FD does not find"):
        fan.s3fd_box(pixels, Face(np.array([0.0, 0, 20, 20]), face.points, 1.0))


@with_package
def test_photos_are_prepared_with_them(home: Path, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    shutil.copy(photos / "astronaut.jpg", tmp_path / "one" / "astronaut.jpg")
    for kind in ("fan", "fan-s3fd"):
        assert not prepare(tmp_path / "one", tmp_path / kind, PrepareSettings(kind))
        cache = FaceCache(tmp_path / kind)
        assert cache.making.landmarks == kind and cache.points(0).shape == (68, 2)
    with pytest.raises(HeadshotError, match="was begun with"):
        prepare(tmp_path / "one", tmp_path / "fan", PrepareSettings("fan-s3fd"))
    table = tmp_path / "points.csv"
    photo = str(photos / "astronaut.jpg")
    result = CliRunner().invoke(app, ["learn", "landmarks", photo, "-o", str(table)])
    assert result.exit_code == 0, result.output
    lines = table.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "x,y,z" and len(lines) == 69
    pixels = read_photo(photos / "astronaut.jpg").pixels
    wanted = fan.fan_points_3d(pixels, detect_faces(pixels)[0].box)
    np.testing.assert_allclose(np.loadtxt(lines[1:], delimiter=","), wanted, atol=6e-4)


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (Path.touch, (self.file,))


@with_package
def test_weights_are_read_as_numbers_only(
    home: Path, main_face: tuple[np.ndarray, Face], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    pixels, face = main_face
    calls = {
        fan.FAN: lambda: fan.fan_points(pixels, face.box),
        fan.S3FD: lambda: fan.s3fd_box(pixels, face),
        fan.DEPTH: lambda: fan.fan_points_3d(pixels, face.box),
    }
    for name, call in calls.items():
        with pytest.raises(HeadshotError, match=f"download {fan.URL}{name}"):
            call()
        for content in (torch.nn.Linear(2, 2).state_dict(), Trap(tmp_path / "sprung")):
            torch.save(content, folder / name)
            with pytest.raises(HeadshotError, match="published weights"):
                call()
        (folder / name).write_bytes(pickle.dumps(Trap(tmp_path / "sprung")))
        with pytest.raises(HeadshotError, match="published weights"):
            call()
        assert not (tmp_path / "sprung").exists()
        (folder / name).unlink()
        shutil.copy(home / "hub" / "checkpoints" / name, folder / name)
