"""The tables of docs/scaling.md, from the numbers that `scaling` writes beside them."""

from collections.abc import Callable

from mrcnn_lite.experiments.pages import markdown_table

MIB = 2**20


def make_tables(results: dict) -> dict[str, str]:
    """Write the parts of docs/scaling.md, by the names of their markers."""
    parts = results["parts"]
    rows = [
        [
            name,
            f"{part['forward'] / 1e9:.0f}",
            f"{part['backward'] / 1e9:.0f}",
            f"{part['saved_bytes'] / MIB:.0f}",
        ]
        for name, part in parts.items()
    ]
    total = [
        sum(part[key] for part in parts.values()) for key in ("forward", "backward", "saved_bytes")
    ]
    rows.append(["together", *(f"{n / 1e9:.0f}" for n in total[:2]), f"{total[2] / MIB:.0f}"])
    counted = markdown_table(
        ["part", "forward, GFLOP", "backward, GFLOP", "kept for backward, MiB"], rows, numbers=True
    )
    predicted = _table(
        results["predictions"],
        {
            "GPUs": lambda row: row["gpus"],
            "images per step": lambda row: row["batch"],
            "learning rate": lambda row: f"{row['learning_rate']:g}",
            "steps": lambda row: f"{row['steps']:,}",
            "compute, ms": lambda row: f"{1000 * row['compute']:.1f}",
            "all-reduce, ms": lambda row: f"{1000 * row['all_reduce']:.1f}",
            "waiting, ms": lambda row: f"{1000 * row['waiting']:.1f}",
            "hours": lambda row: f"{row['hours']:.1f}",
            "price, $": lambda row: f"{row['price']:.0f}",
        },
    )
    links = _table(
        results["links"],
        {
            "between machines, Gbit/s": lambda row: row["gigabits"],
            "all-reduce, ms": lambda row: f"{1000 * row['all_reduce']:.0f}",
            "waiting, ms": lambda row: f"{1000 * row['waiting']:.0f}",
            "of the time, GPUs compute": lambda row: (
                f"{100 * row['compute'] / (row['compute'] + row['waiting']):.0f} %"
            ),
        },
    )
    cpu = _table(
        results["cpu"],
        {
            "image": lambda row: f"{row['height']} x {row['width']}",
            "mask RoIs": lambda row: row["mask_rois"],
            "TFLOP": lambda row: f"{row['teraflops']:.2f}",
            "predicted, s": lambda row: f"{row['predicted_seconds']:.2f}",
            "measured, s": lambda row: f"{row['measured_seconds']:.2f}",
            "predicted / measured": lambda row: (
                f"{row['predicted_seconds'] / row['measured_seconds']:.2f}"
            ),
        },
    )
    speeds = markdown_table(
        ["layer that stands for", "GFLOP/s"],
        [[name, f"{speed / 1e9:.0f}"] for name, speed in results["cpu_speeds"].items()],
        numbers=True,
    )
    return {
        "counted": counted,
        "predicted": predicted,
        "links": links,
        "cpu": cpu,
        "speeds": speeds,
        "facts": results["facts"],
    }


def _table(rows: list[dict], columns: dict[str, Callable[[dict], object]]) -> str:
    """Write a table: each column's name, and what it shows of a row."""
    cells = [[show(row) for show in columns.values()] for row in rows]
    return markdown_table(list(columns), cells, numbers=True)
