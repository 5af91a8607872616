"""The same numbers, faster, one file per trick. What is computed is to be read beside this folder.

Each file says what it replaces, why it is faster, and where that was measured.

    roi          RoIPool, RoIWarp and RoIAlign, as `mrcnn_lite.ops` gives them
    ps_roi       the position-sensitive ones likewise; tests hold each of these to its plain one
    sparse       means as one product with a sparse matrix, without its zeros or copies of the map
    maximum      maxima: RoIPool, and `reduce="max"`
    pairs        that matrix's entries, where bins do not all have the same number of them
    channels     of a channels-first map, some at a time
    few_outputs  torchvision's kernels, where there is too little to read for these two
    few_boxes    some ten RoIs, checked one by one
    parts        tens of thousands of RoIs, some at a time
    mapped       under `torch.vmap`, one call for all maps
    dry_run      tensors that have a shape but no values
"""
