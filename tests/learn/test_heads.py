"""Photos of synthetic heads as training data: truth lies where the networks find the face."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from PIL import Image  # noqa: E402

from headshot.errors import HeadshotError  # noqa: E402
from headshot.geometry.align import similarity  # noqa: E402
from headshot.geometry.camera import Camera, rotation_from_angles  # noqa: E402
from headshot.learn.data.heads import collect_heads  # noqa: E402
from headshot.learn.render import (  # noqa: E402
    Meshes,
    MeshRenderer,
    PerspectiveCameras,
    RendererSettings,
    SphericalHarmonics,
    Topology,
    VertexColours,
    to_srgb,
)
from headshot.learn.template import face_template  # noqa: E402
from headshot.models.albedo import load_albedo  # noqa: E402
from headshot.models.head_model import load_head_model  # noqa: E402

SIZE, LENS = 320, 50.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One head of our model in the format of tools/synthetic_heads.py, and a picture without a face."""
    root = tmp_path_factory.mktemp("heads")
    model, albedo = load_head_model("low"), load_albedo("low")
    part = np.full(len(model.triangles), -1, np.int8)
    for index, (first, end) in enumerate(model.parts.values()):
        part[first:end] = index
    np.savez(
        root / "own-mesh.npz", triangles=model.triangles, canonical=model.mean,
        part_names=np.array(list(model.parts)), part=part,
    )  # fmt: skip
    identity = np.random.default_rng(4).standard_normal(len(model.identity))
    neutral = model.neutral(identity)
    smile = np.zeros(len(model.expression))
    smile[[model.expression_names.index(f"mouthSmile{side}") for side in ("Left", "Right")]] = 0.8
    posed = model.shape(identity, smile)
    focal = LENS / 36 * SIZE
    camera = Camera(
        SIZE, SIZE, focal, (SIZE / 2, SIZE / 2), rotation_from_angles(15, 5, -4),
        np.array([10.0, 20, -focal * 1.3]),
    )  # fmt: skip
    renderer = MeshRenderer(
        PerspectiveCameras.from_cameras([camera]),
        SphericalHarmonics(torch.tensor(albedo.light_mean.reshape(9, 3), dtype=torch.float32)),
        RendererSettings(size=SIZE, background=0.3),
    )
    colours = VertexColours(torch.tensor(albedo.mean[None]))
    drawn = renderer(Meshes(torch.tensor(posed[None]), Topology(model.triangles, len(posed)), colours))
    picture = (to_srgb(drawn.rgb[0].clamp(0, 1)).numpy() * 255 + 0.5).astype(np.uint8)
    for name, pixels in (("own-000-0", picture), ("own-001-0", np.full_like(picture, 90))):
        Image.fromarray(pixels).save(root / f"{name}.png")
        np.savez(
            root / f"{name}.npz", camera_vertices=camera.to_camera(posed), neutral=1.2 * neutral + 5,
            rotation=camera.rotation, angles=np.array(camera.angles), focal_35mm=LENS, melanin=0.2,
            expression_weights=np.ones(2),
        )  # fmt: skip
    return root


def test_truth_is_seen_where_the_networks_find_the_face(folder: Path, tmp_path: Path) -> None:
    template = face_template()
    heads = collect_heads(folder, 96, template, tmp_path / "heads.npz")
    assert len(heads) == 1  # no face is no head
    assert heads.truth.shape == heads.neutral.shape == (1, 2113, 3)
    assert np.isnan(heads.albedo).all() and np.isnan(heads.light).all()
    faces = heads.faces
    camera = Camera(96, 96, float(faces.focal[0]), (48, 48), faces.rotation[0], faces.translation[0])
    points = camera.project(template.landmarks[5].on(heads.truth[0], template.triangles[5]))
    assert np.linalg.norm(points - faces.landmarks[0], axis=1).mean() < 2.0  # pixels; the face has 55
    # the truth is the head itself, but for scale and motion
    model = load_head_model("low")
    identity = np.random.default_rng(4).standard_normal(len(model.identity))
    known = template.carried(model.neutral(identity), model)[:2113]
    motion = similarity(heads.neutral[0], known)
    assert np.linalg.norm(motion(heads.neutral[0]) - known, axis=1).mean() < 0.3
    assert np.linalg.norm(motion(heads.truth[0]) - motion(heads.neutral[0]), axis=1).mean() > 1
    again = collect_heads(folder, 96, template, tmp_path / "heads.npz")
    np.testing.assert_array_equal(again.truth, heads.truth)
    with pytest.raises(HeadshotError, match="crops of 96 pixels, not 64"):
        collect_heads(folder, 64, template, tmp_path / "heads.npz")
    (tmp_path / "broken.npz").write_bytes(b"nonsense")
    with pytest.raises(HeadshotError, match="read as a file of heads"):
        collect_heads(folder, 96, template, tmp_path / "broken.npz")
