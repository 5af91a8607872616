"""How `roi_ops.py` shows what it measured: a page with a table, and a picture of how times grow."""

from matplotlib.figure import Figure

from mrcnn_lite.experiments.pages import markdown_table
from mrcnn_lite.explore.palette import BLUE, VERMILLION


def page_of_roi_ops(measurements):
    lines = [
        "# RoI operations: this package against torchvision",
        "",
        "`python benchmarks/roi_ops.py`, float32, 2 samples per bin and axis. Times in ms, the "
        "fastest of several; a ratio is torchvision's time divided by ours. \\*: ours runs "
        "torchvision's kernel. "
        "Beside a process that keeps one core busy, the ratio is that of medians; it is also given "
        "as a share of the medians' ratio on the idle machine: 1 means that both suffer alike. "
        "Memory in MiB, forward and backward: "
        "the most that tensors take at one time, not counting the features, the boxes and the "
        "gradient that comes in, which were there before. The bound is torchvision's inputs and "
        "outputs, the gradient to the features, and the bags.",
        "",
        "With few RoIs, and with a map of one channel, torchvision's kernels run here, too "
        "(mrcnn_lite/ops/fast/few_outputs.py), behind the arguments' checks, which take some tens "
        "of microseconds of a few hundred or thousand. RoIPool with its backward pass gains least: "
        "which cell won has to be found for each channel by itself, by either way.",
        "",
        "Beside a busy core torchvision's kernels run in one thread, which finds the idle core. "
        "The products run in two, which wait for each other after each step, and use up their "
        "share of the core while they do ([what helps](busy_core.md)); in one thread "
        "(`torch.set_num_threads(1)`) they don't wait.",
        "",
        "While they work, the operations hold the transposed bags of some RoIs, and a few channels "
        "of a contiguous map or gradient, which shows in the memory where all else is small.",
    ]
    for measured in measurements:
        lines += ["", *section(measured)]
    lines += ["", "![cost against the number of RoIs](roi_ops.png)"]
    return "\n".join(lines) + "\n"


def section(measured):
    table = measured["table"]
    lines = [
        f"## {measured['machine']}",
        "",
        f"{measured['threads']} threads, torch {measured['torch']}, torchvision "
        f"{measured['torchvision']}.",
        "",
        table_of_times(table),
        "",
        kernels_in_words(table),
        "",
        busy_in_words(table),
        "",
        memory_in_words(table),
        "",
        many_in_words(measured["many"]),
    ]
    # Written by hand, where how it was measured has changed since.
    return [*lines, "", measured["note"]] if "note" in measured else lines


def table_of_times(table):
    rows = []
    for row in table:
        (forward, forward_tv), (both, both_tv) = row["forward_ms"], row["both_ms"]
        memory, memory_tv = row["peak_mib"]
        case = [row[key] for key in ("operation", "map", "rois", "bins", "layout")]
        marks = ["*" if is_theirs else "" for is_theirs in row["torchvisions_kernel"]]
        times = [
            *(f"{forward:.1f}{marks[0]}", f"{forward_tv:.1f}", f"**{forward_tv / forward:.2f}**"),
            *(f"{both:.1f}{marks[1]}", f"{both_tv:.1f}", f"**{both_tv / both:.2f}**"),
            *(f"{ratio:.2f}" for ratio in row["one_thread"]),
            *(f"{ratio:.2f}" for ratio in row["busy"]),
            *(f"{share:.2f}" for share in row["busy_share"]),
            *(f"{share:.2f}" for share in row["busy_share_one_thread"]),
        ]
        peaks = [f"{mib:.1f}" for mib in (memory, row["bound_mib"], memory_tv)]
        rows.append([*case, *times, *peaks])
    header = ["operation", "map", "RoIs", "bins", "layout", "forward: ours", "torchvision", "ratio"]
    header += ["+ backward: ours", "torchvision", "ratio"]
    header += ["one thread: ratio", "+ backward", "busy core: ratio", "+ backward"]
    header += ["share of the idle ratio", "+ backward", "likewise in one thread", "+ backward"]
    header += ["peak memory: ours", "bound", "torchvision"]
    return markdown_table(header, rows)


def kernels_in_words(table):
    ratios = {True: [], False: []}
    for row in table:
        for key, is_theirs in zip(("forward_ms", "both_ms"), row["torchvisions_kernel"]):
            ours, theirs = row[key]
            ratios[is_theirs].append(theirs / ours)
    return (
        f"Where ours runs torchvision's kernel, it has {min(ratios[True]):.2f} to "
        f"{max(ratios[True]):.2f} of its speed; all else is at least {min(ratios[False]):.2f} "
        "times as fast."
    )


def busy_in_words(table):
    held = {
        key: sum(share >= 0.8 for row in table for share in row[key])
        for key in ("busy_share", "busy_share_one_thread")
    }
    number = 2 * len(table)
    lowest = min(ratio for row in table for ratio in row["busy"])
    return (
        f"Beside a busy core {held['busy_share']} of the {number} ratios are at least 0.8 of those "
        f"on the idle machine, in one thread {held['busy_share_one_thread']}; the lowest ratio "
        f"that is left is {lowest:.1f}."
    )


def memory_in_words(table):
    features = [row for row in table if not row["map"].startswith("1x")]
    above = [row["peak_mib"][0] - row["bound_mib"] for row in features]
    held = sum(excess <= 0 for excess in above)
    return (
        f"Peak memory is within the bound in {held} of the {len(features)} rows with more than one "
        f"channel, and at most {max(above):.1f} MiB above it in the others."
    )


def many_in_words(many):
    return (
        f"RoIAlign of {many['rois']:,} RoIs, 64 channels and 7 x 7 bins, takes "
        f"{many['peak_mib']:.0f} MiB at its peak, "
        f"{many['peak_mib'] / many['output_mib']:.2f} times the {many['output_mib']:.0f} MiB of "
        "its output."
    )


def draw(measured):
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    figure.suptitle(measured["machine"], fontsize="medium")
    panels = figure.subplots(1, 2, sharey=True)
    for panel, operation in zip(panels, ("roi_align", "roi_pool")):
        rows = [row for row in measured["growth"] if row["operation"] == operation]
        rois = [row["rois"] for row in rows]
        styles = [("mrcnn-lite", BLUE, "o-"), ("torchvision", VERMILLION, "s--")]
        for i, (name, colour, style) in enumerate(styles):
            panel.loglog(rois, [r["both_ms"][i] for r in rows], style, color=colour, label=name)
        middle = next(row for row in rows if row["rois"] == 1000)
        guide = [middle["both_ms"][0] * number / 1000 for number in rois]
        panel.loglog(rois, guide, "-", color="0.7", lw=1, zorder=0, label="slope 1")
        panel.set(title=operation, xlabel="number of RoIs")
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("forward and backward, ms")
    panels[1].legend()
    return figure
