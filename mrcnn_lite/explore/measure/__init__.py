"""What figures show, as numbers; nothing is drawn here.

Begin with `misalignment`, which lessons 02 to 04 and 14 are about.

    misalignment     the error of an RoI operation, split into three causes
    apparent_shift   the same error, judged from values on any map
    receptive_field  which pixels a cell sees
    probe            what can be read off features by the simplest reader
    layer_cost       parameters and multiply-adds, layer by layer
    head_costs       what the heads do with a RoI, step by step, and what it costs
    step_cost        what a training step costs, predicted for GPUs one does not have
    given_proposals  boxes without a detector, and what proposals are worth
    error_kinds      what kind of mistake each detection is
"""
