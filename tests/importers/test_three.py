"""three.js in a headless browser reads our files, and shows a head as our own renderer does."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import imported
import numpy as np
import pytest
from PIL import Image

from headshot import Head
from headshot.export.presets import PRESETS
from headshot.export.rig import rigged_asset
from headshot.geometry.camera import Camera
from headshot.render import RenderSettings, render, view_camera

VIEWER = Path(__file__).parents[2] / "tools" / "viewers" / "three.mjs"
BROWSERS = (os.environ.get("CHROME", "chromium"), "google-chrome", "chromium-browser", "chrome")
ENDINGS = ("glb", "obj", "ply")
SHOWN = "whole"
EXPRESSION = ("jawOpen", "eyeBlinkLeft", "mouthSmileRight")
pytestmark = [pytest.mark.needs("node"), pytest.mark.needs(*BROWSERS)]


def shot_camera(head: Head) -> Camera:
    """Half from the side and from above, with the lens in the middle of the picture."""
    return view_camera(head.neutral_vertices, 25.0, 8.0, 400)


def write_shot(camera: Camera, file: Path) -> None:
    """A camera and an expression as three.js takes them: its frame is that of the camera, in metres."""
    pose = np.eye(4)
    pose[:3, :3] = camera.rotation.T
    pose[:3, 3] = camera.position / 1000
    shot = {
        "width": camera.width,
        "height": camera.height,
        "field": np.degrees(2 * np.arctan(camera.height / 2 / camera.focal)),
        "matrix": pose.ravel(order="F").tolist(),
        "expression": EXPRESSION,
    }
    file.write_text(json.dumps(shot))


@pytest.fixture(scope="module")
def read(cases: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what three.js made of each file, and its picture of each GLB."""
    root = tmp_path_factory.mktemp("three")
    write_shot(shot_camera(cases[SHOWN].head), root / "shot.json")
    files = [str(case.file(ending)) for case in cases.values() for ending in ENDINGS]
    done = subprocess.run(
        ["node", str(VIEWER), "read", str(root), *files],
        env=os.environ | {"SHOT": str(root / "shot.json")},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return root


def test_three_reads_the_glb(name: str, read: Path, cases: Any, compare: Any, checks: Any) -> None:
    found = imported.read_dump(read / f"{name}.glb.read")
    compare(cases[name], found, checks(target_normals=True), "glb")


@pytest.mark.parametrize("ending", ["obj", "ply"])
def test_three_reads_obj_and_ply(
    name: str, ending: str, read: Path, cases: Any, compare: Any, checks: Any
) -> None:
    found = imported.read_dump(read / f"{name}.{ending}.read")
    exact = 6e-5 if ending == "obj" else 1e-5  # an OBJ has four decimals
    check = checks(unit=1.0, exact=exact, morphs="", joined=True, linear=True)
    compare(cases[name], found, check, ending)


def test_three_reads_the_preset_for_the_web(cases: Any, tmp_path: Path, compare: Any, checks: Any) -> None:
    """Small integers and a WebP are the same head, to 30 µm and a quarter of the texture's last digits."""
    head = cases[SHOWN].head
    head.save(tmp_path, "glb", "web", preset="web")
    settings = PRESETS["web"].settings
    asset = rigged_asset(head, settings)
    done = subprocess.run(
        ["node", str(VIEWER), "read", str(tmp_path), str(tmp_path / "web.glb")],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = imported.read_dump(tmp_path / "web.glb.read")
    assert (tmp_path / "web.glb").stat().st_size < 1.5e6
    step = 4e-6  # half of a step of the positions, metres
    check = checks(exact=2 * step, exact_targets=3.5e-5, layout=1e-5, directions=0.05, texel=3)
    compare(replace(cases[SHOWN], asset=asset, settings=settings), found, check, "glb")


def test_three_shows_what_we_show(read: Path, cases: Any) -> None:
    """Place, size, direction, texture and expression: without lights, the pictures are the same."""
    head = cases[SHOWN].head
    moved = head.with_expression(dict.fromkeys(EXPRESSION, 1.0)).vertices
    camera = shot_camera(head)
    black = np.zeros((camera.height, camera.width, 3), np.uint8)
    flat = RenderSettings(lighting=0)
    ours = render(
        moved, head.model, camera, texture=head.albedo_texture.pixels, background=black, settings=flat
    ).astype(float)
    theirs = np.asarray(Image.open(read / f"{SHOWN}.glb.shot.png").convert("RGB")).astype(float)
    assert theirs.shape == ours.shape
    inside, found = ours.max(axis=2) > 25, theirs.max(axis=2) > 25
    assert 0.2 < inside.mean() < 0.8
    assert (inside & found).sum() > 0.99 * (inside | found).sum()
    assert np.abs(theirs - ours)[inside & found].mean() < 4
