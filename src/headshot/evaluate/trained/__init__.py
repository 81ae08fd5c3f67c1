"""Measuring the networks of `headshot learn`: the part of the evaluation that needs the extra ``train``."""
