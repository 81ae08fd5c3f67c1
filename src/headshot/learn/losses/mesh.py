"""Losses on meshes and point clouds: equations 1-5 of Jeon et al., and PyTorch3D's definitions.

Paper: Jeon, Millman and Kapron, "Physics-based 3D Face Reconstruction", section III-C, after Wang et al.,
"Pixel2Mesh", ECCV 2018 (P2M). Where the paper's sums and PyTorch3D's means differ, both are here:

    equation            the paper's sum                         PyTorch3D's mean
    1  chamfer          chamfer(reduction="sum")                chamfer()
    2  normals          edge_normal_loss                        chamfer_normals
    3  Laplacian        laplacian_change                        laplacian_smoothing
    4  edge length      edge_length_sum                         edge_length_mean
    5  all of them      paper_loss                              -
    -  bending          -                                       normal_consistency

The paper's text regularises by (3) and (4); its code can only have called PyTorch3D's functions, which are
those on the right. Equation 2 measures the angle between the edges at p and the normal at q, and is not what
the paper calls "normal consistency" in the final loss.

Everything is batched, takes any unit, and is differentiable: gradients are those of torch, exact wherever
the nearest point does not change. Dimension letters: B batch, V vertices, N and M points.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from headshot.learn.connectivity import Connectivity
from headshot.learn.losses.nearest import PointCloud

_TINY = 1e-12  # below which PyTorch3D takes a squared area for zero


@dataclass(frozen=True, eq=False)
class Nearest:
    """Which point of each cloud is nearest to each point of the other.

    Attributes:
        x_to_y: (B, N) index into y.
        y_to_x: (B, M) index into x.
    """

    x_to_y: Tensor
    y_to_x: Tensor


def nearest_points(x: Tensor, y: Tensor) -> Nearest:
    """Nearest points between clouds (B, N, 3) and (B, M, 3), by a k-d tree on the CPU.

    Raises:
        ValueError: the shapes do not belong together, or a point is not finite.
    """
    if x.ndim != 3 or y.ndim != 3 or x.shape[0] != y.shape[0] or x.shape[2] != 3 or y.shape[2] != 3:
        raise ValueError(f"expected clouds (B, N, 3) and (B, M, 3), got {tuple(x.shape)}, {tuple(y.shape)}")
    forth, back = [], []
    for a, b in zip(x.detach().cpu().numpy(), y.detach().cpu().numpy(), strict=True):
        first, second = PointCloud(a), PointCloud(b)
        forth.append(torch.from_numpy(second.nearest(first)))
        back.append(torch.from_numpy(first.nearest(second)))
    return Nearest(torch.stack(forth).to(x.device), torch.stack(back).to(x.device))


def _pick(values: Tensor, index: Tensor) -> Tensor:
    """Rows (B, N, C) of ``values`` (B, M, C) at ``index`` (B, N)."""
    return values.gather(1, index[..., None].expand(-1, -1, values.shape[2]))


def chamfer(
    x: Tensor, y: Tensor, *, reduction: Literal["mean", "sum"] = "mean", nearest: Nearest | None = None
) -> Tensor:
    """Chamfer distance: squared distance from each point to the nearest of the other cloud, both ways.

    Args:
        x, y: (B, N, 3) and (B, M, 3).
        reduction: "sum" over points is equation 1; "mean" over the points of each cloud is PyTorch3D's
            ``chamfer_distance``. Both average over the batch.
        nearest: from `nearest_points`, when it is known already.

    Returns:
        Scalar, in the unit squared.

    Notes:
        O((N + M) log M), not N x M.
    """
    match = nearest or nearest_points(x, y)
    # l_c = sum_p min_q |p - q|^2 + sum_q min_p |p - q|^2   (eq. 1)
    forth = (x - _pick(y, match.x_to_y)).square().sum(dim=2)
    back = (y - _pick(x, match.y_to_x)).square().sum(dim=2)
    if reduction == "sum":
        return (forth.sum(dim=1) + back.sum(dim=1)).mean()
    return forth.mean() + back.mean()


def chamfer_normals(
    x: Tensor, y: Tensor, x_normals: Tensor, y_normals: Tensor, *, nearest: Nearest | None = None
) -> Tensor:
    """1 - |cos| of the angle between normals at nearest points, both ways: PyTorch3D's normal loss.

    Args:
        x, y: points (B, N, 3) and (B, M, 3).
        x_normals, y_normals: (B, N, 3) and (B, M, 3) of any length.
        nearest: from `nearest_points`, when it is known already.
    """
    match = nearest or nearest_points(x, y)
    forth = torch.cosine_similarity(x_normals, _pick(y_normals, match.x_to_y), dim=2, eps=1e-6)
    back = torch.cosine_similarity(y_normals, _pick(x_normals, match.y_to_x), dim=2, eps=1e-6)
    return (1 - forth.abs()).mean() + (1 - back.abs()).mean()


def edge_normal_loss(
    vertices: Tensor,
    mesh: Connectivity,
    points: Tensor,
    normals: Tensor,
    *,
    unit_edges: bool = False,
    nearest: Nearest | None = None,
) -> Tensor:
    """Equation 2: edges at a vertex should be orthogonal to the normal of the nearest true point.

    Args:
        vertices: (B, V, 3) of the predicted mesh.
        mesh: its connectivity.
        points, normals: (B, M, 3) true surface points and their unit normals.
        unit_edges: divide edges by their length, as P2M's code does, so that short edges are not preferred.
        nearest: from ``nearest_points(vertices, points)``, when it is known already.

    Returns:
        Sum over vertices and their neighbours, mean over the batch.
    """
    match = nearest or nearest_points(vertices, points)
    observed = _pick(normals, match.x_to_y)
    p, k = mesh.edges[:, 0], mesh.edges[:, 1]
    edge = vertices[:, p] - vertices[:, k]
    if unit_edges:
        edge = torch.nn.functional.normalize(edge, dim=2)
    # l_n = sum_p sum_{k in N(p)} |<p - k, n_q>|^2   (eq. 2): each edge counts once from either end.
    from_p = (edge * observed[:, p]).sum(dim=2)
    from_k = (edge * observed[:, k]).sum(dim=2)
    return (from_p.square() + from_k.square()).sum(dim=1).mean()


def triangle_normals(vertices: Tensor, triangles: Tensor) -> Tensor:
    """Cross products (B, F, 3) of two sides: normals as long as twice the area."""
    a, b, c = vertices[:, triangles].unbind(dim=2)
    return torch.linalg.cross(b - a, c - a)


def normal_consistency(vertices: Tensor, mesh: Connectivity) -> Tensor:
    """1 - cos of the angle between neighbouring triangles' normals, mean over shared edges and the batch.

    PyTorch3D's ``mesh_normal_consistency``: 0 for a flat mesh, 2 where it is folded over. The orientation
    of the triangles does not matter.
    """
    a, b, c, d = vertices[:, mesh.pairs].unbind(dim=2)
    first = torch.linalg.cross(b - a, c - a)
    second = -torch.linalg.cross(b - a, d - a)
    return (1 - torch.cosine_similarity(first, second, dim=2)).mean()


def neighbour_mean_offset(vertices: Tensor, mesh: Connectivity) -> Tensor:
    """Mean of the neighbours minus the vertex (B, V, 3): minus the Laplacian coordinates of P2M.

    A vertex without neighbours has minus itself, as in PyTorch3D's matrix.
    """
    p, k = mesh.edges[:, 0], mesh.edges[:, 1]
    total = torch.zeros_like(vertices).index_add(1, p, vertices[:, k]).index_add(1, k, vertices[:, p])
    return total / mesh.degree.clamp(min=1)[:, None].to(vertices.dtype) - vertices


def _cotangents(vertices: Tensor, mesh: Connectivity) -> tuple[Tensor, Tensor]:
    """Cotangent (B, F, 3) of the angle at each triangle's corner, and the triangles' areas (B, F)."""
    v0, v1, v2 = vertices[:, mesh.triangles].unbind(dim=2)
    a, b, c = (v1 - v2).norm(dim=2), (v0 - v2).norm(dim=2), (v0 - v1).norm(dim=2)
    half = 0.5 * (a + b + c)  # Heron
    area = (half * (half - a) * (half - b) * (half - c)).clamp(min=_TINY).sqrt()
    a2, b2, c2 = a * a, b * b, c * c
    cotangent = torch.stack([b2 + c2 - a2, a2 + c2 - b2, a2 + b2 - c2], dim=2) / (4 * area[..., None])
    return cotangent, area


def _cotangent_offset(vertices: Tensor, mesh: Connectivity, *, curvature: bool, frozen: bool) -> Tensor:
    """Offset (B, V, 3) of the cotangent-weighted neighbours from each vertex; see `laplacian_smoothing`."""
    cotangent, area = _cotangents(vertices.detach() if frozen else vertices, mesh)
    rows = torch.zeros_like(vertices[..., 0])
    product = torch.zeros_like(vertices)
    for corner, (i, j) in enumerate(((1, 2), (2, 0), (0, 1))):
        # The angle at a corner weighs the opposite edge; an edge's weight is the sum over its triangles.
        first, second = mesh.triangles[:, i], mesh.triangles[:, j]
        weight = cotangent[..., corner]
        rows = rows.index_add(1, first, weight).index_add(1, second, weight)
        product = product.index_add(1, first, weight[..., None] * vertices[:, second])
        product = product.index_add(1, second, weight[..., None] * vertices[:, first])
    if curvature:
        around = torch.zeros_like(rows)
        for corner in range(3):
            around = around.index_add(1, mesh.triangles[:, corner], area)
        share = torch.where(around > 0, 0.25 / around.clamp(min=_TINY), torch.zeros_like(around))
        return (product - rows[..., None] * vertices) * share[..., None]
    scale = torch.where(rows > 0, 1 / torch.where(rows > 0, rows, 1), rows)
    return product * scale[..., None] - vertices


def laplacian_smoothing(
    vertices: Tensor,
    mesh: Connectivity,
    method: Literal["uniform", "cotangent", "curvature"] = "uniform",
    *,
    frozen: bool = False,
) -> Tensor:
    """Mean length of the Laplacian of the positions: PyTorch3D's ``mesh_laplacian_smoothing``.

    Args:
        vertices: (B, V, 3).
        mesh: connectivity.
        method: "uniform" pulls vertices to the mean of their neighbours, and so shrinks and evens out edges;
            "cotangent" ("cot" in PyTorch3D) weighs neighbours by the angles opposite to their edge, which
            leaves flat regions alone (Desbrun et al., "Implicit Fairing", SIGGRAPH 1999); "curvature"
            ("cotcurv") is the cotangent Laplacian over four times the area of the triangles around a vertex:
            1 / (3 r) on a sphere of radius r, a third of its mean curvature.
        frozen: take the cotangent weights for constants in the gradient, as PyTorch3D does.

    Returns:
        Scalar, in the unit of the vertices (1 / unit for "curvature").
    """
    if method == "uniform":
        offset = neighbour_mean_offset(vertices, mesh)
    else:
        offset = _cotangent_offset(vertices, mesh, curvature=method == "curvature", frozen=frozen)
    return offset.norm(dim=2).mean()


def laplacian_change(vertices: Tensor, before: Tensor, mesh: Connectivity) -> Tensor:
    """Equation 3: how much a deformation changes the Laplacian coordinates; translations cost nothing.

    Args:
        vertices, before: (B, V, 3) or (1, V, 3) the mesh after and before it was deformed.
        mesh: connectivity.

    Returns:
        Sum of squares over vertices, mean over the batch.
    """
    # l_lap = sum_p |delta'_p - delta_p|^2   (eq. 3)
    change = neighbour_mean_offset(vertices, mesh) - neighbour_mean_offset(before, mesh)
    return change.square().sum(dim=(1, 2)).mean()


def edge_length_sum(vertices: Tensor, mesh: Connectivity) -> Tensor:
    """Equation 4: squared distances from each vertex to its neighbours; each edge counts from both ends."""
    # l_loc = sum_p sum_{k in N(p)} |p - k|^2   (eq. 4)
    edge = vertices[:, mesh.edges[:, 0]] - vertices[:, mesh.edges[:, 1]]
    return 2 * edge.square().sum(dim=(1, 2)).mean()


def edge_length_mean(vertices: Tensor, mesh: Connectivity, target: float = 0.0) -> Tensor:
    """Mean of (length - target)^2 over edges and batch: PyTorch3D's ``mesh_edge_loss``."""
    edge = vertices[:, mesh.edges[:, 0]] - vertices[:, mesh.edges[:, 1]]
    if target == 0.0:
        return edge.square().sum(dim=2).mean()  # without the root, whose gradient fails at length 0
    return (edge.norm(dim=2) - target).square().mean()


@dataclass(frozen=True)
class PaperWeights:
    """Weights of equation 5; the paper gives none, these are P2M's (section 3.4 there).

    Attributes:
        normal: lambda_1.
        laplacian: lambda_2.
        edge: lambda_3.
    """

    normal: float = 1.6e-4
    laplacian: float = 0.3
    edge: float = 0.1


def paper_loss(
    vertices: Tensor,
    before: Tensor,
    mesh: Connectivity,
    points: Tensor,
    normals: Tensor,
    weights: PaperWeights | None = None,
) -> Tensor:
    """Equation 5: l_c + lambda_1 l_n + lambda_2 l_lap + lambda_3 l_loc against true surface points.

    Args:
        vertices, before: (B, V, 3) the deformed mesh, and the mesh before (or (1, V, 3)).
        mesh: connectivity.
        points, normals: (B, M, 3) true points and unit normals.
        weights: defaults to `PaperWeights()`.
    """
    w = weights or PaperWeights()
    match = nearest_points(vertices, points)
    return (
        chamfer(vertices, points, reduction="sum", nearest=match)
        + w.normal * edge_normal_loss(vertices, mesh, points, normals, nearest=match)
        + w.laplacian * laplacian_change(vertices, before, mesh)
        + w.edge * edge_length_sum(vertices, mesh)
    )


def sample_surface(
    vertices: Tensor, mesh: Connectivity, count: int, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """Points spread evenly over the surface, differentiable with respect to the vertices.

    Args:
        vertices: (B, V, 3).
        mesh: connectivity.
        count: points N for each mesh.
        generator: of random numbers; torch's own when None.

    Returns:
        Points (B, N, 3) and unit normals (B, N, 3). Triangles are drawn in proportion to their area, places
        in them as in PyTorch3D's ``sample_points_from_meshes`` (Osada et al., "Shape Distributions", 2002).
    """
    normals = triangle_normals(vertices, mesh.triangles)
    area = normals.detach().norm(dim=2)
    drawn = torch.multinomial(area, count, replacement=True, generator=generator)
    u, v = torch.rand((2, *drawn.shape), dtype=vertices.dtype, generator=generator)
    root = u.sqrt()
    weights = torch.stack([1 - root, root * (1 - v), root * v], dim=2)
    corners = mesh.triangles[drawn]  # (B, N, 3)
    batch = torch.arange(len(vertices))[:, None, None]
    points = (vertices[batch, corners] * weights[..., None]).sum(dim=2)
    return points, torch.nn.functional.normalize(_pick(normals, drawn), dim=2)
