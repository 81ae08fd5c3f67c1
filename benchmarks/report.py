"""What every benchmark prints with its numbers: the machine, the versions, and where the table goes."""

from __future__ import annotations

from pathlib import Path

from headshot.evaluate import tables
from headshot.evaluate.machine import machine

RESULTS = Path(__file__).resolve().parent.parent / "docs" / "explanation" / "results"


def table(header: list[str], rows: list[list[object]]) -> str:
    """A Markdown table; floats with two decimals."""
    return tables.table(
        header, [[f"{v:.2f}" if isinstance(v, float) else str(v) for v in row] for row in rows]
    )


def publish(name: str, title: str, command: str, *parts: str) -> None:
    """Print a result and write it to ``docs/explanation/results/NAME.md``."""
    head = f"# {title}\n\nMade by `{command}` on {machine()}."
    text = "\n\n".join([head, *parts]) + "\n"
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text, encoding="utf-8")
    print(text)
