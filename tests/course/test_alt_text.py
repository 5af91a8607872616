import matplotlib.pyplot as plt
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from mrcnn_lite.course.alt_text import describe
from mrcnn_lite.course.notebooks import execute

pytestmark = pytest.mark.once


def test_says_what_stands_in_the_figure():
    figure, (left, right) = plt.subplots(1, 2)
    left.set(title="error\nof the box", xlabel="x1 (pixels)", ylabel="error (pixels)")
    left.plot([1, 2], label="RoIPool")
    left.legend()
    right.plot([1, 2], label="RoIPool")
    right.plot([2, 1], label="RoIWarp")
    right.set_title("both")
    right.set_xlabel("not shown")
    right.set_axis_off()
    figure.legend(*right.get_legend_handles_labels())
    assert describe(figure) == (
        "Figure, 2 panels: error of the box, across x1 (pixels), up error (pixels); both. "
        "Legend: RoIPool, RoIWarp."
    )
    plt.close(figure)


def test_an_axis_that_grows_downwards_says_so():
    """As those of all images do."""
    figure, (left, right) = plt.subplots(1, 2)
    left.imshow([[0, 1], [2, 3]])
    left.set(title="a map", xlabel="x", ylabel="y")
    right.plot([1, 2])
    right.set(ylabel="error")
    assert describe(figure) == "Figure, 2 panels: a map, across x, down y; up error."
    plt.close(figure)


def test_formulas_are_read_without_their_markup():
    figure, axes = plt.subplots()
    axes.set_title("$A^T$ times ones")
    axes.plot([1, 2], label=r"$\log(w / w_a)$")
    axes.plot([2, 1], label="$e^{d_w}$")
    axes.legend()
    assert describe(figure) == "Figure, A^T times ones. Legend: log(w / w_a), e^d_w."
    plt.close(figure)


def test_a_colour_bar_is_no_panel():
    figure, (left, right) = plt.subplots(1, 2, layout="constrained")
    picture = left.imshow([[0, 1]])
    left.set_title("seen")
    right.set_title("likely")
    figure.colorbar(picture, ax=left, label="score")
    figure.colorbar(picture, ax=right, label="probability", orientation="horizontal")
    assert describe(figure) == "Figure, 2 panels: seen; likely. Colour: score, probability."
    plt.close(figure)


def test_executed_figures_carry_it(tmp_path):
    path = tmp_path / "lesson.ipynb"
    source = "import matplotlib.pyplot as plt\nplt.title('one')\nplt.plot([1, 2])\nplt.show()"
    nbformat.write(new_notebook(cells=[new_code_cell(source)]), path)
    execute(path)
    (output,) = nbformat.read(path, as_version=4).cells[0].outputs
    assert output.metadata["image/png"]["alt"] == "Figure, one."


def test_so_do_the_still_pictures_of_widgets(tmp_path):
    path = tmp_path / "lesson.ipynb"
    sources = (
        "from mrcnn_lite.explore.explorer.widget import Explorer\nExplorer(stride=32)",
        "from mrcnn_lite.explore.panels import move_panel\nmove_panel()",
    )
    nbformat.write(new_notebook(cells=[new_code_cell(source) for source in sources]), path)
    execute(path)
    outputs = [cell.outputs[0] for cell in nbformat.read(path, as_version=4).cells]
    explorer, panel = (output.metadata["image/png"]["alt"] for output in outputs)
    assert "RoIPool at stride 32" in explorer
    assert "the scene, stride 16" in panel
