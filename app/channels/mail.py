"""Mail through one SMTP server. It is spoken to line by line, so that we know at which word it was lost."""

import re
import smtplib
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime, formataddr

from app.channels.base import Checked, Context, Doubtful, Message, Passing, Permanent, Receipt, clipped, one_line
from app.core import gateway
from app.core.database import Json
from app.core.errors import Invalid

SECURITY = {"starttls": "STARTTLS (usual, port 587)", "tls": "TLS from the start (port 465)", "none": "none (only inside your own network)"}
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9-]{1,63}\.)*[A-Za-z0-9-]{1,63}")


class Mail:
    kind = "mail"
    repeatable = False  # a server that lost contact may have taken the mail, and most do not know a repeat

    def check(self, settings: Json) -> Checked:
        kept = {name: str(settings.get(name, "")).strip() for name in ("host", "security", "username", "sender")}
        kept["password"], port = str(settings.get("password", "")), str(settings.get("port", "")).strip()
        problems = {}
        if not kept["host"] or any(sign.isspace() or sign in "/@:" for sign in kept["host"]):
            problems["host"] = "Give the name of the mail server, like smtp.example.org."
        if not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65535:
            problems["port"] = "A port is a number from 1 to 65535; 587 is usual."
        if kept["security"] not in SECURITY:
            problems["security"] = "Choose how the connection is kept secret."
        elif kept["security"] == "none" and (kept["password"] or kept["username"]):
            problems["security"] = "A password needs TLS, or everybody on the way can read it. Choose STARTTLS or TLS."
        if not _ADDRESS.fullmatch(kept["sender"]):
            problems["sender"] = "Give the address that the mails come from, like lastgood@example.org."
        if problems:
            raise Invalid(problems)
        return Checked(kept | {"port": int(port)}, "Mail", f"{kept['host']}:{port}")

    def check_address(self, address: str) -> str:
        address = address.strip()
        if len(address) > 254 or not _ADDRESS.fullmatch(address):
            raise Invalid({"address": "Give one mail address, like oncall@example.org."})
        return address

    def send(self, message: Message, address: str, secret: Json, ctx: Context) -> Receipt:
        server = f"{secret['host']}:{secret['port']}"
        with _said_plainly(server, ctx), _connection(secret, ctx) as connection:
            _obeyed(connection.mail(secret["sender"]), server, "the sender")
            _obeyed(connection.rcpt(address), server, address)
            _obeyed(connection.docmd("DATA"), server, "the mail", good=354)
            return _handed_over(connection, _written(message, address, secret["sender"]), server)


class _Plain(smtplib.SMTP):
    """Connects to a judged address and to nothing else; every answer has to come before one deadline."""

    def __init__(self, to: gateway.Destination, ctx: Context) -> None:
        self._aim(to, ctx)
        super().__init__(to.host, to.port, timeout=ctx.timeout_s)

    def _aim(self, to: gateway.Destination, ctx: Context) -> None:
        self._to, self._allowed, self._deadline = to, ctx.allowed, time.monotonic() + ctx.timeout_s

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:  # noqa: ARG002 - the judged address, not the name
        last: OSError | None = None
        for address in gateway.judged(self._to, allowed=self._allowed, timeout_s=self._left()):
            try:
                return socket.create_connection((address, port), self._left())
            except OSError as error:
                last = error
        raise last or OSError("no address")

    def getreply(self) -> tuple[int, bytes]:
        if self.sock:
            self.sock.settimeout(self._left())
        return super().getreply()

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class _Secret(smtplib.SMTP_SSL, _Plain):
    """The same, with TLS from the first byte: SMTP_SSL wraps the socket that `_Plain` connected. Its own default trusts everybody."""

    def __init__(self, to: gateway.Destination, ctx: Context) -> None:
        self._aim(to, ctx)
        smtplib.SMTP_SSL.__init__(self, to.host, to.port, timeout=ctx.timeout_s, context=ssl.create_default_context())


@contextmanager
def _connection(secret: Json, ctx: Context) -> Iterator[smtplib.SMTP]:
    to = gateway.Destination("https" if secret["security"] == "tls" else "http", secret["host"], secret["port"], "")
    connection = (_Secret if secret["security"] == "tls" else _Plain)(to, ctx)
    try:
        if secret["security"] == "starttls":
            connection.starttls(context=ssl.create_default_context())
        if secret["username"]:
            connection.login(secret["username"], secret["password"])
        else:
            connection.ehlo_or_helo_if_needed()
        yield connection
    finally:
        connection.close()  # without QUIT: the mail is taken or not, and a slow good-bye would cost the next one its slot


@contextmanager
def _said_plainly(server: str, ctx: Context) -> Iterator[None]:
    """What goes wrong before the mail was handed over, in one sentence."""
    try:
        yield
    except gateway.AddressBlocked as refusal:
        raise Permanent(refusal.sentence) from refusal
    except gateway.NoAnswer as refusal:
        raise Passing(refusal.sentence) from refusal
    except smtplib.SMTPAuthenticationError as error:
        raise Permanent(f"{server} does not accept the name and password ({error.smtp_code}). Store them again in the channel.") from error
    except smtplib.SMTPNotSupportedError as error:
        raise Permanent(f"{server} does not offer what the channel asks for: {clipped(str(error))} Check its security.") from error
    except smtplib.SMTPResponseException as error:
        raise _refusal(error.smtp_code, error.smtp_error, server, "the connection") from error
    except ssl.SSLCertVerificationError as error:
        raise Passing(f"The certificate of {server} is not trusted: {error.verify_message}. Renew it, or install its authority.") from error
    except TimeoutError as error:
        raise Passing(f"{server} did not answer within {ctx.timeout_s:g} s.") from error
    except ConnectionRefusedError as error:
        raise Passing(f"{server} refused the connection: nothing listens there. Check the server and the port.") from error
    except (OSError, smtplib.SMTPException) as error:
        if "timed out" in str(error):  # smtplib wraps it
            raise Passing(f"{server} did not answer within {ctx.timeout_s:g} s.") from error
        raise Passing(f"{server} broke the connection off before it had the mail ({clipped(str(error), 80)}).") from error


def _obeyed(reply: tuple[int, bytes], server: str, what: str, *, good: int = 250) -> None:
    code, words = reply
    if code != good and not (good == 250 and code == 251):
        raise _refusal(code, words, server, what)


def _handed_over(connection: smtplib.SMTP, mail: bytes, server: str) -> Receipt:
    """The mail itself. Whatever breaks from here on leaves a doubt: the server may have it."""
    dotted = re.sub(rb"(?m)^\.", b"..", mail)
    try:
        connection.send(dotted + b".\r\n")
        code, words = connection.getreply()
    except (OSError, smtplib.SMTPException) as error:
        raise Doubtful(
            f"{server} was given the mail and did not say whether it keeps it. Ask the receiver before you send it again."
        ) from error
    if code != 250:
        raise _refusal(code, words, server, "the mail")
    return Receipt(f"{server} took it: {clipped(words.decode('utf-8', 'replace'), 120)}")


def _refusal(code: int, words: bytes | str, server: str, what: str) -> Passing | Permanent:
    text = clipped(words.decode("utf-8", "replace") if isinstance(words, bytes) else words, 160)
    if 400 <= code < 500 or code < 0:
        return Passing(f"{server} does not take {what} now: {code} {text}")
    return Permanent(f"{server} refuses {what}: {code} {text}")


def _written(message: Message, address: str, sender: str) -> bytes:
    mail = EmailMessage(policy=WIRE)
    mail["From"], mail["To"] = formataddr(("Lastgood", sender)), address
    mail["Subject"], mail["Date"] = one_line(message.subject), format_datetime(message.at)
    mail["Message-ID"] = f"<{message.uid}@{sender.partition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    if leave := message.facts.get("unsubscribe"):  # RFC 8058: the mail program's own button leaves with one POST
        mail["List-Unsubscribe"], mail["List-Unsubscribe-Post"] = f"<{leave}>", "List-Unsubscribe=One-Click"
    mail.set_content(message.text, cte="quoted-printable")
    return mail.as_bytes()


CHANNEL = Mail()
