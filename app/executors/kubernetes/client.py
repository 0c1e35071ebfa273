"""One way to talk to an API server: raw JSON end to end, a time limit on every call, connections kept open and shared.

The client's typed models would drop fields that they do not know, and writing such a template back would delete them in the
cluster; so only its connection is used. `kubernetes` takes a quarter of a second to import: it is imported by the first
connection, or by `warm` when a runner starts.
"""

import hashlib
import importlib
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import urllib3
from urllib3 import exceptions as wire

from app.executors.base import Body
from app.executors.kubernetes import kubeconfig
from app.executors.kubernetes.problems import Answered, Silent

if TYPE_CHECKING:
    from kubernetes.client.api_client import ApiClient
    from urllib3 import BaseHTTPResponse

FIELD_MANAGER = "lastgood"
CONNECT_S = 3.0
READ_S = 10.0
POOL = 32  # connections kept to one server: a preview asks about twenty questions at once
STRATEGIC = "application/strategic-merge-patch+json"
# the contents never leave the server: "one" for an object, "all" for a list, which the server tells apart
METADATA_OF = {
    "one": "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
    "all": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
}

_NEVER_SENT = (wire.NewConnectionError, wire.ConnectTimeoutError, wire.NameResolutionError, wire.ProxyError, wire.LocationValueError)


class Api:
    """A connection pool to one API server with one credential. Raises Answered and Silent; see `problems`."""

    def __init__(self, client: "ApiClient", watcher: "ApiClient", name: str) -> None:
        self._client = client
        self._watcher = watcher  # a watch that is left takes its connection with it: the next question must not pay for a new one
        self.server: str = client.configuration.host
        self.name = name  # what the kubeconfig calls the cluster

    def get(self, path: str, query: Mapping[str, str] | None = None, *, metadata_of: str = "", timeout_s: float = READ_S) -> Body:
        accept = METADATA_OF.get(metadata_of, "application/json")
        try:
            return self._call("GET", path, query, accept=accept, timeout_s=timeout_s)
        except Silent as error:
            if not error.sent or "timed out" in error.why:
                raise
            # a kept connection may have been closed under us; a read can simply be asked again
            return self._call("GET", path, query, accept=accept, timeout_s=timeout_s)

    def patch(self, path: str, body: Body, *, dry_run: bool = False, timeout_s: float = READ_S) -> Body:
        """Strategic merge patch. The server gives up by itself after `timeout_s`, so that nothing lands later than that."""
        query = {"fieldManager": FIELD_MANAGER, "timeout": f"{max(1, int(timeout_s))}s"}
        if dry_run:
            query["dryRun"] = "All"
        return self._call("PATCH", path, query, body, content_type=STRATEGIC, timeout_s=timeout_s)

    def post(self, path: str, body: Body, *, timeout_s: float = READ_S) -> Body:
        return self._call("POST", path, None, body, content_type="application/json", timeout_s=timeout_s)

    def delete(self, path: str, options: Body, *, timeout_s: float = READ_S) -> Body:
        return self._call("DELETE", path, None, options, content_type="application/json", timeout_s=timeout_s)

    def changes_after(self, version: str, path: str, name: str, *, wakes: Callable[[Body, float], bool], within_s: float) -> bool:
        """Watch one object of a list from resourceVersion `version` on, until a change `wakes` (given the object, and for how many
        seconds it was watched) or nothing changes for `within_s`. False where that is not allowed."""
        query = {
            "watch": "true",
            "fieldSelector": f"metadata.name={name}",
            "resourceVersion": version,
            "timeoutSeconds": str(max(1, round(within_s))),
        }
        request = self._watcher.param_serialize("GET", path, query_params=list(query.items()), auth_settings=["BearerToken"])
        began = time.monotonic()
        try:
            stream = self._watcher.call_api(*request, _request_timeout=(CONNECT_S, within_s)).response
            try:
                if stream.status != 200:
                    return False
                for event in _events(stream):
                    if event.get("type") == "ERROR":
                        return False
                    if wakes(event.get("object") or {}, time.monotonic() - began):
                        break
                return True
            finally:
                stream.close()  # whatever follows is not read, so the connection cannot serve another call
        except (wire.ReadTimeoutError, wire.TimeoutError):
            return True  # nothing changed in time
        except (wire.HTTPError, _status_zero(), ValueError):
            return False

    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: Body | None = None,
        *,
        accept: str = "application/json",
        content_type: str = "",
        timeout_s: float,
    ) -> Body:
        headers = {"Accept": accept} | ({"Content-Type": content_type} if content_type else {})
        request = self._client.param_serialize(
            method,
            path,
            query_params=list((query or {}).items()),
            header_params=headers,
            body=body,
            auth_settings=["BearerToken"],
        )
        try:
            response = self._client.call_api(*request, _request_timeout=(min(CONNECT_S, timeout_s), timeout_s))
            text = response.response.data  # the bytes as they came
        except wire.HTTPError as error:
            raise Silent(self.server, _why(error), sent=not _never_sent(error)) from error
        except _status_zero() as error:  # the client's own wrapping of TLS errors
            raise Silent(self.server, _tls(str(error)), sent="CERTIFICATE_VERIFY_FAILED" not in str(error)) from error
        return self._judged(response.status, text)

    def _judged(self, status: int, text: bytes) -> Body:
        try:
            answer = json.loads(text) if text else {}
        except ValueError:
            answer = {"message": text[:200].decode(errors="replace")}
        if not isinstance(answer, dict):
            answer = {"message": str(answer)[:200]}
        if not 200 <= status <= 299:
            raise Answered(self.server, status, answer)
        return answer


def _events(stream: "BaseHTTPResponse") -> Iterator[Body]:
    """One object of JSON a line, as soon as it is there."""
    rest = b""
    for part in stream.stream():
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            event = json.loads(line)
            yield event if isinstance(event, dict) else {}


def _status_zero() -> type[Exception]:
    from kubernetes.client.exceptions import ApiException

    return ApiException


def _never_sent(error: wire.HTTPError) -> bool:
    if isinstance(error, wire.SSLError):
        return "CERTIFICATE_VERIFY_FAILED" in str(error)
    return isinstance(error, _NEVER_SENT)


def _why(error: wire.HTTPError) -> str:
    text = str(error)
    if isinstance(error, wire.NameResolutionError):
        return "its name cannot be resolved"
    if "Connection refused" in text:
        return "the connection was refused"
    if isinstance(error, wire.ConnectTimeoutError | wire.NewConnectionError):
        return "no connection came about"
    if isinstance(error, wire.ReadTimeoutError):
        return "the answer timed out"
    if isinstance(error, wire.SSLError):
        return _tls(text)
    return "the connection was cut" if isinstance(error, wire.ProtocolError) else type(error).__name__


def _tls(text: str) -> str:
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return "its certificate is not signed by the authority in the kubeconfig"
    return "the encrypted connection failed"


_apis: dict[str, Api] = {}
_lock = threading.Lock()


def connect(credentials: Body) -> Api:
    """The pool for these credentials: {"kubeconfig": text or {"in_cluster": true}}. BadKubeconfig where they cannot be used."""
    given = credentials.get("kubeconfig")
    key = hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()
    with _lock:
        if key not in _apis:
            _apis[key] = _open(given)
        return _apis[key]


def warm(credentials: Body | None = None) -> None:
    """Pay for the import, and for the first connection to a cluster, before anybody waits for it."""
    import kubernetes.client.api_client
    import kubernetes.config  # noqa: F401 - imported for its cost alone

    if credentials:
        connect(credentials).get("/version", timeout_s=CONNECT_S)


def _open(given: Any) -> Api:
    from kubernetes.client.api_client import ApiClient
    from kubernetes.client.configuration import Configuration

    config: Any = importlib.import_module("kubernetes.config")  # untyped
    settings = Configuration()
    settings.retries = False  # whether a call may be repeated is decided by what it does, not by the transport
    settings.connection_pool_maxsize = POOL
    if isinstance(given, dict) and given.get("in_cluster"):
        try:
            config.load_incluster_config(client_configuration=settings)
        except config.ConfigException as error:
            raise kubeconfig.BadKubeconfig(f"The runner does not run inside a cluster: {error}") from error
        return Api(ApiClient(settings), ApiClient(settings), "this cluster")
    if not isinstance(given, str) or not given.strip():
        raise kubeconfig.BadKubeconfig("No kubeconfig is stored for this cluster.")
    parsed = kubeconfig.parse(given)
    # certificates and keys must be files for OpenSSL: in a folder of our own, gone as soon as they are loaded
    with tempfile.TemporaryDirectory(prefix="lastgood-") as folder:
        try:
            config.load_kube_config_from_dict(parsed, client_configuration=settings, persist_config=False, temp_file_path=folder)
            client, watcher = ApiClient(settings), ApiClient(settings)
            _load_certificates(client)
            _load_certificates(watcher)
            if not settings.verify_ssl:
                # the kubeconfig asks for it; a warning with every call would tell nobody anything
                urllib3.disable_warnings(wire.InsecureRequestWarning)
        except (config.ConfigException, ValueError, OSError) as error:
            raise kubeconfig.BadKubeconfig(f"This kubeconfig cannot be used: {error}") from error
    return Api(client, watcher, kubeconfig.name_of(parsed))


def _load_certificates(client: "ApiClient") -> None:
    """Build the TLS context now, from the files, and let the pool use it instead of the files."""
    kept = client.rest_client.pool_manager.connection_pool_kw
    if not str(client.configuration.host).startswith("https"):
        return
    context = urllib3.util.ssl_.create_urllib3_context(cert_reqs=kept["cert_reqs"])
    authority, certificate, key = kept.pop("ca_certs", None), kept.pop("cert_file", None), kept.pop("key_file", None)
    context.load_verify_locations(authority) if authority else context.load_default_certs()
    if certificate:
        context.load_cert_chain(certificate, key)
    kept["ssl_context"] = context


def _forget() -> None:
    """Connections do not survive a fork: two processes would read each other's answers."""
    global _lock
    _lock = threading.Lock()
    _apis.clear()


os.register_at_fork(after_in_child=_forget)
