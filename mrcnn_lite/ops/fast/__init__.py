"""The same numbers, faster: one file per trick. What they compute is to be read beside this folder.

- `roi.py`, `ps_roi.py`: the public operations; the plain ones are `mrcnn_lite.ops.roi` and
  `mrcnn_lite.ops.ps_roi`, and tests hold each of these to its plain one.
- `sparse.py`: the means (RoIWarp, RoIAlign, both position-sensitive operations) as one product with
  a sparse matrix, of which neither zeros nor the RoIs' copies of the map are ever made.
- `maximum.py`: the maxima (RoIPool, and `reduce="max"`).
- `pairs.py`: the entries of that matrix where the bins do not all have the same number of them.
- `dry_run.py`: tensors that have a shape but no values.
"""
