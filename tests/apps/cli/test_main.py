"""The command as a user runs it: in processes of its own where the exit code or the start matters."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from headshot.apps.cli import main as cli

FAST = ["--detail", "low", "--texture-size", "512"]


def headshot(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "headshot", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def invoke(*arguments: object) -> Result:
    """The command inside this process, which need not import and warm up again."""
    return CliRunner().invoke(cli.app, [*map(str, arguments)])


@pytest.fixture(scope="module")
def faceless(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("faceless") / "sky.png"
    ramp = np.linspace(90, 230, 200).astype(np.uint8)
    Image.fromarray(np.repeat(np.repeat(ramp[:, None, None], 240, 1), 3, 2)).save(path)
    return path


def test_help_answers_at_once_and_imports_nothing_heavy() -> None:
    script = (
        "import sys; sys.argv = ['headshot', '--help']\n"
        "from headshot.apps.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(sorted({'numpy', 'numba', 'onnxruntime', 'PIL', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "reconstruct" in done.stdout
    assert done.stdout.rstrip().endswith("[]")


def test_info_and_licences() -> None:
    info = invoke("info")
    assert info.exit_code == 0
    assert "head_model.npz" in info.output
    assert "segmentation" in info.output and "headshot-1" in info.output
    assert "MIT" in info.output
    licences = invoke("licences")
    assert "Apache License" in licences.output


def test_one_photo(photos: Path, tmp_path: Path) -> None:
    done = headshot("reconstruct", photos / "astronaut.jpg", "-o", tmp_path, "--formats", "all", *FAST)
    assert done.returncode == 0, done.stderr
    names = {"astronaut" + e for e in (".glb", ".obj", ".mtl", "_texture.png", ".ply", ".json", ".png")}
    assert {p.name for p in tmp_path.iterdir()} == names
    assert all(str(tmp_path / name) in done.stdout for name in names)
    fields = json.loads((tmp_path / "astronaut.json").read_text(encoding="utf-8"))
    assert set(fields["files"]) == names
    assert fields["model"]["resolution"] == "low"
    with Image.open(tmp_path / "astronaut_texture.png") as texture:
        assert texture.size == (512, 512)


def test_prior_and_preset_reach_the_head(photos: Path, tmp_path: Path) -> None:
    options = ["-o", tmp_path, "--formats", "json", *FAST]
    for chosen, expected in (
        (["--preset", "fast"], ("identity", "fast", True)),
        (["--prior", "none", "--no-photometric"], ("none", "accurate", False)),
    ):
        done = invoke("reconstruct", photos / "astronaut.jpg", *chosen, *options)
        assert done.exit_code == 0, done.output
        fields = json.loads((tmp_path / "astronaut.json").read_text(encoding="utf-8"))
        assert (fields["prior"], fields["preset"], fields["person"]["albedo"] is not None) == expected
    assert invoke("reconstruct", photos / "astronaut.jpg", "--prior", "looks").exit_code == 2


def test_nothing_is_left_behind_elsewhere(photos: Path, tmp_path: Path) -> None:
    """No telemetry: ONNX Runtime would put a device ID and a queue of reports into the cache folder."""
    home = tmp_path / "home"
    home.mkdir()
    places = {"HOME": str(home), "XDG_CACHE_HOME": str(home), "LOCALAPPDATA": str(home)}
    command = [sys.executable, "-m", "headshot", "reconstruct", str(photos / "astronaut.jpg")]
    command += ["-o", str(tmp_path / "out"), "--formats", "json", *FAST]
    subprocess.run(command, env=os.environ | places, check=True, stdout=subprocess.DEVNULL)
    assert not [p for p in home.rglob("*") if p.is_file() and "numba" not in str(p)]


def test_no_face_is_code_2(faceless: Path, tmp_path: Path) -> None:
    done = headshot("reconstruct", faceless, "-o", tmp_path / "out")
    assert done.returncode == 2
    assert "no face found in sky.png: use a photo" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_no_such_face_is_code_2(photos: Path, tmp_path: Path) -> None:
    result = invoke("reconstruct", photos / "astronaut.jpg", "-o", tmp_path, "--face", 7, *FAST)
    assert result.exit_code == 2
    assert "no face number 7" in result.output


@pytest.mark.parametrize("content", [None, b"", b"not a picture", b"\xff\xd8\xff\xe0 half a jpeg"])
def test_unreadable_is_code_1(tmp_path: Path, content: bytes | None) -> None:
    photo = tmp_path / "me.jpg"
    if content is not None:
        photo.write_bytes(content)
    result = invoke("reconstruct", photo, "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "me.jpg" in result.output
    assert not (tmp_path / "out").exists()


def test_output_is_a_file_is_code_1(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"mine")
    result = invoke("reconstruct", photos / "astronaut.jpg", "-o", tmp_path / "out", *FAST)
    assert result.exit_code == 1
    assert "choose another output directory" in result.output


@pytest.mark.parametrize(
    "wrong",
    [
        ["--face", "first"],
        ["--face", "0"],
        ["--formats", "fbx"],
        ["--texture-size", "100"],
        ["--texture", "normal"],
        ["--detail", "x"],
    ],
)
def test_wrong_options_are_code_2(photos: Path, wrong: list[str]) -> None:
    result = invoke("reconstruct", photos / "astronaut.jpg", *wrong)
    assert result.exit_code == 2
    assert wrong[0] in result.output


def test_bad_photos_among_good_ones(photos: Path, faceless: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "broken.jpg").write_bytes(b"\xff\xd8 oops")
    (folder / "sky.png").write_bytes(faceless.read_bytes())
    (folder / "woman.jpg").write_bytes((photos / "astronaut.jpg").read_bytes())
    out = tmp_path / "out"
    arguments = ("reconstruct", folder, "-o", out, "--formats", "json", *FAST)
    result = invoke(*arguments)
    assert result.exit_code == 1
    assert "1 of 3 photos done" in result.output
    assert "2 failed" in result.output
    assert [p.name for p in out.iterdir()] == ["woman.json"]

    before = (out / "woman.json").stat().st_mtime_ns
    again = invoke(*arguments, "--resume")
    assert "1 of 3 photos were already done" in again.output
    assert (out / "woman.json").stat().st_mtime_ns == before
    assert again.exit_code == 1


def test_nothing_left_to_do(photos: Path, tmp_path: Path) -> None:
    arguments = ("reconstruct", photos / "astronaut.jpg", "-o", tmp_path, "--formats", "json", *FAST)
    assert invoke(*arguments).exit_code == 0
    assert invoke(*arguments, "--skip-existing").exit_code == 0


def test_all_faces_are_numbered(photos: Path, tmp_path: Path) -> None:
    with Image.open(photos / "astronaut.jpg") as image:
        pair = Image.new("RGB", (image.width * 2, image.height))
        pair.paste(image, (0, 0))
        pair.paste(image.resize((400, 400)), (image.width, 0))
    pair.save(tmp_path / "pair.png")
    result = invoke(
        "reconstruct",
        tmp_path / "pair.png",
        "-o",
        tmp_path / "out",
        "--face",
        "all",
        "--formats",
        "json",
        *FAST,
    )
    assert result.exit_code == 0, result.output
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["pair-1.json", "pair-2.json"]


@pytest.mark.skipif(sys.platform != "linux", reason="names that are no Unicode")
@pytest.mark.parametrize("language", ["C.UTF-8", "C"])
def test_names_that_are_no_unicode(photos: Path, tmp_path: Path, language: str) -> None:
    folder = os.fsencode(tmp_path) + b"/caf\xe9"
    os.mkdir(folder)
    photo = folder + b"/jos\xe9.jpg"
    Path(os.fsdecode(photo)).write_bytes((photos / "astronaut.jpg").read_bytes())
    command = [sys.executable, "-m", "headshot", "reconstruct"]
    options = ["-o", os.fsdecode(folder), "--formats", "all", *FAST]
    environment = os.environ | {"LC_ALL": language, "PYTHONIOENCODING": ""}
    done = subprocess.run([*command, os.fsdecode(photo), *options], env=environment, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert b"quality" in done.stdout and b".jpg" in done.stdout
    written = [p for p in Path(os.fsdecode(folder)).iterdir() if p.suffix != ".jpg"]
    assert {p.stem for p in written} == {"jos_xE9", "jos_xE9_texture"}
    again = subprocess.run([*command, os.fsdecode(folder), *options, "--resume"], env=environment)
    assert again.returncode == 0


@pytest.mark.skipif(os.name != "posix", reason="sends a POSIX signal")
def test_interrupt_leaves_whole_results(photos: Path, tmp_path: Path) -> None:
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    for i in range(60):
        (folder / f"{i:02}.jpg").write_bytes((photos / "astronaut.jpg").read_bytes())
    command = [sys.executable, "-m", "headshot", "reconstruct", str(folder), "-o", str(out), *FAST]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 90
    while not list(out.glob("*.json")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "--resume continues" in errors
    assert "Traceback" not in errors
    stems = {p.stem for p in out.glob("*.json")}
    assert 0 < len(stems) < 60
    assert {p.name for p in out.iterdir()} == {s + e for s in stems for e in (".json", ".glb", ".png")}
