"""A study's page from the Jinja2 template beside its code."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from analysis.text import format_lr, format_p
from nanosched.files import atomic

FILTERS = dict(format_lr=format_lr, format_p=format_p)


def write_page(out: Path, template: Path, page: str = "README.md", **values) -> Path:
    """Write out/`page`: the template with these values; a name that it has and they lack is an error."""
    environment = Environment(
        loader=FileSystemLoader(template.parent),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(FILTERS)
    text = environment.get_template(template.name).render(values)
    with atomic(path := out / page) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return path
