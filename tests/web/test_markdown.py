import re

import pytest

from app.web.markdown import render


def test_notes_read_as_markdown_with_bare_addresses_as_links():
    html = render("**Two** pods, see https://example.org/a?b=1&c=2.\nNext line\n\n- one\n- `two`")
    assert "<strong>Two</strong>" in html
    assert '<a href="https://example.org/a?b=1&amp;c=2" rel="noopener noreferrer nofollow">https://example.org/a?b=1&amp;c=2</a>.' in html
    assert "<br>" in html
    assert "<li>one</li>" in html


def test_addresses_in_links_and_code_stay_as_they_are():
    assert render("[here](https://example.org)").count("<a ") == 1
    assert "<a " not in render("`https://example.org`")
    assert "<a " not in render("```\nhttps://example.org\n```")


def test_headings_stay_text():
    assert render("#2 is slow") == "<p>#2 is slow</p>\n"
    assert "<h" not in render("# Big\n\nTitle\n=====")


@pytest.mark.parametrize(
    "attack",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](data:text/html;base64,PHNjcmlwdD4=)",
        "![x](https://evil.example/pixel.png)",
        "<svg/onload=alert(1)>",
        '[x](https://example.org" onmouseover="alert(1))',
        "<div hx-get='/x' hx-trigger='load'>",
        "https://example.org/<script>alert(1)</script>",
        "<a href='//evil.example'>x</a>",
        "| a |\n| - |\n| <iframe src=x> |",
    ],
)
def test_nothing_that_people_write_becomes_markup_of_the_page(attack):
    tags = " ".join(re.findall(r"<[^>]+>", render(attack)))
    for sign in ("<script", "<img", "<svg", "<div", "<iframe", 'onmouseover="', 'href="javascript', 'href="data', 'href="//', 'hx-get="'):
        assert sign not in tags
