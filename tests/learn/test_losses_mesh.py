"""Mesh losses: closed forms, finite differences, brute force, PyTorch3D where it is installed."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from headshot.learn.connectivity import connectivity  # noqa: E402
from headshot.learn.losses import mesh as L  # noqa: E402
from headshot.learn.losses.nearest import PointCloud  # noqa: E402
from headshot.learn.shapes import hemisphere, ico_sphere  # noqa: E402

TETRAHEDRON = [[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]]
CORNERS = torch.tensor([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], dtype=torch.float64)


def random_mesh(batch: int = 2) -> tuple[torch.Tensor, L.Connectivity]:
    """A dented sphere: no symmetry, no two distances alike."""
    sphere = ico_sphere(1)
    generator = torch.Generator().manual_seed(3)
    noise = 0.1 * torch.randn(batch, len(sphere.vertices), 3, dtype=torch.float64, generator=generator)
    return torch.from_numpy(sphere.vertices).double() + noise, connectivity(sphere.triangles, 42)


def cloud(seed: int, batch: int, count: int) -> torch.Tensor:
    return torch.rand(batch, count, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def brute(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist").square()


@pytest.mark.parametrize("kind", ["volume", "sphere", "far", "line", "copies", "few"])
def test_nearest_is_exact(kind: str) -> None:
    random = np.random.default_rng(7)
    x, y = random.normal(size=(700, 3)), random.normal(size=(900, 3))
    if kind == "sphere":
        x, y = (p / np.linalg.norm(p, axis=1, keepdims=True) for p in (x, y))
    elif kind == "far":
        y = y + [0, 40, 0]
    elif kind == "line":
        x[:, 1:], y[:, 1:] = 0, 0
    elif kind == "copies":
        y = np.repeat(y[:5], 180, axis=0)
    elif kind == "few":
        y = y[:1]
    index = PointCloud(y).nearest(PointCloud(x))
    distance = np.linalg.norm(x[:, None] - y[None], axis=2)
    found = distance[np.arange(len(x)), index]
    np.testing.assert_allclose(found, distance.min(axis=1), rtol=0, atol=1e-12)


def test_nearest_refuses_what_it_cannot_search() -> None:
    with pytest.raises(ValueError, match="finite"):
        PointCloud(np.full((4, 3), np.nan))
    with pytest.raises(ValueError, match=r"\(M, 3\)"):
        PointCloud(np.zeros((0, 3)))
    with pytest.raises(ValueError, match="expected clouds"):
        L.chamfer(cloud(0, 1, 5), cloud(0, 2, 5))


def test_chamfer_is_brute_force_and_moves_by_a_known_distance() -> None:
    x, y = cloud(0, 3, 150), cloud(1, 3, 90)
    d = brute(x, y)
    mean = d.min(dim=2).values.mean() + d.min(dim=1).values.mean()
    total = (d.min(dim=2).values.sum(dim=1) + d.min(dim=1).values.sum(dim=1)).mean()
    torch.testing.assert_close(L.chamfer(x, y), mean, rtol=0, atol=1e-12)
    torch.testing.assert_close(L.chamfer(x, y, reduction="sum"), total, rtol=0, atol=1e-12)
    grid = torch.cartesian_prod(*[torch.arange(5.0, dtype=torch.float64)] * 3)[None]
    moved = grid + torch.tensor([0.3, 0.0, -0.1], dtype=torch.float64)
    assert L.chamfer(grid, moved).item() == pytest.approx(2 * (0.09 + 0.01), abs=1e-12)


def test_edge_normal_loss_of_a_plane_tilted_by_a_known_angle() -> None:
    # An edge of length 2 at 30 degrees to the plane: <edge, normal> = 1, from either end.
    vertices = torch.tensor([[[0.0, 0, 0], [math.sqrt(3), 0, 1], [0, 1, 0]]], dtype=torch.float64)
    mesh = connectivity([[0, 1, 2]], 3)
    points = vertices * torch.tensor([1.0, 1, 0])
    normals = torch.tensor([0.0, 0, 1]).double().expand(1, 3, 3)
    # edges 0-1 and 1-2 rise by 1, edge 0-2 lies in the plane
    assert L.edge_normal_loss(vertices, mesh, points, normals).item() == pytest.approx(4)
    unit = L.edge_normal_loss(vertices, mesh, points, normals, unit_edges=True).item()
    assert unit == pytest.approx(2 * (1 / 4 + 1 / 5))


def test_normals_of_turned_planes() -> None:
    x, y = cloud(0, 1, 20), cloud(1, 1, 20)
    flat = torch.tensor([0.0, 0, 1]).double().expand(1, 20, 3)
    tilted = torch.tensor([0.0, 3, -3]).double().expand(1, 20, 3)
    expected = 2 * (1 - math.sqrt(0.5))  # neither length nor sign of the normals matters
    assert L.chamfer_normals(x, y, flat, tilted).item() == pytest.approx(expected)


def test_normal_consistency_of_known_angles() -> None:
    square = torch.tensor([[[0.0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]]], dtype=torch.float64)
    mesh = connectivity([[0, 1, 2], [0, 2, 3]], 4)
    assert L.normal_consistency(square, mesh).item() == pytest.approx(0)
    folded = square.clone()
    folded[0, 3] = torch.tensor([1.0, 0, 0])  # the second triangle laid back onto the first
    assert L.normal_consistency(folded, mesh).item() == pytest.approx(2)
    # the faces of a regular tetrahedron meet at acos(1/3): normals differ by 180 degrees minus that
    corners = torch.tensor([[[1.0, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]], dtype=torch.float64)
    assert L.normal_consistency(corners, connectivity(TETRAHEDRON, 4)).item() == pytest.approx(1 + 1 / 3)


def test_three_triangles_at_an_edge_make_three_pairs() -> None:
    mesh = connectivity([[0, 1, 2], [0, 1, 3], [0, 1, 4]], 5)
    assert mesh.pairs.tolist() == [[0, 1, 2, 3], [0, 1, 2, 4], [0, 1, 3, 4]]
    assert mesh.degree.tolist() == [4, 4, 2, 2, 2]


def test_uniform_laplacian_and_edges_of_a_tetrahedron() -> None:
    mesh = connectivity(TETRAHEDRON, 4)
    vertices = CORNERS[None]
    centred = (4 / 3) * (CORNERS - CORNERS.mean(dim=0))  # every corner neighbours all others
    expected = centred.norm(dim=1).mean().item()
    assert L.laplacian_smoothing(vertices, mesh).item() == pytest.approx(expected)
    assert L.edge_length_mean(vertices, mesh).item() == pytest.approx((3 * 1 + 3 * 2) / 6)
    assert L.edge_length_mean(vertices, mesh, 1.0).item() == pytest.approx((math.sqrt(2) - 1) ** 2 / 2)
    assert L.edge_length_sum(vertices, mesh).item() == pytest.approx(2 * (3 * 1 + 3 * 2))


def test_laplacian_change_ignores_translation_and_measures_scale() -> None:
    vertices, mesh = random_mesh()
    shift = torch.tensor([1.0, -2, 0.5], dtype=torch.float64)
    assert L.laplacian_change(vertices + shift, vertices, mesh).item() == pytest.approx(0, abs=1e-20)
    offset = L.neighbour_mean_offset(vertices, mesh)
    expected = offset.square().sum(dim=(1, 2)).mean().item()
    assert L.laplacian_change(2 * vertices, vertices, mesh).item() == pytest.approx(expected)


def test_cotangent_laplacian_is_blind_to_flat_and_sees_the_curvature_of_a_sphere() -> None:
    # A fan with its hub off the middle of a plane hexagon: uniform weights see it, cotangents do not.
    angle = torch.arange(6, dtype=torch.float64) * math.pi / 3
    rim = torch.stack([angle.cos(), angle.sin(), torch.zeros(6).double()], dim=1)
    fan = torch.cat([torch.tensor([[0.2, 0.1, 0.0]], dtype=torch.float64), rim])[None]
    mesh = connectivity([[0, 1 + i, 1 + (i + 1) % 6] for i in range(6)], 7)
    assert L._cotangent_offset(fan, mesh, curvature=False, frozen=False)[0, 0].norm().item() < 1e-14
    assert L.neighbour_mean_offset(fan, mesh)[0, 0].norm().item() > 0.2
    # The sum of cot weights times edges is 2 / r times twice a vertex's own area, a third of its triangles'
    # (Meyer et al., "Discrete Differential-Geometry Operators", 2003); 0.25 / all of them leaves 1 / (3 r).
    sphere = ico_sphere(4)
    ball = 3 * torch.from_numpy(sphere.vertices).double()[None]
    curvature = L.laplacian_smoothing(ball, connectivity(sphere.triangles, 2562), "curvature").item()
    assert curvature == pytest.approx(1 / 9, rel=0.01)


def test_losses_do_not_depend_on_the_batch() -> None:
    vertices, mesh = random_mesh(3)
    for loss in (
        lambda v: L.normal_consistency(v, mesh),
        lambda v: L.laplacian_smoothing(v, mesh, "cotangent"),
        lambda v: L.edge_length_sum(v, mesh),
        lambda v: L.chamfer(v, v.flip(2)),
    ):
        each = torch.stack([loss(v[None]) for v in vertices]).mean()
        torch.testing.assert_close(loss(vertices), each, rtol=1e-12, atol=1e-14)


def test_gradients_are_those_of_finite_differences() -> None:
    vertices, mesh = random_mesh(1)
    points = cloud(5, 1, 30) - 0.5
    normals = torch.nn.functional.normalize(cloud(6, 1, 30) - 0.5, dim=2)
    before = vertices.flip(1)
    leaf = vertices[:, :].clone().requires_grad_()
    own = torch.from_numpy(ico_sphere(1).vertices).double()[None]

    losses = {
        "chamfer": lambda v: L.chamfer(v, points),
        "edge normal": lambda v: L.edge_normal_loss(v, mesh, points, normals),
        "unit edges": lambda v: L.edge_normal_loss(v, mesh, points, normals, unit_edges=True),
        "normal consistency": lambda v: L.normal_consistency(v, mesh),
        "uniform": lambda v: L.laplacian_smoothing(v, mesh),
        "cotangent": lambda v: L.laplacian_smoothing(v, mesh, "cotangent"),
        "curvature": lambda v: L.laplacian_smoothing(v, mesh, "curvature"),
        "change": lambda v: L.laplacian_change(v, own, mesh),
        "edges": lambda v: L.edge_length_mean(v, mesh, 0.2),
        "paper": lambda v: L.paper_loss(v, before, mesh, points, normals),
        "chamfer normals": lambda v: L.chamfer_normals(
            v, points, L.triangle_normals(v, mesh.triangles)[:, :42], normals
        ),
    }
    for name, loss in losses.items():
        assert torch.autograd.gradcheck(loss, (leaf,), eps=1e-6, atol=1e-6, rtol=1e-4, fast_mode=True), name


def test_samples_lie_on_the_surface_evenly_and_carry_gradients() -> None:
    # two triangles, one with three times the area of the other, in the plane z = 2
    vertices = torch.tensor([[[0.0, 0, 2], [1, 0, 2], [0, 1, 2], [-3, 0, 2]]], dtype=torch.float64)
    vertices.requires_grad_()
    mesh = connectivity([[0, 1, 2], [0, 2, 3]], 4)
    points, normals = L.sample_surface(vertices, mesh, 20000, torch.Generator().manual_seed(0))
    assert (points[..., 2] - 2).abs().max().item() < 1e-14
    torch.testing.assert_close(normals, torch.tensor([0.0, 0, 1]).double().expand_as(normals))
    assert (points[..., 0] > 0).double().mean().item() == pytest.approx(0.25, abs=0.015)
    assert points[points[..., 0] > 0][:, :2].mean(dim=0).tolist() == pytest.approx([1 / 3, 1 / 3], abs=0.01)
    points.sum().backward()
    assert vertices.grad is not None and vertices.grad.sum().item() == pytest.approx(3 * 20000)


def test_a_sphere_becomes_a_known_shape() -> None:
    sphere = ico_sphere(3)
    mesh = connectivity(sphere.triangles, len(sphere.vertices))
    start = torch.from_numpy(sphere.vertices)[None]
    half = hemisphere()
    target = torch.from_numpy(half.vertices)[None] * torch.tensor([1.0, 1.3, 0.7])
    other = connectivity(half.triangles, len(half.vertices))
    generator = torch.Generator().manual_seed(1)
    offset = torch.zeros_like(start, requires_grad=True)
    optimiser = torch.optim.Adam([offset], lr=0.02)
    history = []
    for _ in range(150):
        moved = start + offset
        loss = L.chamfer(L.sample_surface(moved, mesh, 1000, generator)[0],
                         L.sample_surface(target, other, 1000, generator)[0])  # fmt: skip
        history.append(loss.item())
        total = loss + 0.1 * L.laplacian_smoothing(moved, mesh) + 0.2 * L.edge_length_mean(moved, mesh)
        optimiser.zero_grad()
        total.backward()
        optimiser.step()
    # 1,000 random points against 1,000 others are about 0.004 from themselves
    assert history[0] > 0.15
    assert np.mean(history[-10:]) < 0.012


def test_values_and_gradients_are_those_of_pytorch3d() -> None:
    loss = pytest.importorskip("pytorch3d.loss")
    structures = pytest.importorskip("pytorch3d.structures")
    vertices, mesh = random_mesh(2)
    other = vertices.flip(0) * 1.1
    vertices.requires_grad_()
    # Its nearest neighbours and Laplacians know float32 only (CPU kernels, and matrices that it makes so).
    single = vertices.float()
    theirs = structures.Meshes(list(single), [mesh.triangles, mesh.triangles])
    double = structures.Meshes(list(vertices), [mesh.triangles, mesh.triangles])
    pairs = {
        "chamfer": (L.chamfer(vertices, other), loss.chamfer_distance(single, other.float())[0]),
        "chamfer normals": (
            L.chamfer_normals(vertices, other, vertices, other),
            loss.chamfer_distance(single, other.float(), x_normals=single, y_normals=other.float())[1],
        ),
        "normal": (L.normal_consistency(vertices, mesh), loss.mesh_normal_consistency(double)),
        "edge": (L.edge_length_mean(vertices, mesh, 0.3), loss.mesh_edge_loss(double, 0.3)),
        **{
            name: (
                L.laplacian_smoothing(vertices, mesh, name, frozen=True),
                loss.mesh_laplacian_smoothing(theirs, method),
            )
            for name, method in (("uniform", "uniform"), ("cotangent", "cot"), ("curvature", "cotcurv"))
        },
    }
    for name, (ours, reference) in pairs.items():
        exact = name in ("normal", "edge")
        assert reference.dtype == (torch.float64 if exact else torch.float32), name
        assert ours.item() == pytest.approx(reference.item(), abs=1e-7 if exact else 1e-5, rel=1e-6), name
        gradients = [torch.autograd.grad(x, vertices, retain_graph=True)[0] for x in (ours, reference)]
        near = {"rtol": 1e-6, "atol": 1e-7} if exact else {"rtol": 1e-4, "atol": 1e-5}
        torch.testing.assert_close(*gradients, **near, msg=lambda text, n=name: f"{n}: {text}")
