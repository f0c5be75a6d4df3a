"""Browser-like client: HTTP requests with a cookie, and a WebSocket (RFC 6455)."""

import base64
import hashlib
import http.client
import json
import os
import socket
import ssl
import struct
import time

# Time limit of an answer. A hash takes seconds on an emulated processor of a busy machine.
PATIENCE = 60
# RFC 6455 section 1.3.
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
TEXT, CLOSE, PING = 0x1, 0x8, 0x9
# Maximum number of other frames during one wait.
MAX_FRAMES = 100


class Answer:
    """Status, headers and body of an answer."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.header = response.getheader
        self.headers = response.headers
        self.body = response.read()

    def json(self) -> object:
        """The body as JSON."""
        return json.loads(self.body)


class Client:
    """Browser, without a session at first."""

    def __init__(self, port: int, trust: ssl.SSLContext | None = None) -> None:
        self.port = port
        self.trust = trust
        self.cookie: str | None = None

    def send(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """Sends one request on a new connection. An underscore in a header's name stands for a hyphen."""
        if self.trust:
            connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=PATIENCE, context=self.trust)
        else:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookie:
            named["Cookie"] = self.cookie
        try:
            connection.request(method, path, body=body, headers=named)
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def sign_in(self, username: str, password: str) -> Answer:
        """Signs in and keeps the cookie."""
        body = json.dumps({"username": username, "password": password}).encode()
        answer = self.send("POST", "/api/session", body, Content_Type="application/json")
        if answer.status == 200:
            # A device cookie precedes the session's.
            cookies = [line.split(";")[0] for line in answer.headers.get_all("Set-Cookie")]
            self.cookie = next(cookie for cookie in cookies if "-device-" not in cookie)
        return answer

    def upload(self, name: str, data: bytes) -> Answer:
        """Uploads a file as a form does."""
        boundary = base64.b16encode(os.urandom(16))
        head = f'Content-Disposition: form-data; name="archivo"; filename="{name}"\r\nContent-Type: application/octet-stream'
        body = b"--%s\r\n%s\r\n\r\n%s\r\n--%s--\r\n" % (boundary, head.encode(), data, boundary)
        return self.send("POST", "/api/files", body, Content_Type=f"multipart/form-data; boundary={boundary.decode()}")


class Socket:
    """Open WebSocket of a client over plain HTTP. Client frames are masked, as the RFC requires."""

    def __init__(self, client: Client) -> None:
        key = base64.b64encode(os.urandom(16))
        self.stream = socket.create_connection(("127.0.0.1", client.port), timeout=PATIENCE)
        self.reader = self.stream.makefile("rb")
        self.stream.sendall(
            f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\nCookie: {client.cookie}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key.decode()}\r\n\r\n".encode()
        )
        status = self.reader.readline(1024)
        assert status.startswith(b"HTTP/1.1 101 "), status
        headers = http.client.parse_headers(self.reader)
        expected = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
        assert headers["Sec-WebSocket-Accept"] == expected, headers

    def send(self, value: object) -> None:
        """Sends one masked text frame."""
        payload = json.dumps(value).encode()
        assert len(payload) < 65536, "no message of the story is longer"
        mask = os.urandom(4)
        if len(payload) < 126:
            head = struct.pack("!BB", 0x80 | TEXT, 0x80 | len(payload))
        else:
            head = struct.pack("!BBH", 0x80 | TEXT, 0x80 | 126, len(payload))
        self.stream.sendall(head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload)))

    def _exactly(self, length: int) -> bytes:
        data = self.reader.read(length)
        assert len(data) == length, "the server hung up in the middle of a frame"
        return data

    def frame(self) -> tuple[int, bytes]:
        """Returns opcode and payload of the next frame; the server's are whole and not masked."""
        first, length = self._exactly(2)
        assert first & 0x80 and not length & 0x80, (first, length)
        if length == 126:
            (length,) = struct.unpack("!H", self._exactly(2))
        elif length == 127:
            (length,) = struct.unpack("!Q", self._exactly(8))
        assert length <= 1 << 20, length
        return first & 0x0F, self._exactly(length)

    def wait_for(self, **wanted: object) -> dict[str, object]:
        """Returns the next JSON frame with these members; earlier ones are skipped."""
        deadline = time.monotonic() + PATIENCE
        skipped = []
        for _ in range(MAX_FRAMES):
            assert time.monotonic() < deadline, f"{wanted} never came, but {skipped}"
            opcode, payload = self.frame()
            assert opcode != CLOSE, f"closed with {payload!r} while waiting for {wanted}; before: {skipped}"
            if opcode == PING:
                continue
            value = json.loads(payload)
            if all(value.get(name) == member for name, member in wanted.items()):
                return value
            skipped.append(value)
        raise AssertionError(f"{wanted} never came, but {skipped}")

    def close_code(self) -> int:
        """Returns the code of the server's close frame."""
        for _ in range(MAX_FRAMES):
            opcode, payload = self.frame()
            if opcode == CLOSE:
                return struct.unpack("!H", payload[:2])[0]
        raise AssertionError("no close frame came")

    def hang_up(self) -> None:
        """Closes the connection."""
        self.reader.close()
        self.stream.close()
