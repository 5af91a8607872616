"""The paper's tables in miniature, and what else is compared; nothing here is needed to train.

A table, from its definition to its page:

    tables         which models each table trains, and the paper's figures
    pretrain       the start: a trunk that has learnt to name single shapes
    one_run        one model, one seed: trained, measured, kept
    ablate         a table's rows side by side, and what came out of them
    results        means, spreads and gains
    verdicts       what an interval says of a claim: its direction, and its size
    pages          how results are written: Markdown, JSON, pictures
    draw_tables    a table as a picture, every seed a dot

What is measured on trained models besides:

    alignment      one model, its RoI operation swapped, the box shifted
    draw_alignment
    cells          what RoIAlign gains, by how many cells an object covers
    draw_cells
    area_bins      mask AP in bins of area, or of what is put in its place
    overlap        mask AP by how much instances overlap
    draw_overlap
    crowded        which method fails where they do
    segment_first  class, box and mask in parallel, against segmenting first
    keypoints      keypoints beside masks, read by RoIAlign and by RoIPool
    bf16_training  what training in bf16 costs in accuracy
    fine_tuning    what other weights to start from gain
    penn_fudan     from shapes to people: the RoI operations on photographs
    people         how large people are there, and what a small mask can show of them
    paste          what it changes that boxes are not rounded when masks are pasted
    scaling        what full training costs
    scaling_on_cpu
    scaling_tables
    turns          timing in turns, for the last ones

And what the lessons and the first ten minutes need:

    committed      reading what was measured and committed in docs/results
    draw_seeds     what a spread looks like
    demo           train `mini`, measure it, look at what it sees
"""
