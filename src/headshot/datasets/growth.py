"""Distances in people's faces by age, sex and race: what is measured on people, not in photos.

Eyes, to 15 years: Feingold and Bossert, "Normal values for selected physical parameters: an aid to syndrome
delineation" (Birth Defects Original Article Series 10(13), 1974, 472 children, both sexes), as tabulated by
Cliniface (https://github.com/frontiersi/Cliniface, data/stats/g85.lua). Far distances of 220 children of
Pacific University (thesis "The development of norms of pediatric interpupillary distance", 1993) agree within
1.1 mm: 46.5, 47.5, 49.5, 51.0 and 51.0 mm in the second to the sixth year.

Eyes, from 20 years: 4,082 men and 1,986 women of ANSUR II (Gordon et al., "2012 Anthropometric Survey of
U.S. Army Personnel: Methods and Summary Statistics", NATICK/TR-15/007, 2014), means and deviations of
interpupillary breadth computed from its public data by sex and reported race. In between: linear in the age.

Other distances: Weinberg et al., "The 3D Facial Norms Database: Part 1" (Cleft Palate-Craniofacial Journal
53(6), 2016; 2,454 people of 3 to 40 years, European), smoothed means as tabulated by Cliniface at some ages.
"""

from __future__ import annotations

import numpy as np

_CHILDREN = np.array(
    [38.9, 45.5, 47.8, 48.7, 49.5, 50.33, 51.1, 51.9, 52.6, 53.3, 54.0, 54.6, 55.3, 55.9, 56.8, 58.3]
)  # mm, at 0 to 15 years
_CHILDREN_DEVIATION = 3.6  # mm
_GROWN = 20.0  # years
# Mean and standard deviation, mm; None for all races together.
_ADULTS: dict[tuple[str, str | None], tuple[float, float]] = {
    ("male", None): (64.02, 3.42),
    ("male", "White"): (63.30, 3.12),
    ("male", "Black"): (66.88, 3.47),
    ("male", "Asian"): (64.17, 3.14),
    ("female", None): (61.71, 3.62),
    ("female", "White"): (60.22, 3.21),
    ("female", "Black"): (63.97, 3.26),
    ("female", "Asian"): (61.68, 2.91),
}

_NORM_AGES = (3, 4, 6, 8, 10, 13, 16, 20, 25, 35)  # years
# Means, mm, at these ages: of men, of women.
_NORMS = {
    "biocular width (ex-ex)": (
        (75.6, 77.3, 79.7, 81.5, 82.9, 84.5, 85.9, 87.4, 88.9, 91.2),
        (75.5, 76.8, 78.7, 80.0, 81.1, 82.4, 83.4, 84.5, 85.6, 87.4),
    ),
    "intercanthal width (en-en)": (
        (28.7, 29.2, 29.9, 30.5, 30.9, 31.4, 31.8, 32.3, 32.7, 33.4),
        (29.4, 29.7, 30.1, 30.3, 30.6, 30.8, 31.0, 31.2, 31.5, 31.8),
    ),
    "bizygomatic width (zy-zy)": (
        (113.5, 116.4, 120.7, 123.8, 126.3, 129.3, 131.8, 134.4, 137.1, 141.3),
        (112.5, 114.8, 118.0, 120.3, 122.2, 124.4, 126.2, 128.1, 130.1, 133.1),
    ),
    "face height (n-gn)": (
        (93.2, 97.2, 103.0, 107.4, 110.9, 115.2, 118.7, 122.6, 126.6, 133.0),
        (93.3, 96.3, 100.8, 104.0, 106.6, 109.8, 112.3, 115.1, 118.0, 122.5),
    ),
}


def facial_norms(age: float, sex: str) -> dict[str, float]:
    """Mean distances, mm, of people of an age, by name; of those below 3 and above 35 years the nearest.

    Args:
        age: years and fractions of a year.
        sex: "male" or "female".
    """
    return {name: float(np.interp(age, _NORM_AGES, means[sex == "female"])) for name, means in _NORMS.items()}


def interpupillary_distance(age: float, sex: str, race: str | None = None) -> tuple[float, float]:
    """Mean and standard deviation, mm, of the interpupillary distance (p-p) of people of an age.

    Args:
        age: years and fractions of a year.
        sex: "male" or "female"; of children both are taken together.
        race: of adults "White", "Black" or "Asian"; all others, and None, get the mean of all.

    Raises:
        ValueError: a negative age, or another sex.

    Example:
        >>> interpupillary_distance(2.5, "female")
        (48.25, 3.6)
        >>> interpupillary_distance(40, "male", "Black")
        (66.88, 3.47)
    """
    if not age >= 0:
        raise ValueError(f"age must be 0 or more, got {age}")
    if sex not in ("male", "female"):
        raise ValueError(f'sex must be "male" or "female", got {sex!r}')
    adult, deviation = _ADULTS.get((sex, race), _ADULTS[sex, None])
    last = len(_CHILDREN) - 1
    if age <= last:
        return float(np.interp(age, np.arange(last + 1), _CHILDREN)), _CHILDREN_DEVIATION
    grown = min((age - last) / (_GROWN - last), 1.0)
    return (
        float((1 - grown) * _CHILDREN[-1] + grown * adult),
        float((1 - grown) * _CHILDREN_DEVIATION + grown * deviation),
    )
