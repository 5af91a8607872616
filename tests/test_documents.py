"""What README, docs and lessons show works: every block is run, or says why not and is parsed.

    pytest tests/test_documents.py -k counted -s    # prints how many of each kind there are

What differs between a block as printed and as run here: `SHORTENED` in tests/documents/folder.py.
"""

import ast
import collections
import importlib
import json
import re
import shutil
import sys

import pytest
import yaml

from mrcnn_lite.cli import main
from mrcnn_lite.cli.parser import make_parser
from tests.documents import blocks, lines
from tests.documents.blocks import Block
from tests.documents.folder import make_clone, make_weights, run_block
from tests.documents.lines import RefusedError
from tests.project import ROOT, read, tomllib

BLOCKS = blocks.blocks_of_pages()
TEXTS = {**{page: read(page) for page in blocks.pages()}, **blocks.lessons()}
RUN = [block for block in BLOCKS if block.kind == "run"]
QUICK = ("shapes", "student", "explorer", "lessons")


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reader") / "clone"
    make_clone(folder)
    return folder


@pytest.fixture(scope="module")
def torch_home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("torch_home")
    make_weights(folder)
    return folder


# What the README shows runs everywhere; of the other pages once is enough.
EACH_BLOCK = [
    pytest.param(
        block, marks=[pytest.mark.once] if block.page != "README.md" else [], id=str(block)
    )
    for block in RUN
]


@pytest.mark.parametrize("block", EACH_BLOCK)
def test_block_runs_as_printed(block, clone, torch_home, tmp_path):
    if block.language == "sh" and (sys.platform == "win32" or shutil.which("bash") is None):
        pytest.skip("needs bash")
    folder = tmp_path / "mrcnn-lite"
    shutil.copytree(clone, folder)
    ended = run_block(block.language, block.code, folder, torch_home)
    assert ended.returncode == 0, ended.stdout
    if block.prints is not None:
        assert ended.stdout == block.prints


@pytest.mark.parametrize("page", blocks.pages())
def test_links_to_files_lead_somewhere(page):
    text = blocks.BLOCK.sub("", read(page))
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if not re.match(r"\w+:", target):
            assert (ROOT / page).parent.joinpath(target).exists(), target


def test_every_block_is_counted():
    tables = collections.defaultdict(collections.Counter)
    for page in blocks.pages():
        text = read(page)
        found = blocks.blocks_in(page, text)
        assert len(blocks.FENCE.findall(text)) == 2 * len(found), f"{page}: a fence is not closed"
        assert len(blocks.MARKER.findall(text)) == sum(b.reason is not None for b in found), (
            f"{page}: a marker does not stand right above a block of code"
        )
        for block in found:
            assert block.language in blocks.CODE + blocks.LISTINGS, f"{block}: {block.language}?"
            tables[page][block.kind] += 1
            if block.kind == "parsed":
                print(f"{block} is not run: {block.reason}")
    kinds = ("run", "parsed", "not code")
    rows = [(page, *(counts[kind] for kind in kinds)) for page, counts in tables.items()]
    rows.append(("all", *(sum(row[i] for row in rows) for i in (1, 2, 3))))
    for row in [("page", *kinds), *rows]:
        print("{:24}{:>10}{:>10}{:>10}".format(*row))


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_block_reads(block):
    """Also what is not run: commands are accepted, imports are there, listings are whole."""
    if block.language in blocks.COMMANDS:
        assert refusals(lines.commands_in(block.code, block.language)) == []
    elif block.language == "python":
        check_imports(block.code)
    elif block.language in ("yaml", "json"):
        (yaml.safe_load if block.language == "yaml" else json.loads)(block.code)
    elif block.language == "toml":
        tomllib.loads(block.code)
    else:
        # Or commands would escape by leaving out the language.
        assert [line for line in block.code.splitlines() if begins_a_command(line)] == []


@pytest.mark.parametrize("page", TEXTS)
def test_commands_in_running_text_are_accepted(page):
    spans = blocks.spans_in(TEXTS[page])
    mentioned = [span for span in spans if begins_a_command(span)]
    commands = [lines.commands_in(span.replace("\\", "/"))[0] for span in mentioned]
    assert refusals(commands, mention=True) == []
    lines.check_files([span for span in spans if re.fullmatch(r"[\w.-]+/[\w./-]*", span)])
    for option in re.findall(r"^--[a-z-]+", "\n".join(spans), re.MULTILINE):
        lines.check_option(option)


def test_commands_in_lessons_blocks_are_accepted():
    found = [b for name, text in blocks.lessons().items() for b in blocks.blocks_in(name, text)]
    commands = [
        c for b in found if b.language in blocks.COMMANDS for c in lines.commands_in(b.code)
    ]
    assert commands
    assert refusals(commands) == []
    assert {block.language for block in found} <= {*blocks.CODE, *blocks.LISTINGS}


def test_commands_in_docstrings_are_accepted():
    refused = []
    for text in blocks.docstrings().values():
        shown = re.findall(r"^ {4,}((?:mrcnn-lite|python|pytest|torchrun) .*)", text, re.MULTILINE)
        shown += [span for span in blocks.spans_in(text) if begins_a_command(span)]
        refused += refusals([lines.commands_in(line)[0] for line in shown], mention=True)
        assert ">>>" not in text, "run it: pytest --doctest-modules"
    assert refused == []


def test_slurm_script_starts_the_training_as_it_says():
    text = read("docs/slurm/train.sbatch")
    [call] = re.findall(r"^srun \S+ (torchrun .*?) &$", text, re.MULTILINE | re.DOTALL)
    call = re.sub(r'"\$@"', "", call)
    shown = re.findall(r"^# +(sbatch .*)", text, re.MULTILINE)
    assert refusals([*lines.commands_in(call), *lines.commands_in("\n".join(shown))]) == []
    assert shown


@pytest.mark.parametrize("name", lines.command_parsers(make_parser()))
def test_examples_of_help_are_accepted_and_the_quick_ones_run(name, tmp_path, monkeypatch):
    epilog = lines.command_parsers(make_parser())[name].epilog
    assert epilog.startswith("example: ")
    [words] = lines.commands_in(epilog.removeprefix("example: "))
    assert words[:2] == ["mrcnn-lite", name]
    lines.check(words)
    if name in QUICK:
        monkeypatch.chdir(tmp_path)
        assert main(words[1:]) == 0
        assert (tmp_path / words[words.index("--out") + 1]).exists()


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("mrcnn-lite train --out runs/a --renamed 3", "--renamed"),
        ("mrcnn-lite retrain --out runs/a", "retrain"),
        ("mrcnn-lite train", "--out"),
        ("mrcnn-lite evaluate data/weights/none.safetensors", "does not exist"),
        ("python -m mrcnn_lite.cli ablate 2z", "2z"),
        ("python -m mrcnn_lite.no_such_module", "no_such_module"),
        ("python benchmarks/none.py", "does not exist"),
        ("python benchmarks/model.py --renamed 3", "--renamed"),
        ("python -m mrcnn_lite.experiments.scaling --renamed 3", "--renamed"),
        ("torchrun --nproc-per-node=8 -m mrcnn_lite.cli train --out a --renamed ...", "--renamed"),
        ("torchrun --renamed=8 -m mrcnn_lite.cli train --out a", "renamed"),
        ("sbatch docs/slurm/train.sbatch --renamed 3", "--renamed"),
        ("sbatch docs/slurm/none.sbatch", "does not exist"),
        ("make nothing", "nothing"),
        ("make demo NO_VARIABLE=1", "NO_VARIABLE"),
        ("pytest tests/test_none.py", "does not exist"),
        (".venv/bin/pip install -e '.[none]'", "none"),
        ("pip install 'mrcnn-lite[none]'", "none"),
        ("conda env create -f environment.yaml", "does not exist"),
        ("conda activate other", "other"),
        ("jupyter lab notebooks/00_none.ipynb", "does not exist"),
        ("cd somewhere && OMP_NUM_THREADS=1 make nothing  # after another", "nothing"),
        ("unheard_of --option", "unheard_of"),
    ],
)
def test_wrong_commands_are_refused(line, message):
    [refused] = refusals(lines.commands_in(line))
    assert message in refused


def test_mention_may_leave_out_what_is_required_but_not_name_what_is_not_there():
    for line in ("mrcnn-lite train", "mrcnn-lite train --resume", "mrcnn-lite predict"):
        lines.check(line.split(), mention=True)
    with pytest.raises(RefusedError, match="--renamed"):
        lines.check(["mrcnn-lite", "train", "--renamed"], mention=True)
    lines.check_option("--resume")
    with pytest.raises(RefusedError, match="--renamed"):
        lines.check_option("--renamed")


def test_blocks_and_spans_are_found_as_a_reader_sees_them():
    text = (
        "A `span of\ncode`.\n\n<!-- not run: has no end -->\n```sh\nmake demo \\\n  x  # y\n```\n"
        "1. In a list:\n\n   ```python\n   import a\n   ```\n\n```\nplain\n```\n"
        "```python\nprint(1)\n```\n\n```text\n1\n```\n"
    )
    assert blocks.blocks_in("page", text) == [
        Block("page", 5, "sh", "make demo \\\n  x  # y\n", "has no end"),
        Block("page", 11, "python", "import a\n", None),
        Block("page", 15, "", "plain\n", None),
        Block("page", 18, "python", "print(1)\n", None, prints="1\n"),
        Block("page", 22, "text", "1\n", None),
    ]
    kinds = ["parsed", "run", "not code", "run", "not code"]
    assert [block.kind for block in blocks.blocks_in("page", text)] == kinds
    assert blocks.spans_in(text) == ["span of code"]
    assert lines.commands_in("a b > c; d 'e f' | g\npython - <<'EOF'\nx = (\nEOF\n") == [
        ["a", "b"],
        ["d", "e f"],
        ["g"],
        ["python", "-"],
    ]


def refusals(commands: list[list[str]], mention: bool = False) -> list[str]:
    refused = []
    for words in commands:
        try:
            lines.check(words, mention)
        except RefusedError as error:
            refused.append(f"{' '.join(words)}: {error}")
    return refused


def begins_a_command(text: str) -> bool:
    first, _, rest = text.strip().partition(" ")
    return bool(rest) and lines.program_of(first) in lines.CHECKS


def check_imports(code: str) -> None:
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                importlib.import_module(alias.name)
        elif isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module)
            assert [a.name for a in node.names if not hasattr(module, a.name)] == []
