"""Predictions of lesson 11, Mask R-CNN, trained."""

from mrcnn_lite.course.question import Choice, Question

QUESTIONS = (
    Question(
        "losses_that_rise",
        "Five losses are added up and trained together from random weights. Which of them rises "
        "during the first fifty steps?",
        (
            Choice(
                "None: that is what a gradient is for",
                "Each step follows the gradient of the sum, for what the branches are given now. "
                "But what they are given changes, too.",
            ),
            Choice(
                "The objectness loss",
                "The RPN needs nothing but the features, and its anchors never change. It is the "
                "first to learn.",
            ),
            Choice(
                "The box loss",
                "The better the RPN becomes, the more RoIs lie on objects, and the more boxes "
                "there are to refine. (The class loss rises for a while, too, but first it falls: "
                "that most RoIs are background is soon learnt.)",
                right=True,
            ),
        ),
    ),
    Question(
        "most_frequent_mistake",
        "The model above finds most objects. Of its wrong detections, which kind is the most "
        "frequent?",
        (
            Choice(
                "Duplicates",
                "NMS removes boxes of the same class that overlap by more than half. What is left "
                "for a duplicate?",
            ),
            Choice(
                "Masks that do not fit, in boxes that do",
                "Possible; but a mask branch only has to fill a box that is right, an easy task.",
            ),
            Choice(
                "Boxes that fit an object, with the wrong name",
                "Where something ends is learnt sooner than what it is.",
                right=True,
            ),
        ),
    ),
    Question(
        "image_without_objects",
        "A batch is one image, and that has no objects. What do the five losses do?",
        (
            Choice(
                "All are zero: there is nothing to learn",
                "There is: that every anchor and every proposal is background. Which two losses "
                "say so?",
            ),
            Choice(
                "Objectness and class are as ever; the others are zero",
                "All anchors and RoIs are background, which two of the losses teach. Boxes and "
                "masks have no targets, and the right loss of nothing is zero.",
                right=True,
            ),
            Choice(
                "The training stops with not-a-number",
                "In many programs it does. It depends on what is divided by what; see below.",
            ),
        ),
    ),
    Question(
        "roi_off_the_map",
        "A RoI lies wholly outside the image. What does RoIAlign give for it?",
        (
            Choice(
                "An error",
                "It could be one. But a box that is decoded from wild deltas may lie anywhere, and "
                "training should not end for that.",
            ),
            Choice(
                "The features of the nearest border",
                "Up to half a cell off the map this is so (lesson 04). Farther out?",
            ),
            Choice(
                "Zeros",
                "Samples more than half a cell off the map read 0. A RoI of zeros is legal, and "
                "means nothing.",
                right=True,
            ),
        ),
    ),
    Question(
        "pixels_from_0_to_255",
        "Somebody reads pictures with another library and hands a model that does not look at them "
        "pixel values from 0 to 255 instead of 0 to 1. What happens?",
        (
            Choice(
                "An error",
                "The shapes and types are right, and what the numbers mean, no layer can know.",
            ),
            Choice(
                "Nothing: the model normalises its input",
                "It does, with a fixed mean and deviation, for values between 0 and 1. What comes "
                "out for 255?",
            ),
            Choice(
                "It runs, and finds next to nothing",
                "That is what makes it a bad mistake: no message, only a poor AP.",
                right=True,
            ),
        ),
    ),
)
