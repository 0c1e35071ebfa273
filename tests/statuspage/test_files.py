import gzip
import re
import threading
from datetime import timedelta

import brotli
import pytest

from app.core.clock import now
from app.core.settings import settings
from app.statuspage import actions, files, pages, publishing
from app.statuspage.models import StatusPage


@pytest.fixture
def folder(console):
    return console.state_dir / "status" / "oakline"


def publish(db, page, ana, **more):
    facts = {"title": "Sign-in fails", "text": "We look.", "state": "investigating"}
    return actions.publish(db, page, by=ana, **facts | more)


def test_a_page_stands_as_files_once_it_is_opened(page, written, folder):
    assert "Oakline status" in written("oakline")
    assert {path.name for path in folder.iterdir()} >= {
        "index.html",
        "history.html",
        "status.json",
        "feed.atom",
        "maintenance.ics",
        "assets",
    }


def test_beside_each_file_lies_what_is_squeezed_of_it(page, written, folder):
    text = written("oakline").encode()
    assert gzip.decompress((folder / "index.html.gz").read_bytes()) == text
    assert brotli.decompress((folder / "index.html.br").read_bytes()) == text


def test_every_address_in_the_page_leads_to_a_file_beside_it(page, written, folder, db, ana):
    publish(db, page, ana)
    for name in ("index.html", "history.html"):
        for address in re.findall(r'(?:href|src)="([^"#:]+?)(?:#[^"]*)?"', written("oakline", name)):
            assert (folder / address).is_file(), address
    for style in (folder / "assets").glob("*.css"):
        for address in re.findall(r"url\(([^)]+)\)", style.read_text()):
            assert (folder / "assets" / address).is_file(), address


def test_what_did_not_change_keeps_its_time_and_what_did_gets_a_new_one(db, page, ana, written, folder):
    written("oakline")
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if path.is_file()}
    publish(db, page, ana)
    written("oakline")
    after = {path.name: path.stat().st_mtime_ns for path in folder.iterdir() if path.is_file()}
    assert after["maintenance.ics"] == before["maintenance.ics"]
    for name in ("index.html", "index.html.gz", "index.html.br", "status.json", "feed.atom"):
        assert after[name] // 10**9 > before[name] // 10**9, f"{name} could have the same ETag as before"
    assert after["index.html"] == after["index.html.gz"] == after["index.html.br"]


def test_nothing_is_written_where_nothing_changed(page, written, folder):
    written("oakline")
    generation = folder.resolve()
    assert publishing.due() == []
    publishing.carry(page.id)
    assert folder.resolve() == generation


def test_a_lost_folder_is_written_again(page, written, folder):
    written("oakline")
    files.remove("oakline")
    assert publishing.due() == [page.id]
    assert "Oakline status" in written("oakline")


def test_a_torn_marker_is_a_folder_that_is_behind(page, written, folder):
    written("oakline")
    (folder / files.MARKER).write_text("")
    assert publishing.due() == [page.id]


def test_a_database_that_went_back_in_time_is_followed(db, page, ana, written):
    publish(db, page, ana)
    written("oakline")
    db.refresh(page)
    page.revision, page.written_revision = 1, 1
    db.commit()
    assert publishing.due() == [page.id]
    written("oakline")
    assert publishing.due() == []


def test_a_page_is_drawn_anew_when_it_would_become_untrue_by_itself(db, page, ana, written, monkeypatch):
    publish(db, page, ana, next_at=now() + timedelta(minutes=15))
    written("oakline")
    assert publishing.due() == []
    monkeypatch.setattr(publishing, "now", lambda: now() + timedelta(minutes=16))
    assert publishing.due() == [page.id]


def test_a_reader_never_sees_half_of_two_generations(db, page, ana, written, folder):
    """One reads the page over and over while it is published thirty times: each time the title is of one whole generation."""
    written("oakline")
    stop, torn = threading.Event(), []

    def read():
        while not stop.is_set():
            try:
                text = (folder / "index.html").read_text()
            except FileNotFoundError as error:
                torn.append(str(error))
                continue
            if not text.rstrip().endswith("</html>") or len(set(re.findall(r"Round \d+", text))) > 1:
                torn.append(text[-200:])

    reader = threading.Thread(target=read)
    reader.start()
    update = publish(db, page, ana, title="Round 0", text="Round 0")
    for number in range(1, 15):
        page = db.get_one(StatusPage, page.id)
        subject = actions.queries.active(db, page)[0]
        actions.publish(db, page, about=subject, title=f"Round {number}", text="More.", state="investigating", by=ana)
        actions.correct(db, page, update, text=f"Round {number}", by=ana)
        assert f"Round {number}" in written("oakline")
    stop.set()
    reader.join(10)
    assert not torn
    assert len(list((settings().state_dir / "status" / ".generations" / "oakline").iterdir())) == 2, "the one before stays for its readers"


def test_a_page_that_becomes_private_or_is_closed_leaves_nothing_behind(db, page, ana, written, folder, console):
    written("oakline")
    pages.change(db, page, name="Oakline status", slug="oakline", is_private=True, by=ana)
    db.commit()
    publishing.carry(page.id)
    assert not folder.exists()
    assert not (console.state_dir / "status" / ".generations" / "oakline").exists()
    assert publishing.due() == []


def test_a_folder_that_cannot_be_written_is_said_on_the_page(db, page, written, console):
    (console.state_dir / "status").write_text("in the way")
    db.commit()
    publishing.carry(page.id)
    db.refresh(page)
    assert "cannot be written" in page.problem
    (console.state_dir / "status").unlink()
    assert "Oakline status" in written("oakline")
    db.refresh(page)
    assert (page.problem, page.written_revision) == ("", page.revision)
