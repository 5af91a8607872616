"""Predictions in the page: a question to answer, and what follows folded until one has answered.

In a lesson's source stands, in place of the cell with `check.predict("name", "?")`,

    ```{prediction} name
    ```

The question, its choices and their replies are the course's own, `mrcnn_lite.course.questions`.
"""

import html
import re

from docutils import nodes
from docutils.parsers.rst import Directive
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

from mrcnn_lite.course.question import Question
from mrcnn_lite.course.questions import QUESTIONS

FOLDED = "What happens? <span>Choose first, or open.</span>"


class Prediction(nodes.General, nodes.Element):
    """A question; it has the attribute `name`."""


class Answer(nodes.General, nodes.Element):
    """What a lesson says and shows between a question and the next one, or the section's end."""


class PredictionDirective(Directive):
    """`{prediction} name`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Put the question there."""
        return [Prediction(name=self.arguments[0])]


class FoldAnswers(SphinxTransform):
    """Put what follows a question, up to the next one or the section's end, into an `Answer`."""

    default_priority = 500

    def apply(self, **options) -> None:
        """Change the document."""
        for question in list(self.document.findall(Prediction)):
            parent = question.parent
            begin = parent.index(question) + 1
            end = begin
            while end < len(parent) and not isinstance(parent[end], Prediction | nodes.section):
                end += 1
            followers = parent[begin:end]
            if followers:
                parent[begin:end] = [Answer("", *followers)]


def form_of(question: Question) -> str:
    """A question as HTML: a button for each choice, and replies to be shown by prediction.js."""
    buttons = "\n".join(
        f'<li><button type="button" aria-pressed="false" value="{letter}">'
        f"{_marked_up(choice.text)}</button></li>"
        for letter, choice in question.lettered.items()
    )
    replies = "\n".join(
        f'<p hidden data-reply="{letter}" class="{"right" if choice.right else "wrong"}">'
        f"<b>{'✓' if choice.right else '✗'} {letter})</b> {_marked_up(choice.reply)}</p>"
        for letter, choice in question.lettered.items()
    )
    name = f"prediction-{question.name}"
    return (
        f'<div class="prediction" role="group" aria-labelledby="{name}">\n'
        f'<p id="{name}"><b>Your prediction.</b> {_marked_up(question.text)}</p>\n'
        f'<ol type="a">\n{buttons}\n</ol>\n'
        f'<div role="status">\n{replies}\n</div>\n</div>\n'
    )


def _marked_up(text: str) -> str:
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


def _write_question(translator, node) -> None:
    translator.body.append(form_of(QUESTIONS[node["name"]]))
    raise nodes.SkipNode


def _begin_answer(translator, node) -> None:
    translator.body.append(f'<details class="answer"><summary>{FOLDED}</summary>\n')


def _end_answer(translator, node) -> None:
    translator.body.append("</details>\n")


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the directive known to Sphinx."""
    app.add_node(Prediction, html=(_write_question, None))
    app.add_node(Answer, html=(_begin_answer, _end_answer))
    app.add_directive("prediction", PredictionDirective)
    app.add_transform(FoldAnswers)
    app.add_js_file("prediction.js")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
