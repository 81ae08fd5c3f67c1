"""MeshNet and MeshNet+: template, rendered heads, losses and training steps."""

from __future__ import annotations

import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from headshot.errors import HeadshotError  # noqa: E402
from headshot.geometry.align import similarity  # noqa: E402
from headshot.geometry.camera import Camera  # noqa: E402
from headshot.learn import mesh, mesh_plus  # noqa: E402
from headshot.learn.data import face_sources  # noqa: E402
from headshot.learn.data.face_sources import FaceSource, collect, find_sources  # noqa: E402
from headshot.learn.data.faces import Faces, face_of, read  # noqa: E402
from headshot.learn.data.mesh_items import (  # noqa: E402
    Known,
    Mixed,
    batch_of,
    cameras_of,
    item,
    mirrored,
    resized,
)
from headshot.learn.data.rendered import Rendered, render_faces  # noqa: E402
from headshot.learn.engine import Plan  # noqa: E402
from headshot.learn.losses.perceptual import VGG, VGGLoss  # noqa: E402
from headshot.learn.mesh_plus_loss import Loss, draw, predict  # noqa: E402
from headshot.learn.mesh_reference import UNIT, Reference, Shown, finest_on_level  # noqa: E402
from headshot.learn.networks.meshnet import MeshNet  # noqa: E402
from headshot.learn.networks.meshnet_plus import MeshNetPlus  # noqa: E402
from headshot.learn.networks.solve import LandmarkSolve, LightSolve  # noqa: E402
from headshot.learn.render import PerspectiveCameras  # noqa: E402
from headshot.learn.render.lights import sh_basis  # noqa: E402
from headshot.learn.template import Template, face_template  # noqa: E402
from headshot.models.albedo import load_albedo  # noqa: E402
from headshot.models.head_model import load_head_model  # noqa: E402


@pytest.fixture(scope="module")
def template() -> Template:
    return face_template()


@pytest.fixture(scope="module")
def rendered(template: Template) -> Rendered:
    return render_faces(4, 64, template, seed=5)


def test_the_template_is_the_mean_face_at_every_level(template: Template) -> None:
    model = load_head_model("low")
    assert template.counts == (5, 13, 41, 145, 545, 2113, 8321)
    # mirrored vertices mirror, as far as the head model is symmetric
    other = template.vertices[template.mirror] * np.array([-1, 1, 1], np.float32)
    assert np.abs(other - template.vertices).max() < 1
    assert (template.mirror[template.mirror] == np.arange(8321)).all()
    # landmarks of the template lie where the head model has them, the better the finer
    true = model.landmarks["mediapipe478"].on(model.mean, model.triangles)
    off = [
        np.linalg.norm(points.on(template.vertices[:count], faces) - true, axis=1).mean()
        for points, count, faces in zip(template.landmarks, template.counts, template.triangles, strict=True)
    ]
    assert off[3] < 2.5 and off[5] < 0.6 and off[6] < 0.3
    assert all(a > b for a, b in pairwise(off[3:]))
    # any head is carried over by its own vertices
    wide = template.carried(model.mean * np.array([1.1, 1, 1], np.float32), model)
    np.testing.assert_allclose(wide[:, 0], 1.1 * template.vertices[:, 0], atol=1e-3)


def test_rendered_heads_project_onto_their_own_landmarks(template: Template, rendered: Rendered) -> None:
    faces = rendered.faces
    assert faces.pixels.shape == (4, 64, 64, 3)
    for n in range(4):
        camera = Camera(64, 64, float(faces.focal[n]), (32, 32), faces.rotation[n], faces.translation[n])
        found = camera.project(template.landmarks[5].on(rendered.truth[n], template.triangles[5]))
        fitted = camera.project(template.landmarks[6].on(template.vertices, template.triangles[6]))
        error = np.abs(found - faces.landmarks[n]).mean()
        assert error < 0.7  # landmarks are wrong as the landmark network's are, by some 2 mm; a pixel is 4
        assert error < np.abs(fitted - faces.landmarks[n]).mean()
        # a person is not the mean face, but near it
        ours = template.vertices[:2113]
        distance = np.linalg.norm(similarity(rendered.truth[n], ours)(rendered.truth[n]) - ours, axis=1)
        assert 1 < distance.mean() < 12
        assert np.isfinite(rendered.albedo[n]).all() and np.isfinite(rendered.light[n]).all()
    again = render_faces(4, 64, template, seed=5)
    np.testing.assert_array_equal(again.faces.pixels, faces.pixels)
    share = faces.mask().mean(axis=(1, 2))
    assert (share > 0.08).all() and (share < 0.4).all()


@pytest.mark.parametrize(
    ("size", "shape", "lit"), [(64, "hemisphere", False), (48, "hemisphere", True), (64, "face", True)]
)
def test_meshnet_learns_on_any_template_and_light(
    rendered: Rendered, template: Template, size: int, shape: str, lit: bool
) -> None:
    torch.manual_seed(0)
    data = Mixed(rendered.faces, Known(rendered if shape == "face" else None), template, size=size)
    batch = batch_of([data[k] for k in range(3)])
    reference, settings = Reference(shape), mesh.MeshSettings(size, shape, lit)
    network = MeshNet(size, skin=reference.skin if lit else None)
    loss = mesh.Loss(reference, VGGLoss(VGG("vgg16", 1)), settings, settings.weights())
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    history = []
    for _ in range(8):
        total, terms = loss(network, batch)
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        history.append(total.item())
    assert history[-1] < 0.97 * history[0]
    weights = settings.weights()
    assert (weights.mse, weights.vgg, weights.chamfer) == (0.5, 0.6, 15)
    assert ("shape" in terms, "albedo" in terms) == (shape == "face", lit)
    expected = sum(getattr(weights, name) * value for name, value in terms.items())
    assert total.item() == pytest.approx(expected, rel=1e-5)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_before_training_meshnet_on_the_face_is_the_mean_face_in_its_pose(rendered: Rendered) -> None:
    reference = Reference("face")
    validation = mesh.Validation(reference, rendered.faces, rendered, 64)
    network = MeshNet(64, skin=reference.skin)
    with torch.no_grad():
        for layer in (network.offsets, network.colours, network.light):
            layer.weight.zero_()
            layer.bias.zero_()
        values = validation(network.eval())
    assert values["shape_mm"] == pytest.approx(values["template_mm"], rel=1e-5)
    assert values["landmarks"] < 0.06  # of the eyes' distance: only the pose was fitted
    # the chamfer distance is to the truth where that is known, and regularisers are of the change alone
    batch = batch_of([item(rendered, 0)])
    terms = reference.regularisers(batch["truth"] / UNIT - reference.vertices, batch)
    assert terms["chamfer"] < 1e-8
    still = reference.regularisers(torch.zeros(1, 2113, 3), batch)
    assert still["edge"] == still["laplacian"] == 0 and still["chamfer"] > 1e-5


def test_light_and_albedo_of_a_lit_meshnet_are_drawn_as_their_product() -> None:
    reference = Reference("hemisphere")
    network = MeshNet(64, skin=reference.skin)
    found = network(torch.zeros(1, 3, 64, 64), torch.zeros(1, 3, 64, 64))
    bare = found._replace(colours=torch.full_like(found.colours, 0.4), light=0.5 * mesh.even())
    camera = reference.cameras({"picture": torch.zeros(1, 3, 64, 64)})
    with torch.no_grad():
        drawn = reference.draw(bare, camera, Shown(64))
    inside = drawn[:, 3] > 0.999
    expected = 1.055 * 0.2 ** (1 / 2.4) - 0.055  # sRGB of 0.4 * 0.5
    assert inside.any() and (drawn[:, 0][inside] - expected).abs().max() < 1e-3


def test_the_finest_vertices_lie_on_the_edges_of_the_level_before(template: Template) -> None:
    level = template.triangles[5]
    values = np.random.default_rng(0).standard_normal((2113, 2)).astype(np.float32)
    carried = finest_on_level().on(values, level)
    np.testing.assert_allclose(carried[:2113], values, atol=1e-6)
    ends = template.edges[5]
    np.testing.assert_allclose(carried[2113:], values[ends].mean(axis=1), atol=1e-6)


def test_settings_that_do_not_go_together_are_explained(rendered: Rendered, tmp_path: Path) -> None:
    with pytest.raises(HeadshotError, match="--template is"):
        Reference("cube")
    loss, sphere = VGGLoss(VGG("vgg16", 1)), Reference("hemisphere")
    with pytest.raises(HeadshotError, match="give --template face"):
        mesh.Loss(sphere, loss, mesh.MeshSettings(), mesh.FinalLoss(landmarks=1))
    with pytest.raises(HeadshotError, match="give --template face"):
        mesh.run(tmp_path, rendered.faces, loss, Plan(1), mesh.MeshSettings(), known=Known(rendered))


def test_a_similarity_is_undone() -> None:
    random = torch.Generator().manual_seed(4)
    others, weights = torch.randn(2, 30, 3, generator=random), torch.rand(30, generator=random)
    turn = torch.linalg.qr(torch.randn(2, 3, 3, generator=random))[0]
    turn = turn * torch.det(turn)[:, None, None]  # no reflections
    moved = 1.7 * others @ turn.transpose(1, 2) + torch.randn(2, 1, 3, generator=random)
    torch.testing.assert_close(mesh.laid_on(moved, others, weights), others, atol=1e-4, rtol=0)
    # a mirrored shape stays mirrored, and what has weight lies nearer
    flipped = others * torch.tensor([-1.0, 1, 1])
    assert (mesh.laid_on(flipped, others, weights) - others).norm(dim=2).mean() > 0.5
    weights[:5] = 100
    off = (mesh.laid_on(flipped, others, weights) - others).norm(dim=2)
    assert off[:, :5].mean() < off[:, 5:].mean()


def test_smaller_pictures_show_the_same_face(rendered: Rendered) -> None:
    large = item(rendered, 2)
    small = resized(large, 32)
    assert small["picture"].shape == (3, 32, 32)
    torch.testing.assert_close(small["picture"].mean(), large["picture"].mean())
    points = torch.from_numpy(rendered.truth[2])[None]
    a, b = (cameras_of(batch_of([face])).project(points)[0] for face in (large, small))
    torch.testing.assert_close(b, a / 2)


def test_faces_are_flipped_with_their_masks(rendered: Rendered, template: Template) -> None:
    data = Mixed(rendered.faces, Known(), template, seed=1)
    originals = [item(rendered.faces, n) for n in range(4)]
    seen = set()
    for k in range(16):
        face = data[k]
        match = [
            (n, flipped)
            for n, other in enumerate(originals)
            for flipped in (False, True)
            if torch.equal(face["picture"], other["picture"].flip(2) if flipped else other["picture"])
        ]
        assert len(match) == 1
        n, flipped = match[0]
        for name in ("painted", "mask"):
            other = originals[n][name]
            assert torch.equal(face[name], other.flip(2) if flipped else other)
        seen.add((n, flipped))
    assert len(seen) > 4


def test_faces_of_any_folder_are_found_once_and_go_on(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = tmp_path / "people"
    for name in ("astronaut", "grace_hopper"):
        (people / name).mkdir(parents=True)
        shutil.copyfile(photos / f"{name}.jpg", people / name / f"{name}_0001.jpg")
    found = find_sources([people], 10)
    assert [(s.person, s.labelled) for s in found] == [("astronaut", None), ("grace_hopper", None)]
    monkeypatch.setattr(face_sources, "_SHARD", 1)
    cut: list[str] = []
    whole = FaceSource.face

    def counted(source: FaceSource, size: int) -> Faces | None:
        cut.append(source.person)
        if len(cut) == 2:
            raise KeyboardInterrupt
        return whole(source, size)

    monkeypatch.setattr(FaceSource, "face", counted)
    file = tmp_path / "faces.npz"
    with pytest.raises(KeyboardInterrupt):
        collect(found, 96, file)
    faces = collect(found, 96, file)
    assert cut == ["astronaut", "grace_hopper", "grace_hopper"]
    assert len(faces) == 2 and faces.mask().mean(axis=(1, 2)).min() > 0.08
    assert faces.held_out.tolist() == [s.held_out for s in found]
    np.testing.assert_array_equal(read(file, 96).pixels, faces.pixels)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["faces.npz", "people"]


def test_meshnet_plus_starts_from_landmarks_and_learns(template: Template, rendered: Rendered) -> None:
    torch.manual_seed(0)
    network = MeshNetPlus(mesh_plus.surface_of(template))
    loss = Loss(template, None)
    data = Mixed(rendered.faces, Known(rendered), template)
    batch = batch_of([data[k] for k in (0, 1)])
    assert batch["known"].tolist() == [0, 1] and batch["lit"].tolist() == [0, 1]
    cameras = cameras_of(batch)
    with torch.no_grad():
        first = predict(network, batch)
    assert [v.shape[1] for v in first.stages] == [2113, 145, 545, 2113]
    assert first.vertices.shape == first.albedo.shape == (2, 8321, 3)
    # the middles of edges, exactly, of what graph convolutions add
    ends = template.edges[-1]
    modes = torch.cat([first.identity, first.expression], dim=1) @ network.modes
    base = network._place(network.template + modes.view(2, -1, 3), first.coarse)
    moved = first.vertices - base
    middle = 0.5 * (moved[:, ends[:, 0]] + moved[:, ends[:, 1]])
    torch.testing.assert_close(moved[:, 2113:], middle, atol=1e-3, rtol=0)
    # what the camera does not see is not painted from the picture
    behind = network._facing(first.vertices, 6, cameras)[..., 0] < 0
    assert behind.any() and first.trust[behind].max() == 0
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    history = []
    for _ in range(10):
        total, terms = loss(network, batch)
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
        history.append(total.item())
    assert history[-1] < 0.9 * history[0]
    assert all(np.isfinite(list(terms.values())))
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


def test_in_bfloat16_only_the_encoder_loses_digits(template: Template, rendered: Rendered) -> None:
    torch.manual_seed(0)
    network = MeshNetPlus(mesh_plus.surface_of(template)).eval()
    batch = batch_of([item(rendered, 0)])
    with torch.no_grad():
        plain = predict(network, batch)
        with torch.autocast("cpu", torch.bfloat16):
            short = predict(network, batch)
            loss, _ = Loss(template, None)(network, {**batch, "number": torch.tensor([1])})
    torch.testing.assert_close(short.coarse.identity, plain.coarse.identity)
    assert short.vertices.dtype == torch.float32 and loss.dtype == torch.float32
    assert (short.vertices - plain.vertices).norm(dim=2).mean() < 0.1  # mm


def test_landmarks_alone_beat_the_mean_face(template: Template) -> None:
    heads = render_faces(8, 64, template, seed=11)
    network = MeshNetPlus(mesh_plus.surface_of(template)).eval()
    with torch.no_grad():
        values = mesh_plus.validate(Loss(template, None), heads.faces, heads, network)
    assert values["coarse_mm"] < 0.8 * values["template_mm"]
    assert values["landmarks"] < 0.025  # of the eyes' distance; the mean face's is about 0.04


def test_exact_landmarks_of_a_small_change_are_explained_exactly(template: Template) -> None:
    """With a large weight of landmarks and hardly a prior, the layer finds what made them."""
    surface = mesh_plus.surface_of(template)
    layer = LandmarkSolve(surface.landmarks)
    identity = torch.zeros(1, 100)
    identity[0, [0, 2, 5]] = torch.tensor([1.0, -0.7, 0.5])
    points = surface.landmarks.mean + (identity @ surface.landmarks.identity.flatten(1)).view(1, -1, 3)
    cameras = PerspectiveCameras(
        torch.tensor([200.0]), torch.tensor([64.0, 64.0]), torch.eye(3), torch.tensor([0.0, 0.0, -500.0])
    )
    with torch.no_grad():
        layer.log_weight.fill_(12.0)
        found = layer(cameras.project(points)[0], cameras)
    assert found.residual.norm(dim=2).mean() < 0.05  # mm
    assert (found.identity - identity)[0, [0, 2, 5]].abs().max() < 0.5


def test_the_light_of_a_known_albedo_is_found() -> None:
    albedo = load_albedo("low")
    mean = torch.tensor(albedo.light_mean.reshape(9, 3), dtype=torch.float32)
    layer = LightSolve(mean, torch.tensor(albedo.light_precision, dtype=torch.float32))
    torch.manual_seed(2)
    normals = torch.nn.functional.normalize(torch.randn(1, 500, 3), dim=2)
    colours = 0.2 + 0.5 * torch.rand(500, 3)
    light = mean[None] + 0.1 * torch.randn(1, 9, 3)
    with torch.no_grad():
        layer.log_strength.fill_(20.0)
        found = layer(colours * (sh_basis(normals) @ light), colours, normals, torch.ones(1, 500))
        torch.testing.assert_close(found, light, atol=1e-3, rtol=0)
        blind = layer(torch.zeros(1, 500, 3), colours, normals, torch.zeros(1, 500))
    torch.testing.assert_close(blind, mean[None], atol=1e-4, rtol=0)


def test_a_mirrored_face_has_the_mirrored_shape(template: Template, rendered: Rendered) -> None:
    pairs = template.mirror[:2113].astype(np.int64)
    face = item(rendered, 1)
    other = mirrored(face, pairs)
    for one in (face, other):  # truth projects onto the landmarks of its own picture
        batch = batch_of([one])
        points = template.landmarks[5].on(one["truth"].numpy(), template.triangles[5])
        xy, _ = cameras_of(batch).project(torch.from_numpy(points)[None])
        assert (xy[0] - one["landmarks"]).norm(dim=1).mean() < 1.5
    again = mirrored(other, pairs)
    for name in ("picture", "landmarks", "rotation", "translation", "truth", "light"):
        torch.testing.assert_close(again[name], face[name])
    normals = torch.nn.functional.normalize(torch.randn(5, 3), dim=1)
    flipped = normals * torch.tensor([-1.0, 1.0, 1.0])
    torch.testing.assert_close(sh_basis(normals) @ face["light"], sh_basis(flipped) @ other["light"])


def test_a_known_light_and_albedo_are_drawn_as_their_product(template: Template, rendered: Rendered) -> None:
    network = MeshNetPlus(mesh_plus.surface_of(template))
    batch = batch_of([item(rendered.faces, 0)])
    cameras = cameras_of(batch)
    with torch.no_grad():
        found = predict(network, batch)
        even = torch.zeros(1, 9, 3)
        even[:, 0] = 0.5
        flat = replace(found, albedo=torch.full_like(found.albedo, 0.4), light=even)
        drawn = draw(network, flat, cameras, 64)
    inside = drawn[:, 3] > 0.999
    expected = 1.055 * 0.2 ** (1 / 2.4) - 0.055  # sRGB of 0.4 * 0.5
    # pixels that are covered but for a thousandth are a thousandth darker
    wanted = torch.full_like(drawn[:, 0][inside], expected)
    torch.testing.assert_close(drawn[:, 0][inside], wanted, atol=1e-3, rtol=0)


def test_faces_of_labelled_photos_and_their_file(small_data: Path, tmp_path: Path) -> None:
    from headshot.datasets.parts import find

    sample = find(small_data / "celebamask-train")[0]
    face = face_of(sample, 96)
    assert isinstance(face, Faces)
    camera = Camera(96, 96, float(face.focal[0]), (48, 48), face.rotation[0], face.translation[0])
    model = load_head_model("low")
    marks = camera.project(model.landmarks["mediapipe478"].on(model.mean, model.triangles))
    assert np.linalg.norm(marks - face.landmarks[0], axis=1).mean() < 4  # the mean face, rigidly
    rows, columns = np.nonzero(face.mask()[0])
    assert abs(columns.mean() - face.landmarks[0, :, 0].mean()) < 9
    assert abs(rows.mean() - face.landmarks[0, :, 1].mean()) < 9
    np.savez(tmp_path / "faces.npz", **{k: getattr(face, k) for k in Faces.__dataclass_fields__})
    np.testing.assert_array_equal(read(tmp_path / "faces.npz", 96).pixels, face.pixels)
