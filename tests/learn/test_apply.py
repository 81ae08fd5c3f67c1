"""Training runs on any photo: figures, meshes and heads, of each kind of run."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from safetensors.torch import load_file, save_file  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

import headshot  # noqa: E402
from headshot.apps.cli.main import app  # noqa: E402
from headshot.errors import HeadshotError, NoFaceError  # noqa: E402
from headshot.exit_codes import ExitCode  # noqa: E402
from headshot.image.photo import Photo, read_photo  # noqa: E402
from headshot.learn import mesh, mesh_plus  # noqa: E402
from headshot.learn.apply import figures  # noqa: E402
from headshot.learn.apply.found import find_main_subject  # noqa: E402
from headshot.learn.apply.runs import KINDS, Given, open_run  # noqa: E402
from headshot.learn.data.cache import FaceCache  # noqa: E402
from headshot.learn.data.faces import face_in, join  # noqa: E402
from headshot.learn.data.mesh_items import Known  # noqa: E402
from headshot.learn.data.prepare import PrepareSettings, prepare  # noqa: E402
from headshot.learn.data.prepared import collate  # noqa: E402
from headshot.learn.data.rendered import render_faces  # noqa: E402
from headshot.learn.engine import Plan  # noqa: E402
from headshot.learn.face import FaceSettings, make_task, paper_plan, run  # noqa: E402
from headshot.learn.losses.perceptual import VGG, VGGLoss  # noqa: E402
from headshot.learn.template import face_template  # noqa: E402

SMALL = FaceSettings(size=48, depth=18, imagenet="none", soft=False, held_out=0.0)


@pytest.fixture(scope="module")
def cache(album: Path, tmp_path_factory: pytest.TempPathFactory) -> FaceCache:
    file = tmp_path_factory.mktemp("cache") / "album.faces"
    prepare(album, file, PrepareSettings())
    return FaceCache(file)


@pytest.fixture(scope="module")
def runs(
    cache: FaceCache, basel_file: Path, photos: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """A tiny run of each kind."""
    root = tmp_path_factory.mktemp("runs")
    for name, model in (("ours", "ours"), ("basel", str(basel_file))):
        run(cache, root / name, replace(SMALL, model=model), paper_plan(1, 1, batch=4))
    plan = Plan(steps=1, batch=2, warm_up=0, every=1, save_every=1)
    found = [face_in(read_photo(photos / f"{name}.jpg"), 64)[0] for name in ("astronaut", "grace_hopper")]
    faces = join([replace(found[0], held_out=np.zeros(1, bool)), found[1]])
    for name in ("paper", "lit", "plus"):
        (root / name).mkdir()
        np.savez(root / name / "faces.npz", **vars(faces))
    for name, template in (("paper", "hemisphere"), ("lit", "face")):
        settings = mesh.MeshSettings(64, template, lit=template == "face")
        mesh.run(root / name, faces, VGGLoss(VGG("vgg16", 1)), plan, settings)
    rendered = render_faces(20, 64, face_template(), seed=1)
    mesh_plus.run(root / "plus", faces, Known(rendered), None, plan)
    return {name: root / name for name in ("ours", "basel", "paper", "lit", "plus")}


@pytest.fixture(scope="module")
def astronaut(photos: Path) -> Photo:
    return read_photo(photos / "astronaut.jpg")


def test_a_run_says_what_it_is_of(runs: dict[str, Path], basel_file: Path) -> None:
    records = {name: json.loads((folder / "run.json").read_text("utf-8")) for name, folder in runs.items()}
    kinds = {name: record["kind"] for name, record in records.items()}
    assert kinds == {
        "ours": "face", "basel": "face", "paper": "meshnet", "lit": "meshnet", "plus": "meshnet+",
    }  # fmt: skip
    assert set(kinds.values()) == set(KINDS)
    assert records["ours"]["model"] is None and records["ours"]["settings"]["size"] == 48
    assert records["basel"]["model"]["path"] == str(basel_file.resolve())
    assert records["plus"]["crop"] == records["paper"]["size"] == 64
    assert all(record["plan"]["batch"] in (2, 4) for record in records.values())


@pytest.mark.parametrize("name", ["ours", "basel"])
def test_a_photo_is_read_as_in_training(
    name: str, runs: dict[str, Path], cache: FaceCache, album: Path, basel_file: Path
) -> None:
    """The same coefficients and pixels of landmarks as of validation, back in the photo's frame."""
    settings = replace(SMALL, model="ours" if name == "ours" else str(basel_file))
    task = make_task(cache, settings, paper_plan(1, batch=4))
    task.network.load_state_dict(load_file(runs[name] / "best" / "network.safetensors"))
    n = cache.photos.index("astronaut/astronaut_0002.jpg")
    validation = task.validate
    batch = collate([validation.stream.item(n)])
    with torch.no_grad():
        out = validation.learner.outcome(task.network.eval(), batch)
        vertices = validation.learner.model.shape(out.coefficients)
        points = validation.learner.model.landmarks(
            validation.learner.model.posed(out.coefficients, vertices)
        )
    loaded = open_run(runs[name])
    subject = find_main_subject(read_photo(album / "astronaut" / "astronaut_0002.jpg"))
    c, camera = loaded.coefficients(subject)
    for field, expected in vars(out.coefficients).items():
        np.testing.assert_allclose(getattr(c, field), expected, atol=2e-5, err_msg=field)
    found = loaded(subject)
    affine = cache.affine[n]
    if name == "basel":  # in training the built-in head has 478 points
        there = points[0].numpy() @ affine[:, :2].T + affine[:, 2]
        np.testing.assert_allclose(found.camera.project(found.mesh.keypoints), there, atol=0.02)
    else:
        model = headshot.load_head_model("low")
        head = model.shape(c.identity[0], c.expression[0])
        at = model.landmarks["mediapipe478"].on(head, model.triangles)
        there = points[0].numpy() @ affine[:, :2].T + affine[:, 2]
        np.testing.assert_allclose(camera.project(at), there, atol=0.02)


@pytest.mark.parametrize("name", ["ours", "basel", "paper", "lit", "plus"])
def test_a_face_lies_where_the_photo_shows_it(name: str, runs: dict[str, Path], astronaut: Photo) -> None:
    subject = find_main_subject(astronaut)
    found = open_run(runs[name])(subject)
    panels = dict(figures.row(found))
    assert list(panels) == ["photo", "landmarks", "in the photo", "alone", "shape", "shape, turned", "turned"]
    seen, marks = found.camera.project(found.mesh.vertices), subject.landmarks.points
    extent = float(np.ptp(marks, axis=0).max())
    assert np.linalg.norm(seen.mean(axis=0) - marks.mean(axis=0)) < 0.35 * extent
    assert 0.5 < np.ptp(seen, axis=0).max() / extent < 2.5
    # Where nothing hides the face its place in the photo shows the mesh's colour, and the photo beyond.
    photo, stitched, alone = (panels[k].astype(int) for k in ("photo", "in the photo", "alone"))
    drawn = (panels["shape"] != panels["shape"][0, 0]).any(axis=2)
    nose = np.rint((marks[4] - figures._close_up(found)[2][:, 2]) / figures._close_up(found)[2][0, 0])
    around = tuple(slice(int(k) - 3, int(k) + 4) for k in nose[::-1])
    assert drawn[around].all()
    assert np.abs(stitched[around] - alone[around]).mean() < 6
    assert np.abs(stitched[:8] - photo[:8]).max() == 0


@pytest.mark.parametrize("name", ["ours", "lit", "plus"])
def test_meshes_are_in_the_head_frame(name: str, runs: dict[str, Path], astronaut: Photo) -> None:
    """Not in that of the camera, whichever way the head is turned: key points lie near the mean head's."""
    turned = Image.fromarray(astronaut.pixels).rotate(25, Image.Resampling.BICUBIC, center=(220, 120))
    found = open_run(runs[name])(find_main_subject(read_photo(turned)))
    model = headshot.load_head_model("low")
    mean = model.landmarks["ibug68"].on(model.mean, model.triangles)
    off = np.linalg.norm(found.mesh.keypoints - mean, axis=1)[17:]
    assert off.mean() < 10


def test_rows_of_meshnet_have_its_papers_contrast(runs: dict[str, Path], astronaut: Photo) -> None:
    found = open_run(runs["paper"])(find_main_subject(astronaut))
    panels = dict(figures.row(found, contrast=True))
    face = (panels["alone"] != panels["alone"][0, 0]).any(axis=2)
    assert np.ptp(panels["more contrast"][face]) == 255 > np.ptp(panels["alone"][face])


def test_the_command_writes_figures_and_meshes(runs: dict[str, Path], photos: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain.png"
    Image.new("RGB", (300, 300), "white").save(plain)
    names = ["astronaut", "grace_hopper"]
    arguments = [str(runs["basel"]), *(str(photos / f"{name}.jpg") for name in names), str(plain)]
    result = CliRunner().invoke(app, ["learn", "apply", *arguments, "-o", str(tmp_path / "out")])
    assert result.exit_code == ExitCode.PARTLY, result.output
    wanted = {f"{name}{end}" for name in names for end in ("_row.png", "_landmarks.png", ".glb", ".obj")}
    wanted |= {"rows.png", "model_keypoints.png", "model_unlit.png", "model_lit.png"}
    assert {file.name for file in (tmp_path / "out").iterdir()} == wanted
    with Image.open(tmp_path / "out" / "rows.png") as rows:
        assert rows.size == (7 * figures.CELL, 26 + 2 * figures.CELL)
    unlit, lit = (np.asarray(Image.open(tmp_path / "out" / f"model_{k}.png"), int) for k in ("unlit", "lit"))
    assert np.abs(unlit - lit).max() > 40
    lines = (tmp_path / "out" / "astronaut.obj").read_text("utf-8").splitlines()
    assert sum(line.startswith("v ") for line in lines) == 225


def test_a_head_by_the_built_in_head_is_like_any_other(
    runs: dict[str, Path], astronaut: Photo, tmp_path: Path
) -> None:
    head = headshot.reconstruct(astronaut, method=runs["ours"])
    c, camera = open_run(runs["ours"]).coefficients(find_main_subject(astronaut))
    np.testing.assert_allclose(head.identity, c.identity[0].numpy(), atol=1e-6)
    np.testing.assert_allclose(head.albedo, c.texture[0].numpy(), atol=1e-6)
    assert head.model.id == "headshot" and head.texture is not None and head.light is not None
    mean = head.project(head.vertices)
    np.testing.assert_allclose(
        mean, camera.project(head.model.shape(head.identity, head.expression)), atol=0.05
    )
    assert "by the network" not in head.name and "not of the fit" in head.quality.warnings[0]
    assert head.estimate.prior == "none"
    head.save(tmp_path, "all")
    again = headshot.load(tmp_path / "astronaut.json")
    np.testing.assert_array_equal(again.vertices, head.vertices)
    assert again.texture is not None


def test_a_head_by_a_basel_model_is_one_of_that_model(
    runs: dict[str, Path], astronaut: Photo, basel_file: Path, tmp_path: Path
) -> None:
    head = headshot.Reconstructor(method=runs["basel"], preload=False)(astronaut)
    assert head.model.file == basel_file.name and len(head.blendshapes) == 64
    assert head.colours is not None and head.texture is None
    found = open_run(runs["basel"])(find_main_subject(astronaut))
    np.testing.assert_allclose(
        head.project(head.vertices), found.camera.project(found.mesh.vertices), atol=0.05
    )
    head.save(tmp_path, "all")
    again = headshot.load(tmp_path / "astronaut.json", model=basel_file)
    np.testing.assert_array_equal(again.vertices, head.vertices)
    with pytest.raises(HeadshotError, match="bundled model"):
        _ = head.albedo_texture


def test_a_head_by_meshnet_plus_lies_where_its_mesh_does(
    runs: dict[str, Path], astronaut: Photo, tmp_path: Path
) -> None:
    head = headshot.reconstruct(astronaut, method=runs["plus"])
    found = open_run(runs["plus"])(find_main_subject(astronaut))
    mesh68 = found.mesh.keypoints[17:]
    off = head.project(head.landmarks68[17:]) - found.camera.project(mesh68)
    assert np.linalg.norm(off, axis=1).mean() < 0.02 * head.observation.face_pixels
    head.save(tmp_path)
    assert headshot.load(tmp_path / "astronaut.json").name == head.name


def test_what_meshnet_lacks_is_said(runs: dict[str, Path], photos: Path, tmp_path: Path) -> None:
    with pytest.raises(HeadshotError, match=r"no identity, no expressions.*headshot learn apply"):
        headshot.Reconstructor(method=runs["paper"])
    result = CliRunner().invoke(app, ["learn", "apply", str(runs["paper"]), str(photos / "astronaut.jpg"),
                                      "-o", str(tmp_path), "--formats", "glb,ply"])  # fmt: skip
    assert result.exit_code == ExitCode.DONE, result.output
    assert {f.suffix for f in tmp_path.iterdir()} == {".png", ".glb", ".ply"}
    assert not list(tmp_path.glob("model_*"))


def test_the_command_reconstruct_takes_a_run(runs: dict[str, Path], photos: Path, tmp_path: Path) -> None:
    arguments = ["reconstruct", str(photos / "astronaut.jpg"), "--method", str(runs["ours"]),
                 "-o", str(tmp_path), "--formats", "json"]  # fmt: skip
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == ExitCode.DONE, result.output
    record = json.loads((tmp_path / "astronaut.json").read_text("utf-8"))
    assert "the network of Jiang and Yang (ours)" in record["source"]["model"]
    again = CliRunner().invoke(app, [*arguments, "--resume"])
    assert "1 of 1 photos were already done" in again.output
    other = CliRunner().invoke(app, [*(a if a != str(runs["ours"]) else str(runs["plus"]) for a in arguments),
                                     "--resume"])  # fmt: skip
    assert "0 of 1 photos were already done" in other.output
    for option in (["--prior", "none"], ["--no-photometric"], ["--one-person"]):
        refused = CliRunner().invoke(app, [*arguments, *option])
        assert refused.exit_code == 2, option


def test_several_photos_are_refused(runs: dict[str, Path], astronaut: Photo) -> None:
    reconstructor = headshot.Reconstructor(method=runs["ours"], preload=False)
    with pytest.raises(HeadshotError, match="reads one photo"):
        reconstructor([astronaut, astronaut])
    subject = find_main_subject(astronaut)
    with pytest.raises(HeadshotError, match="reads one photo"):
        reconstructor.of_faces([(astronaut, subject.face, subject.landmarks)] * 2)


def test_a_run_that_cannot_be_applied_says_why(
    runs: dict[str, Path], basel_file: Path, astronaut: Photo, tmp_path: Path
) -> None:
    def opened(folder: Path, match: str, given: Given | None = None) -> None:
        with pytest.raises(HeadshotError, match=match):
            open_run(folder, given or Given())

    opened(tmp_path / "nowhere", "there is no training run")
    (tmp_path / "begun").mkdir()
    opened(tmp_path / "begun", "no best weights yet")
    shutil.copytree(runs["ours"], tmp_path / "half")
    weights = tmp_path / "half" / "best" / "network.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    opened(tmp_path / "half", "weights of a run")
    for name, content in (("other", {"weight": torch.zeros(3)}), ("short", None)):
        (tmp_path / name / "best").mkdir(parents=True)
        known = load_file(runs["plus"] / "best" / "network.safetensors")
        known.pop("colour.weight")
        save_file(known if content is None else content, tmp_path / name / "best" / "network.safetensors")
    opened(tmp_path / "other", "no run whose network is known.*headshot learn face")
    (tmp_path / "other" / "run.json").write_text('{"kind": "segment"}', encoding="utf-8")
    opened(tmp_path / "other", "of kind 'segment', which cannot be applied")
    (tmp_path / "other" / "run.json").write_text("{", encoding="utf-8")
    opened(tmp_path / "other", "record of a run")
    opened(tmp_path / "short", "train it again")
    opened(runs["plus"], "--model and --size are for runs of", Given("ours"))
    opened(runs["ours"], "built-in head: leave out --model", Given(basel_file))
    with pytest.raises(NoFaceError):
        open_run(runs["ours"])(
            find_main_subject(replace(astronaut, pixels=np.full((99, 99, 3), 255, np.uint8)))
        )


def test_a_run_finds_its_model_again(runs: dict[str, Path], basel_file: Path, tmp_path: Path) -> None:
    moved = shutil.copytree(runs["basel"], tmp_path / "run")
    record = json.loads((moved / "run.json").read_text("utf-8"))
    record["model"]["path"] = str(tmp_path / "gone" / basel_file.name)
    (moved / "run.json").write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(HeadshotError, match="is not there: give it by --model"):
        open_run(moved)
    assert open_run(moved, Given(basel_file)).size == 48
    shutil.copy(basel_file, moved)
    assert open_run(moved).size == 48
    with np.load(basel_file) as arrays:
        np.savez(tmp_path / "other.npz", **{**arrays, "skin": np.zeros_like(arrays["skin"])})
    with pytest.raises(HeadshotError, match=r"is not the basel\.npz that"):
        open_run(moved, Given(tmp_path / "other.npz"))
    # Runs that began before there were records
    (moved / "run.json").unlink()
    with pytest.raises(HeadshotError, match="which Basel model it was trained with"):
        open_run(moved)
    old = open_run(moved, Given(basel_file))
    assert old.size == 224 and open_run(moved, Given(basel_file, 48)).size == 48
    with pytest.raises(HeadshotError, match="has 257 outputs"):
        open_run(moved, Given("ours"))
