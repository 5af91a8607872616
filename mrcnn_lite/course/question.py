"""A prediction: a question asked before its answer is seen, with a reply to every choice.

Whoever has committed to an answer looks at the result with other eyes. So a wrong choice gets a
reply of its own, which says where that thought leads, and leaves the right one to the experiment.
"""

from dataclasses import dataclass

UNANSWERED = "?"


@dataclass(frozen=True)
class Choice:
    """One possible answer.

    Attributes:
        text: the answer.
        reply: what to say to whoever chose it. A wrong choice's reply does not give the right one.
        right: whether it is the right one.
    """

    text: str
    reply: str
    right: bool = False


@dataclass(frozen=True)
class Question:
    """A multiple-choice question, asked in a lesson by `check.predict(name, "?")`.

    Attributes:
        name: what the lesson calls it.
        text: the question.
        choices: the answers, lettered a, b, c, ... in this order; one is right.
    """

    name: str
    text: str
    choices: tuple[Choice, ...]

    @property
    def lettered(self) -> dict[str, Choice]:
        """The choices by letter."""
        return dict(zip("abcdefgh", self.choices))

    def respond(self, answer: str) -> str:
        """Reply to an answer.

        Args:
            answer: a choice's letter, of either case, or "?", which asks the question.

        Returns:
            what to print: the question with its choices, or the reply to the chosen one.
        """
        choices = self.lettered
        letter = str(answer).strip().lower()
        if letter == UNANSWERED:
            lines = [f"  {letter}) {choice.text}" for letter, choice in choices.items()]
            request = f'Write a letter in place of the "{UNANSWERED}" and run the cell again.'
            return "\n".join([self.text, *lines, request])
        if letter not in choices:
            return f"{self.name}: expected one of the letters {', '.join(choices)}, got {answer!r}."
        choice = choices[letter]
        return f"{'✓' if choice.right else '✗'} {letter}) {choice.text}: {choice.reply}"
