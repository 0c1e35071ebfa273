"""What people write, as HTML that can do no harm.

Raw HTML stays text (markdown-it, `html=False`), and what comes out passes through nh3's list of tags once more. Links lead to http and
https only, tell the other side nothing, and pictures are not fetched. Headings stay text: "#2 is slow" is not a title.
"""

import re
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

TAGS = frozenset(
    {"p", "br", "hr", "strong", "em", "s", "code", "pre", "ul", "ol", "li", "blockquote", "a", "table", "thead", "tbody", "tr", "th", "td"}
)
_ADDRESS = re.compile(r"https?://[^\s<>\"'`]*[^\s<>\"'`.,;:!?)\]]")


@lru_cache(maxsize=1)
def _reader() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"])
    return reader.disable(["heading", "lheading", "image", "html_block", "html_inline"])


@lru_cache(maxsize=2048)
def render(text: str) -> Markup:
    """Markdown as HTML for a page; the caller wraps it in an element with hx-ignore."""
    reader = _reader()
    tokens = reader.parse(text)
    for token in tokens:
        if token.children:
            token.children = _linked(token.children)
    html = reader.renderer.render(tokens, reader.options, {})
    safe = nh3.clean(
        html, tags=set(TAGS), attributes={"a": {"href"}}, url_schemes={"http", "https"}, link_rel="noopener noreferrer nofollow"
    )
    return Markup(safe)  # noqa: S704 - nh3 has just cleaned it


def _linked(tokens: list[Token]) -> list[Token]:
    """Bare addresses become links, as people paste them; inside of links and code they stay."""
    linked, inside = [], 0
    for token in tokens:
        inside += {"link_open": 1, "link_close": -1}.get(token.type, 0)
        if token.type != "text" or inside:
            linked.append(token)
            continue
        end = 0
        for found in _ADDRESS.finditer(token.content):
            linked += [_text(token.content[end : found.start()]), *_link(found[0])]
            end = found.end()
        linked.append(_text(token.content[end:]))
    return linked


def _text(content: str) -> Token:
    return Token("text", "", 0, content=content)


def _link(address: str) -> list[Token]:
    return [Token("link_open", "a", 1, attrs={"href": address}), _text(address), Token("link_close", "a", -1)]
