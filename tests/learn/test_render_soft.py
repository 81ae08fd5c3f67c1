"""The Soft Rasterizer against its equations, written out pixel by pixel, and against finite differences."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from headshot.geometry.raster import Topology  # noqa: E402
from headshot.geometry.raster.batch import RasterSettings  # noqa: E402
from headshot.geometry.raster.soft import SoftMesh, soft_rasterise  # noqa: E402
from headshot.learn.render import (  # noqa: E402
    Meshes,
    MeshRenderer,
    PerspectiveCameras,
    RendererSettings,
    SoftSettings,
    UVTexture,
    VertexColours,
    look_at_view_transform,
)
from headshot.learn.render.functions import SoftTexture, soft_rasterise_batch  # noqa: E402
from headshot.learn.shapes import ico_sphere  # noqa: E402

SIZE = 14
# So soft, and cut so late, that no finite difference meets a step.
SMOOTH = SoftSettings(sigma=2e-2, gamma=5e-2, dist_eps=1e-13, near=1, far=6)


def soup(count=5, seed=0, textured=False):
    """Random triangles, about half of them seen from behind."""
    rng = np.random.default_rng(seed)
    xy = rng.uniform(0, SIZE, (count, 1, 2)) + rng.uniform(-5, 5, (count, 3, 2))
    depth = rng.uniform(2, 5, (count, 3))
    faces = np.arange(3 * count, dtype=np.int32).reshape(-1, 3)
    values = rng.uniform(0.1, 1, (3 * count, 6 if textured else 3))
    uv = rng.uniform(0.1, 0.9, (3 * count, 2)) if textured else np.zeros((0, 2))
    image = rng.uniform(0, 1, (3, 4, 3)) if textured else np.zeros((0, 0, 3))
    faces_uv = faces[:, [0, 1, 2]] if textured else np.zeros((0, 3), np.int32)
    return SoftMesh(xy.reshape(-1, 2), depth.ravel(), faces, values, uv, faces_uv, image)


def by_the_equations(mesh, settings, cull=False):
    """Equations 1 to 4, for every pixel and triangle, by the plainest means."""
    sums = np.zeros((SIZE, SIZE, 3))
    weights, depths = np.zeros((SIZE, SIZE)), np.zeros((SIZE, SIZE))
    clear = np.ones((SIZE, SIZE))
    for y in range(SIZE):
        for x in range(SIZE):
            p = np.array([x + 0.5, y + 0.5])
            for face in mesh.triangles:
                corners, z = mesh.xy[face], mesh.depth[face]
                (ax, ay), (bx, by) = corners[1] - corners[0], corners[2] - corners[0]
                if cull and ax * by - ay * bx > 0:  # clockwise in the world, as y points down
                    continue
                affine = np.linalg.solve(np.vstack([corners.T, np.ones(3)]), [*p, 1])
                feet = []
                for n in range(3):
                    a, b = corners[n], corners[(n + 1) % 3]
                    t = np.clip((p - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
                    weight = np.zeros(3)
                    weight[n], weight[(n + 1) % 3] = 1 - t, t
                    feet.append((((p - a - t * (b - a)) ** 2).sum(), weight))
                square, nearest = min(feet, key=lambda foot: foot[0])
                sign = 1 if (affine >= 0).all() else -1
                d = 1 / (1 + np.exp(min(-sign * square * (2 / SIZE) ** 2 / settings.sigma, 700)))
                if d < settings.dist_eps:
                    continue
                b = (affine if sign > 0 else nearest) / z
                depth = 1 / b.sum()
                b = b * depth
                nearness = (settings.far - depth) / (settings.far - settings.near)
                weight = d * np.exp(nearness / settings.gamma)
                colour = b @ mesh.values[face]
                weights[y, x] += weight
                sums[y, x] += weight * colour
                depths[y, x] += weight * depth
                clear[y, x] *= 1 - d
    behind = np.exp(settings.background / settings.gamma)
    total = weights + behind
    return sums / total[..., None], depths / total, behind / total, clear


@pytest.mark.parametrize("cull", [False, True])
@pytest.mark.parametrize("settings", [SMOOTH, SoftSettings(sigma=3e-3, gamma=0.3, near=1, far=6)])
def test_pictures_follow_the_equations(settings, cull):
    mesh = soup(seed=3)
    found = soft_rasterise(mesh, SIZE, SIZE, settings, cull=cull)
    for ours, theirs in zip(found, by_the_equations(mesh, settings, cull), strict=False):
        np.testing.assert_allclose(ours, theirs, atol=1e-11)
    assert found.background.max() > 0.5
    assert found.background.min() < 1e-2 or settings.gamma > 0.1


def test_float32_draws_the_same():
    mesh = soup(seed=3)
    single = SoftMesh(*(a if a.dtype == np.int32 else a.astype(np.float32) for a in mesh))
    for a, b in zip(
        soft_rasterise(mesh, SIZE, SIZE, SMOOTH), soft_rasterise(single, SIZE, SIZE, SMOOTH), strict=True
    ):
        np.testing.assert_allclose(a, b, atol=2e-4)


@pytest.mark.parametrize("textured", [False, True])
@pytest.mark.parametrize("cull", [False, True])
def test_gradients(textured, cull):
    mesh = soup(4, seed=1, textured=textured)
    topology = Topology(mesh.triangles, len(mesh.xy))
    settings = RasterSettings(SIZE, SIZE, cull=cull)
    inputs = [
        torch.tensor(a[None], requires_grad=a.size > 0)
        for a in (mesh.xy, mesh.depth, mesh.values, mesh.uv, mesh.texture)
    ]

    def draw(xy, depth, values, uv, image):
        texture = SoftTexture(image, uv, topology if textured else None)
        return soft_rasterise_batch((xy, depth), topology, values, texture, settings, SMOOTH)

    assert torch.autograd.gradcheck(draw, inputs, eps=1e-6, atol=1e-6, rtol=1e-5, fast_mode=True)
    # Entry by entry too, along the vertices: fast mode checks random sums.
    xy = inputs[0]
    weights = [torch.randn_like(out) for out in draw(*inputs)]
    loss = sum((w * out).sum() for w, out in zip(weights, draw(*inputs), strict=True))
    (found,) = torch.autograd.grad(loss, [xy])
    xy, inputs = xy.detach(), [t.detach() for t in inputs]
    for n in range(0, xy.numel(), 3):
        step = torch.zeros(xy.numel(), dtype=xy.dtype)
        step[n] = 1e-6
        high, low = (
            sum(
                (w * out).sum()
                for w, out in zip(weights, draw(xy + s * step.reshape(xy.shape), *inputs[1:]), strict=True)
            )
            for s in (1, -1)
        )
        assert float(high - low) / 2e-6 == pytest.approx(float(found.ravel()[n]), rel=1e-5, abs=1e-5)


def test_the_cut_is_a_step_of_its_size_and_nothing_else():
    mesh = soup(seed=5)
    exact = soft_rasterise(mesh, SIZE, SIZE, SoftSettings(sigma=1e-3, gamma=1, dist_eps=1e-12, near=1, far=6))
    cut = soft_rasterise(mesh, SIZE, SIZE, SoftSettings(sigma=1e-3, gamma=1, dist_eps=1e-4, near=1, far=6))
    error = np.abs(exact.transparency - cut.transparency)
    assert 0 < error.max() < len(mesh.triangles) * 1e-4


def sphere(dtype=torch.float64):
    shape = ico_sphere(2)
    vertices = torch.tensor(shape.vertices, dtype=dtype)
    return vertices, shape.triangles, (vertices + 1) / 2


def test_soft_becomes_hard():
    vertices, faces, colours = sphere()
    camera = PerspectiveCameras.from_fov(48, 60, *(t.double() for t in look_at_view_transform(2.7, 20, 30)))
    meshes = Meshes(vertices, faces, VertexColours(colours))
    hard = MeshRenderer(camera, settings=RendererSettings(48, antialias=False))(meshes)
    errors = []
    for sigma in (1e-3, 1e-6, 1e-12):
        soft = SoftSettings(sigma=sigma, gamma=sigma / 10)
        drawn = MeshRenderer(camera, settings=RendererSettings(48, soft=soft))(meshes)
        errors.append(
            [float((a - b).abs().mean()) for a, b in ((drawn.rgba, hard.rgba), (drawn.depth, hard.depth))]
        )
    assert errors[0] > errors[1] > errors[2]
    assert max(errors[2]) < 1e-12


@pytest.mark.parametrize("textured", [False, True])
def test_batch_equals_one_by_one_on_threads(textured):
    vertices, faces, colours = sphere(torch.float32)
    batch = torch.stack([vertices, vertices * 0.8, vertices + 0.2]).requires_grad_()
    look = VertexColours(colours)
    if textured:
        image = torch.rand((3, 5, 6, 3), generator=torch.Generator().manual_seed(0))
        look = UVTexture(image, vertices[:, :2] / 2 + 0.5, faces)
    camera = PerspectiveCameras.from_fov(32, 60, *look_at_view_transform(2.7, [0, 20, 40], 30))
    settings = RendererSettings(32, soft=SoftSettings(sigma=1e-3), threads=2)
    meshes = Meshes(batch, Topology(faces, len(vertices)), look)
    together = MeshRenderer(camera, settings=settings)(meshes)
    together.rgba.square().sum().backward()
    for b in range(3):
        alone = batch[b : b + 1].detach().requires_grad_()
        cameras = PerspectiveCameras(camera.focal, camera.centre, camera.rotation[b], camera.translation[b])
        one = MeshRenderer(cameras, settings=settings)(meshes[b].with_vertices(alone))
        one.rgba.square().sum().backward()
        torch.testing.assert_close(one.rgba[0], together.rgba[b])
        torch.testing.assert_close(alone.grad[0], batch.grad[b])
