"""The web page in a real browser, as people use it; and what the server says about it to browsers."""

import re
from collections.abc import Iterator
from contextlib import suppress

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect

from tests.app.conftest import Place
from tests.app.servers import Application
from tests.browser import chromium

PATIENCE_MILLISECONDS = 20_000
PASSWORD = "several words are best here"  # noqa: S105 - of users who live for a test
HOSTILE = "<img src=x onerror=\"document.title='taken over'\"><script>document.title='taken over'</script> river"

expect.set_options(timeout=PATIENCE_MILLISECONDS)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def opened(browser: Browser, application: Application) -> Iterator[Page]:
    """The page, with nobody logged in; afterwards, nothing may have gone wrong in the browser, nor anywhere else been asked."""
    base = str(application.client.base_url)
    context = browser.new_context(base_url=base)
    context.set_default_timeout(PATIENCE_MILLISECONDS)
    page = context.new_page()
    errors: list[str] = []
    elsewhere: list[str] = []

    def noted(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(message.text)

    def asked(request: Request) -> None:
        if not request.url.startswith(base):
            elsewhere.append(request.url)

    page.on("console", noted)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", asked)
    page.goto("/")
    yield page
    with suppress(AssertionError):
        expect(page.locator("#quotes")).to_have_attribute("aria-busy", "false")
    context.close()
    # A refusal that a test provokes is told in the console by the browser itself.
    assert [error for error in errors if "Failed to load resource" not in error] == []
    assert elsewhere == []


def register(page: Page, name: str = "lucius") -> None:
    page.get_by_role("button", name="Register").click()
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("dialog").get_by_role("button", name="Register").click()
    expect(page.get_by_role("status")).to_have_text(f"Welcome, {name}.")


def add(page: Page, text: str, author: str = "Seneca") -> None:
    page.locator("#add").get_by_label("Quote").fill(text)
    page.locator("#add").get_by_label("Author").fill(author)
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("status")).to_have_text("Your quote was added.")


def search(page: Page, question: str) -> None:
    page.get_by_label("Search in quotes").fill(question)
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("heading", name=f"Quotes with “{question}”")).to_be_visible()


def test_a_person_registers_adds_searches_changes_deletes_and_logs_out(opened: Page) -> None:
    expect(opened.get_by_role("heading", name="Add a quote")).to_be_hidden()
    register(opened)
    add(opened, "While we are postponing, life speeds by.")
    add(opened, "Les chevaux courent dans la nuit.", "Anonyme")
    expect(opened.get_by_role("article")).to_have_count(2)
    expect(opened.locator("blockquote").first).to_have_attribute("lang", "fr")

    search(opened, "postpone speeding")
    expect(opened.get_by_role("article")).to_have_count(1)
    expect(opened.locator("mark")).to_have_text(["postponing", "speeds"])
    expect(opened.get_by_role("status")).to_have_text("1 quote found.")
    assert "q=postpone" in opened.url
    opened.reload()
    expect(opened.locator("mark")).to_have_count(2)
    expect(opened.locator("#user-name")).to_have_text("lucius")

    opened.get_by_role("button", name="Change: While we are").click()
    opened.get_by_role("dialog").get_by_label("Quote").fill("Life speeds by.")
    opened.get_by_role("button", name="Save").click()
    expect(opened.get_by_role("status")).to_have_text("Your quote was changed.")
    search(opened, "life")
    expect(opened.locator("blockquote")).to_have_text("Life speeds by.")

    opened.get_by_role("button", name="Delete: Life speeds by.").click()
    opened.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(opened.get_by_role("status")).to_have_text("Your quote was deleted.")
    expect(opened.get_by_role("article")).to_have_count(0)

    opened.get_by_role("button", name="Log out").click()
    expect(opened.get_by_role("status")).to_have_text("You are logged out.")
    expect(opened.get_by_role("heading", name="Add a quote")).to_be_hidden()
    search(opened, "chevaux")
    expect(opened.get_by_role("article")).to_have_count(1)
    expect(opened.get_by_role("button", name=re.compile("^(Change|Delete):"))).to_have_count(0)


def test_a_person_logs_in_again_and_is_told_of_a_wrong_password(opened: Page) -> None:
    register(opened)
    opened.get_by_role("button", name="Log out").click()
    opened.get_by_role("button", name="Log in").click()
    dialog = opened.get_by_role("dialog")
    opened.get_by_label("Name").fill("lucius")
    opened.get_by_label("Password").fill("not the right password")
    dialog.get_by_role("button", name="Log in").click()
    expect(dialog.get_by_role("alert")).to_contain_text("wrong")
    opened.get_by_label("Password").fill(PASSWORD)
    dialog.get_by_role("button", name="Log in").click()
    expect(opened.get_by_role("status")).to_have_text("Welcome, lucius.")


def test_html_in_a_quote_is_shown_as_the_text_that_it_is(opened: Page) -> None:
    register(opened)
    add(opened, HOSTILE, "<b>river</b>")
    for question in ("", "river"):
        if question:
            search(opened, question)
            expect(opened.locator("mark")).to_have_text(["river", "river"])
        expect(opened.locator("blockquote")).to_have_text(HOSTILE)
        expect(opened.locator("article .author")).to_have_text("<b>river</b>")
        assert opened.locator("article").locator("img, script, b").count() == 0
    assert opened.title() == "Quotes"


def test_the_pages_policy_stops_a_script_that_got_in(browser: Browser, application: Application) -> None:
    """The second line: even with a fault in the page's own code, what is written into it doesn't run."""
    page = browser.new_page()
    page.goto(str(application.client.base_url))
    attempt = "() => { try { document.body.innerHTML += '<img src=x onerror=1>'; return 'written' } catch { return 'stopped' } }"
    assert page.evaluate(attempt) == "stopped"
    page.close()


def test_a_change_of_what_somebody_else_changed_meanwhile_is_refused_and_told(
    opened: Page, application: Application, place: Place
) -> None:
    register(opened)
    add(opened, "The first version.")
    opened.get_by_role("button", name="Change:").click()
    dialog = opened.get_by_role("dialog")
    expect(dialog.get_by_label("Quote")).to_have_value("The first version.")
    # The same person on another device.
    place.sign_in(application, "lucius")
    quote = application.ids()[0]
    second = {"author": "Seneca", "text": "The second version."}
    assert application.client.put(f"/quotes/{quote}", json=second, headers={"If-Match": "*"}).is_success
    dialog.get_by_label("Quote").fill("The third version.")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_role("alert")).to_contain_text("changed since you read it")
    assert application.client.get(f"/quotes/{quote}").json()["text"] == "The second version."


def test_more_quotes_come_below_those_that_are_shown(opened: Page, application: Application) -> None:
    for number in range(25):
        application.add(text=f"quote number {number}")
    opened.reload()
    expect(opened.get_by_role("article")).to_have_count(20)
    opened.get_by_role("button", name="More quotes").click()
    expect(opened.get_by_role("article")).to_have_count(25)
    expect(opened.get_by_role("button", name="More quotes")).to_be_hidden()


def test_the_keyboard_is_enough(opened: Page) -> None:
    opened.keyboard.press("Tab")
    expect(opened.get_by_role("link", name="Skip to the quotes")).to_be_focused()
    opened.get_by_role("button", name="Register").focus()
    opened.keyboard.press("Enter")
    expect(opened.get_by_label("Name")).to_be_focused()
    opened.keyboard.type("lucius")
    opened.keyboard.press("Tab")
    opened.keyboard.type(PASSWORD)
    opened.keyboard.press("Enter")
    expect(opened.get_by_role("status")).to_have_text("Welcome, lucius.")
    add(opened, "Life speeds by.")
    opened.get_by_role("button", name="Delete:").focus()
    opened.keyboard.press("Enter")
    expect(opened.get_by_role("dialog")).to_be_visible()
    opened.keyboard.press("Escape")
    expect(opened.get_by_role("dialog")).to_be_hidden()
    expect(opened.get_by_role("button", name="Delete:")).to_be_focused()
    opened.keyboard.press("Enter")
    opened.get_by_role("dialog").get_by_role("button", name="Delete").press("Enter")
    expect(opened.locator("#results")).to_be_focused()


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_it_fits_a_phone_as_well_as_a_desk(opened: Page, application: Application, width: int) -> None:
    application.add(text="Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz" * 5)
    opened.set_viewport_size({"width": width, "height": 800})
    opened.reload()
    expect(opened.get_by_role("article")).to_have_count(1)
    assert opened.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize(
    ("path", "media_type"),
    [("/", "text/html"), ("/page.css", "text/css"), ("/page.js", "text/javascript"), ("/icon.svg", "image/svg+xml")],
)
def test_the_pages_files_come_with_a_tag_and_a_strict_policy(
    application: Application, path: str, media_type: str
) -> None:
    response = application.client.get(path)
    assert response.headers["content-type"].startswith(media_type)
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["cache-control"] == "no-cache"
    known = application.client.get(path, headers={"If-None-Match": response.headers["etag"]})
    assert (known.status_code, known.content) == (304, b"")
    assert known.headers["content-security-policy"] == policy
    assert application.client.head(path).status_code == 200


def test_the_pages_files_are_sent_packed_to_who_takes_that(application: Application) -> None:
    packed = application.client.get("/page.js", headers={"Accept-Encoding": "gzip"})
    plain = application.client.get("/page.js", headers={"Accept-Encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 2
    assert packed.headers["etag"] != plain.headers["etag"]
    assert packed.headers["vary"] == "Accept-Encoding"
