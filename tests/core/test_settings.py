import pytest

from app.core.errors import Refused
from app.core.settings import load


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_every_mistake_is_named_at_once(monkeypatch):
    monkeypatch.setenv("LASTGOOD_PORT", "99999")
    monkeypatch.setenv("LASTGOOD_DATABASE_URL", "mysql://somewhere")
    monkeypatch.setenv("LASTGOOD_LOG_LEVEL", "loud")
    with pytest.raises(Refused) as refused:
        load()
    for name in ("LASTGOOD_PORT", "LASTGOOD_DATABASE_URL", "LASTGOOD_LOG_LEVEL"):
        assert name in refused.value.sentence


@pytest.mark.parametrize("url", ["http://lastgood.example.org", "ftp://lastgood.example.org", "lastgood"])
def test_a_public_address_off_loopback_must_be_https(monkeypatch, url):
    monkeypatch.setenv("LASTGOOD_PUBLIC_URL", url)
    with pytest.raises(Refused, match="LASTGOOD_PUBLIC_URL"):
        load()


def test_an_open_port_without_a_public_address_is_refused(monkeypatch):
    monkeypatch.setenv("LASTGOOD_HOST", "0.0.0.0")
    with pytest.raises(Refused, match="LASTGOOD_PUBLIC_URL"):
        load()
    monkeypatch.setenv("LASTGOOD_PUBLIC_URL", "https://lastgood.example.org/")
    assert load().base_url == "https://lastgood.example.org"


def test_a_plain_postgresql_address_gets_the_driver(monkeypatch):
    monkeypatch.setenv("LASTGOOD_DATABASE_URL", "postgresql://app@db/lastgood")
    assert load().database_url == "postgresql+psycopg://app@db/lastgood"
