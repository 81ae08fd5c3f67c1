"""From a folder of photos to batches: alignment, the cache and its interruptions, splits, variations."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from typer.testing import CliRunner  # noqa: E402

from headshot.apps.cli.main import app  # noqa: E402
from headshot.errors import HeadshotError, MissingExtraError  # noqa: E402
from headshot.image.photo import read_photo  # noqa: E402
from headshot.learn.data import cache as caches  # noqa: E402
from headshot.learn.data import fan  # noqa: E402
from headshot.learn.data.align import alignment, standard_points, to_crop  # noqa: E402
from headshot.learn.data.cache import FaceCache  # noqa: E402
from headshot.learn.data.prepare import PrepareSettings, main_face, person_of, prepare  # noqa: E402
from headshot.learn.data.prepared import (  # noqa: E402
    MIRROR5,
    MIRROR68,
    FaceStream,
    StreamSettings,
    split,
)
from headshot.models.head_model import load_head_model  # noqa: E402
from headshot.perception.detection.detect import Face, detect_faces  # noqa: E402


@pytest.fixture(scope="module")
def prepared(album: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("cache") / "album.faces"
    failed = prepare(album, file, PrepareSettings(mask=True))
    assert not failed
    return file


def test_alignment_is_that_of_the_camera() -> None:
    """A head seen from 30 degrees through a scaled orthographic camera comes out in its standard size."""
    standard = standard_points(load_head_model("low"))
    for yaw in (0.0, 0.5, -0.9):
        c, s = np.cos(yaw), np.sin(yaw)
        turned = standard @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]).T
        photo = 3.1 * turned[:, :2] * (1, -1) + (400, 300)
        affine = alignment(photo, standard)
        np.testing.assert_allclose(affine[:, :2], np.eye(2) * 3.1 / 1.015, rtol=1e-9)
        expected = 1.015 * turned[:, :2] * (1, -1) + 112
        np.testing.assert_allclose(to_crop(affine, photo), expected, atol=1e-6)
        np.testing.assert_allclose(to_crop(alignment(photo, standard, 56), photo), expected / 4, atol=1e-6)
    with pytest.raises(HeadshotError, match="not those of a face"):
        alignment(np.zeros((5, 2)), standard)


def test_people_and_the_main_face() -> None:
    assert person_of("Ann_Lee/Ann_Lee_0001.jpg") == "Ann_Lee"
    assert person_of("train/Ann_Lee/1.jpg") == "train/Ann_Lee"
    assert person_of("Ann_Lee_0012.jpg") == "Ann_Lee" and person_of("0012.jpg") == "0012"
    box = np.array([0.0, 0, 50, 50])
    corner, middle = Face(box, np.zeros((5, 2)), 1.0), Face(box + 105, np.zeros((5, 2)), 1.0)
    assert main_face([corner, middle], 250, 250) is middle
    assert main_face([], 250, 250) is None


def test_prepared_faces(album: Path, prepared: Path) -> None:
    cache = FaceCache(prepared)
    assert len(cache) == 8 and cache.people == ["astronaut"] * 4 + ["grace_hopper"] * 4
    assert cache.making == caches.Making(224, "headshot", True)
    for i in range(8):
        # Eyes, nose and mouth of the landmarks lie where the detector has them, eyes level about the middle.
        dense, five = cache.points(i), cache.five[i]
        np.testing.assert_allclose(dense[[468, 473]], five[:2], atol=8)
        np.testing.assert_allclose(dense[[61, 291]], five[3:], atol=10)
        assert 50 < five[1, 0] - five[0, 0] < 80
        mask = cache.mask(i)
        assert mask is not None and mask[112, 112] > 128 and mask[200:, :10].mean() < 60
    pixels = read_photo(album / cache.photos[0]).pixels
    points = detect_faces(pixels)[0].points
    np.testing.assert_allclose(to_crop(cache.affine[0], points), cache.five[0], atol=0.01)
    x, y = cache.five[0][2].astype(int)  # the nose's colour is that of the photo
    there = pixels[
        int(points[2, 1]) - 3 : int(points[2, 1]) + 3, int(points[2, 0]) - 3 : int(points[2, 0]) + 3
    ]
    here = cache.picture(0)[y - 3 : y + 3, x - 3 : x + 3]
    np.testing.assert_allclose(here.mean(axis=(0, 1)), there.mean(axis=(0, 1)), atol=12)


def test_an_interrupted_preparation_goes_on(
    album: Path, tmp_path: Path, prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, file = tmp_path / "photos", tmp_path / "out" / "faces"
    shutil.copytree(album, folder)
    (folder / "broken.jpg").write_text("no photo")
    count = 0

    def stop(done: int, total: int, failure: str | None) -> None:
        nonlocal count
        count = done
        assert total == 9
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(folder, file, PrepareSettings(mask=True), stop)
    with pytest.raises(HeadshotError, match="not finished"):
        FaceCache(file)
    # The machine stopped in the middle of a record and of a line.
    with (tmp_path / "out" / "faces.part").open("ab") as handle:
        handle.write(b"half a picture")
    with (tmp_path / "out" / "faces.part.jsonl").open("a") as handle:
        handle.write('{"photo": "astron')
    seen: list[int] = []
    failed = prepare(folder, file, PrepareSettings(mask=True), lambda done, total, failure: seen.append(done))
    assert seen == [6, 7, 8, 9] and list(failed) == ["broken.jpg"] and "not a photo" in failed["broken.jpg"]
    one, other = FaceCache(prepared), FaceCache(file)
    assert one.photos == other.photos and other.failed == failed
    for i in range(8):
        np.testing.assert_array_equal(one.picture(i), other.picture(i))
        np.testing.assert_array_equal(one.points(i), other.points(i))
        np.testing.assert_array_equal(one.mask(i), other.mask(i))
    # A photo more: only that one is prepared.
    shutil.copy(folder / one.photos[0], folder / "new_1.jpg")
    seen.clear()
    prepare(folder, file, PrepareSettings(mask=True), lambda done, total, failure: seen.append(done))
    assert seen == [10] and len(FaceCache(file)) == 9
    with pytest.raises(HeadshotError, match="was begun with"):
        prepare(folder, file, PrepareSettings())
    assert len(FaceCache(file)) == 9  # as it was


def test_a_cache_is_of_the_photos_that_are_there(
    album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A photo of the same name may show somebody else, and one that was deleted must not be learned from."""
    folder, file = tmp_path / "photos", tmp_path / "faces"
    shutil.copytree(album, folder)
    names = sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.jpg"))
    first, last = names[0], names[-1]
    for name in names[1:-1]:
        (folder / name).unlink()
    assert not prepare(folder, file)
    content = FaceCache(file).picture(0)
    swapped = (folder / first).read_bytes()
    (folder / first).write_bytes((folder / last).read_bytes())
    (folder / last).write_bytes(swapped)
    seen: list[int] = []
    prepare(folder, file, progress=lambda done, total, failure: seen.append(done))
    assert seen == [1, 2]
    np.testing.assert_array_equal(FaceCache(file).picture(1), content)
    cache, size = FaceCache(file), file.stat().st_size
    entry = cache._entries[1]
    gone = cache._bytes(entry["offset"], entry["picture"])
    (folder / last).unlink()
    prepare(folder, file)
    cache = FaceCache(file)
    assert cache.photos == [first]
    assert gone not in file.read_bytes()
    monkeypatch.setattr("headshot.learn.data.prepare.__version__", "99.0")
    seen.clear()
    prepare(folder, file, progress=lambda done, total, failure: seen.append(done))
    assert seen == [1] and FaceCache(file).photos == [first]
    assert file.stat().st_size < size


def test_files_of_others_are_not_written_over(album: Path, tmp_path: Path) -> None:
    for name in ("faces", "faces.part"):
        (tmp_path / name).write_bytes(b"something else that is long enough")
        with pytest.raises(HeadshotError, match="not made by `headshot learn prepare`"):
            prepare(album, tmp_path / "faces")
        assert (tmp_path / name).read_bytes() == b"something else that is long enough"
        (tmp_path / name).unlink()


def test_damaged_indices(album: Path, prepared: Path, tmp_path: Path) -> None:
    whole = prepared.read_bytes()
    at = whole.rindex(b'{"photo"')
    file = tmp_path / "faces"
    file.write_bytes(whole[:at] + b"[" * 9 + whole[at + 9 :])
    for read in (lambda: FaceCache(file), lambda: prepare(album, file, PrepareSettings(mask=True))):
        with pytest.raises(HeadshotError, match=r"faces cannot be read as prepared faces"):
            read()


def test_files_of_other_kinds_are_refused(tmp_path: Path, prepared: Path) -> None:
    with pytest.raises(HeadshotError, match="headshot learn prepare DATASET"):
        FaceCache(tmp_path / "none")
    (tmp_path / "other").write_bytes(b"something else that is long enough")
    with pytest.raises(HeadshotError, match="not made by"):
        FaceCache(tmp_path / "other")
    (tmp_path / "cut").write_bytes(prepared.read_bytes()[:-20])
    with pytest.raises(HeadshotError, match="damaged"):
        FaceCache(tmp_path / "cut")
    with pytest.raises(HeadshotError, match="headshot"):
        PrepareSettings(landmarks="dlib")


def test_the_command(album: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for k, photo in enumerate(sorted(album.rglob("*.jpg"))[:2]):
        shutil.copy(photo, folder / f"ann_{k}.jpg")
    (folder / "bad.png").write_bytes(b"\x89PNG")
    arguments = ["learn", "prepare", str(folder), "-o", str(tmp_path / "faces"), "--workers", "2"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "2 faces of 1 people" in result.output and "1 photos cannot be used" in result.output
    with pytest.raises(HeadshotError, match="none of the 1 photos"):
        (tmp_path / "empty").mkdir()
        shutil.copy(folder / "bad.png", tmp_path / "empty")
        prepare(tmp_path / "empty", tmp_path / "e")


def test_fan_says_what_is_missing(album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    try:
        import face_alignment  # noqa: F401
    except ImportError:
        with pytest.raises(MissingExtraError, match=r"headshot\[fan\]"):
            prepare(album, tmp_path / "faces", PrepareSettings("fan"))
    else:
        with pytest.raises(HeadshotError, match=f"download .*{fan.FAN}"):
            prepare(album, tmp_path / "faces", PrepareSettings("fan"))
    assert not (tmp_path / "faces.part").exists()


def test_split_by_person(prepared: Path) -> None:
    cache = FaceCache(prepared)
    cache.people = [f"person {i // 2}" for i in range(8)]
    training, validation = split(cache, 0.5)
    names = [{cache.people[i] for i in part} for part in (training, validation)]
    assert names[0] and names[1] and not names[0] & names[1]
    assert len(training) + len(validation) == 8
    everyone = split(cache, 0)
    assert len(everyone[0]) == len(everyone[1]) == 8
    with pytest.raises(HeadshotError, match="too few"):
        split(cache, 0.001)


def test_streams_are_repeatable_and_points_stay_on_the_face(prepared: Path) -> None:
    cache, faces = FaceCache(prepared), np.arange(8)
    plain = FaceStream(cache, faces, StreamSettings(varied=False, landmark_set="mediapipe478"))
    varied = FaceStream(cache, faces, StreamSettings(landmark_set="mediapipe478"))
    again = pickle.loads(pickle.dumps(varied))  # as loading processes get it
    for k in (0, 3, 11):
        for key, value in varied[k].items():
            assert torch.equal(value, again[k][key]), key
    epoch = [varied._face(k) for k in range(8)]
    assert sorted(epoch) == list(range(8)) and epoch != [varied._face(k) for k in range(8, 16)]
    still = plain.item(0)
    np.testing.assert_array_equal(still["photo"].numpy().transpose(1, 2, 0), cache.picture(0))
    # Moved and mirrored, every point still has its colour.
    moved = varied.item(0, np.array([[1.05, 0.1, -14.0], [-0.1, 1.05, 3.0]]), True)
    for point in (4, 61, 291, 152, 10):
        colours = []
        for item in (still, moved):
            n = {61: 291, 291: 61}.get(point, point) if item is moved else point
            x, y = item["points"][n].round().int().tolist()
            colours.append(item["photo"][:, y - 4 : y + 4, x - 4 : x + 4].float().mean(dim=(1, 2)))
        torch.testing.assert_close(colours[0], colours[1], atol=18, rtol=0)
    # Left stays left in the picture: the first eye is the one with the smaller x.
    assert moved["five"][0, 0] < moved["five"][1, 0] and moved["points"][33, 0] < moved["points"][263, 0]
    assert (MIRROR68[MIRROR68] == np.arange(68)).all() and (MIRROR5[MIRROR5] == np.arange(5)).all()
    small = FaceStream(cache, faces, StreamSettings(size=64, varied=False)).item(0)
    assert small["photo"].shape == (3, 64, 64) and small["points"].shape == (68, 2)
    np.testing.assert_array_equal(small["five"], still["five"])  # points are in pixels of 224


def test_photos_of_a_person_follow_each_other(prepared: Path) -> None:
    cache = FaceCache(prepared)
    stream = FaceStream(cache, np.arange(8), StreamSettings(photos=3))
    assert len(stream) == 6
    for k in range(0, 12, 3):
        faces = [stream._face(k + j) for j in range(3)]
        assert len(set(faces)) == 3 and len({cache.people[i] for i in faces}) == 1
    with pytest.raises(HeadshotError, match="no person has two"):
        FaceStream(cache, np.array([0, 4]), StreamSettings(photos=2))
