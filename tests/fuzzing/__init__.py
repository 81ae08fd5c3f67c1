"""Damaged and malicious files for every reader, without end and always the same for the same seed.

A reader is tried with `cases(seed)`, an iterator of a label and a function that writes the files of one case
to a folder of its own and reads them. `headshot.errors.HeadshotError` is the only error that may come out.
`tests/test_fuzz.py` runs some hundred a reader, ``benchmarks/fuzz.py`` thousands, each reader in a process of
its own whose memory and time it watches. `readers.READERS` has them all; `extremes.EXTREMES` has the largest
files that the limits allow, and those that say they are larger.
"""
