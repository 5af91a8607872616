"""What the explorer shows in a browser, and what it should show."""

from mrcnn_lite.explore.measure.misalignment import slide, split_shift

PARTS = ("half_pixel", "rounding", "maximum", "total")


def as_number(text: str) -> float:
    """Read a number as the explorer writes it, with a true minus sign and perhaps a unit."""
    return float(text.replace("−", "-").removesuffix(" px"))


def shown_error(root) -> dict[str, tuple[float, float]]:
    """The table of causes of an explorer, each along x and along y."""
    cells = root.locator("td[data-value]")
    texts = cells.evaluate_all("cells => cells.map(cell => [cell.dataset.value, cell.textContent])")
    values = {name: as_number(text) for name, text in texts}
    return {part: (values[f"{part}-x"], values[f"{part}-y"]) for part in PARTS}


def shown_box(root) -> tuple[float, float, float, float]:
    """The box in the number fields, as (x1, y1, x2, y2)."""
    x, y, width, height = (
        float(root.locator(f"[data-field={name}]").input_value())
        for name in ("x", "y", "width", "height")
    )
    return x, y, x + width, y + height


def measured_error(roi, operation="pool", stride=16, bins=7, sampling_ratio=-1, bin=None, size=256):
    """The same from the package's operations."""
    row, column = bin or (bins // 2, bins // 2)
    cells = -(-size // stride)
    error = split_shift(operation, (cells, cells), slide(roi), bins, stride, sampling_ratio)
    return {part: tuple(getattr(error, part)[0, :, row, column].tolist()) for part in PARTS}


def assert_shown(root, roi, **settings) -> None:
    """Compare the box and every number of the table; they are written with two decimals."""
    assert max(abs(a - b) for a, b in zip(shown_box(root), roi)) < 1e-3, (shown_box(root), roi)
    shown, measured = shown_error(root), measured_error(roi, **settings)
    for part in PARTS:
        for a, b in zip(shown[part], measured[part]):
            assert abs(a - b) <= 0.00501, (part, shown, measured)
