"""Reading files of strangers: one rule for all readers.

A file may be damaged, or made to do harm. Every reader of this package keeps to this:

1. **No header is trusted.** A size or count in a file is checked against the bytes that are there, and
   against a limit of `headshot.reading.bounds`, before memory is taken for it or a loop is begun
   (`bounds.size_of`, `bounds.Span`). What is compressed is inflated in pieces, up to what was announced and
   not a byte further (`inflate.Inflated`). What a reader makes of a file, such as a finer mesh, is checked
   likewise.
2. **A file reaches no other file.** Names in data files lead into the folder of the data file
   (`bounds.inside`); nothing is unpickled; HDF5 cannot name external files (`hdf5`).
3. **Errors are this package's.** `complaint.reading` turns what parsers raise into one of
   `headshot.errors`, with the file and, where it is known, the place.

Any file within the limits is read or refused in at most 600 MB of memory, all of the process counted, and in
ten seconds on a laptop; ``python benchmarks/fuzz.py`` tries that on thousands of files.
"""
