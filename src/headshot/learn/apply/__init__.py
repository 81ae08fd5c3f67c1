"""Training runs on any photo: their faces as pictures, meshes and heads.

`runs.open_run` knows the kind of a run and loads it; `face` and `mesh` have one class a kind; `figures` draws
the papers' figures; `method` puts a run in the place of the fit (`headshot.method`).
"""
