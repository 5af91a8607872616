"""The paper's tables in miniature, and what else is compared.

`mrcnn-lite ablate`: tables.py says what each table compares, ablate.py plans and runs it,
one_run.py trains and measures one model, results.py makes numbers and pages of the runs,
draw_tables.py their pictures. Commands of their own, as `python -m mrcnn_lite.experiments.paste`:
segment_first, bf16_training, paste, scaling. All write their pages by pages.py.
"""
