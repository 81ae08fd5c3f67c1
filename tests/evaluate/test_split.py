"""Held-out people: the same whatever else is there, and all that the bench measures."""

from __future__ import annotations

from pathlib import Path

from headshot.evaluate.annotations import read_annotations
from headshot.evaluate.bench import HELEN
from headshot.evaluate.identity import IdentitySettings, lfw_photos
from headshot.evaluate.landmarks import chosen_photos
from headshot.evaluate.split import held_out_people, measured_people, measured_photos


def test_held_out_people_depend_on_names_alone() -> None:
    names = [f"{k:03d}" for k in range(1000)]
    chosen = held_out_people(names)
    assert chosen == sorted(set(chosen)) and 80 < len(chosen) < 160
    assert held_out_people([*reversed(names), *names]) == chosen
    assert held_out_people(names[:100]) == [name for name in chosen if name in names[:100]]


def test_fifty_people_of_cfp(data: Path) -> None:
    people = [folder.name for folder in (data / "cfp-train").iterdir() if folder.is_dir()]
    assert len(people) == 350 and len(held_out_people(people)) == 50


def test_the_bench_is_covered(data: Path) -> None:
    people, photos = measured_people(data / "lfw-deepfunneled"), measured_photos(data)
    assert {n.split("/")[0] for n in lfw_photos(data / "lfw-deepfunneled", IdentitySettings())} <= people
    helen = {a.photo for a in chosen_photos(read_annotations(data / "helen-train"), HELEN)}
    assert len(helen) == 200 and helen <= photos
    assert len([p for p in photos if p.parent.name == "utkface-balanced"]) == 240 + 54  # children
