"""Every figure of the course, drawn from what the package computes, on the caller's axes.

A file for each thing to be shown, in the lessons' order:

    scene         images, instances, losses
    keypoints     corners, joints and centres, in their object's colour
    labels        names beside boxes, and one colour for one object
    pipeline      what flows through the network, stage by stage
    masks         masks: how two overlap, how COCO writes one down
    curves        precision against recall
    bags          which cells an RoI operation reads
    misalignment  its error, split into causes
    network       what a cell sees, what is connected, what it costs
    levels        the levels of a pyramid
    proposals     anchors, suppression, recall
    heads         what happens to a RoI, and what an image costs
    competition   the K masks of one RoI, and a rival class's pull
    score_maps    position-sensitive maps, and what a RoI puts together from them
    describe      what stands in a figure, in words
"""
