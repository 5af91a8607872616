"""Consoles that lack signs, and folders that have them: nothing fails for what it is called."""

import io
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from mrcnn_lite import check
from mrcnn_lite.cli import main
from mrcnn_lite.console import say
from mrcnn_lite.datasets import ShapesDataset, export

ROOT = Path(__file__).parents[1]
QUICK = ["--steps", "1", "--batch-size", "1", "--min-size", "64"]
# Windows' console in Western Europe, and a cluster where nobody has set a language.
CONSOLES = {
    "cp1252": {"PYTHONIOENCODING": "cp1252"},
    "ascii": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}


def start(arguments: list[str], **environment: str) -> subprocess.CompletedProcess:
    paths = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, "PYTHONPATH": paths, **environment},
        capture_output=True,
        timeout=300,
    )


@pytest.mark.once
@pytest.mark.parametrize("console", CONSOLES)
def test_signs_that_a_console_lacks_end_no_run(console, tmp_path):
    out = tmp_path / "猫 ± 1"
    command = ["-m", "mrcnn_lite.cli", "train", "--scenes", "1", *QUICK, "--out", str(out)]
    run = start(command, **CONSOLES[console])
    assert run.returncode == 0, run.stderr
    printed = run.stdout.decode("ascii" if console == "ascii" else "cp1252")
    # Without a language Python takes a path's bytes one by one, as signs of their own.
    assert ("\\udce7" if console == "ascii" else "\\u732b ±") in printed
    command = ["-m", "mrcnn_lite.cli", "evaluate", str(out), "--dataset", "coco", "--root"]
    root = export(ShapesDataset(1, seed=0), tmp_path / "scenes", "train")
    file = root / "annotations" / "instances_train.json"
    content = json.loads(file.read_text("utf-8"))
    for category in content["categories"]:
        category["name"] = f"猫 {category['id']}"
    file.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    run = start([*command, str(root), "--split", "train"], **CONSOLES[console])
    assert run.returncode == 1
    assert b"\\u732b 6), but others (circle" in run.stderr


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_checks_of_exercises_print_on_any_console(encoding, monkeypatch):
    console = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", console)
        say("✓ 猫")
        for name in check.QUESTIONS:
            check.predict(name, "a")
        console.flush()
    printed = console.buffer.getvalue().decode(encoding)
    assert printed.splitlines()[0] == r"\u2713 \u732b"
    assert r"\u2713 a)" in printed or r"\u2717 a)" in printed


def test_commands_take_any_folder_and_print_what_can_be_pasted(tmp_path, monkeypatch, capsys):
    home = tmp_path / "Übung 1" / "mask r-cnn"
    home.mkdir(parents=True)
    monkeypatch.chdir(home)
    data = ["--dataset", "coco", "--root", "meine Szenen", "--split", "train"]
    assert main(["shapes", "--out", "meine Szenen", "--scenes", "2"]) == 0
    assert main(["train", *data, *QUICK, "--out", "ein Lauf", "--validation", "train"]) == 0
    (line,) = [x for x in capsys.readouterr().out.splitlines() if "next: mrcnn-lite" in x]
    if os.name != "nt":
        words = shlex.split(line.partition("next: ")[2])
        assert words[:3] == ["mrcnn-lite", "evaluate", "ein Lauf"]
    assert main(["train", *data, *QUICK, "--out", "ein Lauf", "--resume"]) == 0
    assert main(["evaluate", "ein Lauf", *data, "--out", "Maße.json"]) == 0
    Image.new("RGB", (64, 64)).save("Bär 1.png")
    assert main(["predict", "Bär 1.png", "--checkpoint", "ein Lauf", "--out", "Bilder"]) == 0
    assert main(["explorer", "--out", "für alle.html"]) == 0
    assert main(["student", "--out", "für Studierende"]) == 0
    assert main(["lessons", "--out", "alle Stunden"]) == 0
    found = {str(path) for path in Path().rglob("*")}
    assert {"Maße.json", "für alle.html", str(Path("Bilder", "Bär 1_detections.png"))} <= found
