"""Cameras, lights and pictures against PyTorch3D's, where it is installed."""

from __future__ import annotations

from math import log

import pytest

torch = pytest.importorskip("torch")
theirs = pytest.importorskip("pytorch3d.renderer")

from pytorch3d.structures import Meshes as TheirMeshes  # noqa: E402

from headshot.learn.render import (  # noqa: E402
    DirectionalLights,
    Material,
    Meshes,
    MeshRenderer,
    PerspectiveCameras,
    PointLights,
    RendererSettings,
    SoftSettings,
    VertexColours,
    from_pytorch3d,
    look_at_view_transform,
)
from headshot.learn.shapes import ico_sphere  # noqa: E402

VIEWS = pytest.mark.parametrize("view", [(2.7, 0, 0), (2.7, 20, 35), (4, -50, 200)])


@VIEWS
def test_the_same_arguments_are_the_same_camera(view):
    points = torch.randn((1, 50, 3), generator=torch.Generator().manual_seed(0)) * 0.5
    rotation, translation = theirs.look_at_view_transform(*view)
    camera = theirs.FoVPerspectiveCameras(R=rotation, T=translation, fov=50)
    expected = camera.transform_points_screen(points, image_size=((100, 100),))[..., :2]
    for pose in (look_at_view_transform(*view), from_pytorch3d(rotation, translation)):
        ours = PerspectiveCameras.from_fov(100, 50, *pose)
        torch.testing.assert_close(ours.project(points)[0], expected, atol=1e-4, rtol=0)
        torch.testing.assert_close(ours.positions(), camera.get_camera_center())


@pytest.mark.parametrize("kind", ["PointLights", "DirectionalLights"])
def test_the_same_arguments_are_the_same_light(kind):
    points = torch.randn((50, 3), generator=torch.Generator().manual_seed(0)) * 0.5
    normals, eye = torch.nn.functional.normalize(points, dim=1), torch.tensor([[0.5, 1.0, 2.0]])
    where = (1.0, 2.0, 3.0)
    if kind == "PointLights":
        ours, other = PointLights(where), theirs.PointLights(location=(where,))
        diffuse = other.diffuse(normals=normals, points=points)
    else:
        ours, other = DirectionalLights(where), theirs.DirectionalLights(direction=(where,))
        diffuse = other.diffuse(normals=normals)
    factor, highlight = ours.shade(points[None], normals[None], eye, Material())
    shininess = theirs.Materials().shininess
    shine = other.specular(normals=normals, points=points, camera_position=eye, shininess=shininess)
    torch.testing.assert_close(factor[0], other.ambient_color + diffuse)
    torch.testing.assert_close(highlight[0], shine, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("sigma", [None, 1e-5, 1e-4])
def test_the_same_picture(sigma):
    shape = ico_sphere(1)
    vertices, faces = torch.tensor(shape.vertices), torch.tensor(shape.triangles.astype("int64"))
    colours = (vertices + 1) / 2
    blur = 0.0 if sigma is None else log(1 / 1e-4 - 1) * sigma
    rotation, translation = theirs.look_at_view_transform(2.7, 20, 30)
    settings = theirs.RasterizationSettings(
        image_size=40, blur_radius=blur, faces_per_pixel=1 if sigma is None else 80
    )
    cameras = theirs.FoVPerspectiveCameras(R=rotation, T=translation, fov=60)
    mesh = TheirMeshes([vertices], [faces], theirs.TexturesVertex([colours]))
    fragments = theirs.MeshRasterizer(cameras, settings)(mesh)
    blend = theirs.BlendParams(sigma=sigma or 1e-8, gamma=1e-4)
    expected = theirs.softmax_rgb_blend(mesh.sample_textures(fragments), fragments, blend)
    soft = None if sigma is None else SoftSettings(sigma=sigma)
    camera = PerspectiveCameras.from_fov(40, 60, *from_pytorch3d(rotation, translation))
    found = MeshRenderer(camera, settings=RendererSettings(40, soft=soft, antialias=False))(
        Meshes(vertices, shape.triangles, VertexColours(colours))
    )
    difference = (found.rgba - expected).abs()
    if sigma is not None:
        assert difference[..., 3].max() < 1e-4
    # Beyond the outline the colour is that of the triangle's nearest point; theirs clips barycentrics.
    inside = fragments.dists[..., 0] <= 0
    assert (difference[inside] > 2e-3).float().mean() < 0.01
