"""docs/your_own_data.md: what each tool exports is trained on, measured, and predicted from."""

import glob
import json
import re
from pathlib import Path

import pytest
from pycocotools.coco import COCO

from mrcnn_lite.cli import main
from mrcnn_lite.cli.data import open_training_data
from mrcnn_lite.cli.parser import make_parser
from mrcnn_lite.engine.checkpoint import load_model
from mrcnn_lite.files import SHIPPED_WEIGHTS
from tests.documents import blocks, lines
from tests.documents.exports import HEIGHT, NAMES, WIDTH, make_exports
from tests.project import read

PAGE = read("docs/your_own_data.md")
COMMANDS = dict(re.findall(r"^\| (?:\[(\w[\w ]*)\]).*\| `(mrcnn-lite train .*)` \|$", PAGE, re.M))
ASSIGNMENT = read("docs/assignment.md")
# In place of what would take long.
SHORT = ["--model", "mini", "--steps", "1", "--batch-size", "2", "--min-size", "64"]
OF_SHAPES = "data/weights/mini.safetensors"
LONG = ("--model", "--weights", "--epochs")


def run(words: list[str]) -> None:
    """Run a command of the page's, a short training in place of a long one."""
    assert words[0] == "mrcnn-lite"
    if words[1] == "train":
        kept = [
            word
            for before, word in zip(["", *words], words)
            if word not in LONG and before not in LONG
        ]
        if OF_SHAPES in words:
            kept += ["--weights", str(SHIPPED_WEIGHTS)]
        words = [*kept, *SHORT]
    paths = [path for word in words[1:] for path in (sorted(glob.glob(word)) or [word])]
    assert main(paths) == 0


@pytest.fixture
def exports(tmp_path, monkeypatch) -> Path:
    folder = tmp_path / "mask r-cnn"
    make_exports(folder)
    monkeypatch.chdir(folder)
    return folder


def test_the_table_has_six_tools():
    assert len(COMMANDS) == 6


@pytest.mark.parametrize("tool", COMMANDS)
def test_an_export_opens_with_its_two_classes_and_a_part_held_out(tool, exports, recwarn):
    [words] = lines.commands_in(COMMANDS[tool])
    training, held_out = open_training_data(make_parser().parse_args(words[1:]))
    assert training.categories == held_out.categories == dict(enumerate(NAMES, start=1))
    assert len(training) >= 3
    assert len(held_out) >= 1
    for dataset in (training, held_out):
        for image, target in (dataset[index] for index in range(len(dataset))):
            assert image.shape[1:] == target["masks"].shape[1:] == (HEIGHT, WIDTH)
            assert target["labels"].tolist() == [1, 2]
            assert (target["masks"].sum(dim=(1, 2)) > 300).all()
    # Nothing is wrong with these files, so nothing is to be said.
    assert not [warning for warning in recwarn if warning.category is UserWarning]


@pytest.mark.once
@pytest.mark.parametrize(
    "tool",
    [
        tool if tool == "Label Studio" else pytest.param(tool, marks=pytest.mark.slow)
        for tool in COMMANDS
    ],
)
def test_an_export_trains_is_measured_and_predicts(tool, exports, capsys):
    [words] = lines.commands_in(COMMANDS[tool])
    run(words)
    printed = capsys.readouterr().out
    out = words[words.index("--out") + 1]
    loaded = load_model(out)
    assert loaded.categories == dict(enumerate(NAMES, start=1))
    assert loaded.model.config.num_classes == 3

    [evaluation] = re.findall(r"^done; next: (.*)$", printed, re.MULTILINE)
    [command] = lines.commands_in(evaluation)
    run([*command, "--out", "numbers.json"])
    held_out = json.loads(Path(out, "evaluations.jsonl").read_text("utf-8"))
    numbers = json.loads(Path("numbers.json").read_text("utf-8"))
    assert numbers["segm"] == pytest.approx(held_out["segm"], abs=1e-6)

    picture = sorted(exports.rglob("photo*.jpg"))[0]
    options = ["--checkpoint", out, "--score", "0", "--json", "results.json"]
    file = next(Path(path) for path in (*exports.rglob("*.json"),) if is_about(path, picture, tool))
    run(["mrcnn-lite", "predict", str(picture), *options, "--annotations", str(file)])
    truth = COCO()
    truth.dataset = json.loads(file.read_text("utf-8"))
    truth.createIndex()
    found = json.loads(Path("results.json").read_text("utf-8"))
    assert found
    for result in found:
        assert Path(truth.imgs[result["image_id"]]["file_name"]).name == picture.name
        assert truth.cats[result["category_id"]]["name"] in NAMES


def is_about(path: Path, picture: Path, tool: str) -> bool:
    """Whether this is the tool's annotation file, and lists the picture."""
    words = COMMANDS[tool].split()
    option = "--annotations" if "--annotations" in words else "--root"
    root = words[words.index(option) + 1]
    relative = path.relative_to(Path.cwd()).as_posix()
    return relative.startswith(root) and picture.name in path.read_text("utf-8")


@pytest.mark.once
def test_twenty_pictures_start_from_shapes(exports, capsys):
    [block] = [b for b in blocks.blocks_in("page", PAGE) if "runs/twenty" in b.code]
    for words in lines.commands_in(block.code):
        run(words)
    assert "the classes differ" in capsys.readouterr().out
    drawn = list(Path("runs/twenty_predictions").iterdir())
    assert len(drawn) == len(list(Path("pictures").iterdir()))


@pytest.mark.once
def test_the_assignments_variants_differ_in_their_start_alone(exports):
    [block] = [b for b in blocks.blocks_in("page", ASSIGNMENT) if b.language == "sh"]
    one, other, evaluation = lines.commands_in(block.code)
    place = other.index("--weights")
    assert other[place + 1] == OF_SHAPES
    without = other[:place] + other[place + 2 :]
    assert without[:-1] == one[:-1]
    for words in (one, other, evaluation):
        run(words)
    assert set(json.loads(Path(evaluation[-1]).read_text("utf-8"))) == {"bbox", "segm"}
    points = [int(n) for n in re.findall(r"^\| [A-Z][a-z ]+ \| (\d) \|", ASSIGNMENT, re.M)]
    assert len(points) == 6
    assert sum(points) == 20


@pytest.mark.once
def test_the_way_from_pictures_to_predictions(exports):
    [block] = [b for b in blocks.blocks_in("page", PAGE) if "runs/mine --annotations" in b.code]
    for words in lines.commands_in(block.code):
        run(words)
    drawn = sorted(Path("runs/predictions").iterdir())
    assert len(drawn) == len(list(Path("pictures").iterdir()))
