"""Fitting the head model to a photo."""

from headshot.fit.contour import landmarks68
from headshot.fit.landmarks import Fit, FitSettings, fit_landmarks
from headshot.fit.scale import Scale, metric_scale

__all__ = ["Fit", "FitSettings", "Scale", "fit_landmarks", "landmarks68", "metric_scale"]
