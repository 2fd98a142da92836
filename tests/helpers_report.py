"""Reports for the tests: comparisons with a plan, written, and read as a browser without JavaScript does."""

import json
from dataclasses import replace
from html.parser import HTMLParser
from types import SimpleNamespace

import pytest
from helpers_figures import build

from analysis.report.page import write_report
from sweep.plan import plan_branches

HOSTILE = "</script><script>document.title='owned'</script><!-- <b>\"x\" & 'y' $x$ %{x} \\u003c"


class Page(HTMLParser):
    """What the tests look at: every element's attributes, the text of each cell, heading and script."""

    def __init__(self, text):
        super().__init__()
        self.text, self.elements, self.open, self.texts = text, [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.texts.append("")
        if tag not in ("meta", "input", "path"):
            self.open.append((tag, len(self.elements) - 1))

    def handle_endtag(self, tag):
        while tag != "path" and self.open.pop()[0] != tag:
            pass

    def handle_data(self, data):
        for _, i in self.open:
            self.texts[i] += data

    def all(self, tag, **attrs):
        """(attributes, text) of every such element."""
        return [
            (given, text)
            for (name, given), text in zip(self.elements, self.texts)
            if name == tag and attrs.items() <= given.items()
        ]

    def tables(self):
        """Rows of cells, of each table."""
        found = []
        for (tag, _), text in zip(self.elements, self.texts):
            if tag == "table":
                found.append([])
            elif tag == "tr":
                found[-1].append([])
            elif tag in ("td", "th"):
                found[-1][-1].append(text)
        return found

    def section(self, name):
        """A section as a page of its own."""
        start = self.text.index(f'<section id="{name}"')
        return Page(self.text[start : self.text.index("</section>", start)])

    def data(self):
        """The data of each plot."""
        return [
            json.loads(text, parse_constant=pytest.fail)
            for attrs, text in self.all("script", type="application/json")
            if "id" not in attrs
        ]

    def answer(self):
        return self.all("p", **{"class": "answer"})[0][1]


def planned(comparison):
    """The comparison with its plan."""
    return replace(comparison, branches=tuple(plan_branches(list(comparison.requested), comparison.config)))


def read_page(comparison, out):
    """The written report's path and what is in it."""
    (path,) = write_report(comparison, out)
    return path, Page(path.read_text(encoding="utf-8"))


def make(out, specs, **how):
    """The report of helpers_figures.build's comparison: comparison, path and page."""
    comparison = planned(build(out, specs, **how))
    path, page = read_page(comparison, out)
    return SimpleNamespace(comparison=comparison, path=path, page=page, out=out)


def renamed(comparison, names, dataset, command):
    """The same comparison with other names of schedules and data, planned."""
    results = tuple(
        replace(result, setting=replace(result.setting, scheduler=names[result.setting.scheduler]))
        for result in comparison.results
    )
    runs = tuple(replace(run, label=names[run.label]) for run in comparison.requested)
    data = SimpleNamespace(**{**vars(comparison.dataset), "name": dataset})
    return planned(replace(comparison, results=results, requested=runs, dataset=data, command=command))
