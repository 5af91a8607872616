"""Predictions of lesson 10, FCIS."""

from mrcnn_lite.course.question import Choice, Question

QUESTIONS = (
    Question(
        "pixel_in_two_rois",
        "The marked pixel belongs to the object in front. It lies in the RoIs of both objects, "
        "which are of one class. A network has computed one number for this pixel and this class. "
        "Can the masks of both RoIs be read from such numbers?",
        (
            Choice(
                "Yes, the number says that the pixel is of this class",
                "That is true in both RoIs. But is the pixel part of both objects?",
            ),
            Choice(
                "Yes, if the network is good enough",
                "The best network gives one number here. The first RoI needs it large, the second "
                "one small. How good must it be?",
            ),
            Choice(
                "No: one RoI needs a large number there, the other a small one",
                "What is read must depend on the RoI. Mask R-CNN runs layers on each RoI; FCIS "
                "finds a way to let the *reading* depend on it.",
                right=True,
            ),
        ),
    ),
    Question(
        "part_of_a_pixel",
        "The pixel of the picture above is in the lower half of RoI A and in the upper half of RoI "
        "B. Which score maps does each of them read there?",
        (
            Choice(
                "The same map, at the same place",
                "Then both would read the same number again, and nothing would be gained. Look at "
                "what the k x k maps stand for.",
            ),
            Choice(
                "A reads the map of one of its lower parts, B that of one of its upper parts",
                "So one pixel has two answers: as part of an object's lower half, and as part of "
                "an object's upper half.",
                right=True,
            ),
            Choice(
                "Both read all k x k maps and take the mean",
                "That would make the reading the same for every RoI, too. Each pixel of a RoI "
                "reads one part's map.",
            ),
        ),
    ),
    Question(
        "gap_by_overlap",
        "Both models get the true boxes, so that only their masks differ. Where should Mask R-CNN "
        "be ahead the most, if the reading by parts is what FCIS pays for?",
        (
            Choice(
                "Where instances do not overlap",
                "There every pixel lies in one RoI only, and a number per pixel would do. Why "
                "should a reading that depends on the RoI matter most there?",
            ),
            Choice(
                "Where instances overlap much",
                "There a pixel's answer depends most on whose RoI is asking. That is the paper's "
                "point; whether it holds here, the next cell measures.",
                right=True,
            ),
            Choice(
                "Equally everywhere",
                "That would say that overlap has nothing to do with it: some other difference "
                "between the models would have to explain the gap. Possible; but is it what "
                "the reading by parts lets you expect?",
            ),
        ),
    ),
    Question(
        "touching_in_an_fcn",
        "An FCN classifies every pixel without a single mistake, and regions that are connected "
        "and of one class are called instances. How many of the pairs of touching instances of one "
        "class does it tell apart?",
        (
            Choice(
                "All, since no pixel is wrong",
                "Lesson 09 ended with two rings that touched. Was a pixel wrong there?",
            ),
            Choice(
                "About half",
                "What would decide between the halves? Think of what separates two regions.",
            ),
            Choice(
                "None",
                "Touching pixels of one class are one region. A border could only come from a "
                "mistake.",
                right=True,
            ),
        ),
    ),
)
