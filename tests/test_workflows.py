"""GitHub's workflows: what they may do, what they run on, and that their checkers find nothing."""

import glob
import re
import shlex
import shutil
import subprocess

import pytest

from tests.project import PROJECT, PYTHONS, ROOT, read, read_yaml

FOLDER = ROOT / ".github" / "workflows"
NAMES = [path.relative_to(ROOT).as_posix() for path in sorted(FOLDER.glob("*.yml"))]
FILES = [
    *NAMES,
    *(path.relative_to(ROOT).as_posix() for path in (ROOT / ".github").glob("actions/*/*.yml")),
]
PINNED = re.compile(r"uses: ([\w-]+/[\w-]+)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)")
# The jobs that may do more than read, and what.
PUBLISHING = {
    "release.yml": {"release": {"contents": "write"}},
    "site.yml": {"deploy": {"pages": "write", "id-token": "write"}},
}
WORKFLOW = pytest.mark.parametrize("name", NAMES)


def triggers(workflow: dict) -> dict:
    on = workflow[True]  # YAML 1.1 reads `on` as true
    return {key: None for key in on} if isinstance(on, list) else on


def steps(workflow: dict) -> list[dict]:
    return [step for job in workflow["jobs"].values() for step in job.get("steps", [])]


@WORKFLOW
def test_workflows_may_only_read_but_for_what_they_publish(name):
    workflow = read_yaml(name)
    assert workflow["permissions"] == {"contents": "read"}
    writing = {
        key: job["permissions"] for key, job in workflow["jobs"].items() if "permissions" in job
    }
    assert writing == PUBLISHING.get(name.rpartition("/")[2], {})


@WORKFLOW
def test_older_runs_end_and_no_job_hangs(name):
    workflow = read_yaml(name)
    if set(triggers(workflow)) == {"workflow_call"}:
        # A called workflow in its caller's group would wait for it forever.
        assert "concurrency" not in workflow
    else:
        assert workflow["concurrency"]["group"] == "${{ github.workflow }}-${{ github.ref }}"
        # A release is not left half made.
        cancels = workflow["concurrency"]["cancel-in-progress"]
        assert cancels == (not name.endswith("/release.yml"))
    for job in workflow["jobs"].values():
        assert "uses" in job or 0 < job["timeout-minutes"] <= 60


def test_actions_are_pinned_to_one_commit_each():
    commits: dict[str, set] = {}
    for name in FILES:
        for line in read(name).splitlines():
            if "uses: " in line and "uses: ./" not in line:
                found = PINNED.search(line)
                assert found, line
                commits.setdefault(found[1], set()).add(found.groups()[1:])
    assert {action: len(pins) for action, pins in commits.items()} == dict.fromkeys(commits, 1)


@WORKFLOW
def test_steps_keep_no_credentials_and_call_what_is_there(name):
    workflow = read_yaml(name)
    for step in [*steps(workflow), *workflow["jobs"].values()]:
        used = step.get("uses", "")
        if used.startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False
        if used.startswith("./"):
            path = ROOT / used
            assert path.is_file() or (path / "action.yml").is_file()


def test_tests_run_on_every_python_and_system_and_weekly():
    jobs = read_yaml(".github/workflows/tests.yml")["jobs"]
    assert jobs["python"]["strategy"]["matrix"]["python-version"] == PYTHONS
    assert PROJECT["requires-python"] == f">={PYTHONS[0]}"
    systems = jobs["other-systems"]["strategy"]["matrix"]["system"]
    assert systems == ["windows-latest", "macos-latest"]
    weekly = triggers(read_yaml(".github/workflows/newest.yml"))["schedule"]
    assert re.fullmatch(r"\d+ \d+ \* \* \d", weekly[0]["cron"])


def test_what_runs_on_windows_needs_no_make_and_names_files_that_exist():
    job = read_yaml(".github/workflows/tests.yml")["jobs"]["other-systems"]
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert commands
    for command in commands:
        assert re.match(r"python -m pytest ", command)
        assert not re.search(r"[\\'\"$*\n]", command.strip())  # read alike by every shell
        for path in re.findall(r"\b(?:tests|notebooks)\S*", command):
            assert (ROOT / path).exists()


def checks() -> list[list[str]]:
    """The commands of the step that checks what is not Python, without `uvx`."""
    (step,) = (
        step
        for step in steps(read_yaml(".github/workflows/tests.yml"))
        if step.get("name") == "Check the citation and the workflows"
    )
    commands = [shlex.split(line) for line in step["run"].splitlines()]
    assert {command[0] for command in commands} == {"uvx"}
    return [command[3:] if command[1] == "--from" else command[1:] for command in commands]


@pytest.mark.parametrize("command", checks(), ids=" ".join)
def test_checkers_find_nothing(command):
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed here; the workflow runs it")
    paths = [path for word in command[1:] for path in glob.glob(word, root_dir=ROOT) or [word]]
    done = subprocess.run(
        [command[0], *paths], cwd=ROOT, capture_output=True, text=True, encoding="utf-8"
    )
    assert done.returncode == 0, done.stdout + done.stderr
