"""Minimal WebSocket client (RFC 6455) for text frames of JSON."""

import base64
import hashlib
import json
import os
import socket
import struct
import time
from typing import Any

from .http_client import PATIENCE_SECONDS, Client

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
# Larger than any frame of the server; bounds the memory for a wrong length.
LARGEST_FRAME = 1 << 20


class Closed(Exception):
    """The server closed the socket, or the connection ended (code 1006)."""

    def __init__(self, code: int) -> None:
        super().__init__(f"closed with {code}")
        self.code = code


def frame(opcode: int, payload: bytes, mask: bytes) -> bytes:
    """Returns a client's frame, which is always masked."""
    length = len(payload)
    if length < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | length)
    elif length < 1 << 16:
        head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, length)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, length)
    masked = bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload))
    return head + mask + masked


class WebSocket:
    """Open socket of a client's session."""

    def __init__(self, client: Client) -> None:
        self.stream = socket.create_connection(("127.0.0.1", client.port), timeout=PATIENCE_SECONDS)
        if client.trust is not None:
            self.stream = client.trust.wrap_socket(self.stream, server_hostname="127.0.0.1")
        self.waiting: list[dict[str, Any]] = []
        self.references = 0
        self.buffer = b""
        key = base64.b64encode(os.urandom(16))
        head = f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        head += f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key.decode()}\r\n"
        head += f"Cookie: {client.cookie}\r\n\r\n" if client.cookie else "\r\n"
        self.stream.sendall(head.encode())
        answer = b""
        while not answer.endswith(b"\r\n\r\n") and len(answer) < 16384:
            answer += self._exactly(1)
        accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
        if not answer.startswith(b"HTTP/1.1 101") or accept not in answer:
            self.stream.close()
            raise ConnectionError(f"no socket: {answer.decode(errors='replace')}")

    def __enter__(self) -> "WebSocket":
        return self

    def __exit__(self, *_: object) -> None:
        self.stream.close()

    def _exactly(self, count: int) -> bytes:
        while len(self.buffer) < count:
            more = self.stream.recv(65536)
            if not more:
                raise Closed(1006)
            self.buffer += more
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def _send(self, opcode: int, payload: bytes) -> None:
        self.stream.sendall(frame(opcode, payload, os.urandom(4)))

    def _receive(self) -> dict[str, Any]:
        """Returns the next JSON frame and answers pings."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            first, second = self._exactly(2)
            opcode, length = first & 0x0F, second & 0x7F
            if length == 126:
                (length,) = struct.unpack("!H", self._exactly(2))
            elif length == 127:
                (length,) = struct.unpack("!Q", self._exactly(8))
            if not first & 0x80 or second & 0x80 or length > LARGEST_FRAME:
                raise ConnectionError("a frame that is fragmented, masked or huge: the server sends none of these")
            payload = self._exactly(length)
            if opcode == PING:
                self._send(PONG, payload)
            elif opcode == CLOSE:
                raise Closed(struct.unpack("!H", payload[:2])[0] if len(payload) >= 2 else 1005)
            elif opcode == TEXT:
                value: dict[str, Any] = json.loads(payload)
                return value
        raise TimeoutError("nothing but pings")

    def receive(self, kind: str) -> dict[str, Any]:
        """Returns the next frame of that type; earlier ones are kept."""
        for number, waiting in enumerate(self.waiting):
            if waiting["type"] == kind:
                return self.waiting.pop(number)
        while (value := self._receive())["type"] != kind:
            self.waiting.append(value)
        return value

    def ask(self, request: str, /, **fields: Any) -> dict[str, Any]:
        """Sends a request and returns the answer to it; earlier frames are kept."""
        self.references += 1
        reference = f"r{self.references}"
        self._send(TEXT, json.dumps({"type": request, "ref": reference, **fields}).encode())
        while (value := self._receive()).get("ref") != reference:
            self.waiting.append(value)
        return value
