"""Network behaviour of a browser for tests: six connections, a cache, cookies, a WebSocket. Python's standard library only."""

import asyncio
import base64
import gzip
import json
import os
import re
import struct
from urllib.parse import urljoin

# Connections of a browser to one host over HTTP/1.1.
CONNECTIONS = 6
PASSWORD = "caracol-verde-7"
ROOM = {"room": "clase", "password": "secreta-1", "kind": "group"}


class Refused(Exception):
    """A permitted request was refused."""


class Connection:
    """Persistent HTTP/1.1 connection."""

    def __init__(self, office):
        self.office, self.reader, self.writer = office, None, None

    async def open(self):
        if self.writer is None or self.reader.at_eof() or self.writer.is_closing():
            name = self.office.name if self.office.context else None
            self.reader, self.writer = await asyncio.open_connection(
                "127.0.0.1", self.office.port, ssl=self.office.context, server_hostname=name, limit=1 << 20
            )

    async def request(self, method, path, headers, body=b""):
        for again in (True, False):
            await self.open()
            head = "".join(f"{key}: {value}\r\n" for key, value in headers.items())
            length = f"content-length: {len(body)}\r\n" if body or method == "POST" else ""
            self.writer.write(f"{method} {path} HTTP/1.1\r\nhost: {self.office.authority}\r\n{head}{length}\r\n".encode() + body)
            try:
                await self.writer.drain()
                return await self.answer()
            except (asyncio.IncompleteReadError, ConnectionError):
                # The server may have closed an idle connection.
                self.abort()
                if not again:
                    raise

    async def answer(self):
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        status = int(head[0].split(" ")[1])
        fields = [line.split(": ", 1) for line in head[1:] if ": " in line]
        headers = {key.lower(): value for key, value in fields}
        cookies = [value.split(";")[0] for key, value in fields if key.lower() == "set-cookie"]
        body = b""
        if "content-length" in headers:
            body = await self.reader.readexactly(int(headers["content-length"]))
        elif headers.get("transfer-encoding") == "chunked":
            while size := int(await self.reader.readline(), 16):
                body += await self.reader.readexactly(size)
                await self.reader.readexactly(2)
            await self.reader.readexactly(2)
        if headers.get("connection") == "close":
            self.abort()
        return status, headers, cookies, body

    def abort(self):
        if self.writer is not None:
            self.writer.transport.abort()
        self.writer = None


class Socket:
    """WebSocket client that reads JSON and answers pings."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, person):
        office = person.office
        name = office.name if office.context else None
        reader, writer = await asyncio.open_connection("127.0.0.1", office.port, ssl=office.context, server_hostname=name)
        key = base64.b64encode(os.urandom(16)).decode()
        writer.write(
            f"GET /ws HTTP/1.1\r\nhost: {office.authority}\r\norigin: {office.origin}\r\nconnection: keep-alive, Upgrade\r\n"
            f"upgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: {key}\r\ncookie: {person.cookie}\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        status = int(head.split(b" ")[1])
        if status != 101:
            raise Refused(f"{person.name}: /ws {status}")
        return cls(reader, writer)

    async def send(self, **message):
        payload = json.dumps(message).encode()
        mask = os.urandom(4)
        size = bytes([0x80 | len(payload)]) if len(payload) < 126 else bytes([0xFE]) + struct.pack(">H", len(payload))
        self.writer.write(bytes([0x81]) + size + mask + bytes(c ^ mask[i & 3] for i, c in enumerate(payload)))
        await self.writer.drain()

    async def receive(self):
        while True:
            first, size = await self.reader.readexactly(2)
            if size == 126:
                size = struct.unpack(">H", await self.reader.readexactly(2))[0]
            elif size == 127:
                size = struct.unpack(">Q", await self.reader.readexactly(8))[0]
            payload = await self.reader.readexactly(size)
            match first & 15:
                case 1:
                    return json.loads(payload)
                case 8:
                    raise ConnectionResetError(f"closed {struct.unpack('>H', payload[:2])[0] if payload else 1005}")
                case 9:
                    mask = os.urandom(4)
                    masked = bytes(c ^ mask[i & 3] for i, c in enumerate(payload))
                    self.writer.write(bytes([0x8A, 0x80 | len(payload)]) + mask + masked)

    async def until(self, kind, **want):
        while True:
            message = await self.receive()
            if message["type"] == "error":
                raise Refused(str(message))
            if message["type"] == kind and all(message.get(key) == value for key, value in want.items()):
                return message

    def abort(self):
        self.writer.transport.abort()


class Person:
    """Browser profile: cookies, a cache, six connections, and a socket."""

    def __init__(self, office, name):
        self.office, self.name, self.cookies, self.cache, self.requests = office, name, {}, {}, 0
        self.free = asyncio.Queue()
        for _ in range(CONNECTIONS):
            self.free.put_nowait(Connection(office))
        self.socket, self.listening, self.heard, self.news = None, None, [], asyncio.Condition()

    @property
    def cookie(self):
        return "; ".join(f"{key}={value}" for key, value in self.cookies.items())

    async def request(self, method, path, body=None, want=(200, 303, 304)):
        kept = self.cache.get(path)
        if kept and "immutable" in kept[0].get("cache-control", ""):
            return 200, kept[0], kept[1]
        headers = {"accept-encoding": "gzip", "sec-fetch-site": "same-origin"}
        if self.cookies:
            headers["cookie"] = self.cookie
        if kept and "etag" in kept[0]:
            headers["if-none-match"] = kept[0]["etag"]
        if method == "POST":
            headers |= {"content-type": "application/json", "origin": self.office.origin}
        connection = await self.free.get()
        try:
            self.requests += 1
            data = json.dumps(body).encode() if body is not None else b""
            status, headers, cookies, data = await connection.request(method, path, headers, data)
        finally:
            self.free.put_nowait(connection)
        if status not in want:
            raise Refused(f"{self.name}: {method} {path} {status} {data[:200]!r}")
        for cookie in cookies:
            key, _, value = cookie.partition("=")
            self.cookies[key] = value
        if status == 304:
            return 200, kept[0], kept[1]
        if headers.get("content-encoding") == "gzip":
            data = gzip.decompress(data)
        if method == "GET" and path.startswith("/static/"):
            self.cache[path] = headers, data
        return status, headers, data

    async def load(self, page):
        """Loads a page with all its resources, imports of scripts too."""
        _, _, data = await self.request("GET", page)
        html = data.decode()
        seen = set()

        async def fetch(path):
            if path in seen:
                return
            seen.add(path)
            _, _, data = await self.request("GET", path)
            if path.endswith(".js"):
                found = re.findall(r'''(?:from|import)\s*["'](\.[^"']+)["']''', data.decode())
                await asyncio.gather(*(fetch(urljoin(path, name)) for name in found))

        found = re.findall(r'(?:src|href)="(/static/[^"#]+)', html)
        await asyncio.gather(*(fetch(path) for path in found))

    async def sign_in(self):
        await self.load("/login")
        await self.request("POST", "/api/session", {"username": self.name, "password": PASSWORD})
        await self.load("/inicio")

    async def enter(self):
        await self.load("/chat")
        await asyncio.gather(self.request("GET", "/api/session"), self.request("GET", "/api/rooms"))
        self.socket = await Socket.open(self)
        await self.socket.send(type="join", ref="j", **ROOM)
        await self.socket.until("joined", ref="j")
        self.listening = asyncio.create_task(self.listen())

    async def listen(self):
        """Reads all frames and answers pings, like an open page."""
        while True:
            message = await self.socket.receive()
            async with self.news:
                self.heard.append(message)
                self.news.notify_all()

    async def talk(self, crowd):
        await self.socket.send(type="send", ref="s", room=ROOM["room"], text=f"hola de {self.name}")
        want = {f"hola de {person.name}" for person in crowd}

        def complete():
            for message in self.heard:
                if message["type"] == "error":
                    raise Refused(f"{self.name}: {message}")
            return want <= {message.get("text") for message in self.heard}

        async with self.news:
            await self.news.wait_for(lambda: complete() or self.listening.done())
        if self.listening.done():
            await self.listening

    def cut(self):
        """Breaks every connection, like a restart of an access point."""
        while not self.free.empty():
            self.free.get_nowait().abort()
        for _ in range(CONNECTIONS):
            self.free.put_nowait(Connection(self.office))
        self.close()

    def close(self):
        """Closes the chat like a closed tab."""
        self.listening.cancel()
        self.socket.abort()
