"""HTTP client of the contract (`docs/API.md`), with forms and JSON."""

import http.client
import json
import ssl
import urllib.parse
from dataclasses import dataclass
from typing import Any

# Time limit of an answer. A password hash takes seconds on an emulated processor.
PATIENCE_SECONDS = 120


def believing(authority: str) -> ssl.SSLContext:
    """Returns a context that trusts this certificate authority (PEM) only."""
    return ssl.create_default_context(cadata=authority)


@dataclass(frozen=True)
class Response:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def text(self) -> str:
        return self.body.decode(errors="replace")

    def json(self) -> Any:
        return json.loads(self.body)

    def code(self) -> str:
        """Returns the stable code of a problem; empty for other answers."""
        if self.headers.get("Content-Type") != "application/problem+json":
            return ""
        return str(self.json().get("code", ""))

    def location(self) -> str:
        return self.headers.get("Location", "")

    def __str__(self) -> str:
        return f"{self.status} {self.location()} {self.text()[:600]}"


class Client:
    """Client at 127.0.0.1, with or without a session; with `trust` over TLS with that context."""

    def __init__(self, port: int, trust: ssl.SSLContext | None = None) -> None:
        self.port = port
        self.trust = trust
        self.cookie: str | None = None

    def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        content_type: str | None = None,
        patience: float = PATIENCE_SECONDS,
        host: str | None = None,
    ) -> Response:
        """Sends one request on a new connection. Raises OSError or HTTPException without a complete answer."""
        headers = {"Connection": "close"}
        if host is not None:
            headers["Host"] = host
        if content_type is not None:
            headers["Content-Type"] = content_type
        if self.cookie is not None:
            headers["Cookie"] = self.cookie
        if self.trust is None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=patience)
        else:
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=patience, context=self.trust)
        try:
            try:
                connection.request(method, path, body, headers)
            except (BrokenPipeError, ConnectionResetError):
                pass  # the server may refuse an upload before it has read all of it
            answer = connection.getresponse()
            response = Response(answer.status, answer.headers, answer.read())
        finally:
            connection.close()
        for set_cookie in response.headers.get_all("Set-Cookie", []):
            if "-device-" not in set_cookie.split("=")[0]:
                self.cookie = set_cookie.split(";")[0]
        return response

    def get(self, path: str, host: str | None = None) -> Response:
        return self.request("GET", path, host=host)

    def is_up(self) -> Response | None:
        """Returns any answer."""
        try:
            return self.request("GET", "/", patience=20)
        except (OSError, http.client.HTTPException):
            return None

    def post_form(self, path: str, **fields: str) -> Response:
        """Sends a form as a page without scripts does."""
        body = urllib.parse.urlencode(fields).encode()
        return self.request("POST", path, body, "application/x-www-form-urlencoded")

    def post_json(self, path: str, value: Any) -> Response:
        return self.request("POST", path, json.dumps(value).encode(), "application/json")

    def claim(self, code: str, user: str, password: str) -> Response:
        return self.post_json("/api/claim", {"code": code, "username": user, "password": password})

    def sign_in(self, user: str, password: str) -> Response:
        return self.post_json("/api/session", {"username": user, "password": password})

    def upload(self, name: str, data: bytes) -> Response:
        boundary = "----pichat-boot-test-7c1e"
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="archivo"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        body = head.encode() + data + f"\r\n--{boundary}--\r\n".encode()
        return self.request("POST", "/api/files", body, f"multipart/form-data; boundary={boundary}")

    def download(self, file_id: str) -> Response:
        return self.get(f"/api/files/{file_id}/content")
