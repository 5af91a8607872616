"""Predictions of lesson 13, full training."""

from mrcnn_lite.course.question import Choice, Question

QUESTIONS = (
    Question(
        "sum_in_bf16",
        "bf16 has 8 bits for the digits of a number. What is 256 + 1 in bf16?",
        (
            Choice(
                "257",
                "257 is 100000001 in binary: nine digits, and the last one counts. How many fit?",
            ),
            Choice("256", "257 needs nine binary digits, so the 1 is lost.", right=True),
            Choice(
                "258",
                "From here on numbers are 2 apart, right. But 257 lies midway between two of them, "
                "and a tie goes to the one whose last digit is even.",
            ),
            Choice("infinity", "bf16 reaches as far as float32, to 3e38; that was fp16's limit."),
        ),
    ),
    Question(
        "most_memory",
        "ResNet-50 with FPN trains on two images of 800 x 1088. What takes most of the memory?",
        (
            Choice(
                "the weights",
                "44 million numbers of 4 bytes: 180 MB. One map of C2 alone has 14 million numbers "
                "per image, and there are dozens of maps.",
            ),
            Choice(
                "gradients and momentum",
                "Twice as much as the weights, but it does not depend on the images.",
            ),
            Choice(
                "what the forward pass keeps for the backward pass",
                "Every layer's input has to wait for its gradient.",
                right=True,
            ),
            Choice(
                "the images",
                "Two images of 3 channels. A single map of P2 has 256, on a sixteenth of the "
                "places.",
            ),
        ),
    ),
    Question(
        "traffic_of_64",
        "From 8 machines in a ring to 64: by how much does the traffic of each one grow per step?",
        (
            Choice(
                "8 times",
                "That would be so if each sent its gradients to every other. In a ring it only "
                "talks to its neighbour.",
            ),
            Choice(
                "twice: a tree has 3 levels for 8 machines, and 6 for 64",
                "That is a tree, and this is a ring. How often does a member of the ring send each "
                "part of the gradients?",
            ),
            Choice(
                "by an eighth",
                "2 (N - 1) / N is 1.75 for 8 and 1.97 for 64: never more than twice the gradients.",
                right=True,
            ),
            Choice("it falls", "The parts are smaller, but there are as many more of them."),
        ),
    ),
)
