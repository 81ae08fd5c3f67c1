"""The face models in torch, against the NumPy models and closed forms."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from headshot.errors import HeadshotError  # noqa: E402
from headshot.geometry.light import shade  # noqa: E402
from headshot.geometry.raster import vertex_normals  # noqa: E402
from headshot.learn.data.align import CENTRE, DISTANCE, FOCAL  # noqa: E402
from headshot.learn.face_model import Coefficients, FaceModel, load_face_model, rotation  # noqa: E402
from headshot.models.albedo import load_albedo  # noqa: E402
from headshot.models.head_model import load_head_model  # noqa: E402
from headshot.models.readers import basel_front  # noqa: E402
from headshot.models.readers.basel_front import load_front  # noqa: E402


def _random(model: FaceModel, batch: int = 2) -> Coefficients:
    torch.manual_seed(1)
    return model.coefficients(0.3 * torch.randn(batch, model.layout.total))


def test_basel_has_the_papers_257_coefficients_and_equations(basel_file: Path) -> None:
    model, truth = load_face_model(basel_file), load_front(basel_file)
    assert model.layout.sizes == [80, 64, 80, 3, 27, 3] and model.layout.total == 257
    c = _random(model)
    vertices = model.shape(c)
    colours, points = model.shaded(c, vertices), model.landmarks(model.posed(c, vertices))
    for b in range(2):
        vector = torch.cat([getattr(c, n)[b] for n in c.__dataclass_fields__]).numpy()
        known = basel_front.split(vector)  # the same order
        expected = truth.shape(known.identity, known.expression)
        np.testing.assert_allclose(vertices[b], expected, atol=1e-5)
        np.testing.assert_allclose(model.normals(vertices)[b], truth.normals(expected), atol=1e-4)
        np.testing.assert_allclose(model.reflectance(c)[b], truth.texture_of(known.texture), atol=1e-5)
        np.testing.assert_allclose(colours[b], truth.colours(known), atol=1e-4)
        np.testing.assert_allclose(points[b], truth.landmarks(known), atol=1e-2)


def test_the_built_in_head_is_that_of_numpy() -> None:
    model, truth, albedo = load_face_model("ours"), load_head_model("low"), load_albedo("low")
    assert model.layout.sizes == [100, 52, len(albedo.modes), 3, 27, 3]
    c = _random(model)
    vertices, colours = model.shape(c), model.shaded(c, model.shape(c))
    skin = np.unique(model.topology.triangles)
    for b in range(2):
        expected = truth.shape(c.identity[b].numpy(), c.expression[b].numpy())
        np.testing.assert_allclose(vertices[b], expected - CENTRE, atol=1e-3)
        normals = vertex_normals(expected, truth.triangles)
        gamma = model.light(c)[b].numpy()
        linear = shade(albedo.colours(c.texture[b].numpy()), normals, gamma)
        seen = linear > 0.0031308
        encoded = 1.055 * np.maximum(linear, 1e-3) ** (1 / 2.4) - 0.055
        np.testing.assert_allclose(colours[b].numpy()[skin][seen[skin]], encoded[skin][seen[skin]], atol=2e-3)
        points = truth.landmarks["mediapipe478"].on(expected - CENTRE, truth.triangles)
        posed = points @ basel_front.rotation(c.angles[b].numpy()).T + 100 * c.translation[b].numpy()
        scale = FOCAL / (DISTANCE - posed[:, 2])
        pixels = np.stack([112 + scale * posed[:, 0], 112 - scale * posed[:, 1]], axis=1)
        np.testing.assert_allclose(model.landmarks(model.posed(c, vertices))[b], pixels, atol=0.02)


@pytest.mark.parametrize("name", ["ours", "basel"])
def test_ranges_and_the_start(name: str, basel_file: Path) -> None:
    model = load_face_model("ours" if name == "ours" else basel_file)
    far = model.coefficients(torch.full((1, model.layout.total), 1e4))
    zero = model.coefficients(torch.zeros(1, model.layout.total))
    assert far.identity.max() == pytest.approx(4) and far.angles.max() == pytest.approx(np.pi / 2)
    assert far.translation.max() == pytest.approx(2)
    if name == "ours":
        assert 0 < zero.expression.max() < 0.06 and far.expression.max() == pytest.approx(1)
        np.testing.assert_allclose(model.light(zero)[0].flatten(), model.light_mean)
    else:
        assert far.expression.max() == pytest.approx(4) and far.light.max() == pytest.approx(3)
    # The mean face in the middle of the picture, and not black.
    vertices = model.shape(zero)
    out = model.draw(model.posed(zero, vertices), model.shaded(zero, vertices), 56, soft=False)
    rows, columns = np.nonzero(out.silhouette[0].numpy() > 0.5)
    assert abs(columns.mean() - 27.5) < 1 and abs(rows.mean() - 27.5) < 6
    assert 0.2 < out.rgb[0][out.silhouette[0] > 0.99].mean() < 0.9
    with pytest.raises(ValueError, match="expected coefficients"):
        model.coefficients(torch.zeros(1, 5))


def test_light_prior_has_unit_variance() -> None:
    model, albedo = load_face_model("ours"), load_albedo("low")
    factor = model.light_factor.double().numpy()
    np.testing.assert_allclose(factor.T @ albedo.light_precision @ factor, np.eye(27), atol=1e-3)


def test_rotation_turns_about_x_first() -> None:
    angles = torch.tensor([[0.3, -0.5, 0.9], [0.0, np.pi / 2, 0.0]], dtype=torch.float64)
    found = rotation(angles)
    for b in range(2):
        np.testing.assert_allclose(found[b], basel_front.rotation(angles[b].numpy()), atol=1e-12)
    np.testing.assert_allclose(found[1] @ torch.tensor([0.0, 0, 1]).double(), [1, 0, 0], atol=1e-12)


@pytest.mark.parametrize("name", ["ours", "basel"])
def test_gradients_reach_every_coefficient(name: str, basel_file: Path) -> None:
    model = load_face_model("ours" if name == "ours" else basel_file)
    raw = torch.zeros(1, model.layout.total, requires_grad=True)
    c = model.coefficients(raw)
    vertices = model.shape(c)
    posed = model.posed(c, vertices)
    out = model.draw(posed, model.shaded(c, vertices), 48, soft=name == "basel")
    x = torch.linspace(0, 1, 48)
    target = torch.stack([x[:, None] + 0 * x, x[None] + 0 * x[:, None], 0.5 + 0 * x[:, None] * x], dim=-1)
    ((out.rgb - target).square().mean() + 1e-3 * model.landmarks(posed).square().mean()).backward()
    for group in raw.grad[0].split(model.layout.sizes):
        assert torch.isfinite(group).all() and (group != 0).float().mean() > 0.9


def test_other_models_are_refused(tmp_path: Path) -> None:
    with pytest.raises(HeadshotError, match="convert-basel"):
        load_face_model(tmp_path / "none.npz")
