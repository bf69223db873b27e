"""Mystic where no source answers: honest, usable, accessible, within its own policy."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import PASSWORD, PHONE, WIDE

pytestmark = pytest.mark.browser

GUEST_PATHS = ("/", "/markets/", "/status/", "/about/", "/accounts/login/", "/accounts/signup/")
MEMBER_PATHS = (
    "/",
    "/markets/",
    "/signals/",
    "/strategies/",
    "/portfolio/",
    "/orders/",
    "/alerts/",
    "/status/",
    "/settings/",
    "/settings/channels/",
    "/accounts/email/",
    "/accounts/password/change/",
)

# What a screen reader and a phone need; every fault is told by its element.
BASICS = Path(__file__).with_name("basics.js").read_text()


def settle(page, path):
    page.goto(path)
    page.wait_for_load_state("networkidle")


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_guest_pages_keep_the_basics(open_page, lonely, size):
    page = open_page(size, base_url=lonely.url)
    for path in GUEST_PATHS:
        settle(page, path)
        assert page.evaluate(BASICS) == [], path


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_member_pages_keep_the_basics(open_page, lonely, member, picture, size):
    page = open_page(size, storage=member, base_url=lonely.url)
    for path in MEMBER_PATHS:
        settle(page, path)
        assert page.evaluate(BASICS) == [], path
        expect(page.locator("[data-loading]")).to_have_count(0)
        name = path.strip("/").replace("/", "-") or "dashboard"
        picture(page, f"lonely-{name}-{size['width']}")


def test_page_says_that_no_source_answers_and_what_can_be_done(open_page, lonely):
    page = open_page(WIDE, base_url=lonely.url)
    page.goto("/")
    notice = page.locator("#feed-notice .notice")
    expect(notice).to_contain_text("cannot be reached", timeout=60_000)
    expect(notice).to_contain_text("Mystic keeps trying")
    expect(page.locator("#feed")).to_have_attribute("data-state", "down")
    expect(page.locator("#replay-banner")).to_be_visible()


def test_sign_up_settings_theme_and_sign_out(open_page, lonely, picture):
    page = open_page(WIDE, base_url=lonely.url)
    page.goto("/")
    page.get_by_role("link", name="Make an account").click()
    page.get_by_label("Username").fill("nora")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign up").click()
    expect(page).to_have_url(f"{lonely.url}/")
    expect(page.locator("#equity-value")).to_contain_text("10,000.00")

    page.goto("/settings/")
    page.get_by_text("Light", exact=True).click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    picture(page, "settings-light")

    page.get_by_label("Name", exact=True).fill("notebook")
    page.get_by_role("button", name="Make a token").click()
    key = page.get_by_label("New key").input_value()
    assert key.startswith("my_")
    expect(page.locator("#tokens tbody")).to_contain_text("notebook")
    page.reload()
    expect(page.locator("#tokens tbody")).to_contain_text("notebook")
    assert key not in page.content()
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Revoke").click()
    expect(page.locator("#tokens tbody")).to_have_count(0)
    expect(page.locator("#toasts")).to_contain_text("The token notebook is revoked.")

    page.get_by_label("Your account").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_keyboard_reaches_the_content_and_the_menu(open_page, lonely):
    page = open_page(PHONE, base_url=lonely.url)
    page.goto("/markets/")
    page.keyboard.press("Tab")
    expect(page.locator(".skip-link")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    menu = page.get_by_role("button", name="Menu")
    menu.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Status").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(menu).to_have_attribute("aria-expanded", "false")


def test_policy_refuses_a_script_that_was_smuggled_in(open_page, lonely):
    page = open_page(WIDE, base_url=lonely.url, expected=["Content Security Policy", "content-sec"])
    page.goto("/about/")
    page.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "document.title = 'taken over'";
          document.body.append(script);
        }"""
    )
    assert page.title() == "About and licences · Mystic"
