"""Held-out people: the same whatever else is there."""

from __future__ import annotations

from pathlib import Path

from headshot.datasets.split import held_out_people


def test_held_out_people_depend_on_names_alone() -> None:
    names = [f"{k:03d}" for k in range(1000)]
    chosen = held_out_people(names)
    assert chosen == sorted(set(chosen)) and 80 < len(chosen) < 160
    assert held_out_people([*reversed(names), *names]) == chosen
    assert held_out_people(names[:100]) == [name for name in chosen if name in names[:100]]


def test_fifty_people_of_cfp(data: Path) -> None:
    people = [folder.name for folder in (data / "cfp-train").iterdir() if folder.is_dir()]
    assert len(people) == 350 and len(held_out_people(people)) == 50
