"""MeshNet and MeshNet+ as methods of the benchmark: their heads lie where the face is in the photo."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import save_file  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

from headshot.datasets.subject import Subject, find_subject  # noqa: E402
from headshot.errors import HeadshotError  # noqa: E402
from headshot.evaluate.cli import app, methods  # noqa: E402
from headshot.evaluate.meshes import SEVEN  # noqa: E402
from headshot.evaluate.scan import mean_shape, shape_of  # noqa: E402
from headshot.evaluate.trained.meshnet import predictor_of, template_model  # noqa: E402
from headshot.geometry.align import similarity  # noqa: E402
from headshot.image.photo import read_photo  # noqa: E402
from headshot.learn import mesh_plus  # noqa: E402
from headshot.learn.data.faces import Faces  # noqa: E402
from headshot.learn.data.rendered import render_faces  # noqa: E402
from headshot.learn.mesh_networks import reference_of  # noqa: E402
from headshot.learn.mesh_reference import Reference  # noqa: E402
from headshot.learn.networks.meshnet import MeshNet  # noqa: E402
from headshot.learn.networks.meshnet_plus import MeshNetPlus  # noqa: E402
from headshot.learn.template import face_template  # noqa: E402
from headshot.models.head_model import load_head_model  # noqa: E402
from headshot.models.topologies.mediapipe478 import MEDIAPIPE_TO_IBUG68  # noqa: E402


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """Runs of MeshNet, MeshNet+ and MeshNet on the mean face that stopped before their first step."""
    faces = render_faces(4, 128, face_template(), seed=9).faces
    torch.manual_seed(0)
    networks: dict[str, torch.nn.Module] = {"plus": MeshNetPlus(mesh_plus.surface_of(face_template()))}
    for name, template in (("paper", "hemisphere"), ("face", "face")):
        reference = Reference(template)
        networks[name] = MeshNet(64, skin=reference.skin if reference.is_face else None)
        networks[name].register_buffer("reference", reference.vertices)
    root = tmp_path_factory.mktemp("runs")
    for name, network in networks.items():
        (root / name / "best").mkdir(parents=True)
        save_file(dict(network.state_dict()), root / name / "best" / "network.safetensors")
        np.savez(root / name / "faces.npz", **{f.name: getattr(faces, f.name) for f in fields(Faces)})
    return root / "paper", root / "plus", root / "face"


@pytest.fixture(scope="module")
def subject(photos: Path) -> Subject:
    return find_subject(read_photo(photos / "grace_hopper.jpg"))


def test_meshnet_plus_lies_on_the_face(runs: tuple[Path, Path, Path], subject: Subject) -> None:
    found = predictor_of(runs[1])(subject)
    assert found.head is not None
    wanted = subject.landmarks.points[list(MEDIAPIPE_TO_IBUG68)][17:]
    eyes = np.linalg.norm(wanted[36 - 17] - wanted[45 - 17])
    assert np.linalg.norm(found.points[17:] - wanted, axis=1).mean() < 0.06 * eyes
    # in millimetres, and no other person than somebody
    shape = shape_of(found.head)
    width, mean = (np.linalg.norm(s.seven[0] - s.seven[3]) for s in (shape, mean_shape()))
    assert 0.85 < width / mean < 1.15
    assert found.head.identity.shape == (100,)


def test_meshnet_s_head_is_the_hemisphere_at_the_face(
    runs: tuple[Path, Path, Path], subject: Subject
) -> None:
    found = predictor_of(runs[0])(subject)
    assert found.head is not None
    wanted = subject.landmarks.points[list(MEDIAPIPE_TO_IBUG68)][17:]
    eyes = np.linalg.norm(wanted[36 - 17] - wanted[45 - 17])
    # it has learned neither pose nor person: only where faces are in crops
    assert np.linalg.norm(found.points[17:] - wanted, axis=1).mean() < 0.35 * eyes
    ours = found.head.model.landmarks["ibug68"].on(found.head.vertices, found.head.model.triangles)
    mean = found.head.model.landmarks["ibug68"].on(found.head.model.mean, found.head.model.triangles)
    assert np.linalg.norm(ours[36] - ours[45]) == pytest.approx(np.linalg.norm(mean[36] - mean[45]), rel=1e-3)


def test_meshnet_on_the_face_starts_from_the_mean_face(
    runs: tuple[Path, Path, Path], subject: Subject
) -> None:
    found = predictor_of(runs[2])(subject)
    assert found.head is not None
    wanted = subject.landmarks.points[list(MEDIAPIPE_TO_IBUG68)][17:]
    eyes = np.linalg.norm(wanted[36 - 17] - wanted[45 - 17])
    assert np.linalg.norm(found.points[17:] - wanted, axis=1).mean() < 0.08 * eyes
    mean = found.head.model.mean
    off = similarity(found.head.vertices, mean)(found.head.vertices) - mean
    assert np.linalg.norm(off, axis=1).mean() < 2  # mm: random weights, small


def test_the_template_is_a_head_model_of_one_person() -> None:
    model, full = template_model(), load_head_model("low")
    theirs = full.landmarks["ibug68"].on(full.mean, full.triangles)[17:]
    ours = model.landmarks["ibug68"].on(model.mean, model.triangles)[17:]
    off = np.linalg.norm(ours - theirs, axis=1)
    assert np.median(off) < 0.3
    assert (
        off[np.array(SEVEN) - 17].max() < 0.7
    )  # what scans are aligned by; inner lips lie behind outer ones
    assert len(model.part_triangles("skin")) == len(model.triangles)
    np.testing.assert_array_equal(model.shape(np.zeros(0), np.zeros(0)), model.mean)


def test_networks_are_methods_of_the_benchmark(runs: tuple[Path, Path, Path], tmp_path: Path) -> None:
    assert [m.name for m in methods(runs[:2])][-2:] == ["MeshNet (paper)", "MeshNet+"]
    assert methods(runs[2:])[-1].name == "MeshNet (mean face, lit)"
    assert len(methods(None)) == len(methods(runs[:2])) - 2
    with pytest.raises(HeadshotError, match="no best weights yet"):
        methods([tmp_path])
    with pytest.raises(HeadshotError, match="is not a run of MeshNet"):
        reference_of({"stem.weight": torch.zeros(1)}, tmp_path)
    other = {"offsets.weight": torch.zeros(1), "reference": torch.zeros(3, 3)}
    with pytest.raises(HeadshotError, match="another template"):
        reference_of(other, tmp_path)
    result = CliRunner().invoke(app, ["synthetic", str(tmp_path), "--network", str(tmp_path)])
    assert result.exit_code == 1
