"""Training and evaluation, on one device or many.

Begin with `recipe` and `train`; what keeps a run alive comes after them.

    recipe         the settings of a run, its optimiser and its learning rate at every step
    train          the training loop
    supervisor     what stands around it: records, checkpoints, evaluations, stopping
    sampler        which images make up each step
    loader         the batches of one process
    precision      float32, or 16 bits where they are enough
    evaluate       average precision, counted by pycocotools
    detections     what was detected, as files for other programs
    state          everything that changes in training, so that a run goes on exactly
    checkpoint     that state as a file, and models as files
    onnx_file      a trained model for programs without Python
    sealed         files that tell whether a bit of them has changed
    random_state   the random numbers that a process will draw next
    run_folder     what a run leaves behind: configuration and numbers
    start_weights  fine-tuning: weights that were trained for other classes
    distributed    several processes that train one model
    interrupt      stopping between two steps
    lock           one run per folder
    not_finite     what to do when the loss is not a number
"""
