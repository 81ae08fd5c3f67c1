"""Results are of the photos whose names they bear, whatever happened to both in between."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from headshot.apps.batch import work
from headshot.apps.cli import main as cli
from headshot.apps.plan import plan, plan_people
from headshot.apps.request import Request
from headshot.apps.resume import finished, in_the_way
from headshot.exit_codes import ExitCode
from headshot.export.mark import read_mark
from headshot.export.origin import Origin
from headshot.export.settings import ExportSettings
from headshot.image.files import find_people, find_photos
from headshot.models.head_model import load_head_model
from headshot.results import Head
from headshot.settings import Settings
from headshot.texture import TextureSettings

if TYPE_CHECKING:
    from conftest import StandIn

JSON = ("json",)


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(cli.app, ["reconstruct", *map(str, arguments), "--formats", "json"])


def write(folder: Path, **photos: str) -> list[Path]:
    """Photos of these contents; a double underscore in a name stands for a folder."""
    paths = []
    for name, content in photos.items():
        path = folder / f"{name.replace('__', '/')}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        paths.append(path)
    return paths


def record(file: Path) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return fields


def test_two_photos_of_one_name_in_the_other_order(quick: StandIn, tmp_path: Path) -> None:
    a, b = write(tmp_path, a__me="Ann", b__me="Ben")
    out = tmp_path / "res"
    assert invoke(a, b, "-o", out).exit_code == 0
    for order in ((b, a), (a, b)):
        again = invoke(*order, "-o", out, "--resume")
        assert "2 of 2 photos were already done" in again.output
        assert quick.is_of(out / "a_me.json", "Ann") and quick.is_of(out / "b_me.json", "Ben")


def test_a_photo_where_another_of_its_name_was(quick: StandIn, tmp_path: Path) -> None:
    a, b = write(tmp_path, a__me="Ann", b__me="Ben")
    out = tmp_path / "res"
    assert invoke(a, "-o", out).exit_code == 0
    for options in ([], ["--resume"]):
        refused = invoke(b, "-o", out, *options)
        assert refused.exit_code == ExitCode.UNWRITABLE
        assert "me.json is a result of another photo and is not replaced" in refused.output
        assert "nothing was done" in refused.output
        assert quick.is_of(out / "me.json", "Ann")


def test_a_photo_that_is_added_later_shifts_nobody(quick: StandIn, tmp_path: Path) -> None:
    a, b, c = write(tmp_path, y__a__me="Ann", z__a__me="Ben", x__a__me="Cem")
    out = tmp_path / "res"
    assert invoke(a, b, "-o", out).exit_code == 0
    assert {p.name for p in out.iterdir()} > set()
    again = invoke(c, a, b, "-o", out, "--resume")
    assert again.exit_code == 0, again.output
    assert "2 of 3 photos were already done" in again.output
    owners = {sum(quick.is_of(file, content) for file in out.iterdir()) for content in ("Ann", "Ben", "Cem")}
    assert owners == {1}
    assert len(list(out.iterdir())) == 3


def test_a_photo_keeps_its_results_when_one_of_its_name_comes(quick: StandIn, tmp_path: Path) -> None:
    a, b = write(tmp_path, a__me="Ann", b__me="Ben")
    out = tmp_path / "res"
    assert invoke(a, "-o", out).exit_code == 0
    again = invoke(b, a, "-o", out, "--resume")
    assert "1 of 2 photos were already done" in again.output
    assert quick.is_of(out / "me.json", "Ann") and quick.is_of(out / "b_me.json", "Ben")
    assert "2 of 2 photos were already done" in invoke(a, b, "-o", out, "--resume").output
    assert len(list(out.iterdir())) == 2


def test_a_photo_that_changed_is_done_again(quick: StandIn, tmp_path: Path) -> None:
    (photo,) = write(tmp_path, me="Ann")
    out = tmp_path / "res"
    assert invoke(photo, "-o", out).exit_code == 0
    before = photo.stat()
    photo.write_text("Bea", encoding="utf-8")  # as long, and as old
    os.utime(photo, ns=(before.st_atime_ns, before.st_mtime_ns))
    again = invoke(photo, "-o", out, "--resume")
    assert "0 of 1 photos were already done" in again.output
    assert quick.is_of(out / "me.json", "Bea")


def test_a_photo_that_was_moved_is_the_same(quick: StandIn, tmp_path: Path) -> None:
    (photo,) = write(tmp_path, a__me="Ann")
    out = tmp_path / "res"
    assert invoke(photo, "-o", out).exit_code == 0
    moved = tmp_path / "b" / "me.jpg"
    moved.parent.mkdir()
    photo.rename(moved)
    assert "1 of 1 photos were already done" in invoke(moved, "-o", out, "--resume").output
    assert invoke(moved, "-o", out, "--detail", "low").exit_code == 0
    renamed = moved.rename(tmp_path / "b" / "you.jpg")
    assert "0 of 1" in invoke(renamed, "-o", out, "--resume").output
    assert quick.is_of(out / "you.json", "Ann")


MODEL = load_head_model("low")


@pytest.mark.parametrize(
    "other",
    [
        {"face": 2},
        {"face": None},
        {"settings": Settings(detail="low")},
        {"settings": Settings(preset="fast")},
        {"settings": Settings(photometric=None)},
        {"settings": Settings(texture=TextureSettings(2048))},
        {"export": ExportSettings(texture="albedo")},
        {"export": ExportSettings(expression="neutral")},
        {"model": MODEL},
        {"formats": ("json", "ply")},
    ],
    ids=str,
)
def test_other_settings_mean_not_done(quick: StandIn, tmp_path: Path, other: dict[str, Any]) -> None:
    (photo,) = write(tmp_path, me="3 faces")
    (job,) = plan([(photo, Path())], tmp_path / "res", JSON)
    request = Request(formats=JSON)
    assert not finished(job, request)
    assert work(job, request).error is None
    assert finished(job, request)
    assert not finished(job, replace(request, **other))


def test_another_version_means_not_done(
    quick: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (job,) = plan([(write(tmp_path, me="Ann")[0], Path())], tmp_path / "res", JSON)
    request = Request(formats=JSON)
    assert work(job, request).error is None
    monkeypatch.setattr("headshot.export.origin.__version__", "99.0")
    assert not finished(job, request)


def test_fewer_formats_are_done(quick: StandIn, tmp_path: Path) -> None:
    (job,) = plan([(write(tmp_path, me="Ann")[0], Path())], tmp_path / "res", ("obj", "json"))
    assert work(job, Request(formats=("obj", "json"))).error is None
    for formats in (("obj",), JSON):
        assert finished(job, Request(formats=formats))


@pytest.mark.parametrize("missing", ["me.obj", "me.mtl", "me_texture.png", "me.json"])
@pytest.mark.parametrize("how", ["gone", "cut off", "of another run"])
def test_every_file_counts(quick: StandIn, tmp_path: Path, missing: str, how: str) -> None:
    (photo,) = write(tmp_path, me="Ann")
    formats = ("obj", "json")
    (job,) = plan([(photo, Path())], tmp_path / "res", formats)
    request = Request(formats=formats)
    assert work(job, request).error is None
    file = job.directory / missing
    content = file.read_bytes()
    if how == "gone":
        file.unlink()
    elif how == "cut off":
        file.write_bytes(content[: len(content) // 2])
    else:
        assert work(job, replace(request, settings=Settings(preset="fast"))).error is None
        other = file.read_bytes()
        assert work(job, request).error is None
        file.write_bytes(other)
    assert not finished(job, request)


def test_files_without_a_mark_are_not_done_and_stay(quick: StandIn, tmp_path: Path) -> None:
    """As those of Headshot 0.2 are, which did not say what they were made from."""
    (photo,) = write(tmp_path, me="Ann")
    out = tmp_path / "res"
    out.mkdir()
    (out / "me.json").write_text('{"schema_version": "2.1", "headshot_version": "0.2.0"}', encoding="utf-8")
    before = (out / "me.json").read_bytes()
    again = invoke(photo, "-o", out, "--resume")
    assert again.exit_code == ExitCode.UNWRITABLE
    assert "0 of 1 photos were already done" in again.output
    assert "me.json was not written by this version of Headshot" in again.output
    assert (out / "me.json").read_bytes() == before


def test_all_faces_of_a_photo(quick: StandIn, tmp_path: Path) -> None:
    (photo,) = write(tmp_path, party="3 faces")
    out = tmp_path / "res"
    assert invoke(photo, "-o", out, "--face", "all").exit_code == 0
    assert "1 of 1 photos were already done" in invoke(photo, "-o", out, "--face", "all", "--resume").output
    assert all(quick.is_of(out / f"party-{k}.json", "3 faces", k) for k in (1, 2, 3))
    (out / "party-3.json").unlink()
    assert "0 of 1 photos were already done" in invoke(photo, "-o", out, "--face", "all", "--resume").output
    assert (out / "party-3.json").exists()
    photo.write_text("2 faces", encoding="utf-8")
    fewer = invoke(photo, "-o", out, "--face", "all", "--resume")
    assert "2 faces found, and earlier files of more are still there: party-3.json" in fewer.output
    # Another photo's result of the name of a numbered head.
    (other,) = write(tmp_path, elsewhere__party="Ann")
    refused = invoke(other, "-o", out, "--face", "all")
    assert refused.exit_code == ExitCode.UNWRITABLE and "of another photo" in refused.output


def people(*folders: Path, output: Path) -> list[tuple[str, bool]]:
    request = Request(formats=JSON)
    jobs = plan_people(find_people(folders), output, JSON)
    return [(job.stem, finished(job, request)) for job in jobs]


def test_groups_are_sets_of_photos(quick: StandIn, tmp_path: Path) -> None:
    write(tmp_path, anna__1="Ann", anna__2="Anna", ben__1="Ben", ben__2="Benno")
    folders = [tmp_path / "ben", tmp_path / "anna"]
    out = tmp_path / "res"
    assert invoke(*folders, "-o", out, "--one-person").exit_code == 0
    assert people(*folders[::-1], output=out) == [("anna", True), ("ben", True)]
    one, two = sorted((tmp_path / "anna").iterdir())
    assert invoke(one, two, "-o", out, "--one-person").exit_code == 0
    assert "1 of 1" in invoke(one, two, "-o", out, "--one-person", "--resume").output
    # Photos that change places are the same set; one more, one less, or another one is not.
    write(tmp_path, anna__3="Annika")
    assert people(*folders, output=out) == [("ben", True), ("anna", False)]
    assert "1 of 2 photos were already done" in invoke(*folders, "-o", out, "--one-person", "--resume").output
    assert people(*folders, output=out) == [("ben", True), ("anna", True)]
    (tmp_path / "anna" / "3.jpg").unlink()
    assert people(*folders, output=out) == [("ben", True), ("anna", False)]
    write(tmp_path, ben__2="Bert")
    assert people(*folders, output=out) == [("ben", False), ("anna", False)]


def test_photos_are_never_replaced(quick: StandIn, tmp_path: Path) -> None:
    """With the default formats, `headshot reconstruct me.png -o .` once replaced the photo by its preview."""
    photo = write(tmp_path, me="Ann")[0].rename(tmp_path / "me.png")
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)
    for output in (tmp_path, tmp_path / "link", tmp_path / "link" / ".." / tmp_path.name):
        done = CliRunner().invoke(cli.app, ["reconstruct", str(photo), "-o", str(output)])
        assert done.exit_code == ExitCode.UNWRITABLE
        assert "me.png is one of the photos and is not replaced" in done.output
        assert photo.read_bytes() == b"Ann"
        assert sorted(p.name for p in tmp_path.iterdir()) == ["link", "me.png"]


def test_a_preview_that_is_read_is_not_replaced(quick: StandIn, tmp_path: Path, low_head: Head) -> None:
    (preview,) = low_head.save(tmp_path, "png", "me")
    before = preview.read_bytes()
    done = CliRunner().invoke(cli.app, ["reconstruct", str(preview), "-o", str(tmp_path)])
    assert done.exit_code == ExitCode.UNWRITABLE and "one of the photos" in done.output
    assert preview.read_bytes() == before


def test_the_texture_of_something_else_stays(quick: StandIn, tmp_path: Path) -> None:
    (photo,) = write(tmp_path, a__me="Ann")
    out = tmp_path / "res"
    out.mkdir()
    (out / "me_texture.png").write_bytes(b"of a game")
    done = CliRunner().invoke(cli.app, ["reconstruct", str(photo), "-o", str(out), "--formats", "obj"])
    assert done.exit_code == ExitCode.UNWRITABLE
    assert "me_texture.png was not written by" in done.output
    assert [p.name for p in out.iterdir()] == ["me_texture.png"]


def test_one_file_in_the_way_stops_all_before_any(quick: StandIn, tmp_path: Path) -> None:
    photos = write(tmp_path, a="Ann", b="Ben", c="Cem")
    out = tmp_path / "res"
    out.mkdir()
    (out / "c.json").write_text("mine", encoding="utf-8")
    assert invoke(*photos, "-o", out).exit_code == ExitCode.UNWRITABLE
    assert [p.name for p in out.iterdir()] == ["c.json"]


def test_own_pictures_are_no_photos(quick: StandIn, tmp_path: Path, low_head: Head) -> None:
    (photo,) = write(tmp_path, me="Ann")
    low_head.save(tmp_path / "out", ("png", "obj"), "me")
    for _ in range(2):
        done = invoke(tmp_path, "-r", "-o", tmp_path / "new")
        assert done.exit_code == 0, done.output
        assert "Pictures written by Headshot and left out: 2" in done.output
        assert [p.name for p in (tmp_path / "new").rglob("*.json")] == ["me.json"]
    photo.unlink()
    none = invoke(tmp_path, "-r", "-o", tmp_path / "new")
    assert none.exit_code == ExitCode.UNREADABLE
    assert "Pictures written by Headshot and left out: 2" in none.output
    assert "no photos in the folder" in none.output


@pytest.mark.skipif(os.name != "posix", reason="needs links")
def test_links_to_one_file_are_two_photos(quick: StandIn, tmp_path: Path) -> None:
    write(tmp_path, store__4f="Ann")
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("ann", "bea"):
        (folder / f"{name}.jpg").symlink_to(tmp_path / "store" / "4f.jpg")
    out = tmp_path / "res"
    assert invoke(folder, "-o", out).exit_code == 0
    assert sorted(p.name for p in out.iterdir()) == ["ann.json", "bea.json"]
    assert record(out / "bea.json")["views"][0]["photo"]["name"] == "bea.jpg"
    assert "2 of 2 photos were already done" in invoke(folder, "-o", out, "--resume").output


def contents(count: int, random: np.random.Generator) -> Iterator[str]:
    for _ in range(count):
        faces = random.integers(0, 4)
        yield f"{'no face' if faces == 0 else f'{faces} faces'} {random.integers(1 << 60)}"


def test_any_history_of_photos_and_runs(quick: StandIn, tmp_path: Path) -> None:
    """Photos are added, changed, moved, swapped, renamed and deleted between runs of different lists of them.

    After each run, every photo of its list with a face has results that are of its present content, with the
    settings of the run; none of them is another photo's, and what is not Headshot's is as it was.
    """
    random = np.random.default_rng(17)
    root, out = tmp_path / "photos", tmp_path / "out"
    out.mkdir()
    foreign = {out / name: name.encode() for name in ("notes.json", "b_x.json", "y-2.json")}
    for file, content in foreign.items():
        file.write_bytes(content)
    places = [root / folder / f"{name}.jpg" for folder in "abc" for name in "xyz"]
    places += [root / "d" / folder / f"{name}.png" for folder in "ab" for name in "xX"]
    done, runs, refused = 0, 0, 0
    face, settings = None, Settings()
    for run in range(42):
        if run % 3 == 0:
            face = None if random.random() < 0.4 else int(random.integers(1, 3))
            settings = Settings(detail="low" if random.random() < 0.3 else "high")
        else:
            _alter(places, random)
        there = [place for place in places if place.exists()]
        if not there:
            continue
        chosen = [there[k] for k in random.permutation(len(there))[: random.integers(1, 8)]]
        request = Request(face, JSON, settings)
        options = ["--face", face or "all", "--detail", settings.detail, "--resume", "-o", out]
        result = invoke(*chosen, *options)
        runs += 1
        assert all(file.read_bytes() == content for file, content in foreign.items())
        jobs = plan(find_photos(chosen), out, JSON)
        if "nothing was done" in result.output:
            refused += 1
            waiting = [job for job in jobs if not finished(job, request)]
            assert list(in_the_way(waiting, request, chosen))
            continue
        done += int(result.output.split(" of ")[0])
        for job in jobs:
            content = job.photo.read_text(encoding="utf-8")
            wanted = 0 if content.startswith("no") else 1
            if face is None and wanted:
                wanted = int(content[0])
            assert finished(job, request) == bool(wanted)
            for k in range(1, wanted + 1):
                origin = replace(request.origin(job), head=k, heads=wanted)
                files = [out / f"{request.stem(job, k, name)}.json" for name in job.names]
                of_it = [file for file in files if is_made_from(file, origin)]
                assert of_it
                assert all(quick.is_of(file, content, k if face is None else face) for file in of_it)
    assert min(done, refused, runs - refused) > 10


def is_made_from(file: Path, origin: Origin) -> bool:
    mark = read_mark(file)
    return mark is not None and mark == replace(origin, place=mark.place).mark(textured=True)


def _alter(places: list[Path], random: np.random.Generator) -> None:
    """One or two changes of the photos."""
    for _ in range(random.integers(1, 3)):
        one, other = (places[k] for k in random.choice(len(places), 2, replace=False))
        one.parent.mkdir(parents=True, exist_ok=True)
        other.parent.mkdir(parents=True, exist_ok=True)
        what = random.integers(5)
        if what <= 1 or not one.exists():
            one.write_text(next(contents(1, random)), encoding="utf-8")
        elif what == 2:
            one.replace(other)
        elif what == 3 and other.exists():
            swapped = one.read_bytes()
            one.write_bytes(other.read_bytes())
            other.write_bytes(swapped)
        elif what == 4:
            one.unlink()
