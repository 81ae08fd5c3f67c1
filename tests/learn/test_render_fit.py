"""What was rendered is found again from the picture alone, by following the gradients."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from headshot.learn.render import (  # noqa: E402
    Meshes,
    MeshRenderer,
    PerspectiveCameras,
    RendererSettings,
    SoftSettings,
    SphericalHarmonics,
    Topology,
    UVTexture,
    VertexColours,
    look_at_view_transform,
)
from headshot.learn.shapes import ico_sphere  # noqa: E402

SHAPE = ico_sphere(2)
TOPOLOGY = Topology(SHAPE.triangles, len(SHAPE.vertices))
MODES = pytest.mark.parametrize("soft", [None, SoftSettings(sigma=1e-4)], ids=["hard", "soft"])


def egg():
    """No symmetry that a picture could hide."""
    v = torch.tensor(SHAPE.vertices)
    return v * torch.tensor([0.7, 1.0, 0.8]) * (1 + 0.25 * v[:, 1:2] * v[:, :1])


def pattern(v):
    waves = [torch.sin(4 * v[:, 0] + 1), torch.sin(5 * v[:, 1]), torch.cos(3 * v[:, 2])]
    return torch.stack(waves, dim=1) * 0.4 + 0.5


def views(*azimuths, size=40):
    return PerspectiveCameras.from_fov(size, 60, *look_at_view_transform(2.7, 15, list(azimuths)))


def fit(draw, target, parameters, rate=0.02, steps=80):
    """Adam with a rate that falls to nothing."""
    optimiser = torch.optim.Adam(parameters, rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps)
    for _ in range(steps):
        optimiser.zero_grad()
        loss = (draw() - target).square().mean()
        loss.backward()
        optimiser.step()
        schedule.step()
    return float(loss.detach())


def turned(rotation, angles):
    """A rotation followed by small turns (3,) about the camera's axes."""
    x, y, z = angles
    zero = torch.zeros_like(x)
    skew = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero]).reshape(1, 3, 3)
    return torch.linalg.matrix_exp(skew) @ rotation


@MODES
def test_pose(soft):
    meshes = Meshes(egg(), TOPOLOGY, VertexColours(pattern(egg())))
    true = views(10)
    settings = RendererSettings(40, soft=soft)
    target = MeshRenderer(true, settings=settings)(meshes).rgba
    angles = torch.tensor([0.15, -0.2, 0.1], requires_grad=True)
    shift = torch.tensor([[0.08, -0.06, -0.15]], requires_grad=True)

    def draw():
        pose = PerspectiveCameras(
            true.focal, true.centre, turned(true.rotation, angles), true.translation + shift
        )
        return MeshRenderer(pose, settings=settings)(meshes).rgba

    start = float((draw() - target).square().mean().detach())
    assert fit(draw, target, [angles, shift]) < 0.01 * start
    assert angles.abs().max() < 0.01
    assert shift.abs().max() < 0.01


@MODES
def test_vertices(soft):
    """Every vertex's distance from the centre, from pictures from six sides."""
    ball = ico_sphere(1)
    topology = Topology(ball.triangles, len(ball.vertices))
    directions = torch.tensor(ball.vertices)
    radii = 0.8 + 0.2 * directions[:, 1:2] * directions[:, :1] + 0.1 * directions[:, 2:]
    pose = look_at_view_transform(2.7, [30, -30, 30, -30, 30, -30], [0, 60, 120, 180, 240, 300])
    cameras = PerspectiveCameras.from_fov(40, 60, *pose)
    renderer = MeshRenderer(cameras, settings=RendererSettings(40, soft=soft))
    look = VertexColours(pattern(directions))
    target = renderer(Meshes(directions * radii, topology, look)).rgba
    found = torch.full_like(radii, 0.8, requires_grad=True)
    fit(lambda: renderer(Meshes(directions * found, topology, look)).rgba, target, [found])
    assert (radii - 0.8).abs().mean() > 0.06
    assert (radii - found).abs().mean() < 0.006


@MODES
def test_colours(soft):
    vertices, settings = egg(), RendererSettings(40, soft=soft)
    renderer = MeshRenderer(views(0, 120, 240), settings=settings)
    true = pattern(vertices)
    target = renderer(Meshes(vertices, TOPOLOGY, VertexColours(true))).rgba
    colours = torch.full_like(true, 0.5, requires_grad=True)
    meshes = Meshes(vertices, TOPOLOGY)
    fit(lambda: renderer(meshes.with_textures(VertexColours(colours))).rgba, target, [colours], 0.1)
    assert (colours - true).abs().mean() < 0.02


@MODES
def test_texture(soft):
    vertices, settings = egg(), RendererSettings(40, soft=soft)
    uv = torch.tensor(SHAPE.vertices[:, :2]) / 2 + 0.5
    true = torch.rand((5, 5, 3), generator=torch.Generator().manual_seed(0))
    renderer = MeshRenderer(views(0), settings=settings)
    meshes = Meshes(vertices, TOPOLOGY)
    target = renderer(meshes.with_textures(UVTexture(true, uv, SHAPE.triangles))).rgba
    image = torch.full_like(true, 0.5, requires_grad=True)
    look = lambda: UVTexture(image, uv, TOPOLOGY)  # noqa: E731
    fit(lambda: renderer(meshes.with_textures(look())).rgba, target, [image], 0.1)
    assert (image - true)[1:4, 1:4].abs().max() < 0.02  # corners are not on the sphere


@MODES
def test_light(soft):
    meshes = Meshes(egg(), TOPOLOGY, VertexColours(pattern(egg())))
    renderer = MeshRenderer(views(0), settings=RendererSettings(40, soft=soft))
    true = torch.randn((9, 3), generator=torch.Generator().manual_seed(0)) * 0.3
    true[0] = 1
    target = renderer(meshes, lights=SphericalHarmonics(true)).rgba
    light = torch.zeros((9, 3), requires_grad=True)
    optimiser = torch.optim.LBFGS([light], max_iter=60, line_search_fn="strong_wolfe")  # a linear fit

    def loss():
        optimiser.zero_grad()
        error = (renderer(meshes, lights=SphericalHarmonics(light)).rgba - target).square().sum()
        error.backward()
        return error

    optimiser.step(loss)
    # What the front of the egg shows determines the light's sum there, not its back.
    normals = meshes.normals()
    wrong = SphericalHarmonics(light.detach() - true)
    errors, _ = wrong.shade(normals, normals, normals[:, 0], renderer.material)
    assert errors[normals[:, :, 2] > 0.3].abs().mean() < 0.01


def test_the_guide_runs(monkeypatch, capsys):
    """The examples in docs/explanation/differentiable-rendering.md, as they stand there."""
    root = Path(__file__).parent.parent.parent
    text = (root / "docs" / "explanation" / "differentiable-rendering.md").read_text(encoding="utf-8")
    monkeypatch.chdir(root)
    for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL):
        exec(compile(code, "differentiable-rendering.md", "exec"), {})
    errors = [float(e) for e in re.findall(r"error of the picture: ([\d.]+)", capsys.readouterr().out)]
    assert len(errors) == 2
    assert max(errors) < 0.04
