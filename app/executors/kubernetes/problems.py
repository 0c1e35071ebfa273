"""What an API server's refusal or silence means, in one sentence with the next step."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from app.core.redact import redact
from app.executors.base import Body, OutcomeUnknown, StepFailed, Unreachable

_CANNOT = re.compile(
    r'User "(?P<user>[^"]*)" cannot (?P<verb>\w+) resource "(?P<resource>[^"]+)".*?(?:in the namespace "(?P<namespace>[^"]+)")?$'
)
_WEBHOOK = re.compile(r'admission webhook "(?P<name>[^"]+)" denied the request:?\s*(?P<why>.*)', re.DOTALL)
_LONGEST = 300  # the server repeats whole objects in some messages


class Answered(Exception):
    """The API server answered with an error."""

    def __init__(self, server: str, status: int, answer: Body) -> None:
        self.server = server
        self.status = status
        self.reason = str(answer.get("reason", ""))
        self.message = str(answer.get("message", ""))
        self.details: Body = answer.get("details") or {}
        super().__init__(f"{status} {self.reason}: {self.message[:_LONGEST]}")

    @property
    def is_conflict(self) -> bool:
        return self.status == 409

    @property
    def is_busy(self) -> bool:
        """The server did not take the request at all and asks to come back."""
        return self.status == 429

    @property
    def refuses_dry_run(self) -> bool:
        return "does not support dry run" in self.message

    @property
    def is_webhook_down(self) -> bool:
        return "failed calling webhook" in self.message

    @property
    def is_missing_right(self) -> bool:
        return self.status == 403 and bool(_CANNOT.search(self.message))


class Silent(Exception):
    """No answer. `sent`: the request may have arrived; else it is known that it never left."""

    def __init__(self, server: str, why: str, *, sent: bool) -> None:
        super().__init__(f"{server}: {why}")
        self.server = server
        self.why = why
        self.sent = sent


def sentence(error: Answered | Silent, what: str) -> str:
    """Say what the error means for `what` ("deployment/login in shop"), and what to do next."""
    if isinstance(error, Silent):
        return (
            f"The API server {error.server} does not answer: {error.why}. "
            "Check that it runs, that the address is right and that the runner may reach it."
        )
    if error.status == 401:
        return (
            f"The API server {error.server} does not accept the console's credentials (401 Unauthorized): "
            "the token has expired or was revoked. Store a new kubeconfig for this cluster."
        )
    if error.status == 404:
        return f"{what} does not exist. It was deleted, or its name or namespace is different here."
    if error.status == 409:
        return f"{what} was changed by somebody else at the same moment."
    if error.status == 429:
        return f"The API server {error.server} is too busy to take the request (429). Try again in a moment."
    if error.is_webhook_down:
        why = _short(error.message.partition("failed calling webhook ")[2])
        return f"An admission webhook of this cluster does not answer, so no such change is taken: {why} Mend the webhook."
    if error.status >= 500:
        return f"The API server {error.server} has a problem of its own ({error.status}): {_short(error.message)}"
    return _refusal(error, what)


def _refusal(error: Answered, what: str) -> str:
    webhook = _WEBHOOK.search(error.message)
    cannot = _CANNOT.search(error.message)
    if webhook:
        return f"The admission webhook {webhook['name']} refused the change: {_short(webhook['why'])}"
    if "exceeded quota" in error.message:
        return f"A resource quota is used up: {_short(error.message)}"
    if error.status == 403 and cannot:
        where = f" in {cannot['namespace']}" if cannot["namespace"] else ""
        return (
            f"The console may not {cannot['verb']} {cannot['resource']}{where}: it acts as {cannot['user']}, which lacks that right. "
            "The cluster's page shows the Role that grants it."
        )
    if error.refuses_dry_run:
        return f"A webhook of this cluster does not support a dry run: {_short(error.message)}"
    return f"The API server refused the change to {what} ({error.status}): {_short(_causes(error) or error.message)}"


def _causes(error: Answered) -> str:
    """The fields at fault: the message itself may repeat the whole object, secrets included."""
    causes = [cause for cause in error.details.get("causes") or [] if cause.get("field")]
    return "; ".join(f"{cause['field']}: {cause.get('message', '')}" for cause in causes[:3])


def _short(text: str) -> str:
    text = redact(" ".join(text.split()))
    return _ended(text) if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _ended(text: str) -> str:
    return text if text.endswith((".", "?", "!", "…")) else f"{text}."


@contextmanager
def reads(what: str) -> Iterator[None]:
    """Around calls that only read: a missing object is StepFailed, everything else is Unreachable."""
    try:
        yield
    except Answered as error:
        if error.status == 404:
            raise StepFailed(sentence(error, what), evidence={"status": 404}) from error
        raise Unreachable(sentence(error, what)) from error
    except Silent as error:
        raise Unreachable(sentence(error, what)) from error


@contextmanager
def changes(what: str) -> Iterator[None]:
    """Around one call that changes: StepFailed where nothing happened for certain, OutcomeUnknown where it may have."""
    try:
        yield
    except Answered as error:
        # after a 5xx the write may still have reached etcd ("etcdserver: request timed out")
        if error.status >= 500 and not error.is_webhook_down:
            raise OutcomeUnknown(sentence(error, what)) from error
        raise StepFailed(f"{sentence(error, what)} Nothing was changed.", evidence={"status": error.status}) from error
    except Silent as error:
        if error.sent:
            raise OutcomeUnknown(f"The change was sent to {error.server} and no answer came back: {error.why}.") from error
        raise StepFailed(f"{sentence(error, what)} Nothing was changed.") from error
