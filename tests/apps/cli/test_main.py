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

import headshot as package
from headshot.apps.cli import main as cli
from headshot.exit_codes import ExitCode, exit_codes_help

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
    assert invoke("reconstruct", photos / "astronaut.jpg", "--prior", "looks").exit_code == ExitCode.MISUSED


def test_a_preset_of_files_beside_one_of_the_fit(photos: Path, tmp_path: Path) -> None:
    chosen = ["--preset", "unity", "--preset", "fast", "--expression", "photo"]
    done = invoke("reconstruct", photos / "astronaut.jpg", "-o", tmp_path, *chosen, *FAST)
    assert done.exit_code == 0, done.output
    names = {"astronaut.glb", "astronaut_lod1.glb", "astronaut_lod2.glb", "astronaut.json", "astronaut.png"}
    assert {file.name for file in tmp_path.iterdir()} == names
    fields = json.loads((tmp_path / "astronaut.json").read_text(encoding="utf-8"))
    assert fields["preset"] == "fast"
    export = fields["source"]["export"]
    assert (export["level"], export["bones"], export["expression"]) == (1, True, "photo")
    done = invoke("reconstruct", photos / "astronaut.jpg", "-o", tmp_path, "--resume", *chosen, *FAST)
    assert "1 of 1 photos were already done" in done.output


def test_nothing_is_left_behind_elsewhere(photos: Path, tmp_path: Path) -> None:
    """No telemetry: ONNX Runtime would put a device ID and a queue of reports into the cache folder."""
    home = tmp_path / "home"
    home.mkdir()
    places = {"HOME": str(home), "XDG_CACHE_HOME": str(home), "LOCALAPPDATA": str(home)}
    command = [sys.executable, "-m", "headshot", "reconstruct", str(photos / "astronaut.jpg")]
    command += ["-o", str(tmp_path / "out"), "--formats", "json", *FAST]
    subprocess.run(command, env=os.environ | places, check=True, stdout=subprocess.DEVNULL)
    assert not [p for p in home.rglob("*") if p.is_file() and "numba" not in str(p)]


def test_no_face_has_a_code_of_its_own(faceless: Path, tmp_path: Path) -> None:
    done = headshot("reconstruct", faceless, "-o", tmp_path / "out")
    assert done.returncode == ExitCode.NO_FACE
    assert "no face found in sky.png: use a photo" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out").exists()


def test_no_such_face(photos: Path, tmp_path: Path) -> None:
    result = invoke("reconstruct", photos / "astronaut.jpg", "-o", tmp_path, "--face", 7, *FAST)
    assert result.exit_code == ExitCode.NO_FACE
    assert "no face number 7" in result.output


@pytest.mark.parametrize("content", [None, b"", b"not a picture", b"\xff\xd8\xff\xe0 half a jpeg"])
def test_unreadable(tmp_path: Path, content: bytes | None) -> None:
    photo = tmp_path / "me.jpg"
    if content is not None:
        photo.write_bytes(content)
    result = invoke("reconstruct", photo, "-o", tmp_path / "out")
    assert result.exit_code == ExitCode.UNREADABLE
    assert "me.jpg" in result.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", [["reconstruct", *FAST], ["keypoint"]])
def test_output_that_is_a_file_or_called_like_one(photos: Path, tmp_path: Path, command: list[str]) -> None:
    (tmp_path / "out").write_bytes(b"mine")
    photo = photos / "astronaut.jpg"
    for output, said in (("out", "out is a file"), ("me.glb", "--formats glb")):
        result = invoke(*command, photo, "-o", tmp_path / output)
        assert result.exit_code == ExitCode.MISUSED
        assert said in " ".join(result.output.split())
    below = invoke(*command, photo, "-o", tmp_path / "out" / "deeper")
    assert below.exit_code == ExitCode.UNWRITABLE
    assert "choose another output directory" in below.output
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_an_output_that_cannot_be_written_is_found_before_the_work(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Root may write anywhere.
    monkeypatch.setattr("headshot.apps.output.os.access", lambda _, mode: mode != os.W_OK)
    result = invoke("reconstruct", photos / "astronaut.jpg", "-o", tmp_path / "out" / "deeper")
    assert result.exit_code == ExitCode.UNWRITABLE
    assert f"{tmp_path} is read-only" in result.output


def test_version() -> None:
    done = headshot("--version")
    assert (done.returncode, done.stdout) == (0, f"headshot {package.__version__}\n")


@pytest.mark.parametrize("command", [[], ["reconstruct"], ["keypoint"], ["evaluate"], ["convert-basel"]])
def test_help_has_the_exit_codes(command: list[str]) -> None:
    shown = invoke(*command, "--help").output
    assert all(line in shown for line in exit_codes_help().splitlines()[1:])


@pytest.mark.parametrize(
    "words", [["reconstruct", ""], ["reconstruct", "me.jpg", "-o", ""], ["info", "--x="]]
)
def test_empty_words_are_not_the_current_folder(words: list[str]) -> None:
    result = invoke(*words)
    assert result.exit_code == ExitCode.MISUSED
    assert "not set" in result.output


def test_a_photo_without_a_command(photos: Path) -> None:
    result = invoke(photos / "astronaut.jpg")
    assert result.exit_code == ExitCode.MISUSED
    assert "headshot reconstruct" in result.output


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--force"], "without --one-person"),
        (["--recursive", "--one-person"], "with --one-person"),
        (["--formats", "json,png", "--expression", "neutral"], "of meshes"),
        (["--formats", "json", "--texture", "photo"], "of meshes"),
        (["--model", "sfm.bin", "--detail", "high"], "other head models"),
        (["--model", "sfm.bin", "--no-photometric"], "other head models"),
        (["--model", "sfm.bin", "--texture", "albedo"], "only the bundled"),
        (["--model", "sfm.bin", "--preset", "web"], "only heads of the bundled"),
        (["--model", "sfm.bin", "--formats", "glb,lods"], "only heads of the bundled"),
        (["--preset", "web", "--preset", "unity"], "exclude each other"),
    ],
)
def test_options_that_would_have_no_effect_are_refused(photos: Path, options: list[str], reason: str) -> None:
    result = invoke("reconstruct", photos / "astronaut.jpg", *options)
    assert result.exit_code == ExitCode.MISUSED
    assert reason in " ".join(result.output.split())


@pytest.mark.parametrize(
    "wrong", [["--formats", "fbx"], ["--noise", "nan"], ["--noise", "0"], ["--face", "0"], ["--camera", "x"]]
)
def test_wrong_options_of_keypoint(photos: Path, wrong: list[str]) -> None:
    result = invoke("keypoint", photos / "astronaut.jpg", *wrong)
    assert result.exit_code == ExitCode.MISUSED
    assert wrong[0] in result.output


def test_keypoint_needs_no_extra(photos: Path, tmp_path: Path, faceless: Path) -> None:
    result = invoke("keypoint", photos / "astronaut.jpg", "-o", tmp_path, "--formats", "json")
    assert result.exit_code == 0, result.output
    fields = json.loads((tmp_path / "astronaut.json").read_text(encoding="utf-8"))
    assert fields["landmarks"]["finder"] == "headshot"
    assert invoke("keypoint", faceless, "-o", tmp_path).exit_code == ExitCode.NO_FACE


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
def test_wrong_options(photos: Path, wrong: list[str]) -> None:
    result = invoke("reconstruct", photos / "astronaut.jpg", *wrong)
    assert result.exit_code == ExitCode.MISUSED
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
    assert result.exit_code == ExitCode.PARTLY
    assert "1 of 3 photos done" in result.output
    assert "2 failed" in result.output
    assert [p.name for p in out.iterdir()] == ["woman.json"]

    before = (out / "woman.json").stat().st_mtime_ns
    again = invoke(*arguments, "--resume")
    assert "1 of 3 photos were already done" in again.output
    assert (out / "woman.json").stat().st_mtime_ns == before
    assert again.exit_code == ExitCode.PARTLY

    (folder / "woman.jpg").unlink()
    nothing = invoke("reconstruct", folder, "-o", tmp_path / "nothing", *FAST)
    assert nothing.exit_code == ExitCode.FAILED  # for different reasons
    assert not (tmp_path / "nothing").exists()


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
