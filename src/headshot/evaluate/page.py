"""One self-contained HTML page of results: tables, plots as inline SVG, pictures. No script, no network."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from html import escape

from headshot.evaluate import plot
from headshot.evaluate.result import BASELINE, Result
from headshot.evaluate.tables import baseline_rows, estimate, groups, summary_rows

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#222;background:#fff;
  max-width:1100px;margin:2em auto;padding:0 1em}
table{border-collapse:collapse;margin:1em 0;display:block;overflow-x:auto}
th,td{border:1px solid #ddd;padding:.3em .6em;text-align:left;white-space:nowrap}
th{background:#f4f4f6}figure{display:inline-block;margin:.5em;vertical-align:top;max-width:100%}
figure img,svg{max-width:100%;height:auto}figcaption{font-size:13px;color:#555;max-width:420px}
code{background:#f4f4f6;padding:.1em .3em}h1{margin-top:2em}
""".strip()


def html(results: Sequence[Result]) -> str:
    """The page as text."""
    body = "\n".join(_section(result) for result in results)
    title = escape(results[0].title if len(results) == 1 else "Headshot: measurements")
    links = ""
    if len(results) > 1:
        entries = [f'<li><a href="#{escape(r.measure)}">{escape(r.title)}</a></li>' for r in results]
        links = f"<h1>{title}</h1><ul>{''.join(entries)}</ul>"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
        f'<meta name="viewport" content="width=device-width">\n<style>{_STYLE}</style></head>\n'
        f"<body>\n{links}{body}\n</body></html>\n"
    )


def _section(result: Result) -> str:
    headings = [column.heading for column in result.columns]
    parts = [f'<h1 id="{escape(result.measure)}">{escape(result.title)}</h1>']
    if result.command:
        parts.append(f"<p>Made by <code>{escape(result.command)}</code> on {escape(result.machine)}.</p>")
    parts.append(_prose(result.protocol))
    parts.append(f"<p>{len(result.items)} items; values with their 95 % bootstrap intervals.</p>")
    parts.append(_table(["method", *headings], summary_rows(result)))
    parts += [_bars(result, index) for index in range(min(4, len(result.columns)))]
    parts += [plot.curves(curve) for curve in result.curves]
    against = baseline_rows(result)
    if against:
        parts.append(f"<h2>Difference from the {BASELINE}, paired</h2>")
        parts.append(_table(["method", *headings], against))
    for key, split in groups(result).items():
        rows = [[label, *row] for label, items in split.items() for row in summary_rows(result, items)]
        parts += [f"<h2>By {escape(key)}</h2>", _table([key, "method", *headings], rows)]
    parts += [_prose(note) for note in result.notes]
    if result.pictures:
        parts.append("<h2>Pictures</h2>")
    for caption, png in result.pictures:
        data = base64.b64encode(png).decode("ascii")
        parts.append(
            f'<figure><img alt="{escape(caption)}" src="data:image/png;base64,{data}">'
            f"<figcaption>{escape(caption)}</figcaption></figure>"
        )
    return "\n".join(part for part in parts if part)


def _bars(result: Result, index: int) -> str:
    column = result.columns[index]
    found = [(method, estimate(result, method, column)) for method in result.methods]
    return plot.bars(column.heading, [(method, e) for method, e in found if e is not None])


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _prose(text: str) -> str:
    """The Markdown that notes use: paragraphs, headings, lists, tables, `code`, **strong**, *stress*."""
    out = []
    for block in filter(None, (block.strip() for block in text.split("\n\n"))):
        lines = block.splitlines()
        if block.startswith("#"):
            level = len(block) - len(block.lstrip("#"))
            out.append(f"<h{level}>{_inline(block.lstrip('# '))}</h{level}>")
        elif all(line.startswith(("- ", "  ")) for line in lines):
            entries = re.split(r"^- ", block, flags=re.MULTILINE)[1:]
            out.append("<ul>" + "".join(f"<li>{_inline(entry)}</li>" for entry in entries) + "</ul>")
        elif all(line.startswith("|") for line in lines) and len(lines) > 1:
            rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
            out.append(_table(rows[0], rows[2:]))
        else:
            out.append(f"<p>{_inline(block)}</p>")
    return "\n".join(out)


def _inline(text: str) -> str:
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
    text = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", text)
    return re.sub(r"\*(\w[^*]*)\*", r"<em>\1</em>", text)
