"""How much errors of identity predictions from photos of one person have in common.

    python benchmarks/identity_correlation.py $HEADSHOT_DATA [--people 24]

A prediction with the standard deviation sigma is a posterior mean under N(0, I). Taken back to a measurement
its error has the variance 1 / (sigma^-2 - 1); what of it differs between photos of one person, over that, is
1 minus the correlation of the errors (`headshot.fitting.view_weights.COMMON_IDENTITY`). Held-out people only.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from headshot.arrays import Array
from headshot.datasets.selection import held_out_photos
from headshot.datasets.split import held_out_people
from headshot.datasets.subject import central_subject, find_subject
from headshot.errors import HeadshotError
from headshot.fitting.view_weights import MODES
from headshot.image.photo import read_photo
from headshot.perception.identity import MARGIN, IdentityPrediction, predict_identity

LEAST = 0.02  # of the precision of a measurement: below it nothing is predicted of a mode


def predictions(photos: list[Path], *, central: bool) -> list[IdentityPrediction]:
    """Of the person in each photo, as far as a face is found."""
    found = []
    for file in photos:
        photo = read_photo(file)
        try:
            subject = central_subject(photo) if central else find_subject(photo)
        except HeadshotError:
            continue
        found.append(predict_identity(photo.pixels, subject.landmarks.crop(MARGIN)))
    return found


def correlation(people: list[list[IdentityPrediction]]) -> float:
    """The median over modes of the mean over people."""
    shares: list[Array] = []
    for photos in people:
        if len(photos) < 2:
            continue
        mean, sigma = (np.stack([getattr(p, name)[:MODES] for p in photos]) for name in ("mean", "sigma"))
        variance = sigma.mean(axis=0) ** 2
        precision = 1 / variance - 1
        known = precision > LEAST
        measured = mean / variance / np.where(known, precision, 1.0)
        shares.append(np.where(known, precision * measured.var(axis=0, ddof=1), np.nan))
    return 1 - float(np.nanmedian(np.nanmean(shares, axis=0)))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--people", type=int, default=24)
    options = parser.parse_args()
    lfw = held_out_photos(options.data / "lfw-deepfunneled", "lfw", options.people, 6)
    print(f"LFW: {correlation([predictions(p, central=True) for p in lfw.values()]):.2f}")
    root = options.data / "cfp-train"
    names = held_out_people(p.name for p in root.iterdir() if p.is_dir())[: options.people]
    for kind in ("frontal", "profile", "[fp]*"):
        photos = [sorted((root / name).glob(f"{kind}_*.jpg")) for name in names]
        title = "both" if kind == "[fp]*" else kind
        print(f"CFP, {title}: {correlation([predictions(p, central=False) for p in photos]):.2f}")


if __name__ == "__main__":
    main()
