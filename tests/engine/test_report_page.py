"""The report in a real browser, as people open it: on a desk, on a phone, in the dark, on paper, by the keyboard."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request

from rehearsal.report.page import page as report_page
from tests.browser import chromium
from tests.unit.rehearsed import LEFT, material

SCHEMES = ("light", "dark")

CONTRASTS = """() => {
  const parse = text => {
    const srgb = text.match(/^color\\(srgb ([\\d.]+) ([\\d.]+) ([\\d.]+)(?: \\/ ([\\d.]+))?\\)/);
    if (srgb) return [...srgb.slice(1, 4).map(part => 255 * part), srgb[4] === undefined ? 1 : +srgb[4]];
    const found = text.match(/[\\d.]+/g).map(Number);
    return found.length === 3 ? [...found, 1] : found;
  };
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(part => part / 255).map(p => p <= 0.04045 ? p / 12.92 : ((p + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ground = element => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const wrong = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const drawn = element.ownerSVGElement && element.tagName === "text";
    if (element.ownerSVGElement && !drawn) continue;
    const [one, two] = [luminance(parse(drawn ? style.fill : style.color)), luminance(ground(element))].sort((a, b) => b - a);
    const contrast = (one + 0.05) / (two + 0.05);
    if (contrast < 4.5) wrong.push(`${element.tagName} ${element.textContent.trim().slice(0, 40)}: ${contrast.toFixed(2)}`);
  }
  return wrong;
}"""
"""Every visible text against the nearest ground behind it, as WCAG 2.2 computes contrast. Texts of pictures lie on the page's."""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of prod, with everything that there may be in it."""
    written = tmp_path_factory.mktemp("report") / "report.html"
    written.write_text(report_page(material("prod", left=LEFT)), "utf-8")
    return written


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(params=SCHEMES)
def context(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    opened = browser.new_context(color_scheme=request.param)
    yield opened
    opened.close()


@pytest.fixture
def opened(context: BrowserContext, file: Path) -> Iterator[Page]:
    """The report; afterwards nothing may have gone wrong, and nobody else been asked."""
    page = context.new_page()
    wrong: list[str] = []
    asked: list[str] = []

    def noted(request: Request) -> None:
        asked.append(request.url)

    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", noted)
    page.goto(file.as_uri())
    yield page
    assert wrong == []
    assert [url for url in asked if not url.startswith("data:")] == [file.as_uri()]


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
def test_it_fits_a_phone_as_well_as_a_desk(opened: Page, width: int) -> None:
    opened.set_viewport_size({"width": width, "height": 800})
    opened.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    # What is wider than the page can be pushed aside, by the keyboard too.
    regions = "[...document.querySelectorAll('.scroll')]"
    assert opened.evaluate(f"{regions}.every(each => each.tabIndex === 0 && each.ariaLabel && each.role === 'region')")


def test_every_text_stands_out_from_its_ground(opened: Page) -> None:
    opened.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert opened.evaluate(CONTRASTS) == []


def test_every_picture_says_what_it_shows(opened: Page) -> None:
    pictures = opened.locator("svg")
    assert pictures.count() == 5
    for picture in pictures.all():
        assert picture.get_attribute("role") == "img"
        named = picture.get_attribute("aria-labelledby") or ""
        for identifier in named.split():
            assert (opened.locator(f"[id='{identifier}']").text_content() or "").strip()
    identifiers = opened.evaluate("[...document.querySelectorAll('[id]')].map(each => each.id)")
    assert len(identifiers) == len(set(identifiers))


def test_headings_go_down_by_one_and_tables_have_heads(opened: Page) -> None:
    levels = [
        int(name[1]) for name in opened.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(e => e.tagName)")
    ]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    heads = "[...document.querySelectorAll('table')].every(t => t.querySelectorAll('thead th[scope=col]').length > 1)"
    assert opened.evaluate(heads)
    rows = "[...document.querySelectorAll('tbody tr')].every(row => row.querySelector('th[scope=row]'))"
    assert opened.evaluate(rows)
    assert opened.locator("html").get_attribute("lang") == "en"
    assert opened.evaluate(
        "[...document.querySelectorAll('nav a')].every(a => document.querySelector(a.getAttribute('href')))"
    )


def test_the_keyboard_is_enough(opened: Page) -> None:
    opened.keyboard.press("Tab")
    assert opened.evaluate("document.activeElement.textContent") == "Skip to the report"
    summary = opened.locator("#plan summary").first
    summary.focus()
    opened.keyboard.press("Enter")
    assert opened.locator("#plan details").first.evaluate("each => each.open")


def test_texts_of_the_picture_do_not_lie_on_each_other_nor_leave_their_boxes(opened: Page) -> None:
    opened.set_viewport_size({"width": 1280, "height": 900})
    texts = opened.evaluate(
        """[...document.querySelectorAll('#architecture text')].map(each => {
             const box = each.getBoundingClientRect(); return [each.textContent, box.left, box.top, box.right, box.bottom] })"""
    )
    whole = opened.locator("#architecture").bounding_box()
    assert whole
    for index, (one, left, top, right, bottom) in enumerate(texts):
        assert whole["x"] <= left < right <= whole["x"] + whole["width"], one
        for other, left2, top2, right2, bottom2 in texts[index + 1 :]:
            over = min(right, right2) - max(left, left2) > 1 and min(bottom, bottom2) - max(top, top2) > 4
            assert not over, (one, other)


def test_it_prints_on_a4_without_what_only_screens_need(browser: Browser, file: Path, tmp_path: Path) -> None:
    page = browser.new_page()
    page.goto(file.as_uri())
    page.pdf(path=tmp_path / "report.pdf", prefer_css_page_size=True)
    content = (tmp_path / "report.pdf").read_bytes()
    assert content.startswith(b"%PDF")
    [size] = set(re.findall(rb"/MediaBox \[0 0 (\d+)[\d.]* (\d+)", content))
    assert size in {(b"594", b"841"), (b"595", b"841"), (b"595", b"842")}
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 703, "height": 1000})  # A4 without its margins
    assert not page.locator("nav").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 703
    assert page.evaluate(
        "[...document.querySelectorAll('.scroll')].every(each => each.scrollWidth <= each.clientWidth + 1)"
    )
    page.close()
