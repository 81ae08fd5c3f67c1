"""The hard renderer from torch: gradients through everything, odd meshes, batches, textures."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from headshot.learn.render import (  # noqa: E402
    DirectionalLights,
    Meshes,
    MeshRenderer,
    PerspectiveCameras,
    PointLights,
    RendererSettings,
    SoftSettings,
    SphericalHarmonics,
    Topology,
    UVTexture,
    VertexColours,
    look_at_view_transform,
)
from headshot.learn.shapes import ico_sphere  # noqa: E402

SIZE = 24
SPHERE = ico_sphere(1)
TOPOLOGY = Topology(SPHERE.triangles, len(SPHERE.vertices))


def camera(dtype=torch.float64, **pose):
    rotation, translation = look_at_view_transform(**({"dist": 2.7, "elev": 15, "azim": 25} | pose))
    return PerspectiveCameras.from_fov(SIZE, 60, rotation.to(dtype), translation.to(dtype))


def rough_sphere(seed=0):
    rng = np.random.default_rng(seed)
    return torch.tensor(SPHERE.vertices * rng.uniform(0.8, 1.1, (len(SPHERE.vertices), 1)))


def texture(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand((6, 5, 3), generator=generator, dtype=torch.float64)


LIGHTS = {
    "none": lambda: None,
    "harmonics": lambda: SphericalHarmonics(
        torch.randn((9, 3), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    ),
    "directional": lambda: DirectionalLights(direction=(0.3, 0.5, 1.0)),
    "point": lambda: PointLights(location=(0.5, 1.0, 2.0)),
}


@pytest.mark.parametrize("light", LIGHTS)
@pytest.mark.parametrize("per_pixel", [False, True])
@pytest.mark.parametrize("textured", [False, True])
def test_gradients(light, per_pixel, textured):
    if light == "none" and per_pixel:
        pytest.skip("nothing to light")
    vertices = rough_sphere().requires_grad_()
    eyes = camera()
    rotation, translation = (t.clone().requires_grad_() for t in (eyes.rotation, eyes.translation))
    focal = eyes.focal.clone().requires_grad_()
    image = texture().requires_grad_()
    uv = (rough_sphere()[:, :2] * 0.4 + 0.5).requires_grad_()
    colours = torch.rand((len(vertices), 3), dtype=torch.float64).requires_grad_()
    settings = RendererSettings(SIZE, per_pixel=per_pixel)

    def draw(vertices, rotation, translation, focal, image, uv, colours):
        look = UVTexture(image, uv, SPHERE.triangles) if textured else VertexColours(colours)
        cameras = PerspectiveCameras(focal, eyes.centre, rotation, translation)
        out = MeshRenderer(cameras, LIGHTS[light](), settings)(Meshes(vertices, TOPOLOGY, look))
        return out.rgba, out.depth, out.foreground

    inputs = (vertices, rotation, translation, focal, image, uv, colours)
    used = [t if textured or (t is not image and t is not uv) else t.detach() for t in inputs]
    used = [t.detach() if textured and t is colours else t for t in used]
    assert torch.autograd.gradcheck(draw, used, eps=1e-7, atol=1e-5, rtol=1e-4, fast_mode=True)


def test_silhouettes_move_the_picture():
    """What colour and barycentrics alone miss: a white disc that grows covers more."""
    vertices = torch.tensor(SPHERE.vertices, dtype=torch.float64)
    eyes = camera()
    big = PerspectiveCameras(eyes.focal * 4, eyes.centre * 4, eyes.rotation, eyes.translation)

    def covered(scale):
        meshes = Meshes(vertices * scale, TOPOLOGY)
        return MeshRenderer(big, settings=RendererSettings(96))(meshes).silhouette.sum()

    scale = torch.tensor(0.8, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(covered(scale), [scale])
    wide = float(covered(torch.tensor(0.82)) - covered(torch.tensor(0.78))) / 0.04
    assert float(slope) == pytest.approx(wide, rel=0.02)
    assert wide > 1000


BROKEN = {
    "no triangles": (SPHERE.vertices, np.zeros((0, 3), np.int32)),
    "no vertices": (np.zeros((0, 3)), np.zeros((0, 3), np.int32)),
    "a point": (np.zeros((3, 3)), np.array([[0, 1, 2]])),
    "a line": (np.array([[-1.0, 0, 0], [0, 0, 0], [1, 0, 0]]), np.array([[0, 1, 2]])),
    "a corner twice": (SPHERE.vertices, np.array([[0, 0, 1], [2, 3, 2], [4, 5, 6]])),
    "behind the camera": (SPHERE.vertices + [0, 0, 9], SPHERE.triangles),
    "around the camera": (SPHERE.vertices * 3, SPHERE.triangles),
    "in the camera's plane": (SPHERE.vertices * [1, 1, 0] + [0, 0, 2.7], SPHERE.triangles),
    "out of sight": (SPHERE.vertices + [50, 0, 0], SPHERE.triangles),
}


@pytest.mark.parametrize("soft", [None, SoftSettings(sigma=1e-3)])
@pytest.mark.parametrize("light", ["none", "harmonics", "point"])
@pytest.mark.parametrize("case", BROKEN)
def test_odd_meshes_give_finite_pictures_and_gradients(case, light, soft):
    points, faces = BROKEN[case]
    vertices = torch.tensor(np.asarray(points), dtype=torch.float32, requires_grad=True)
    colours = torch.full((len(vertices), 3), 0.5, requires_grad=True)
    eyes = camera(torch.float32, elev=0, azim=0)
    rotation = eyes.rotation.clone().requires_grad_()
    cameras = PerspectiveCameras(eyes.focal, eyes.centre, rotation, eyes.translation)
    renderer = MeshRenderer(cameras, LIGHTS[light](), RendererSettings(SIZE, soft=soft))
    out = renderer(Meshes(vertices, faces, VertexColours(colours)))
    (out.rgba.square().sum() + out.depth.square().sum() + out.foreground.sum()).backward()
    for tensor in (out.rgba, out.depth, out.foreground, vertices.grad, colours.grad, rotation.grad):
        assert torch.isfinite(tensor).all()
    if case in ("no triangles", "a point", "a line", "behind the camera", "out of sight"):
        assert (out.rgb == 1).all()
        assert (out.silhouette == 0).all()
        assert (vertices.grad == 0).all()


def test_batch_equals_one_by_one_on_threads():
    batch = torch.stack([rough_sphere(s) for s in range(3)]).float().requires_grad_()
    light = torch.randn((3, 9, 3), generator=torch.Generator().manual_seed(0))
    eyes = camera(torch.float32, azim=[0.0, 30.0, 60.0])
    meshes = Meshes(batch, TOPOLOGY, VertexColours(batch.detach() / 3 + 0.5))
    settings = RendererSettings(SIZE, threads=2)
    together = MeshRenderer(eyes, SphericalHarmonics(light), settings)(meshes)
    together.rgba.square().sum().backward()
    for b in range(3):
        cameras = PerspectiveCameras(eyes.focal, eyes.centre, eyes.rotation[b], eyes.translation[b])
        alone = batch[b : b + 1].detach().requires_grad_()
        one = MeshRenderer(cameras, SphericalHarmonics(light[b]), settings)(meshes[b].with_vertices(alone))
        one.rgba.square().sum().backward()
        torch.testing.assert_close(one.rgba[0], together.rgba[b])
        torch.testing.assert_close(one.depth[0], together.depth[b])
        torch.testing.assert_close(alone.grad[0], batch.grad[b])


@pytest.mark.parametrize("soft", [None, SoftSettings(sigma=1e-3)])
@pytest.mark.parametrize("per_pixel", [False, True])
def test_meshes_with_their_own_triangles(soft, per_pixel):
    if soft and per_pixel:
        pytest.skip("soft mode lights vertices")
    small, large = ico_sphere(1), ico_sphere(2)
    shapes = [torch.tensor(s.vertices).requires_grad_() for s in (small, large)]
    colours_of = [VertexColours(torch.tensor(s.vertices) / 2 + 0.5) for s in (small, large)]
    faces = [small.triangles, large.triangles]
    light = PointLights(location=((2.0, 2.0, 2.0), (-2.0, 2.0, 2.0)))
    settings = RendererSettings(SIZE, soft=soft, per_pixel=per_pixel)
    eyes = camera(torch.float32)
    together = MeshRenderer(eyes, light, settings)(Meshes(shapes, faces, colours_of))
    found = torch.autograd.grad(together.rgba.square().sum(), shapes)
    for b in range(2):
        one = MeshRenderer(eyes, PointLights(location=light.location[b]), settings)(
            Meshes(shapes[b], faces[b], colours_of[b])
        )
        torch.testing.assert_close(one.rgba[0], together.rgba[b])
        torch.testing.assert_close(
            torch.autograd.grad(one.rgba.square().sum(), [shapes[b]])[0], found[b], rtol=1e-4, atol=1e-4
        )


@pytest.mark.parametrize("soft", [None, SoftSettings(sigma=1e-7, gamma=1e-6)])
def test_a_texture_lies_the_right_way_up(soft):
    square = torch.tensor([[-1.0, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]])
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    uv = torch.tensor([[0.0, 1], [1, 1], [1, 0], [0, 0]])  # origin top left
    image = torch.rand((SIZE, SIZE, 3), generator=torch.Generator().manual_seed(0))
    # The square fills the picture, so that every pixel shows its texel.
    rotation, translation = look_at_view_transform(2.0)
    eyes = PerspectiveCameras(
        torch.tensor(float(SIZE)), torch.tensor([SIZE / 2, SIZE / 2]), rotation, translation
    )
    out = MeshRenderer(eyes, settings=RendererSettings(SIZE, soft=soft))(
        Meshes(square, faces, UVTexture(image, uv, faces))
    )
    torch.testing.assert_close(out.rgb[0], image, atol=2e-4, rtol=0)
    torch.testing.assert_close(out.depth[0], torch.full((SIZE, SIZE), 2.0), atol=1e-4, rtol=0)


def test_several_views_and_several_lights_of_one_mesh():
    mesh = Meshes(rough_sphere().float(), TOPOLOGY)
    views = MeshRenderer(camera(torch.float32, azim=[0.0, 90.0]), settings=RendererSettings(SIZE))(mesh)
    assert views.rgba.shape == (2, SIZE, SIZE, 4)
    light = SphericalHarmonics(torch.rand(3, 9, 3))
    lit = MeshRenderer(camera(torch.float32), light, RendererSettings((SIZE, 2 * SIZE)))(mesh)
    assert lit.rgba.shape == (3, SIZE, 2 * SIZE, 4)
    with pytest.raises(ValueError, match="different batches"):
        MeshRenderer(camera(torch.float32, azim=[0.0, 90.0]), light)(mesh)


def test_wrong_arguments_say_what_is_wrong():
    vertices = rough_sphere().float()
    eyes = camera(torch.float32)
    with pytest.raises(ValueError, match="must have shape"):
        Meshes(vertices[:, :2], TOPOLOGY)
    with pytest.raises(ValueError, match="float32 or float64"):
        Meshes(vertices.half(), TOPOLOGY)
    with pytest.raises(ValueError, match="as many lists"):
        Meshes([vertices, vertices], [SPHERE.triangles])
    with pytest.raises(ValueError, match="vertex colours were given"):
        MeshRenderer(eyes)(Meshes(vertices, TOPOLOGY, VertexColours(vertices[1:])))
    with pytest.raises(ValueError, match="3 channels"):
        MeshRenderer(eyes, LIGHTS["point"]())(Meshes(vertices, TOPOLOGY, VertexColours(vertices[:, :1])))
    with pytest.raises(ValueError, match="the texture has"):
        MeshRenderer(eyes)(
            Meshes(vertices, TOPOLOGY, UVTexture(texture(), vertices[:, :2], SPHERE.triangles[1:]))
        )
    with pytest.raises(ValueError, match="per_pixel"):
        RendererSettings(soft=SoftSettings(), per_pixel=True)
