"""Numbers with their units, as sentences and charts show them."""

NBSP = "\u00a0"  # a number and its unit stay on one line


def number(value: float) -> str:
    """Three digits that count: 0.42, 4.2, 42, 1,204."""
    if abs(value) >= 100 or value == round(value):
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:,.1f}".removesuffix(".0")
    if abs(value) >= 0.095:
        return f"{value:.2f}".rstrip("0").rstrip(".")
    return f"{value:.2g}" if abs(value) >= 0.0001 else f"{value:.0e}"


def figure(value: float | None, unit: str = "") -> str:
    """ "0.4 %", "402 ms", "0.6 per s"; a dash where there is no number."""
    if value is None:
        return "–"
    word = "per s" if unit == "/s" else unit
    return f"{number(value)}{NBSP}{word}" if word else number(value)


def span(seconds: float) -> str:
    """A duration in words: "45 s", "5 min", "1 min 30 s", "2 h"."""
    whole = max(0, round(seconds))
    parts = []
    for size, unit in ((3600, "h"), (60, "min"), (1, "s")):
        count, whole = divmod(whole, size)
        if count:
            parts.append(f"{count}{NBSP}{unit}")
    return " ".join(parts[:2]) or f"0{NBSP}s"
