import stat

import pytest

from app.core import sealing
from app.core.errors import Refused
from app.core.settings import settings


@pytest.fixture
def keys(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LASTGOOD_STATE_DIR", str(tmp_path))
    settings.cache_clear()
    sealing.reset()
    sealing.make_keys(settings().private_key_path, settings().public_key_path)
    yield settings()
    settings.cache_clear()
    sealing.reset()


def test_what_was_sealed_opens_and_is_not_readable_before(keys):
    sealed = sealing.seal({"kubeconfig": "canary-value"})
    assert b"canary-value" not in sealed
    assert sealing.unseal(sealed) == {"kubeconfig": "canary-value"}


def test_the_private_key_is_the_owners_alone(keys):
    assert stat.S_IMODE(keys.private_key_path.stat().st_mode) == 0o600


def test_without_the_private_key_one_can_seal_and_not_open(keys):
    sealed = sealing.seal("x" * 20)
    keys.private_key_path.unlink()
    sealing.reset()
    sealing.seal("another")
    with pytest.raises(Refused, match="LASTGOOD_KEY_FILE"):
        sealing.unseal(sealed)


def test_another_key_is_said_plainly(keys):
    sealed = sealing.seal("x")
    keys.private_key_path.unlink()
    keys.public_key_path.unlink()
    sealing.make_keys(keys.private_key_path, keys.public_key_path)
    sealing.reset()
    with pytest.raises(Refused, match="sealed to another key"):
        sealing.unseal(sealed)


def test_each_process_opens_what_was_sealed_to_it_and_nothing_else(keys):
    sealing.make_all_keys()
    for_notifier, for_runner = sealing.seal("smtp", to="notifier"), sealing.seal("kubeconfig")
    assert (sealing.unseal(for_notifier, by="notifier"), sealing.unseal(for_runner)) == ("smtp", "kubeconfig")
    with pytest.raises(Refused, match="LASTGOOD_KEY_FILE"):
        sealing.unseal(for_notifier)
    with pytest.raises(Refused, match="LASTGOOD_NOTIFIER_KEY_FILE"):
        sealing.unseal(for_runner, by="notifier")
