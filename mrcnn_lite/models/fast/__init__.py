"""The same numbers, faster: what takes a plain part's place, and nothing that defines one.

training.py is in every model as built, few_at_once.py and zeros.py where it detects on a CPU;
prepare.py makes a copy for inference only, with winograd.py's convolutions, in numbers that
native_precision.py chooses.
"""
