"""story EMULATOR BINARY: ordinary use of a separate server under QEMU's user mode.

Two starts on one data folder, the first with HTTP, the second with HTTPS, show that stored data persists.
"""

import hashlib
import pathlib
import random
import signal
import ssl
import subprocess
import sys
import tempfile
import time

from client import Client, Socket
from server import Server

PASSWORD = "una clave de prueba"
FILE_BYTES = 3_000_000


def step(what: str, since: float | None = None) -> None:
    """Prints a result, with its duration if given."""
    print(f"  {what}" + (f" ({time.monotonic() - since:.1f} s)" if since is not None else ""), flush=True)


def pages(client: Client) -> None:
    """Checks pages without a session."""
    login = client.send("GET", "/login")
    assert login.status == 200 and login.header("Content-Type").startswith("text/html"), (login.status, login.body)
    assert b"<form" in login.body, login.body
    closed = client.send("GET", "/api/files")
    assert closed.status == 401, (closed.status, closed.body)
    step("the page /login is served; without a session the list of files is 401")


def sign_in(client: Client) -> None:
    """Tries a wrong password and the right one; both cost a hash."""
    started = time.monotonic()
    wrong = client.sign_in("admin", "otra clave")
    assert wrong.status == 401 and client.cookie is None, (wrong.status, wrong.body)
    step("a wrong password is 401", started)
    started = time.monotonic()
    right = client.sign_in("admin", PASSWORD)
    assert right.status == 200 and client.cookie, (right.status, right.body)
    step("the right one signs in (Argon2id)", started)


def chat(client: Client) -> Socket:
    """Creates a room and receives its own message."""
    socket = Socket(client)
    socket.send({"type": "join", "ref": "1", "room": "OFICINA", "password": "secreta", "kind": "group"})
    joined = socket.wait_for(type="joined", ref="1")
    assert joined["members"] == [{"user": "admin", "state": "here"}], joined
    text = "¿Cómo va todo? " + "ñ" * 500
    socket.send({"type": "send", "ref": "2", "room": "OFICINA", "text": text})
    message = socket.wait_for(type="message")
    assert (message["user"], message["text"], message["seq"]) == ("admin", text, 1), message
    step("a socket joins a room and gets its own message back")
    return socket


def files(client: Client) -> tuple[str, bytes]:
    """Uploads a file and downloads it, whole and in part."""
    data = random.Random(1).randbytes(FILE_BYTES)
    started = time.monotonic()
    stored = client.upload("informe.bin", data)
    assert stored.status == 201, (stored.status, stored.body)
    assert stored.json()["sha256"] == hashlib.sha256(data).hexdigest(), stored.body
    content = stored.header("Location") + "/content"
    step(f"{FILE_BYTES} bytes uploaded", started)
    started = time.monotonic()
    whole = client.send("GET", content)
    assert whole.status == 200 and whole.body == data, (whole.status, len(whole.body))
    step("and downloaded, the same", started)
    part = client.send("GET", content, Range="bytes=1000000-1000099")
    assert part.status == 206 and part.body == data[1_000_000:1_000_100], (part.status, len(part.body))
    assert part.header("Content-Range") == f"bytes 1000000-1000099/{FILE_BYTES}", part.header("Content-Range")
    step("a range of it is 206 with those bytes")
    return content, data


def certificate(folder: pathlib.Path) -> ssl.SSLContext:
    """Returns a certificate for 127.0.0.1, and a client that trusts only it."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        + ["-subj", "/CN=pichat", "-addext", "subjectAltName=IP:127.0.0.1"]
        + ["-keyout", folder / "key.pem", "-out", folder / "certificate.pem"],
        check=True,
        timeout=60,
        capture_output=True,
    )
    return ssl.create_default_context(cafile=str(folder / "certificate.pem"))


def main(command: list[str]) -> None:
    """Runs the story."""
    with tempfile.TemporaryDirectory(prefix="pichat-story-") as name:
        folder = pathlib.Path(name)
        with Server(command, folder, '[tls]\nmode = "off"\n', {"ADMIN_PASS": PASSWORD}) as server:
            step(f"listens on {server.scheme}://127.0.0.1:{server.port} after {server.start_seconds:.1f} s")
            client = Client(server.port)
            pages(client)
            sign_in(client)
            socket = chat(client)
            content, data = files(client)
            took = server.end()
            # 1001: the server shuts down.
            assert socket.close_code() == 1001, "the open socket was not told"
            socket.hang_up()
            step(f"SIGTERM ends it with exit code 0 after {took:.1f} s; the open socket is closed with 1001")

        trust = certificate(folder)
        settings = f'[tls]\nmode = "files"\ncertificate = "{folder}/certificate.pem"\nkey = "{folder}/key.pem"\n'
        with Server(command, folder, settings, {}) as server:
            assert server.scheme == "https", server.scheme
            client = Client(server.port, trust)
            assert client.sign_in("admin", PASSWORD).status == 200, "the account is gone"
            assert client.send("GET", content).body == data, "the file is gone"
            took = server.end()
            step(f"started anew, over HTTPS, account and file are there; ends after {took:.1f} s")

        with Server(command, folder, "", {}) as server:
            assert server.scheme == "https", server.scheme
            offered = Client(server.plain_port).send("GET", "/pichat.crt")
            client = Client(server.port, ssl.create_default_context(cadata=offered.body.decode()))
            started = time.monotonic()
            assert client.send("GET", "/api/health").status == 200, "no handshake"
            step("a browser that trusts the authority it made for itself is let in", started)
            assert client.sign_in("admin", PASSWORD).status == 200, "the account is gone"
            server.end()


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: story EMULATOR BINARY")
    # A signal still ends the server and removes its folder.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    main(sys.argv[1:])
