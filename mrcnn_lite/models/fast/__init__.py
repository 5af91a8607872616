"""The same numbers, faster: what takes a plain part's place, and nothing that defines one.

Each file says what it replaces and why it is faster.

    training          in every model as built, most of all for its training
    few_at_once       in every model as built, where it detects on a CPU ...
    zeros             ... and pastes masks there
    prepare           a copy for inference only ...
    winograd          ... with these convolutions ...
    native_precision  ... in the numbers that the processor multiplies
"""
