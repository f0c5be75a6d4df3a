"""sockets.py BINARY: tests the chat with a third-party client, Python's websockets, which checks every frame."""

import json
import sys
import urllib.request

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

import server


def sign_in(port: int) -> str:
    body = json.dumps({"username": "cliente", "password": "cliente123"}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/session", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=server.PATIENCE) as answer:
        cookies = [line.split(";")[0] for line in answer.headers.get_all("Set-Cookie")]
        return next(cookie for cookie in cookies if "-device-" not in cookie)


def main() -> None:
    with server.demo(sys.argv[1]) as port:
        cookie = {"Cookie": sign_in(port)}

        def opened(**more):
            return connect(f"ws://127.0.0.1:{port}/ws", additional_headers=cookie, open_timeout=server.PATIENCE, proxy=None, **more)

        def answer(socket) -> dict:
            return json.loads(socket.recv(timeout=server.PATIENCE))

        with opened() as socket:
            assert answer(socket)["type"] == "welcome"
            # It offered permessage-deflate, which the server declined.
            assert socket.protocol.extensions == [] and socket.subprotocol is None
            join = {"type": "join", "ref": "r1", "room": "sala", "password": "secreta", "kind": "group"}
            socket.send(json.dumps(join))
            assert answer(socket)["type"] == "joined"
            text = "ñandú 🦀 " * 90
            sent = json.dumps({"type": "send", "room": "sala", "text": text})
            # Fragments cut inside characters, then a ping.
            socket.send((sent[at : at + 7] for at in range(0, len(sent), 7)), text=True)
            assert socket.ping(b"\x00\xff").wait(server.PATIENCE)
            got = {frame["type"]: frame for frame in (answer(socket), answer(socket))}
            assert got["message"]["text"] == text and got["sent"]["seq"] == 1, got
            socket.send("{")
            assert answer(socket)["code"] == "bad_request"
            socket.close(4000, "adiós")
            assert (socket.close_code, socket.protocol.close_rcvd.code) == (4000, 4000)

        for what, send, code in [
            ("binary", lambda socket: socket.send(b"{}"), 1003),
            ("too large", lambda socket: socket.send("x" * 50000), 1009),
        ]:
            with opened() as socket:
                answer(socket)
                send(socket)
                try:
                    raise SystemExit(f"{what}: {socket.recv(timeout=server.PATIENCE)}")
                except ConnectionClosed as closed:
                    assert closed.rcvd is not None and closed.rcvd.code == code, f"{what}: {closed}"
    print("sockets: joined, spoke in fragments, pinged, closed; 1003 and 1009 as they should be")


if __name__ == "__main__":
    main()
