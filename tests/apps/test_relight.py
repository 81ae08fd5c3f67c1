"""``headshot relight``, from a head on disk to pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

import headshot
from headshot.apps.cli import main as cli
from headshot.exit_codes import ExitCode
from headshot.settings import Settings
from headshot.texture import TextureSettings


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, [*map(str, arguments)])


@pytest.fixture(scope="module")
def head(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The JSON of a head, with its GLB."""
    settings = Settings(detail="low", texture=TextureSettings(size=512))
    found = headshot.reconstruct(photos / "astronaut.jpg", settings=settings)
    folder = tmp_path_factory.mktemp("head")
    found.save(folder, "glb,json")
    return next(folder.glob("*.json"))


def pixels(file: Path) -> np.ndarray:
    return np.asarray(Image.open(file).convert("RGB")).astype(int)


def test_lights_by_name_and_by_picture(head: Path, tmp_path: Path) -> None:
    from_left = np.zeros((16, 32, 3), np.uint8)
    from_left[6:9, 23:26] = 255
    Image.fromarray(from_left).save(tmp_path / "left.png")
    out = tmp_path / "out"
    done = invoke(
        "relight", head, "--light", "side", "--light", tmp_path / "left.png", "--size", 96, "-o", out
    )
    assert done.exit_code == 0, done.output
    for name in ("side", "left"):
        picture = pixels(out / f"{head.stem}_{name}.png")
        assert picture.shape == (96, 96, 3)
        assert picture[:, 56:70].mean() > 1.3 * picture[:, 26:40].mean(), name  # the subject's left
    turned = invoke("relight", head, "--light", "side", "--size", 96, "--turn", 180, "-o", out)
    assert turned.exit_code == 0, turned.output  # what it wrote itself is replaced
    picture = pixels(out / f"{head.stem}_side.png")
    assert 1.3 * picture[:, 56:70].mean() < picture[:, 26:40].mean()


def test_in_the_photo_and_turning(head: Path, photos: Path, tmp_path: Path) -> None:
    photo = photos / "astronaut.jpg"
    done = invoke("relight", head, "--light", "photo", "--photo", photo, "-o", tmp_path)
    assert done.exit_code == 0, done.output
    drawn, behind = pixels(tmp_path / f"{head.stem}_photo.png"), pixels(photo)
    changed = (drawn != behind).any(axis=2)
    assert drawn.shape == behind.shape and 0.02 < changed.mean() < 0.3
    assert np.abs(drawn - behind)[changed].mean() < 60
    done = invoke("relight", head, "--light", "top", "--frames", 3, "--size", 64, "-o", tmp_path)
    assert done.exit_code == 0, done.output
    with Image.open(tmp_path / f"{head.stem}_top.png") as film:
        assert film.n_frames == 3


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--light", "moon"], ExitCode.MISUSED, "there is no light"),
        (["--yaw", "nan"], ExitCode.MISUSED, "finite"),
        (["--photo", "me.jpg", "--yaw", "3"], ExitCode.MISUSED, "leave"),
    ],
)
def test_misuse(head: Path, tmp_path: Path, arguments: list[str], code: int, message: str) -> None:
    done = invoke("relight", head, *arguments, "-o", tmp_path / "out")
    assert done.exit_code == code and message in done.output
    assert not (tmp_path / "out").exists()


def test_bad_files(head: Path, tmp_path: Path) -> None:
    (tmp_path / "sky.hdr").write_bytes(b"#?RADIANCE\n\n-Y 9 +X 9\n")
    done = invoke("relight", head, "--light", tmp_path / "sky.hdr", "-o", tmp_path / "out")
    assert done.exit_code == ExitCode.UNREADABLE and "sky.hdr" in done.output
    mine = tmp_path / f"{head.stem}_top.png"
    Image.new("RGB", (4, 4)).save(mine)
    before = mine.read_bytes()
    done = invoke("relight", head, "--light", "top", "-o", tmp_path)
    assert done.exit_code == ExitCode.UNWRITABLE and mine.read_bytes() == before
    assert invoke("relight", tmp_path / "none.json", "-o", tmp_path / "out").exit_code == ExitCode.UNREADABLE
