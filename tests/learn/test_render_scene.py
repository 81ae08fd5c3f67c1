"""Cameras, lights and stitching of the differentiable renderer against closed forms and the core's own."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from headshot.geometry.camera import Camera, rotation_from_angles  # noqa: E402
from headshot.geometry.light import shade  # noqa: E402
from headshot.geometry.raster import rasterise, vertex_normals  # noqa: E402
from headshot.learn.render import (  # noqa: E402
    AmbientLights,
    DirectionalLights,
    Material,
    Meshes,
    MeshRenderer,
    PerspectiveCameras,
    PointLights,
    RendererSettings,
    SoftSettings,
    SphericalHarmonics,
    VertexColours,
    from_pytorch3d,
    look_at_view_transform,
    stitch,
    to_linear,
    to_srgb,
)
from headshot.learn.shapes import ico_sphere  # noqa: E402

F64 = torch.float64


def some_points(seed=0):
    return torch.randn((1, 20, 3), generator=torch.Generator().manual_seed(seed), dtype=F64)


def test_cameras_of_photos_project_alike():
    ours = [
        Camera(200, 300, 700.0, (101.0, 148.5), rotation_from_angles(y, 5, -3), np.array([3.0, -8, -620]))
        for y in (0, 25)
    ]
    points = some_points() * 80
    xy, depth = PerspectiveCameras.from_cameras(ours, F64).project(points)
    for b, camera in enumerate(ours):
        np.testing.assert_allclose(xy[b], camera.project(points[0].numpy()), rtol=1e-12)
        np.testing.assert_allclose(depth[b], -camera.to_camera(points[0].numpy())[:, 2], rtol=1e-12)
    np.testing.assert_allclose(
        PerspectiveCameras.from_cameras(ours, F64).positions(), [camera.position for camera in ours]
    )


def test_look_at():
    rotation, translation = look_at_view_transform(2.7, [0, 10, 90], [0, 150, 0], at=(0.1, 0.2, 0.3))
    camera = PerspectiveCameras.from_fov((100, 200), 60, rotation, translation)
    xy, depth = camera.project(torch.tensor([[[0.1, 0.2, 0.3]]]).expand(3, 1, 3))
    torch.testing.assert_close(xy, torch.tensor([100.0, 50]).expand(3, 1, 2), atol=1e-4, rtol=0)
    torch.testing.assert_close(depth, torch.full((3, 1), 2.7))
    torch.testing.assert_close(
        rotation @ rotation.transpose(1, 2), torch.eye(3).expand(3, 3, 3), atol=1e-6, rtol=0
    )
    assert (torch.linalg.det(rotation) > 0.99).all()
    # Azimuth 0 is in front: x to the right, y up in the picture; 150 degrees is behind.
    right = camera.project(torch.tensor([[[0.2, 0.2, 0.3]]]).expand(3, 1, 3))[0][:, 0, 0]
    assert right[0] > 100 > right[1]
    up = camera.project(torch.tensor([[[0.1, 0.3, 0.3]]]).expand(3, 1, 3))[0][:, 0, 1]
    assert up[0] < 50
    assert up[1] < 50
    # The shorter side shows 60 degrees.
    edge = 2.7 * np.tan(np.pi / 6)
    top = camera.project(torch.tensor([[[0.1, 0.2 + edge, 0.3]]], dtype=torch.float32))[0][0, 0, 1]
    assert float(top) == pytest.approx(0, abs=1e-3)


def test_pytorch3d_poses_mean_the_same_camera():
    """X_view = X R + T with x left and z ahead, as its documentation defines it."""
    generator = torch.Generator().manual_seed(2)
    rotation = torch.linalg.qr(torch.randn((1, 3, 3), generator=generator, dtype=F64))[0]
    rotation = rotation * torch.linalg.det(rotation)
    translation = torch.tensor([[0.1, -0.2, 5]], dtype=F64)
    points = some_points()
    theirs = points @ rotation + translation
    xy, depth = PerspectiveCameras.from_fov(100, 40, *from_pytorch3d(rotation, translation)).project(points)
    scale = 1 / np.tan(np.radians(20))
    ndc = scale * theirs[..., :2] / theirs[..., 2:]  # x left, y up
    torch.testing.assert_close(xy, 50 - 50 * ndc)
    torch.testing.assert_close(depth, theirs[..., 2])


def test_harmonics_shade_as_the_core_does():
    normals = torch.nn.functional.normalize(some_points(), dim=-1)
    light = torch.randn((2, 9, 3), generator=torch.Generator().manual_seed(3), dtype=F64)
    factor, highlight = SphericalHarmonics(light).shade(normals, normals, normals[:, 0], Material())
    assert highlight is None
    for b in range(2):
        np.testing.assert_allclose(factor[b], shade(np.ones(3), normals[0].numpy(), light[b].numpy()))


def test_lamps_follow_phong():
    # Light from 60 degrees off the normal, the eye in the mirrored direction.
    normal = torch.tensor([[[0.0, 0, 1]]], dtype=F64)
    point = torch.zeros((1, 1, 3), dtype=F64)
    light, eye = (np.sqrt(3) / 2, 0, 0.5), torch.tensor([[-np.sqrt(3), 0, 1.0]], dtype=F64)
    colours = {"ambient": (0.1, 0.2, 0.3), "diffuse": (0.4, 0.5, 0.6), "specular": (0.7, 0.8, 0.9)}
    material = Material(ambient=(1, 1, 0.5), diffuse=(1, 0.5, 1), specular=(0.5, 1, 1), shininess=7)
    for lamp in (DirectionalLights(light, **colours), PointLights(light, **colours)):
        factor, highlight = lamp.shade(point, normal, eye, material)
        np.testing.assert_allclose(factor[0, 0], [0.1 + 0.2, 0.2 + 0.125, 0.15 + 0.3])
        np.testing.assert_allclose(highlight[0, 0], [0.35, 0.8, 0.9])
        # An eye 30 degrees away from the mirrored direction.
        turned = torch.tensor([[-0.5, 0, np.sqrt(3) / 2]], dtype=F64)
        _, weaker = lamp.shade(point, normal, turned, material)
        np.testing.assert_allclose(weaker[0, 0], np.array([0.35, 0.8, 0.9]) * (np.sqrt(3) / 2) ** 7)
        behind, none = lamp.shade(point, -normal, eye, material)
        np.testing.assert_allclose(behind[0, 0], [0.1, 0.2, 0.15])
        assert (none == 0).all()
    factor, highlight = AmbientLights((0.5, 0.6, 0.7)).shade(point, normal, eye, material)
    np.testing.assert_allclose(factor[0, 0], [0.5, 0.6, 0.35])
    assert highlight is None


@pytest.mark.parametrize("kind", [DirectionalLights, PointLights])
def test_lamps_have_finite_gradients_at_grazing_light(kind):
    where = torch.tensor([0.0, 0, 1], dtype=F64, requires_grad=True)
    normals = torch.tensor([[[0.0, 1, 0], [0, 0, -1], [0, 0, 0], [0, 0, 1]]], dtype=F64, requires_grad=True)
    shininess = torch.tensor(0.5, dtype=F64, requires_grad=True)
    points, eye = torch.zeros_like(normals), torch.tensor([[1.0, 0, 0]], dtype=F64)
    factor, highlight = kind(where).shade(points, normals, eye, Material(shininess=shininess))
    (factor.sum() + highlight.sum()).backward()
    for tensor in (where, normals, shininess):
        assert torch.isfinite(tensor.grad).all()


def test_normals_and_pictures_are_those_of_the_core():
    shape = ico_sphere(2)
    meshes = Meshes(torch.tensor(shape.vertices), shape.triangles)
    np.testing.assert_allclose(
        meshes.normals()[0], vertex_normals(shape.vertices, shape.triangles), atol=1e-6
    )
    camera = PerspectiveCameras.from_fov(64, 60, *look_at_view_transform(2.7, 20, 30))
    out = MeshRenderer(camera, settings=RendererSettings(64, antialias=False, cull=True))(meshes)
    xy, depth = camera.project(meshes.vertices)
    raster = rasterise(xy[0].numpy(), depth[0].numpy(), shape.triangles, 64, 64)
    np.testing.assert_array_equal(out.silhouette[0], raster.triangle >= 0)
    np.testing.assert_allclose(out.depth[0], np.where(raster.triangle >= 0, raster.depth, 0))


@pytest.mark.parametrize("soft", [None, SoftSettings()])
def test_stitching(soft):
    shape = ico_sphere(2)
    colour = torch.tensor([0.2, 0.4, 0.9])
    vertices = torch.tensor(shape.vertices, requires_grad=True)
    meshes = Meshes(vertices, shape.triangles, VertexColours(colour.expand(len(shape.vertices), 3)))
    camera = PerspectiveCameras.from_fov(48, 60, *look_at_view_transform(4.0))
    photo = torch.rand((48, 48, 3), generator=torch.Generator().manual_seed(0))
    mask = torch.zeros((48, 48))
    mask[:, :24] = 1
    settings = [RendererSettings(48, soft=soft, background=b) for b in (0.0, 1.0)]
    pictures = [MeshRenderer(camera, settings=each)(meshes) for each in settings]
    whole, half = stitch(pictures[0], photo), stitch(pictures[0], photo, mask)
    torch.testing.assert_close(whole, stitch(pictures[1], photo))  # the background does not matter
    assert (whole[0, :2] == photo[:2]).all()
    centre = colour.expand(8, 8, 3)
    torch.testing.assert_close(whole[0, 20:28, 20:28], centre, atol=1e-5, rtol=0)
    assert (half[0, :, 24:] == photo[:, 24:]).all()
    torch.testing.assert_close(half[0, :, :24], whole[0, :, :24])
    (half - photo).square().sum().backward()
    # Only the half that is stitched in pulls at the mesh.
    left = vertices.detach()[:, 0] < -0.1
    assert (vertices.grad[left] != 0).any()
    assert (vertices.grad[vertices.detach()[:, 0] > 0.3] == 0).all()
    with pytest.raises(ValueError, match="size of the rendering"):
        stitch(pictures[0], photo[:40])
    with pytest.raises(ValueError, match="mask"):
        stitch(pictures[0], photo, mask[:40])


@pytest.mark.parametrize("soft", [None, SoftSettings()])
def test_a_wrong_face_cannot_hide_behind_its_photo(soft):
    """Where the mesh is, along edges between triangles too, nothing of the photo is left."""
    shape = ico_sphere(3)
    colours = torch.rand((len(shape.vertices), 3), generator=torch.Generator().manual_seed(1))
    mesh = Meshes(torch.tensor(shape.vertices), shape.triangles, VertexColours(colours))
    camera = PerspectiveCameras.from_fov(64, 60, *look_at_view_transform(3.0))
    plain = MeshRenderer(camera, settings=RendererSettings(64, antialias=False))(mesh)
    drawn = MeshRenderer(camera, settings=RendererSettings(64, soft=soft, cull=True))(mesh)
    # All four neighbours are covered too: antialiasing reaches one pixel across a silhouette.
    covered = torch.nn.functional.max_pool2d(1 - plain.silhouette, 3, 1, 1)[0] == 0
    assert covered.sum() > 700
    photos = torch.zeros((64, 64, 3)), torch.ones((64, 64, 3))
    dark, bright = (stitch(drawn, photo)[0] for photo in photos)
    torch.testing.assert_close(dark[covered], bright[covered], atol=1e-6, rtol=0)
    torch.testing.assert_close(dark[covered], plain.rgb[0][covered], atol=0.06 if soft else 1e-6, rtol=0)
    # So the whole difference of the colours is in the image loss.
    error = (bright - photos[1]).square()[covered].mean()
    expected = (plain.rgb[0] - photos[1]).square()[covered].mean()
    assert float(error) == pytest.approx(float(expected), rel=0.01)
    outside = plain.silhouette[0] == 0
    assert (bright[outside] == 1).sum() > 1000


def test_stitching_has_the_slopes_of_finite_differences():
    """So soft that the weight of the background, and with it the photo's, changes everywhere."""
    shape = ico_sphere(0)
    soft = SoftSettings(sigma=2e-2, gamma=0.2, dist_eps=1e-13, near=1, far=6)
    camera = PerspectiveCameras.from_fov(10, 60, *look_at_view_transform(3.0, 20, 30))
    camera = PerspectiveCameras(
        *(getattr(camera, f).double() for f in ("focal", "centre", "rotation", "translation"))
    )
    random = torch.Generator().manual_seed(2)

    def some(*size):
        return torch.rand(size, generator=random, dtype=F64, requires_grad=True)

    vertices = torch.tensor(shape.vertices, dtype=F64, requires_grad=True)
    renderer = MeshRenderer(camera, settings=RendererSettings(10, soft=soft, background=0.3))

    def stitched(vertices, colours, photo, mask):
        drawn = renderer(Meshes(vertices, shape.triangles, VertexColours(colours)))
        share = drawn.coverage
        assert share.min() < 0.3 and 0.7 < share.max() < 1
        return stitch(drawn, photo, mask)

    arguments = vertices, some(len(shape.vertices), 3), some(10, 10, 3), some(10, 10)
    assert torch.autograd.gradcheck(stitched, arguments, eps=1e-6, atol=1e-6)


def test_srgb():
    encoded = torch.linspace(0, 1, 256, dtype=F64, requires_grad=True)
    linear = to_linear(encoded)
    torch.testing.assert_close(to_srgb(linear), encoded)
    assert float(to_linear(torch.tensor(0.5))) == pytest.approx(0.21404, abs=1e-5)
    dark = torch.tensor([-0.1, 0, 0.001, 0.9, 1.1], dtype=F64, requires_grad=True)
    assert torch.autograd.gradcheck(to_srgb, [dark])
    assert torch.autograd.gradcheck(to_linear, [dark])
