"""A review as PDF: a document with an outline, tables and page numbers, in the fonts of the console.

The vendored fonts are variable WOFF2 in subsets; PDF wants static TrueType. They are converted when the first document asks, and the
subset for further letters only where a text holds some of them. What no font holds is printed as "?", and the document says so.
"""

import io
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

from fontTools.ttLib import TTFont
from fontTools.varLib import instancer
from fpdf import FPDF, FontFace, TextStyle
from markdown_it import MarkdownIt
from markdown_it.token import Token

from app.core.clock import now
from app.core.paths import STATIC
from app.reviews import lanes, paper
from app.reviews.paper import Paper, Part

INK, SOFT, LINE, BLUE = (25, 29, 37), (97, 102, 110), (205, 208, 211), (28, 90, 190)
FILES = {
    "inter": "inter-5.3.0/inter-latin-opsz-normal.woff2",
    "interx": "inter-5.3.0/inter-latin-ext-opsz-normal.woff2",
    "mono": "jetbrains-mono-5.3.0/jetbrains-mono-latin-wght-normal.woff2",
}
_SHAPING = ("GSUB", "GPOS", "GDEF", "STAT", "MVAR")  # not used without a shaping engine, and slow to convert
_LETTERS = {"’": "'", "\u202f": "\u00a0", "\t": "    "}


@lru_cache(maxsize=8)
def _font(name: str, weight: int) -> bytes:
    """One static font of a vendored variable one."""
    font = TTFont(STATIC / "vendor" / FILES[name])
    for tag in _SHAPING:
        if tag in font:
            del font[tag]
    font.flavor = None
    axes = {axis.axisTag: axis.defaultValue for axis in font["fvar"].axes} | {"wght": weight}
    instancer.instantiateVariableFont(font, axes, inplace=True, optimize=False)
    out = io.BytesIO()
    font.save(out)
    return out.getvalue()


@lru_cache(maxsize=8)
def _letters(name: str) -> frozenset[int]:
    return frozenset(TTFont(STATIC / "vendor" / FILES[name]).getBestCmap())


class Sheet(FPDF):
    """The pages, with their foot, and text that only holds letters which can be drawn."""

    def __init__(self, foot: str, text: str, folder: Path) -> None:
        super().__init__(format="A4")
        self.foot, self.lost = foot, 0
        wanted = ["inter", "mono"]
        if any(ord(letter) in _letters("interx") - _letters("inter") for letter in text):
            wanted.append("interx")
        for name in wanted:
            for style, weight in (("", 400), ("B", 600)) if name != "mono" else (("", 400),):
                path = folder / f"{name}-{weight}.ttf"
                path.write_bytes(_font(name, weight))
                self.add_font(name, style, path)
        if "interx" in wanted:
            self.set_fallback_fonts(["interx"], exact_match=False)
        self.known = _letters("inter") | _letters("interx")
        self.set_margins(20, 18, 20)
        self.set_auto_page_break(True, margin=22)
        self.set_line_width(0.2)
        self.set_draw_color(*LINE)
        self.add_page()

    def footer(self) -> None:
        self.set_y(-16)
        self.face(8, color=SOFT)
        self.cell(0, 5, self.safe(self.foot))
        self.set_y(-16)
        self.cell(0, 5, f"{self.page_no()} of {{nb}}", align="R")

    def face(self, size: float, *, bold: bool = False, mono: bool = False, color: Sequence[int] = INK) -> None:
        self.set_font("mono" if mono else "inter", "B" if bold and not mono else "", size)
        self.set_text_color(*color)

    def safe(self, text: str) -> str:
        """The text without letters that no font holds; they are counted."""
        for letter, other in _LETTERS.items():
            text = text.replace(letter, other)
        kept = "".join(letter if letter == "\n" or ord(letter) in self.known else "?" for letter in text)
        self.lost += sum(one != other for one, other in zip(text, kept, strict=True))
        return kept

    def heading(self, words: str, level: int = 0) -> None:
        """A heading that stands in the outline too, kept with what follows it."""
        if self.will_page_break(24):
            self.add_page()
        self.ln(5 if level == 0 else 2.5)
        size = 13 if level == 0 else 10.5
        style = TextStyle(font_family="inter", font_style="B", font_size_pt=size, color=INK)
        self.set_section_title_styles(style, style)
        self.start_section(self.safe(words), level=level)
        self.ln(1)


def write(document: Paper) -> bytes:
    """The document as PDF."""
    with TemporaryDirectory(prefix="lastgood-pdf-") as folder:  # fpdf2 reads fonts from files only
        return _written(document, Path(folder))


def _written(document: Paper, folder: Path) -> bytes:
    whole = "".join([document.title, *(part.body for part in document.parts), *(item.title for item in document.items)])
    sheet = Sheet(f"{document.ref} · {document.kind} · {document.standing}", whole, folder)
    sheet.set_title(document.title)
    sheet.set_subject(f"{document.kind} of {document.ref}")
    sheet.set_creator("Lastgood")
    sheet.set_lang("en")
    _head(sheet, document)
    for part in document.texts:
        _section(sheet, part)
        if part.heading.key == "summary":
            _impact(sheet, document)
            _timeline(sheet, document)
    if document.questions:
        sheet.heading("Five questions")
        for number, part in enumerate(document.questions, start=1):
            sheet.heading(f"{number}. {part.heading.title}", level=1)
            _flow(sheet, part.body)
    _items(sheet, document)
    _end(sheet)
    return bytes(sheet.output())


def _head(sheet: Sheet, document: Paper) -> None:
    sheet.face(9, color=SOFT)
    sheet.cell(0, 5, sheet.safe(f"{document.kind} of {document.ref}"), new_x="LMARGIN", new_y="NEXT")
    sheet.face(20, bold=True)
    sheet.multi_cell(0, 9, sheet.safe(document.title), align="L", new_x="LMARGIN", new_y="NEXT")
    sheet.ln(2)
    for name, value in (*document.facts, *((one.label.capitalize(), one.words) for one in document.durations)):
        sheet.face(9, color=SOFT)
        sheet.cell(32, 5, sheet.safe(name))
        sheet.face(9)
        sheet.multi_cell(0, 5, sheet.safe(value), align="L", new_x="LMARGIN", new_y="NEXT")


def _section(sheet: Sheet, part: Part) -> None:
    sheet.heading(part.heading.title)
    _flow(sheet, part.body)


def _impact(sheet: Sheet, document: Paper) -> None:
    if document.figures:
        sheet.heading("Impact in figures")
        _table(sheet, (40, 130), [("Figure", "Value"), *document.figures])


def _timeline(sheet: Sheet, document: Paper) -> None:
    if not document.marks:
        return
    sheet.heading("Timeline")
    for day, marks in paper.days(document.marks):
        rows = [(paper.when(mark), *((mark.words, "") if mark.lane == lanes.BROKE else ("", mark.words))) for mark in marks]
        _table(sheet, (42, 64, 64), [(f"{day}, UTC", "What broke", "What was done"), *rows])
        sheet.ln(2)


def _items(sheet: Sheet, document: Paper) -> None:
    if document.items:
        sheet.heading("Action items")
        _table(sheet, (74, 24, 30, 22, 20), [("What", "Kind", "Owner", "Due", "State"), *map(paper.row, document.items)])


def _end(sheet: Sheet) -> None:
    sheet.ln(6)
    sheet.face(8, color=SOFT)
    lost = (
        f" {sheet.lost} letters are in none of this document's fonts and stand as “?”: print the page in a browser to have them."
        if sheet.lost
        else ""
    )
    sheet.multi_cell(0, 4.5, f"Made by Lastgood on {now():%-d %B %Y, %H:%M} UTC.{lost}", align="L", new_x="LMARGIN", new_y="NEXT")


def _table(sheet: Sheet, widths: tuple[int, ...], rows: Iterable[Sequence[str]]) -> None:
    sheet.face(8.5)
    head = FontFace(emphasis="BOLD", color=SOFT)
    with sheet.table(
        col_widths=widths,
        width=sum(widths),
        text_align="LEFT",
        borders_layout="HORIZONTAL_LINES",
        line_height=5,
        padding=1,
        headings_style=head,
    ) as table:
        for cells in rows:
            line = table.row()
            for cell in cells:
                line.cell(sheet.safe(cell))


@lru_cache(maxsize=1)
def _reader() -> MarkdownIt:
    reader = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"])
    return reader.disable(["heading", "lheading", "image", "html_block", "html_inline"])


def _flow(sheet: Sheet, text: str) -> None:
    """Markdown as lines of the page: paragraphs, lists, quotes, code, tables."""
    margin, depth = sheet.l_margin, 0
    counts: list[int | None] = []  # of each list that is open: the next number, None for bullets and quotes
    table: list[list[str]] | None = None
    for token in _reader().parse(text):
        match token.type:
            case "bullet_list_open" | "ordered_list_open" | "blockquote_open":
                depth += 1
                counts.append(int(token.attrs.get("start", 1)) if token.type == "ordered_list_open" else None)
            case "bullet_list_close" | "ordered_list_close" | "blockquote_close":
                depth -= 1
                counts.pop()
            case "list_item_open":
                _bullet(sheet, margin + 5 * (depth - 1), counts)
            case "table_open":
                table = []
            case "tr_open" if table is not None:
                table.append([])
            case "inline" if table:
                table[-1].append(token.content)
            case "table_close" if table:
                _table(sheet, (170 // len(table[0]),) * len(table[0]), table)
                table = None
            case "inline":
                sheet.set_left_margin(margin + 5 * depth)
                _inline(sheet, token)
                sheet.set_left_margin(margin)
            case "fence" | "code_block":
                sheet.face(8.5, mono=True)
                sheet.multi_cell(0, 4.5, sheet.safe(token.content.rstrip()), align="L", new_x="LMARGIN", new_y="NEXT")
            case "hr":
                sheet.line(margin, sheet.get_y() + 1, 190, sheet.get_y() + 1)
                sheet.ln(2)


def _bullet(sheet: Sheet, left: float, counts: list[int | None]) -> None:
    sheet.face(10)
    number = counts[-1]
    sheet.set_x(left)
    sheet.cell(5, 5.2, "•" if number is None else f"{number}.")
    if number is not None:
        counts[-1] = number + 1


def _inline(sheet: Sheet, token: Token) -> None:
    sheet.set_x(max(sheet.get_x(), sheet.l_margin))
    bold = 0
    link = ""
    for part in token.children or []:
        match part.type:
            case "strong_open" | "strong_close":
                bold += 1 if part.type == "strong_open" else -1
            case "link_open":
                link = str(part.attrs.get("href", ""))
            case "link_close":
                link = ""
            case "softbreak" | "hardbreak":
                sheet.ln(5.2)
                sheet.set_x(sheet.l_margin)
            case "text" | "code_inline":
                sheet.face(
                    9 if part.type == "code_inline" else 10, bold=bold > 0, mono=part.type == "code_inline", color=BLUE if link else INK
                )
                sheet.write(5.2, sheet.safe(part.content), link=link if link.startswith(("http://", "https://")) else "")
    sheet.ln(7)
