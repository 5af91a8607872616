"""The commands as users meet them: right results, and a word and a status for wrong input."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mrcnn_lite.cli import main
from mrcnn_lite.datasets import CocoDataset, ShapesDataset, export

COMMANDS = (
    *("demo", "train", "evaluate", "predict", "ablate"),
    *("shapes", "lessons", "student", "explorer"),
)
QUICK = ["--steps", "2", "--batch-size", "2"]


@pytest.fixture
def tmp_path(tmp_path):
    """A folder as a course of exercises has it: with a blank and an umlaut."""
    folder = tmp_path / "Übung 1" / "mask r-cnn"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def coco_root(tmp_path) -> Path:
    return export(ShapesDataset(4, seed=9), tmp_path / "coco", "train")


def annotation_file(root: Path) -> Path:
    return root / "annotations" / "instances_train.json"


def edit(root: Path, change) -> None:
    content = json.loads(annotation_file(root).read_text("utf-8"))
    change(content)
    annotation_file(root).write_text(json.dumps(content), encoding="utf-8")


def train_on(root: Path, *options: str) -> int:
    out = str(root.parent / "run")
    data = ["--dataset", "coco", "--root", str(root), "--split", "train"]
    return main(["train", *data, "--out", out, *QUICK, *options])


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("Übung 1 ") / "trained"
    assert main(["train", "--scenes", "4", "--out", str(out), *QUICK]) == 0
    return out


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits_a_screen_and_gives_an_example(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    printed = capsys.readouterr().out
    assert stopped.value.code == 0
    assert "example: mrcnn-lite " + command in printed
    lines = printed.splitlines()
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 90


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["train", "--help"], ["lessons", "--out", "lessons"], ["student", "--out", "new"]],
    ids=" ".join,
)
def test_what_needs_no_network_does_not_wait_for_torch(arguments, tmp_path):
    code = (
        "import sys, mrcnn_lite.cli\n"
        "try: mrcnn_lite.cli.main(sys.argv[1:])\n"
        "finally: print('imported:', {'torch', 'torchvision', 'pycocotools'} & set(sys.modules))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1] == "imported: set()"


@pytest.mark.parametrize(
    "command",
    [
        *(
            ["train", "--out"],
            ["demo", "--out"],
            ["lessons", "--out"],
            ["predict", "x.png", "--out"],
        ),
        *(["demo", "--weights-out"], ["ablate", "2b", "--runs"], ["evaluate"]),
        ["train", "--out", "run", "--root"],
    ],
)
def test_an_empty_path_is_not_the_current_folder(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as stopped:
        main([*command, ""])
    assert stopped.value.code == 2
    assert "expected a path, got an empty text" in capsys.readouterr().err
    assert os.listdir(tmp_path) == []


@pytest.mark.once
def test_demo_leaves_numbers_and_pictures(tmp_path, capsys):
    out = tmp_path / "demo"
    weights = tmp_path / "mini.safetensors"
    command = ["demo", "--steps", "2", "--out", str(out), "--weights-out", str(weights)]
    assert main(command) == 0
    metrics = json.loads((out / "metrics.json").read_text("utf-8"))
    for kind in ("bbox", "segm"):
        assert {"AP", "AP50", "AP75"} <= set(metrics[kind])
    assert metrics["num_scenes"] == 200
    assert metrics["train_seconds"] > 0
    printed = capsys.readouterr().out
    assert "Average Precision" in printed
    assert "next:" in printed
    for name in ("detections.png", "losses.png"):
        assert Image.open(out / name).size[0] > 500
    assert weights.exists()
    assert main(command) == 0
    assert json.loads((tmp_path / "demo.1" / "metrics.json").read_text("utf-8")) == metrics


@pytest.mark.once
def test_demo_interrupted_while_drawing_is_not_taken_for_finished(tmp_path, monkeypatch):
    out = tmp_path / "demo"

    def interrupt(*_arguments):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("mrcnn_lite.experiments.demo._draw", interrupt)
        assert main(["demo", "--steps", "1", "--out", str(out)]) == 130
    assert main(["demo", "--steps", "1", "--out", str(out)]) == 0
    assert os.listdir(tmp_path) == ["demo"]
    assert {"metrics.json", "detections.png"} <= set(os.listdir(out))


def test_train_evaluate_predict(trained, coco_root, tmp_path, capsys):
    numbers = tmp_path / "numbers.json"
    data = ["--dataset", "coco", "--root", str(coco_root), "--split", "train"]
    assert main(["evaluate", str(trained), *data, "--out", str(numbers)]) == 0
    assert set(json.loads(numbers.read_text("utf-8"))) == {"bbox", "segm"}
    assert capsys.readouterr().out.count("Average Precision") == 12

    photo = tmp_path / "photo.jpg"
    Image.fromarray(np.zeros((90, 140), dtype=np.uint8)).save(photo)
    drawings = tmp_path / "drawings"
    command = ["predict", str(photo), "--checkpoint", str(trained), "--out", str(drawings)]
    assert main([*command, "--score", "0"]) == 0
    assert os.listdir(drawings) == ["photo_detections.png"]


def test_shapes_writes_a_coco_root(tmp_path):
    out = tmp_path / "shapes"
    assert main(["shapes", "--out", str(out), "--scenes", "3", "--seed", "5"]) == 0
    assert len(CocoDataset(out, "train")) == 3


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (
            lambda root: annotation_file(root).write_text("{", encoding="utf-8"),
            ["instances_train.json", "JSON"],
        ),
        (lambda root: edit(root, lambda c: c.pop("categories")), ["categories"]),
        (lambda root: edit(root, lambda c: c["annotations"][0].pop("image_id")), ["image_id"]),
        (lambda root: (root / "train" / "000002.png").unlink(), ["000002.png"]),
        (
            lambda root: edit(
                root, lambda c: c["annotations"][0].update(segmentation=[[1, 2, 3, 4, 5]])
            ),
            ["annotation 1", "polygons"],
        ),
        (lambda root: edit(root, lambda c: c["annotations"][0].update(category_id=77)), ["77"]),
        (lambda root: annotation_file(root).unlink(), ["instances_train.json"]),
    ],
    ids=["not-json", "lacks-section", "lacks-key", "no-image", "polygon", "category", "no-file"],
)
def test_broken_annotations_are_named_and_nothing_is_left(coco_root, capsys, spoil, words):
    spoil(coco_root)
    assert train_on(coco_root) == 1
    message = capsys.readouterr().err
    assert "Traceback" not in message
    for word in words:
        assert word in message
    assert not (coco_root.parent / "run").exists()


def test_missing_root_is_named(tmp_path, capsys):
    assert train_on(tmp_path / "nowhere") == 1
    assert "nowhere" in capsys.readouterr().err


def test_truncated_picture_is_named(coco_root, capsys):
    picture = coco_root / "train" / "000001.jpg"
    Image.open(picture.with_suffix(".png")).save(picture)
    picture.write_bytes(picture.read_bytes()[:900])
    edit(coco_root, lambda c: c["images"][1].update(file_name="000001.jpg"))
    assert train_on(coco_root, "--steps", "4") == 1
    assert "000001.jpg" in capsys.readouterr().err
    leftovers = os.listdir(coco_root.parent / "run")
    assert not [name for name in leftovers if "tmp" in name]


def test_box_of_zero_width_is_dropped_and_counted_once(coco_root, capsys):
    def flatten(content):
        x, y, _, height = content["annotations"][0]["bbox"]
        content["annotations"][0]["bbox"] = [x, y, 0, height]

    edit(coco_root, flatten)
    with pytest.warns(UserWarning, match="1 ") as caught:
        assert train_on(coco_root) == 0
    assert len([w for w in caught if "width" in str(w.message)]) == 1


def test_checkpoint_of_another_model_is_named(trained, tmp_path, capsys):
    assert main(["train", "--scenes", "4", "--out", str(trained), *QUICK, "--resume"]) == 0
    other = ["--dataset", "shapes", "--min-size", "96", "--resume"]
    assert main(["train", "--scenes", "4", "--out", str(trained), *QUICK, *other]) == 1
    message = capsys.readouterr().err
    assert "checkpoint-0000002.pt" in message
    assert "min_size" in message
    stranger = tmp_path / "stranger.pt"
    stranger.write_bytes(b"no checkpoint")
    assert main(["evaluate", str(stranger)]) == 1
    assert "stranger.pt" in capsys.readouterr().err


def test_unreadable_picture_is_named(trained, tmp_path, capsys):
    picture = tmp_path / "letter.jpg"
    picture.write_text("Dear reader", encoding="utf-8")
    out = tmp_path / "drawings"
    command = ["predict", str(picture), "--checkpoint", str(trained), "--out", str(out)]
    assert main(command) == 1
    assert "letter.jpg" in capsys.readouterr().err
    assert os.listdir(out) == []
    command[1] = str(tmp_path / "none.jpg")
    assert main(command) == 1
    assert "none.jpg" in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_folder_that_cannot_be_written_is_named(command, trained, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    out = str(tmp_path / "file" / "out")
    photo = tmp_path / "photo.png"
    Image.new("RGB", (64, 64)).save(photo)
    arguments = {
        "demo": ["demo", "--steps", "1"],
        "train": ["train", "--scenes", "4", *QUICK],
        "evaluate": ["evaluate", str(trained), "--scenes", "1"],
        "predict": ["predict", str(photo), "--checkpoint", str(trained)],
        "shapes": ["shapes", "--scenes", "1"],
        "explorer": ["explorer"],
        "ablate": [
            "ablate",
            "2b",
            "--seeds",
            "1",
            "--steps",
            "1",
            "--runs",
            str(tmp_path / "runs"),
        ],
        "lessons": ["lessons"],
        "student": ["student"],
    }[command]
    assert main([*arguments, "--out", out]) == 1
    assert str(tmp_path / "file") in capsys.readouterr().err
    assert (tmp_path / "file").read_text("utf-8") == "in the way"


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["train", "--dataset", "coco", "--out", "x"], "--root"),
        (["train", "--dataset", "coco", "--root", ".", "--out", "x"], "instances_SPLIT.json"),
        (["train", "--root", ".", "--out", "x"], "--root"),
        (["train", "--dataset", "coco", "--root", ".", "--scenes", "3", "--out", "x"], "--scenes"),
        (["train", "--device", "abacus", "--scenes", "2", "--out", "x"], "abacus"),
        (["train", "--weights-backbone", "X", "--scenes", "2", "--out", "x"], "--weights-backbone"),
        (["shapes", "--size", "8", "--out", "x"], "image_size"),
        (["evaluate", "nowhere"], "nowhere"),
        (["train", "--device", "meta", "--scenes", "2", "--out", "x"], "meta"),
        (["train", "--optimizer", "sgd", "--scenes", "2", "--out", "x"], "--learning-rate"),
        (["train", "--download", "--out", "x"], "--download"),
        (["shapes", "--split", "a/b", "--out", "x"], "split"),
    ],
)
def test_options_that_do_not_fit_are_named(arguments, word, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    assert word in capsys.readouterr().err
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("option", ["--workers", "--learning-rate", "--seed", "--steps"])
@pytest.mark.parametrize("value", ["-1", "many", "inf"])
def test_numbers_that_make_no_sense_are_refused(option, value, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["train", "--out", "x", option, value])
    assert stopped.value.code == 2
    assert f"{option}: expected" in capsys.readouterr().err


def test_long_thin_picture_is_seen_too(trained, tmp_path):
    picture = tmp_path / "thread.png"
    Image.new("RGB", (3000, 10)).save(picture)
    command = ["predict", str(picture), "--checkpoint", str(trained), "--out", str(tmp_path)]
    assert main(command) == 0


def test_model_of_other_classes_is_not_measured(trained, coco_root, capsys):
    data = ["--dataset", "coco", "--root", str(coco_root), "--split", "train"]
    edit(coco_root, lambda c: c["categories"][0].update(name="person"))
    with pytest.warns(UserWarning, match="never learnt person; their AP is 0"):
        assert main(["evaluate", str(trained), *data]) == 0
    edit(coco_root, lambda c: [one.update(name=f"{one['name']} tree") for one in c["categories"]])
    assert main(["evaluate", str(trained), *data]) == 1
    assert "the model knows none of its categories" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_ctrl_c_leaves_a_checkpoint_that_resumes(tmp_path):
    out = tmp_path / "run"
    command = [sys.executable, "-m", "mrcnn_lite.cli", "train", "--scenes", "8", "--out", str(out)]
    options = ["--steps", "30", "--batch-size", "2"]
    process = subprocess.Popen([*command, *options], stderr=subprocess.PIPE, text=True)
    metrics = out / "metrics.jsonl"
    deadline = time.monotonic() + 120
    while not (metrics.exists() and metrics.read_text("utf-8").count("\n") >= 3):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert "Traceback" not in errors
    done = metrics.read_text("utf-8").count("\n")
    assert 3 <= done < 30
    assert main(["evaluate", str(out), "--scenes", "2"]) == 0
    assert main(["train", "--scenes", "8", "--out", str(out), *options, "--resume"]) == 0
    steps = [json.loads(line)["step"] for line in metrics.read_text("utf-8").splitlines()]
    assert steps == list(range(1, 31))
