"""The tables of docs/scaling.md, from the numbers that `scaling` writes beside them."""

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
    predicted = markdown_table(
        [
            "GPUs",
            "images per step",
            "learning rate",
            "steps",
            "compute, ms",
            "all-reduce, ms",
            "waiting, ms",
            "hours",
            "price, $",
        ],
        [
            [
                row["gpus"],
                row["batch"],
                f"{row['learning_rate']:g}",
                f"{row['steps']:,}",
                f"{1000 * row['compute']:.1f}",
                f"{1000 * row['all_reduce']:.1f}",
                f"{1000 * row['waiting']:.1f}",
                f"{row['hours']:.1f}",
                f"{row['price']:.0f}",
            ]
            for row in results["predictions"]
        ],
        numbers=True,
    )
    links = markdown_table(
        ["between machines, Gbit/s", "all-reduce, ms", "waiting, ms", "of the time, GPUs compute"],
        [
            [
                row["gigabits"],
                f"{1000 * row['all_reduce']:.0f}",
                f"{1000 * row['waiting']:.0f}",
                f"{100 * row['compute'] / (row['compute'] + row['waiting']):.0f} %",
            ]
            for row in results["links"]
        ],
        numbers=True,
    )
    cpu = markdown_table(
        ["image", "mask RoIs", "TFLOP", "predicted, s", "measured, s", "predicted / measured"],
        [
            [
                f"{row['height']} x {row['width']}",
                row["mask_rois"],
                f"{row['teraflops']:.2f}",
                f"{row['predicted_seconds']:.2f}",
                f"{row['measured_seconds']:.2f}",
                f"{row['predicted_seconds'] / row['measured_seconds']:.2f}",
            ]
            for row in results["cpu"]
        ],
        numbers=True,
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
