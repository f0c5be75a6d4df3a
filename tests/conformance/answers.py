"""answers.py BINARY: checks real answers with httplint, the linter of REDbot; any error or warning fails."""

import json
import pathlib
import re
import socket
import subprocess
import sys

import server

HTTPLINT = pathlib.Path(sys.executable).parent / "httplint"
FORM = "multipart/form-data; boundary=x"
FILE = b'--x\r\nContent-Disposition: form-data; name="archivo"; filename="\xc3\xb1and\xc3\xba.txt"\r\n\r\nhola\r\n--x--\r\n'
# Repeats the status 400.
KNOWN = "The server didn't understand the request."
SIGN_IN = json.dumps({"username": "admin", "password": "admin123"}).encode()


def ask(port: int, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b"") -> bytes:
    """Returns the octets of one answer."""
    lines = {"Host": "localhost", "Connection": "close", "Content-Length": str(len(body)), **(headers or {})}
    head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items()) + "\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=server.PATIENCE) as stream:
        stream.sendall(head.encode() + body)
        answer = b""
        while data := stream.recv(65536):
            answer += data
    return answer


def field(answer: bytes, name: str) -> str:
    found = re.search(rf"^{name}: (.*?)\r$".encode(), answer, re.IGNORECASE | re.MULTILINE)
    return found[1].decode() if found else ""


def session_cookie(answer: bytes) -> str:
    """Returns the session's cookie, which follows a device cookie."""
    lines = re.findall(rb"^set-cookie: ([^;\r]*)", answer, re.IGNORECASE | re.MULTILINE)
    return next(line.decode() for line in lines if b"-device-" not in line)


def answers(port: int):
    """Yields each request with its answer."""
    yield "GET /api/health", ask(port, "GET", "/api/health")
    signed = ask(port, "POST", "/api/session", {"Content-Type": "application/json"}, SIGN_IN)
    yield "POST /api/session", signed
    cookie = {"Cookie": session_cookie(signed)}
    yield "GET /api/metrics", ask(port, "GET", "/api/metrics", cookie)
    made = ask(port, "POST", "/api/files", {**cookie, "Content-Type": FORM}, FILE)
    yield "POST /api/files", made
    content = field(made, "location") + "/content"
    whole = ask(port, "GET", content, cookie)
    yield "GET content", whole
    yield "GET a part", ask(port, "GET", content, {**cookie, "Range": "bytes=1-2"})
    yield "GET past its end", ask(port, "GET", content, {**cookie, "Range": "bytes=9-"})
    yield "GET what one has", ask(port, "GET", content, {**cookie, "If-None-Match": field(whole, "etag")})
    for path in ["/", "/inicio", "/chat", "/listar", "/subir", "/api/session", "/api/rooms", "/api/files", "/nada", "/api/nada"]:
        yield f"GET {path}", ask(port, "GET", path, cookie)
    for path in ["/login", "/reclamar", "/inicio", "/api/session", "/favicon.ico", "/static/css/base.css", "/static/js/page.js", "/ws"]:
        yield f"GET {path} without a session", ask(port, "GET", path)
    packed = ask(port, "GET", "/static/js/page.js", {"Accept-Encoding": "gzip"})
    yield "GET a packed file", packed
    known = {"Accept-Encoding": "gzip", "If-None-Match": field(packed, "etag")}
    yield "GET a packed file that one has", ask(port, "GET", "/static/js/page.js", known)
    style = re.search(rb"/static/v[0-9a-f]{16}/css/base.css", ask(port, "GET", "/login"))
    assert style, "the page names no style sheet with a version"
    yield "GET a file for good", ask(port, "GET", style[0].decode())
    page = ask(port, "GET", "/api/files?limit=1", cookie)
    yield "GET a page of the list", page
    yield "GET a page that one has", ask(port, "GET", "/api/files?limit=1", {**cookie, "If-None-Match": field(page, "etag")})
    yield "PUT where it is not", ask(port, "PUT", "/api/health")
    yield "OPTIONS", ask(port, "OPTIONS", "/api/files")
    yield "a wrong password", ask(port, "POST", "/api/session", {"Content-Type": "application/json"}, SIGN_IN.replace(b"123", b"321"))
    yield "another type", ask(port, "POST", "/api/session", {"Content-Type": "text/plain"}, SIGN_IN)
    yield "another host", ask(port, "GET", "/", {"Host": "evil.example"})
    yield "another origin", ask(port, "POST", "/logout", {**cookie, "Origin": "http://evil.example"})
    yield "no request", ask(port, "G(T", "/")
    yield "DELETE /api/session", ask(port, "DELETE", "/api/session", cookie)


def main() -> None:
    bad = seen = 0
    with server.demo(sys.argv[1]) as port:
        for what, answer in answers(port):
            seen += 1
            assert answer.startswith(b"HTTP/1.1 "), f"{what}: {answer[:80]!r}"
            lint = subprocess.run([HTTPLINT, "-n"], input=answer, stdout=subprocess.PIPE, timeout=60, check=True).stdout.decode()
            notes = re.findall(r"^\* \[(\w+)\] (.*)$", lint, re.MULTILINE)
            assert notes, f"{what}: httplint said nothing"
            for level, note in notes:
                if level not in ("GOOD", "INFO") and note != KNOWN:
                    bad += 1
                    print(f"{what}: {level}: {note}")
    print(f"{seen} answers, {bad} faults")
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
