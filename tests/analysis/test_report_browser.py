"""The report in a real browser: what is drawn, with mouse, keyboard, dark mode and a hostile name."""

import shutil

import pytest
from helpers_figures import build
from helpers_report import HOSTILE, make, read_page, renamed

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
SPECS = ["cosine", "wsd", "trapezoid", "constant"]


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    return make(out, SPECS, seeds=(0, 1), peak_lrs=(0.02, 0.05), diverge=[("constant", 1)]).path


@pytest.fixture
def visit(browser):
    """visit(path, ...) -> the open page; at the end nothing has gone wrong or asked for a network."""
    pages, troubles = [], []

    def visit(path, **how):
        page = browser.new_context(**how).new_page()
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("requestfailed", lambda request: troubles.append(request.url))
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith(("file:", "data:", "blob:")) else troubles.append(request.url)
            ),
        )
        page.goto(path.as_uri())
        pages.append(page)
        return page

    yield visit
    for page in pages:
        page.context.close()
    assert troubles == []


def coloured(page, section="loss"):
    """The names of the lines that are drawn in a colour and can be hovered over."""
    data = f"document.querySelector('#{section} .plot').data"
    names = page.evaluate(f"{data}.filter(t => t.hoverinfo !== 'skip').map(t => t.name)")
    return {name.split(" @ ")[0] for name in names}


def press_to(page, name, value=None):
    """Tab on until the focus is on the input of this name and value."""
    for _ in range(60):
        page.keyboard.press("Tab")
        on = page.evaluate("[document.activeElement.name, document.activeElement.value]")
        if on[0] == name and value in (None, on[1]):
            return
    pytest.fail(f"the keyboard can't reach {name}")


def test_everything_is_drawn(visit, report):
    page = visit(report)
    figures = page.locator("figure[data-plot]")
    assert figures.count() == 6  # ranking, loss, lr, norm, peak lrs, plan
    for i in range(figures.count()):
        assert (
            figures.nth(i).locator(".main-svg").count() > 0
            and figures.nth(i).locator("path.js-line, path.point").count() > 1
        )
    assert coloured(page) == set(SPECS)
    buttons = page.locator("#loss .modebar-btn").evaluate_all(
        "all => all.map(button => button.dataset.title)"
    )
    assert len(buttons) == 4 and not any("Share" in title or "loud" in title for title in buttons)
    assert (
        page.locator("#loss .legend li").all_inner_texts()
        == page.locator("#controls label:has([name=schedule])").all_inner_texts()
    )


def test_the_keyboard_is_enough(visit, report):
    page = visit(report)
    press_to(page, "y")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.querySelector('#loss .plot').layout.yaxis.type") == "log"
    before = page.evaluate("document.querySelector('#lr .plot').layout.xaxis.range[1]")
    press_to(page, "x")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.querySelector('#lr .plot').layout.xaxis.range[1]") == before * 12 * 64
    press_to(page, "schedule", "0")
    first = page.locator("#controls label:has([name=schedule])").first.inner_text()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("Space")
    for section in ("loss", "lr", "norm", "peak"):
        assert coloured(page, section).isdisjoint({first}) and len(coloured(page, section)) >= 3
    page.locator("button", has_text="none").focus()
    page.keyboard.press("Enter")
    assert coloured(page) == set()


def test_one_peak_lr_at_a_time_and_validation_as_a_choice(visit, report):
    page = visit(report)
    page.select_option("[name=peak]", "0.02")
    names = page.evaluate("document.querySelector('#loss .plot').data.map(t => t.name).filter(Boolean)")
    assert names and all("@ 2e-2" in name for name in names)
    page.check("[name=series][value=validation]")
    assert page.evaluate(
        "document.querySelector('#loss .plot').data.filter(t => t.name && !t.name.includes('diverged'))"
        ".every(t => t.mode.includes('markers'))"
    )


def test_dark_mode_is_followed_live_and_black_is_seen(visit, report):
    page = visit(report, color_scheme="light")
    sync_api.expect(page.locator("#loss .xtitle")).to_have_css("fill", "rgb(27, 30, 35)")
    page.emulate_media(color_scheme="dark")
    sync_api.expect(page.locator("#loss .xtitle")).to_have_css("fill", "rgb(232, 234, 237)")
    black = page.evaluate(
        "document.querySelector('#lr .plot').data.find(t => t.name?.startsWith('constant')).line.color"
    )
    assert black == "#f2f2f2"
    swatch = page.locator("#controls label", has_text="constant").locator("svg")
    assert swatch.evaluate("e => getComputedStyle(e).color") == "rgb(242, 242, 242)"


def test_a_phone_scrolls_only_down(visit, report):
    page = visit(report, viewport=dict(width=400, height=800))
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert not page.evaluate("document.getElementById('controls').open")
    assert all(
        box["x"] >= 0 and box["x"] + box["width"] <= 400
        for box in (plot.bounding_box() for plot in page.locator(".plot").all())
    )


def test_without_javascript_the_tables_are_there(visit, report):
    page = visit(report, java_script_enabled=False)
    assert page.locator("noscript p").is_visible() and page.locator("#ranking table").is_visible()
    assert not page.locator("aside").is_visible() and not page.locator(".plot").first.is_visible()


def test_a_hostile_name_is_only_text(visit, tmp_path):
    plain = build(tmp_path, ["cosine", "wsd"], seeds=(0, 1))
    names = dict(cosine="cosine", wsd=HOSTILE)
    image = "<img src=x onerror=document.title='owned'>"
    path, _ = read_page(renamed(plain, names, dataset=image, command=HOSTILE), tmp_path)
    page = visit(path)
    assert page.title() != "owned" and page.locator("img, b").count() == 0
    start = HOSTILE[:9]
    ticks = page.locator("#ranking .ytick text").all_text_contents()
    assert any(tick.startswith(start) for tick in ticks)
    page.evaluate(
        "Plotly.Fx.hover(document.querySelector('#ranking .plot'), [{curveNumber: 1, pointNumber: 0}])"
    )
    words = page.locator("#ranking .hoverlayer").text_content()
    assert HOSTILE[-20:] in words and "told apart" in words
    assert HOSTILE in page.locator("#loss .legend").inner_text()
