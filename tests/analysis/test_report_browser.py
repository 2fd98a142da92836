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


# --- tables that sort


def column(page, i, table="#ranking table"):
    return page.locator(f"{table} tbody tr").evaluate_all(
        f"rows => rows.map(row => row.cells[{i}].textContent.trim())"
    )


def headings(page, table="#ranking table"):
    return page.locator(f"{table} thead th").all_inner_texts()


def test_a_click_on_a_heading_sorts_up_down_and_back(visit, report):
    page = visit(report)
    given, i = column(page, 0), headings(page).index("final val loss")
    button, heading = page.locator("#ranking .sort").nth(i), page.locator("#ranking thead th").nth(i)
    button.click()
    losses = [float(text.split()[0]) for text in column(page, i)]
    assert losses == sorted(losses) and heading.get_attribute("aria-sort") == "ascending"
    button.click()
    assert [float(text.split()[0]) for text in column(page, i)] == losses[::-1]
    assert heading.get_attribute("aria-sort") == "descending"
    button.click()
    assert column(page, 0) == given and heading.get_attribute("aria-sort") is None


def test_the_keyboard_sorts_and_what_has_no_number_comes_last(visit, report):
    page = visit(report)
    i = headings(page).index("95% interval")
    button = page.locator("#ranking .sort").nth(i)
    button.focus()
    for key, reverse in (("Enter", False), ("Space", True)):
        page.keyboard.press(key)
        cells = column(page, i)
        lows = [float(text.split()[0]) for text in cells if text != "-"]
        assert (
            lows == sorted(lows, reverse=reverse) and "-" not in cells[: len(lows)] and len(lows) < len(cells)
        )
    names = page.locator("#ranking .sort").nth(headings(page).index("schedule"))
    names.click()
    assert column(page, 1) == sorted(column(page, 1))
    assert page.locator("#ranking thead [aria-sort]").count() == 1


def test_every_table_of_schedules_sorts_and_no_other(visit, report):
    page = visit(report)
    tables = page.locator("main table")
    for table in tables.all():
        is_matrix = table.get_attribute("class") == "matrix"
        facts = table.locator("thead th").all_inner_texts() == ["name", "value"]
        assert (table.locator(".sort").count() == 0) == (is_matrix or facts)


# --- a baseline


def test_losses_are_drawn_against_a_baseline(visit, report):
    page = visit(report)
    loss, ranking = (f"document.querySelector('#{name} .plot')" for name in ("loss", "ranking"))
    lines = f"{loss}.data.filter(line => line.name && line.hoverinfo !== 'skip')"
    ends = f"Object.fromEntries({lines}.map(line => [line.name, line.y.at(-1)]))"
    raw = page.evaluate(ends)
    page.check("[name=y][value=log]")
    page.select_option("[name=baseline]", label="wsd")
    minus = page.evaluate(ends)
    (base,) = [name for name in minus if name.startswith("wsd @")]
    paired = [name for name in minus if not name.startswith("constant")]  # a seed of which diverged
    assert minus[base] == 0 and set(paired) == {name for name in raw if not name.startswith("constant")}
    for name in paired:
        assert minus[name] == pytest.approx(raw[name] - raw[base], abs=1e-5)
    assert page.evaluate(f"{loss}.layout.yaxis.title.text").startswith("loss − that of wsd @")
    assert page.evaluate(f"{loss}.layout.yaxis.type") == "linear"  # of differences there is no logarithm
    assert page.evaluate(f"{ranking}.layout.xaxis.title.text").startswith("loss − that of wsd @")
    dots = f"{ranking}.data.filter(t => t.mode === 'markers').map(t => [t.name, t.x[0]])"
    at = dict(page.evaluate(dots))
    assert at[base] == 0 and min(at.values()) <= 0 <= max(at.values())
    page.select_option("[name=baseline]", label="none")
    page.check("[name=y][value=linear]")
    assert page.evaluate(ends) == raw


def test_the_form_ticks_all_none_and_as_at_first(visit, tmp_path):
    names = "constant cosine wsd rex linear step tanh power exponential polynomial".split()
    page = visit(make(tmp_path, names, seeds=(0, 1)).path)
    ticked = page.locator("[name=schedule]:checked")
    first = ticked.count()
    assert 3 <= first <= 5 and {"constant", "cosine", "wsd"} <= coloured(page)
    for word, count in (("all", 10), ("none", 0), ("lowest 5", 5), ("as at first", first)):
        page.get_by_role("button", name=word, exact=True).click()
        assert ticked.count() == count == len(coloured(page))


# --- every page that it is read on


def test_after_printing_all_is_as_before(visit, report):
    page = visit(report)
    sizes = "[...document.querySelectorAll('.plot')].map(plot => [plot.clientWidth, plot.clientHeight])"
    before = page.evaluate(sizes)
    page.pdf()  # the page is told before and after
    assert page.evaluate(sizes) == before and min(height for _, height in before) > 200


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


def test_on_a_phone_no_table_is_cut_and_no_two_labels_are_alike(visit, tmp_path):
    specs = [f"wsd:cooldown=0.4000000000000001,shape=sqrt,final_lr_ratio=0.0{i}" for i in range(1, 4)]
    path = make(tmp_path, [*specs, "cosine", "constant"], seeds=(0, 1), peak_lrs=(0.02, 0.05)).path
    page = visit(path, viewport=dict(width=420, height=800))
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= 420
    boxes = page.locator(".scroll")
    assert boxes.count() > 5
    assert boxes.evaluate_all("all => all.every(box => box.scrollWidth <= box.clientWidth)")
    for plot in page.locator("#ranking .plot, #plan .plot").all():
        ticks = plot.locator(".ytick text").all_text_contents()
        assert len(ticks) >= 5 and len(set(ticks)) == len(ticks)


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
    assert HOSTILE[-20:] in words and "may be the best" in words
    assert HOSTILE in page.locator("#loss .legend").inner_text()
