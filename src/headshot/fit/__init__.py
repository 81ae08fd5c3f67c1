"""Fitting the head model to a photo."""

from headshot.fit.contour import landmarks68
from headshot.fit.landmarks import Fit, FitSettings, LandmarkSolver, fit_landmarks
from headshot.fit.photometric import PhotometricFit, PhotometricSettings, fit_photo
from headshot.fit.scale import Scale, metric_scale

__all__ = [
    "Fit",
    "FitSettings",
    "LandmarkSolver",
    "PhotometricFit",
    "PhotometricSettings",
    "Scale",
    "fit_landmarks",
    "fit_photo",
    "landmarks68",
    "metric_scale",
]
