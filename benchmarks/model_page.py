"""How `model.py` shows what it measured: a page with a table for each processor and case."""

from mrcnn_lite.experiments.pages import markdown_table

BASELINE = "torchvision"


def page_of_model(measurements):
    lines = [
        "# The whole model: this package against torchvision, and what else runs it",
        "",
        "`python benchmarks/model.py`. ResNet-50 with FPN, 91 classes, the same weights: random "
        "ones, scaled so that 1,000 proposals and 100 detections pass, as in a trained model. "
        "Torchvision's model runs in float32, as published. All sides take turns, each in "
        "processes of its own. Times are in seconds, the fastest of all turns; a ratio is "
        "torchvision's time divided by the side's in the same turn, the median of all turns: above "
        "1 the side is faster. Products are the part of the time that goes into convolutions and "
        "matrix products; the same detections are the part of torchvision's that the side finds, "
        "of the same class, with an IoU above 0.9 and a score within 0.02 (not given for bf16, "
        "whose rounding random layers amplify until other boxes win); memory is the peak of a "
        "process that does nothing else, in MiB. Where a processor has more than one set of "
        "instructions, each was measured by itself. ONNX Runtime can't be kept to fewer than there "
        "are, so it stands beside the last one only.",
    ]
    for measurement in measurements:
        lines += [
            "",
            f"## {measurement['processor']}, {measurement['instructions']}",
            "",
            f"torch {measurement['torch']}, torchvision {measurement['torchvision']}.",
        ]
        for case in measurement["cases"]:
            sides = case["sides"]
            base = sides[BASELINE]["seconds"]
            rows = [
                [
                    side,
                    f"{row['seconds']:.3f}",
                    f"**{row.get('ratio', base / row['seconds']):.2f}**",
                    _percent(row.get("share_of_products")),
                    _percent(row.get("share_found")),
                    f"{row['peak_mib']:.0f}" if "peak_mib" in row else "",
                ]
                for side, row in sides.items()
            ]
            header = ["", "seconds", "ratio", "products", "same detections", "memory"]
            number = {1: "one thread", 2: "two threads"}[case["threads"]]
            name = case["name"].removesuffix(", one thread")
            lines += ["", f"{name}; {number}", "", markdown_table(header, rows, numbers=True)]
            lines += [
                text
                for side, end in case.get("failed", {}).items()
                for text in ("", f"{side} did not run: {end}.")
            ]
            # Written by hand, where what was measured has changed since; gone when measured anew.
            lines += ["", case["note"]] if "note" in case else []
    return "\n".join(lines) + "\n"


def _percent(share):
    return "" if share is None else f"{100 * share:.0f} %"
