"""Basel 2009: made-up files of exactly the layout of the real ones, in small."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from headshot.apps.cli.main import app
from headshot.apps.keypoint.fit import KeypointSettings, fit_keypoints
from headshot.errors import ModelFormatError
from headshot.exit_codes import ExitCode
from headshot.geometry.raster import vertex_normals
from headshot.models.readers import read_linear_model
from headshot.models.readers.basel2009 import prepare, read_basel2009
from headshot.models.readers.basel_front import (
    BaselFront,
    harmonics,
    load_front,
    project,
    rotation,
    save_front,
    shade,
    split,
)

from .conftest import GRID, surface

savemat = pytest.importorskip("scipy.io").savemat


class Files:
    """A folder of made-up files, and the numbers in them."""

    def __init__(self, folder: Path) -> None:
        rng = np.random.default_rng(3)
        points, triangles = surface()
        extra = 40  # vertices of the whole model that the face does not have, as the inner mouth
        self.folder, self.triangles = folder, triangles
        self.whole = np.concatenate([points, rng.uniform(-50, 50, (extra, 3))]) * 1000  # micrometres
        count, face = len(self.whole), len(points)
        self.trim = np.sort(rng.permutation(count)[: count - 10])
        self.trim = np.union1d(self.trim, np.arange(face))  # the face is kept
        self.front = np.flatnonzero(self.trim < face)
        self.shape_pc = rng.standard_normal((3 * count, 199)).astype(np.float32) / 60
        self.shape_ev = np.linspace(9e4, 1e3, 199).astype(np.float32)[:, None]
        self.tex_mu = rng.uniform(60, 220, (3 * count, 1)).astype(np.float32)
        self.tex_pc = rng.standard_normal((3 * count, 199)).astype(np.float32) / 60
        self.tex_ev = np.linspace(900, 10, 199).astype(np.float32)[:, None]
        self.exp = rng.standard_normal((79, 3 * len(self.trim))).astype(np.float32) / 60
        self.std = np.linspace(5e4, 1e3, 79)
        middle = np.arange(GRID * GRID).reshape(GRID, GRID)
        self.keypoints = rng.choice(middle[1:-1, 1:-1].ravel(), 68, replace=False)
        self.around = np.full((face, 8), len(triangles))
        for vertex in range(face):
            owners = np.flatnonzero((triangles == vertex).any(axis=1))
            self.around[vertex, : len(owners)] = owners
        self.small = np.flatnonzero(np.abs(points[:, 0]) < 50)
        local = np.full(face, -1)
        local[self.small] = np.arange(len(self.small))
        inside = local[triangles]
        self.small_triangles = inside[(inside >= 0).all(axis=1)]
        self.write()

    def write(self) -> None:
        def save(name: str, **variables: np.ndarray) -> None:
            savemat(self.folder / name, variables, do_compression=True)

        save(
            "01_MorphableModel.mat",
            shapeMU=self.whole.reshape(-1, 1).astype(np.float32),
            shapePC=self.shape_pc, shapeEV=self.shape_ev,
            texMU=self.tex_mu, texPC=self.tex_pc, texEV=self.tex_ev,
            tl=(self.triangles[:, ::-1] + 1).astype(np.int32), segbin=np.zeros((len(self.whole), 4)),
        )  # fmt: skip
        noise = np.random.default_rng(1).standard_normal(self.exp.shape[1])  # the mean that nobody uses
        content = np.int32(79).tobytes() + noise.astype("<f4").tobytes() + self.exp.astype("<f4").tobytes()
        (self.folder / "Exp_Pca.bin").write_bytes(content)
        (self.folder / "std_exp.txt").write_text(" ".join(f"{x:g}" for x in self.std))
        save("BFM_exp_idx.mat", trimIndex=(self.trim[:, None] + 1).astype(np.uint16))
        save("BFM_front_idx.mat", idx=(self.front[:, None] + 1).astype(np.float32))
        save("select_vertex_id.mat", select_id=(self.trim[self.front][:, None] + 1).astype(np.uint16))
        save(
            "facemodel_info.mat",
            tri=(self.triangles + 1).astype(np.float32), point_buf=(self.around + 1).astype(np.float32),
            keypoints=(self.keypoints[None] + 1).astype(np.float32),
            tri_mask2=(self.small_triangles + 1).astype(np.float32),
            frontmask2_idx=(self.small[:, None] + 1).astype(np.float32),
            skinmask=np.ones((1, len(self.around)), np.float32),
        )  # fmt: skip


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> BaselFront:
    return prepare(Files(tmp_path_factory.mktemp("basel")).folder)


def test_preparation_selects_and_scales(files: Files) -> None:
    model = prepare(files.folder)
    face = GRID * GRID
    # decimetres, centred; 80, 64 and 80 modes per standard deviation
    mean = files.whole[:face] / 1e5
    np.testing.assert_allclose(model.mean, mean - mean.mean(axis=0), atol=1e-5)
    identity = (files.shape_pc * files.shape_ev.T)[:, :80].T.reshape(80, -1, 3)[:, :face] / 1e5
    np.testing.assert_allclose(model.identity, identity, rtol=1e-5, atol=1e-8)
    row = files.exp.reshape(79, -1, 3)[:64, files.front] * files.std[:64, None, None] / 1e5
    np.testing.assert_allclose(model.expression, row, rtol=1e-4, atol=1e-8)
    texture = (files.tex_pc * files.tex_ev.T)[:, :80].T.reshape(80, -1, 3)[:, :face]
    np.testing.assert_allclose(model.texture, texture, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(model.triangles, files.triangles)
    np.testing.assert_array_equal(model.keypoints, files.keypoints)
    np.testing.assert_array_equal(model.front_triangles, files.small_triangles)


def test_equations(front: BaselFront) -> None:
    rng = np.random.default_rng(0)
    numbers = rng.standard_normal(257) * 0.3
    c = split(numbers)
    shape = front.shape(c.identity, c.expression)
    expected = front.mean + np.einsum("i,ivc->vc", c.identity, front.identity)
    np.testing.assert_allclose(
        shape, expected + np.einsum("i,ivc->vc", c.expression, front.expression), atol=1e-5
    )
    np.testing.assert_allclose(front.texture_of(np.zeros(80)), front.texture_mean / 255, atol=1e-6)
    # a unit of light without direction is pi / sqrt(4 pi) everywhere
    flat = np.zeros((3, 9))
    flat[:, 0] = 1.0 - 0.8
    normals = front.normals(shape)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-5)
    lit = shade(np.ones_like(shape), normals, flat)
    np.testing.assert_allclose(lit, np.pi / np.sqrt(4 * np.pi), rtol=1e-5)
    # colours are texture times light of the turned normals
    turned = normals @ rotation(c.angles).T
    np.testing.assert_allclose(
        front.colours(c), shade(front.texture_of(c.texture), turned, c.light), atol=1e-5
    )
    with pytest.raises(ValueError, match="257"):
        split(numbers[:256])


def test_normals_face_out_and_agree_with_the_meshs(front: BaselFront) -> None:
    own = front.normals(front.mean)
    assert own[:, 2].min() > 0
    assert (own * vertex_normals(front.mean, front.triangles)).sum(axis=1).min() > 0.99


def test_harmonics_are_orthogonal() -> None:
    # By quadrature over the sphere: the squared norms are the clamped-cosine factors pi, 2 pi / sqrt(3) and
    # 2 pi / sqrt(8), squared; but for the third order, whose constant 3 sqrt(5) / sqrt(12 pi) is that of xy.
    z, weight = np.polynomial.legendre.leggauss(8)
    angle = 2 * np.pi * np.arange(16) / 16
    r = np.sqrt(1 - z**2)
    n = np.stack([np.outer(r, np.cos(angle)), np.outer(r, np.sin(angle)), np.outer(z, np.ones(16))], axis=-1)
    y = harmonics(n)
    gram = np.einsum("ijk,ijl,i->kl", y, y, weight) * 2 * np.pi / 16
    assert np.abs(gram - np.diag(np.diag(gram))).max() < 1e-12
    np.testing.assert_allclose(gram[0, 0], np.pi**2)
    np.testing.assert_allclose(np.diag(gram)[1:4], (2 * np.pi / np.sqrt(3)) ** 2)
    np.testing.assert_allclose(np.diag(gram)[4:], np.diag(gram)[4])


def test_rotation_and_projection() -> None:
    quarter = np.pi / 2
    np.testing.assert_allclose(rotation([quarter, 0, 0]) @ [0, 1, 0], [0, 0, 1], atol=1e-12)
    np.testing.assert_allclose(rotation([0, quarter, 0]) @ [0, 0, 1], [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(rotation([0, 0, quarter]) @ [1, 0, 0], [0, 1, 0], atol=1e-12)
    a, b, c = 0.3, -0.2, 0.5
    expected = rotation([0, 0, c]) @ rotation([0, b, 0]) @ rotation([a, 0, 0])
    np.testing.assert_allclose(rotation([a, b, c]), expected)
    np.testing.assert_allclose(
        project([[0, 0, 0], [1, 1, 0], [0, 1, 5]]), [[112, 112], [213.5, 10.5], [112, -91]]
    )


def test_npz_and_command(files: Files, tmp_path: Path) -> None:
    out = tmp_path / "front.npz"
    result = CliRunner().invoke(app, ["convert-basel", str(files.folder), "-o", str(out)])
    assert result.exit_code == 0, result.output
    assert "169 vertices, 80 identity, 64 expression, 80 texture" in result.output
    a, b = prepare(files.folder), load_front(out)
    np.testing.assert_array_equal(a.identity, b.identity)
    np.testing.assert_array_equal(a.skin, b.skin)
    with np.load(out) as saved:  # as prepared before names and terms were kept
        np.savez(tmp_path / "old.npz", **{k: v for k, v in saved.items() if k not in ("name", "terms")})
        np.savez(tmp_path / "numbers.npz", **{**saved, "terms": np.zeros(3)})
    for file in ("front.npz", "old.npz"):
        linear = load_front(tmp_path / file).linear_model()
        assert linear.name.startswith("Basel Face Model 2009") and "University of Basel" in linear.terms
    with pytest.raises(ModelFormatError, match="one text each"):
        load_front(tmp_path / "numbers.npz")
    for _ in range(2):  # its own file may be replaced
        save_front(b, tmp_path / "again.npz")
    (tmp_path / "bad.npz").write_bytes(b"PK nothing")
    np.savez(tmp_path / "other.npz", faces=np.zeros(3))
    for name in ("bad.npz", "other.npz"):
        before = (tmp_path / name).read_bytes()
        refused = CliRunner().invoke(app, ["convert-basel", str(files.folder), "-o", str(tmp_path / name)])
        assert refused.exit_code == ExitCode.UNWRITABLE and "is not replaced" in refused.output
        assert (tmp_path / name).read_bytes() == before
    assert not [p.name for p in tmp_path.iterdir() if p.name.startswith(".")]
    with pytest.raises(ModelFormatError, match="not a zip file"):
        read_linear_model(tmp_path / "bad.npz")
    with pytest.raises(ModelFormatError, match="convert-basel"):
        load_front(tmp_path / "bad.npz")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("01_MorphableModel.mat", r"faces\.dmi\.unibas\.ch"),
        ("Exp_Pca.bin", "Coarse_Dataset"),
        ("std_exp.txt", "Deep3DFaceRecon"),
        ("facemodel_info.mat", "Deep3DFaceRecon"),
        ("BFM_front_idx.mat", "Deep3DFaceRecon"),
    ],
)
def test_missing_files_say_where_from(files: Files, name: str, hint: str) -> None:
    (files.folder / name).unlink()
    with pytest.raises(ModelFormatError, match=hint) as caught:
        prepare(files.folder)
    assert name in str(caught.value)
    result = CliRunner().invoke(app, ["convert-basel", str(files.folder)])
    assert result.exit_code == ExitCode.UNREADABLE


def test_files_that_do_not_belong_together(files: Files) -> None:
    savemat(files.folder / "select_vertex_id.mat", {"select_id": np.ones((169, 1))})
    with pytest.raises(ModelFormatError, match="select_vertex_id"):
        prepare(files.folder)
    files.write()
    savemat(files.folder / "BFM_front_idx.mat", {"idx": np.full((169, 1), 5000.0)})
    with pytest.raises(ModelFormatError, match="do not belong"):
        prepare(files.folder)
    files.write()
    content = (files.folder / "Exp_Pca.bin").read_bytes()
    (files.folder / "Exp_Pca.bin").write_bytes(content[:-4])
    with pytest.raises(ModelFormatError, match="no basis"):
        prepare(files.folder)
    files.write()
    savemat(files.folder / "01_MorphableModel.mat", {"shapeMU": np.zeros((9, 1))})
    with pytest.raises(ModelFormatError, match="has no variable"):
        prepare(files.folder)


def test_whole_model(files: Files) -> None:
    model = read_basel2009(files.folder)
    assert model.identity.shape == (199, len(files.whole), 3) and len(model.expression) == 0
    np.testing.assert_allclose(model.mean + model.origin, files.whole / 1000, atol=1e-3)
    np.testing.assert_array_equal(model.triangles, files.triangles)  # the file's were clockwise
    vertices = files.trim[files.front][files.keypoints]
    places = model.landmarks.points.on(model.mean, model.triangles)
    np.testing.assert_array_equal(places, model.mean[vertices[model.landmarks.index]])


def test_linear_model_is_in_millimetres_and_fits(front: BaselFront) -> None:
    model = front.linear_model()
    np.testing.assert_allclose(model.mean + model.origin, front.mean * 100, atol=1e-3)
    np.testing.assert_allclose(model.identity, front.identity * 100, rtol=1e-6)
    rng = np.random.default_rng(8)
    a = rng.standard_normal(80)
    face = model.shape(a, np.zeros(64))
    points = np.full((68, 2), np.nan)
    places = model.landmarks.points.on(face, model.triangles)
    points[model.landmarks.index] = places[:, :2] * [2.0, -2.0] + [200, 210]
    fit = fit_keypoints(points, model, (400, 400), settings=KeypointSettings("orthographic", noise=0.002))
    assert fit.rms < 0.5 and abs(fit.view.angles[0]) < 4
