import base64

import pytest

from app.core.redact import MASK, Redactor, redact


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Authorization: Bearer abcdefghijklmnop", "abcdefghijklmnop"),
        ("password=hunter22 user=ana", "hunter22"),
        ("postgresql://app:s3cr3t@db/shop", "s3cr3t"),
        ('{"api_key": "zzz-yyy-xxx"}', "zzz-yyy-xxx"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----", "MIIE"),
    ],
)
def test_what_looks_like_a_secret_is_hidden(text, secret):
    assert secret not in redact(text)
    assert MASK in redact(text)


def test_known_secrets_are_hidden_in_every_form():
    hide = Redactor(["p@ss word"])
    text = f"p@ss word, {base64.b64encode(b'p@ss word').decode()}, p%40ss%20word"
    assert hide(text) == f"{MASK}, {MASK}, {MASK}"


def test_ordinary_text_stays():
    text = "Rolled back login to v1.2.3 in 48 s; see https://example.org/runs/12"
    assert Redactor(["abc"])(text) == text
