"""Hand-made landmarks in all formats come out as 68 points in the project's pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from headshot.datasets.annotations import (
    CFP_LEFT,
    MIRROR68,
    read_aflw2000,
    read_annotations,
    read_cfp,
    read_csv,
    read_pts,
    rotation_3ddfa,
)
from headshot.errors import HeadshotError
from headshot.geometry.camera import angles_of
from headshot.models.head_model import load_head_model

POINTS = np.random.default_rng(0).uniform(10, 90, (68, 2)).round(3)


def photo(file: Path) -> Path:
    Image.new("RGB", (100, 100)).save(file)
    return file


def lines(points: np.ndarray) -> str:
    return "\n".join(f"{x} {y}" for x, y in points)


@pytest.mark.parametrize("frame", ["{}\n", "version: 1\nn_points:  68\n{{\n{}\n}}\n"])
def test_pts_count_from_one(tmp_path: Path, frame: str) -> None:
    file = tmp_path / "a.pts"
    file.write_text(frame.format(lines(POINTS + 1)))
    assert read_pts(file) == pytest.approx(POINTS)


def test_a_folder_of_pts_and_photos(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "b.pts").write_text(lines(POINTS + 1))
    image = photo(tmp_path / "sub" / "b.png")
    (found,) = read_annotations(tmp_path)
    assert found.photo == image and found.rotation is None
    assert found.points == pytest.approx(POINTS)


def test_csv_with_angles_and_unknown_points(tmp_path: Path) -> None:
    header = ["image", *(f"{a}{i}" for i in range(68) for a in "xy"), "yaw", "pitch", "roll"]
    cells = [str(v) for v in POINTS.ravel()]
    cells[0] = cells[1] = ""
    rows = [["a.jpg", *cells, "30", "-10", "5"], ["b.jpg", *cells, "", "", ""]]
    file = tmp_path / "points.csv"
    file.write_text("\n".join(",".join(row) for row in [header, *rows]))
    one, two = read_csv(file)
    assert one.photo == tmp_path / "a.jpg"
    assert np.isnan(one.points[0]).all() and one.points[1:] == pytest.approx(POINTS[1:])
    assert one.rotation is not None and angles_of(one.rotation) == pytest.approx((30, -10, 5))
    assert two.rotation is None


def test_aflw2000(tmp_path: Path) -> None:
    file = tmp_path / "image00002.mat"
    points = np.vstack([POINTS.T + 0.5, np.zeros(68)])
    savemat(file, {"pt3d_68": points, "Pose_Para": np.array([[0.1, -0.5, 0.2, 0, 0, 0, 1.0]])})
    photo(tmp_path / "image00002.jpg")
    found = read_aflw2000(file)
    assert found.points == pytest.approx(POINTS)
    assert found.rotation == pytest.approx(rotation_3ddfa((0.1, -0.5, 0.2)))
    assert [a.photo.name for a in read_annotations(tmp_path)] == ["image00002.jpg"]


def test_rotations_of_3ddfa_are_opposite_to_ours_about_each_axis() -> None:
    """Ours: positive yaw to the subject's left, pitch up, roll clockwise in the photo."""
    assert angles_of(rotation_3ddfa((0, np.radians(20), 0))) == pytest.approx((-20, 0, 0))
    assert angles_of(rotation_3ddfa((np.radians(20), 0, 0))) == pytest.approx((0, 20, 0))
    assert angles_of(rotation_3ddfa((0, 0, np.radians(20)))) == pytest.approx((0, 0, 20))


def test_cfp_is_mirrored_when_the_other_half_is_seen(tmp_path: Path) -> None:
    header = ["image", *(f"{a}{i}" for i in range(30) for a in "xy")]
    left = POINTS[list(CFP_LEFT)].copy()
    left[0, 0], left[21, 0] = 5, 95
    right = left * [-1, 1] + [100, 0]
    rows = [[n, *map(str, p.ravel())] for n, p in (("1/profile_01.jpg", left), ("1/profile_02.jpg", right))]
    file = tmp_path / "fiducials30.csv"
    rows.append(["1/frontal_01.jpg", *map(str, left.ravel())])
    file.write_text("\n".join(",".join(row) for row in [header, *rows]))
    one, two = read_cfp(file)
    assert np.isfinite(one.points).all(axis=1).sum() == 30
    assert two.points[list(MIRROR68)] * [-1, 1] + [100, 0] == pytest.approx(one.points, nan_ok=True)


def test_mirror_agrees_with_the_head_model() -> None:
    model = load_head_model("low")
    points = model.landmarks["ibug68"].on(model.mean, model.triangles)
    assert points[list(MIRROR68)] * [-1, 1, 1] == pytest.approx(points, abs=1.0)


def table(photo: str) -> str:
    header = ["image", *(f"{a}{i}" for i in range(68) for a in "xy"), "yaw"]
    return "\n".join([",".join(header), ",".join([photo, *map(str, POINTS.ravel()), "30"])])


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.pts", "1 2\n3 4\n", "2 points"),
        ("a.pts", "one two\n", "two numbers"),
        ("a.csv", "photo,x\n1,2\n", "columns image"),
        ("a.mat", "no matrix", "MATLAB file"),
        ("a.pts", lines(POINTS).replace("\n", "\nnan 3\n", 1), "line 2: nan, 3 is no place"),
        ("a.pts", lines(POINTS).replace("\n", "\n1e300 3\n", 1), "line 2"),
        ("a.csv", table("../../../../etc/passwd"), "passwd' does not lie in"),
        ("a.csv", table("/etc/passwd"), "does not lie in"),
        ("a.csv", table("a.jpg") + ",,,,,,,", "line 2 has"),
        (
            "a.csv",
            table("a.jpg").replace("yaw\n", "yaw\n\n").removesuffix("30") + "inf",
            "line 3 .a.jpg.: yaw is inf",
        ),
        ("fiducials30.csv", "image,x0\n1/profile_1.jpg,1\n", "it has no y0"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    photo(tmp_path / "a.jpg")
    with pytest.raises(HeadshotError, match=message):
        read_annotations(tmp_path)


def test_landmarks_that_are_not_utf8_are_refused(tmp_path: Path) -> None:
    photo(tmp_path / "a.jpg")
    for name in ("a.pts", "a.csv"):
        file = tmp_path / name
        file.write_bytes(b"\xff\xfe" + table("a.jpg").encode("utf-16-le"))
        with pytest.raises(HeadshotError, match=name.replace(".", r"\.")):
            read_annotations(tmp_path)
        file.unlink()


def test_an_empty_folder_and_a_missing_photo_say_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(HeadshotError, match=r"expected photos with \.pts"):
        read_annotations(tmp_path)
    (tmp_path / "a.pts").write_text(lines(POINTS))
    with pytest.raises(HeadshotError, match="no photo next to"):
        read_annotations(tmp_path)
