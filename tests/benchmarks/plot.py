"""The picture for the README: fan-out, CPU and memory beside the peers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.benchmarks.contenders import LIMIT, OURS
from tests.benchmarks.fanout import FanOut

THEMES = {
    "light": {"back": "#ffffff", "text": "#1f2328", "peer": "#b6bec8", "ours": "#0969da"},
    "dark": {"back": "#0d1117", "text": "#e6edf3", "peer": "#4a535e", "ours": "#58a6ff"},
}
LABELS = {LIMIT: "bare asyncio.Protocol\n(the limit)"}
DOTS_PER_INCH = 200


def draw(results: Sequence[FanOut], folder: Path) -> list[Path]:
    """Write one picture for light pages and one for dark ones; return where."""
    from matplotlib.figure import Figure

    folder.mkdir(parents=True, exist_ok=True)
    ordered = sorted(results, key=FanOut.published_to_p99, reverse=True)
    listeners = ordered[0].listeners
    panels = (
        (
            f"99 % of {listeners:,} listeners have it after, ms",
            [r.published_to_p99() * 1e3 for r in ordered],
            "{:.0f}",
        ),
        (
            "server CPU per delivery, µs",
            [(r.cpu_per_delivery() or 0.0) * 1e6 for r in ordered],
            "{:.0f}",
        ),
        ("memory per idle stream, KB", [r.memory_bytes / 1024 for r in ordered], "{:.1f}"),
    )
    paths = []
    for name, colours in THEMES.items():
        figure = Figure(figsize=(11, 3.4), facecolor=colours["back"], layout="constrained")
        for at, (title, values, form) in enumerate(panels):
            _panel(figure.add_subplot(1, 3, at + 1), ordered, title, values, form, colours, at == 0)
        path = folder / f"benchmark-{name}.png"
        figure.savefig(path, dpi=DOTS_PER_INCH)
        paths.append(path)
    return paths


def _microseconds(result: FanOut) -> float:
    return (result.cpu_per_delivery() or 0.0) * 1e6


def _panel(
    axes: Any,
    ordered: Sequence[FanOut],
    title: str,
    values: Sequence[float],
    form: str,
    colours: dict[str, str],
    named: bool,
) -> None:
    places = range(len(ordered))
    fill = [colours["ours" if result.name == OURS else "peer"] for result in ordered]
    bars = axes.barh(places, values, color=fill, height=0.62)
    axes.bar_label(bars, [form.format(value) for value in values], padding=4, color=colours["text"])
    axes.set_title(title, color=colours["text"], fontsize=10, loc="left", pad=8)
    names = [LABELS.get(result.name, result.name.replace(", ", ",\n")) for result in ordered]
    axes.set_yticks(places, names if named else [""] * len(ordered), color=colours["text"])
    for label, result in zip(axes.get_yticklabels(), ordered, strict=True):
        label.set_fontweight("bold" if result.name == OURS else "normal")
    axes.set_xlim(0, max(values) * 1.18)
    axes.set_facecolor(colours["back"])
    axes.set_xticks([])
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
