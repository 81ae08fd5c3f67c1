"""MeshNet and MeshNet+: template, rendered heads, losses and training steps."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from headshot.camera import Camera  # noqa: E402
from headshot.head_model import load_head_model  # noqa: E402
from headshot.learn import mesh, mesh_plus  # noqa: E402
from headshot.learn.data.faces import Faces, face_of, read  # noqa: E402
from headshot.learn.data.rendered import Rendered, render_faces  # noqa: E402
from headshot.learn.losses.perceptual import VGG, VGGLoss  # noqa: E402
from headshot.learn.networks.meshnet import MeshNet  # noqa: E402
from headshot.learn.networks.meshnet_plus import MeshNetPlus  # noqa: E402
from headshot.learn.template import Template, face_template  # noqa: E402


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
        found = camera.project(template.landmarks[6].on(rendered.truth[n], template.triangles[6]))
        fitted = camera.project(template.landmarks[6].on(template.vertices, template.triangles[6]))
        error = np.abs(found - faces.landmarks[n]).mean()
        assert error < 0.35  # the jitter of the landmarks is 0.006 of a face of 37 pixels
        assert error < np.abs(fitted - faces.landmarks[n]).mean()
        # a person is not the mean face, but near it
        distance = np.linalg.norm(rendered.truth[n] - template.vertices, axis=1).mean()
        assert 1 < distance < 12
    again = render_faces(4, 64, template, seed=5)
    np.testing.assert_array_equal(again.faces.pixels, faces.pixels)
    share = faces.mask().mean(axis=(1, 2))
    assert (share > 0.08).all() and (share < 0.4).all()


@pytest.mark.parametrize("size", [64, 48])
def test_meshnet_learns_in_batches_at_any_resolution(rendered: Rendered, size: int) -> None:
    torch.manual_seed(0)
    photos = mesh.Photos(rendered.faces, size, shuffled=False)
    batch = torch.utils.data.default_collate([photos[k] for k in range(3)])
    reference = mesh.Hemisphere()
    network, vgg = MeshNet(size), VGGLoss(VGG("vgg16", 1))
    optimiser = torch.optim.Adam(network.parameters(), 1e-3)
    history = []
    for _ in range(8):
        loss, terms = mesh.loss(reference, vgg, mesh.FinalLoss(), network, batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        history.append(terms["mse"])
    assert history[-1] < 0.97 * history[0]
    weights = mesh.FinalLoss()
    assert (weights.mse, weights.vgg, weights.chamfer) == (0.5, 0.6, 15)
    total = sum(getattr(weights, name) * value for name, value in terms.items())
    assert loss.item() == pytest.approx(total, rel=1e-5)


def test_flipped_photos_are_flipped_with_their_masks(rendered: Rendered) -> None:
    photos = mesh.Photos(rendered.faces, 64, seed=1)
    plain = mesh.Photos(rendered.faces, 64, shuffled=False)
    originals = [plain[k] for k in range(4)]
    seen = set()
    for k in range(16):
        picture, painted, mask = photos[k]
        match = [
            (n, flipped)
            for n, other in enumerate(originals)
            for flipped in (False, True)
            if torch.equal(picture, other[0].flip(2) if flipped else other[0])
        ]
        assert len(match) == 1
        n, flipped = match[0]
        for mine, other in ((painted, originals[n][1]), (mask, originals[n][2])):
            assert torch.equal(mine, other.flip(2) if flipped else other)
        seen.add((n, flipped))
    assert len(seen) > 4


def test_meshnet_plus_starts_as_the_mean_face_and_learns(template: Template, rendered: Rendered) -> None:
    torch.manual_seed(0)
    network = MeshNetPlus(mesh_plus.surface_of(template))
    loss = mesh_plus.Loss(template, None)
    data = mesh_plus.Mixed(rendered.faces, rendered)
    batch = mesh_plus.batch_of([data[k] for k in range(2)])
    cameras = mesh_plus.cameras_of(batch)
    with torch.no_grad():
        first = network(batch["picture"], batch["mask"], cameras)
    assert [v.shape[1] for v in first.stages] == [145, 545, 2113]
    assert first.vertices.shape == first.albedo.shape == (2, 8321, 3)
    assert (first.vertices - network.template).norm(dim=2).mean() < 3
    # the middles of edges, exactly
    ends = template.edges[-1]
    middle = first.vertices[:, 2113:] - network.template[2113:]
    moved = first.vertices - network.template
    torch.testing.assert_close(middle, 0.5 * (moved[:, ends[:, 0]] + moved[:, ends[:, 1]]), atol=1e-4, rtol=0)
    # what the camera does not see is not painted from the picture
    behind = network._facing(first.vertices, 6, cameras)[..., 0] < 0
    assert behind.any() and first.trust[behind].max() == 0
    optimiser = torch.optim.Adam(network.parameters(), 2e-3)
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


def test_a_known_light_and_albedo_are_drawn_as_their_product(template: Template, rendered: Rendered) -> None:
    network = MeshNetPlus(mesh_plus.surface_of(template))
    batch = mesh_plus.batch_of([mesh_plus.item(rendered.faces, 0, None)])
    cameras = mesh_plus.cameras_of(batch)
    with torch.no_grad():
        found = network(batch["picture"], batch["mask"], cameras)
        even = torch.zeros(1, 9, 3)
        even[:, 0] = 0.5
        flat = replace(found, albedo=torch.full_like(found.albedo, 0.4), light=even)
        drawn = mesh_plus.draw(network, flat, cameras, 64)
    inside = drawn[:, 3] > 0.999
    expected = 1.055 * 0.2 ** (1 / 2.4) - 0.055  # sRGB of 0.4 * 0.5
    torch.testing.assert_close(drawn[:, 0][inside], torch.full_like(drawn[:, 0][inside], expected))


def test_faces_of_labelled_photos_and_their_file(data: Path, tmp_path: Path) -> None:
    from headshot.evaluate.parts import find

    sample = find(data / "celebamask-train")[0]
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
