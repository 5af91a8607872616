"""What each command of `mrcnn-lite` does, given its parsed options.

Only the module of the command at hand is imported: the lessons need not wait for PyTorch.

    learn   demo, train, ablate
    use     evaluate, predict, export
    write   shapes, lessons, student, explorer
"""

import pkgutil
from argparse import Namespace

COMMANDS = {
    "demo": "learn:demo",
    "train": "learn:train_model",
    "evaluate": "use:evaluate_model",
    "predict": "use:predict",
    "export": "use:export_model",
    "ablate": "learn:run_tables",
    "shapes": "write:write_shapes",
    "lessons": "write:copy_lessons",
    "student": "write:write_student_edition",
    "explorer": "write:write_explorer",
}


def run(options: Namespace) -> None:
    """Import the function of the command that `options` names, and call it."""
    pkgutil.resolve_name(f"{__name__}.{COMMANDS[options.command]}")(options)
