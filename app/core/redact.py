"""Hide secrets in any text before it is stored or shown."""

import base64
import re
from collections.abc import Iterable
from urllib.parse import quote

MASK = "•••"
_SHORTEST = 4  # hiding shorter values would blot out ordinary words

_PATTERNS = [
    re.compile(r"(?i)\b(bearer|basic|token)\s+[A-Za-z0-9._~+/=-]{8,}"),
    re.compile(r"(?i)\b((?:pass(?:word|wd)?|secret|token|api[_-]?key|access[_-]?key)[\"']?\s*[=:]\s*)[\"']?[^\s\"',;&]{3,}"),
    re.compile(r"([a-z][a-z0-9+.-]*://[^\s:/@]+:)[^\s@/]+(@)"),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
    re.compile(r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*"),
]


class Redactor:
    """Replaces known secret values (also base64 and URL-encoded) and what looks like a secret by a mask."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms: set[str] = set()
        for secret in secrets:
            if len(secret) >= _SHORTEST:
                forms |= {secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode()}
        # the longest first, so that a secret that contains another is hidden whole
        self._known = re.compile("|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))) if forms else None

    def __call__(self, text: str) -> str:
        if self._known:
            text = self._known.sub(MASK, text)
        text = _PATTERNS[0].sub(rf"\1 {MASK}", text)
        text = _PATTERNS[1].sub(rf"\1{MASK}", text)
        text = _PATTERNS[2].sub(rf"\1{MASK}\2", text)
        for pattern in _PATTERNS[3:]:
            text = pattern.sub(MASK, text)
        return text


redact = Redactor()
