"""The paper's tables in miniature, and what else is compared.

`ablate` runs all of it, in this order:

    tables          which models each table trains, and the paper's figures
    pretrain        the start: a backbone that has learnt to name single shapes
    one_run         one model, one seed: trained, measured, kept
    ablate          a table's rows side by side, and what came out of them
    results         means, spreads and gains, as JSON, page and picture
    verdicts        what an interval says of a claim
    draw_tables     a table as a picture, every seed a dot

Comparisons that train no table of their own, and their pictures:

    alignment       one trained model, its RoI operation swapped, the box shifted
    draw_alignment
    overlap         mask AP by how much instances overlap
    draw_overlap
    crowded         where methods fail on crowded scenes

And what the lessons and the first ten minutes need:

    committed       reading what was measured and committed in docs/results
    draw_seeds      what a spread looks like
    demo            train `mini`, measure it, look at what it sees
"""
