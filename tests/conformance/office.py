"""office.py BINARY [plain|tls|nginx|caddy] [PEOPLE] [SECONDS]: an office behind one address, with default limits.

PEOPLE users sign in within SECONDS, load the chat page like a browser, join one room and chat. Meanwhile another user tries to use
up all resources. Then twelve tabs of one user reconnect at once, and an access point restarts: all connections break and all users
reconnect. The script fails if a permitted request is refused.

`nginx` and `caddy` add that proxy with TLS; both listen on 127.0.0.1 only. Uses Python's standard library only.
"""

import asyncio
import contextlib
import os
import re
import secrets
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import proxies
from browser import PASSWORD, Connection, Person, Refused, Socket

PATIENCE = 60
# Time to reconnect after a restart of the access point.
BACK = 10


async def greedy(person, stop):
    """Uses up rooms, sockets, files and requests. Returns the numbers of grants and refusals."""
    await person.sign_in()
    got = {"rooms": 0, "sockets": 0, "uploads": 0, "requests": 0, "refused": 0}
    sockets = []

    async def rooms():
        socket = await Socket.open(person)
        sockets.append(socket)
        for i in range(300):
            await socket.send(type="join", ref="r", room=f"mia-{i}", password="secreta-1", kind="private")
            answer = await socket.receive()
            while answer["type"] not in ("joined", "error"):
                answer = await socket.receive()
            if answer["type"] == "joined":
                got["rooms"] += 1
            else:
                got["refused"] += 1
                await asyncio.sleep(min(answer.get("retry_after", 0), 0.5))
            if stop.is_set() or got["refused"] > 100:
                return

    async def many_sockets():
        for _ in range(40):
            with contextlib.suppress(Refused, ConnectionError, asyncio.IncompleteReadError):
                sockets.append(await Socket.open(person))
                got["sockets"] += 1

    async def uploads():
        data = os.urandom(1 << 20)
        boundary = "b" + secrets.token_hex(8)
        body = (
            f'--{boundary}\r\ncontent-disposition: form-data; name="archivo"; filename="x.bin"\r\n\r\n'.encode()
            + data
            + f"\r\n--{boundary}--\r\n".encode()
        )
        connection = Connection(person.office)
        while not stop.is_set():
            headers = {"cookie": person.cookie, "content-type": f"multipart/form-data; boundary={boundary}"}
            try:
                status, *_ = await connection.request("POST", "/api/files", headers, body)
            except (ConnectionError, asyncio.IncompleteReadError):
                continue
            got["uploads" if status == 201 else "refused"] += 1
            if status != 201:
                await asyncio.sleep(0.2)

    async def requests():
        connection = Connection(person.office)
        for _ in range(5000):
            if stop.is_set():
                return
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                status, *_ = await connection.request("GET", "/api/files", {"cookie": person.cookie})
                got["requests" if status == 200 else "refused"] += 1
            await asyncio.sleep(0.005)

    await asyncio.gather(rooms(), many_sockets(), uploads(), requests(), return_exceptions=True)
    for socket in sockets:
        socket.abort()
    return got


class Office:
    """Server, and the address to reach it."""

    def __init__(self, binary, mode, folder):
        self.binary, self.mode, self.folder = binary, mode, Path(folder)
        self.name = "localhost"
        self.context = None
        self.processes = []

    def account(self, name, role="cliente"):
        command = [self.binary, "user", "add", name, "--role", role, "--password-stdin", "--data-dir", str(self.folder / "data")]
        subprocess.run(command, input=PASSWORD, text=True, check=True, capture_output=True, env=self.environment())

    def environment(self):
        return os.environ | {"LC_ALL": "C.UTF-8", "PICHAT_AUDIT_SYSLOG": "stderr"}

    def start(self):
        settings = proxies.TRUST if self.mode in proxies.PROXIES else ""
        settings += '[tls]\nmode = "local-ca"\nlisten = "127.0.0.1:0"\n' if self.mode == "tls" else '[tls]\nmode = "off"\n'
        (self.folder / "pichat.toml").write_text(settings)
        command = [self.binary, "serve", "--config", str(self.folder / "pichat.toml"), "--data-dir", str(self.folder / "data")]
        command += ["--listen", "127.0.0.1:0"]
        log = (self.folder / "log").open("ab")
        server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env=self.environment())
        self.processes.append(server)
        for line in server.stdout:
            if found := re.search(r"(https?)://127\.0\.0\.1:(\d+)", line):
                self.port = int(found[2])
                break
        else:
            raise SystemExit((self.folder / "log").read_text()[-2000:])
        if self.mode in proxies.PROXIES:
            process, self.port = proxies.start(self.mode, self.folder, self.port)
            self.processes.append(process)
        if self.mode != "plain":
            # The certificate is made for this run; trust is not tested here.
            self.context = ssl.create_default_context()
            self.context.check_hostname, self.context.verify_mode = False, ssl.CERT_NONE
        self.authority = f"{self.name}:{self.port}"
        self.origin = f"{'https' if self.context else 'http'}://{self.authority}"

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
            process.wait(PATIENCE)


async def spread(people, seconds, act):
    """Runs one action for each user, evenly within `seconds`."""

    async def one(i, person):
        await asyncio.sleep(seconds * i / len(people))
        await asyncio.wait_for(act(person), PATIENCE)

    await asyncio.gather(*(one(i, person) for i, person in enumerate(people)))


async def day(office, count, seconds):
    people = [Person(office, f"persona-{i}") for i in range(count)]
    stop, begin = asyncio.Event(), time.monotonic()
    taker = asyncio.create_task(greedy(Person(office, "avaro"), stop))

    async def come(person):
        await person.sign_in()
        await person.enter()

    await spread(people, seconds, come)
    await asyncio.wait_for(asyncio.gather(*(person.talk(people) for person in people)), PATIENCE)
    print(f"{office.mode}: {count} people signed in within {seconds} s, joined and heard each other after {time.monotonic() - begin:.1f} s")
    print(f"  {max(person.requests for person in people)} requests each, none refused")

    first = people[0]
    tabs = [Person(office, first.name) for _ in range(12)]
    for tab in tabs:
        tab.cookies, tab.cache, tab.free = first.cookies, first.cache, first.free
    begin = time.monotonic()
    await asyncio.wait_for(asyncio.gather(*(tab.enter() for tab in tabs)), PATIENCE)
    print(f"  12 restored tabs of one person in the room after {time.monotonic() - begin:.1f} s")
    for tab in tabs:
        tab.close()

    begin = time.monotonic()
    for person in people:
        person.cut()
    await asyncio.wait_for(asyncio.gather(*(person.enter() for person in people)), PATIENCE)
    back = time.monotonic() - begin
    print(f"  all {count} back in the room {back:.1f} s after every connection broke")
    stop.set()
    print(f"  one person who wanted everything got {await taker}")
    for person in people:
        person.close()
    if back > BACK:
        raise SystemExit(f"back after {back:.1f} s, wanted {BACK} s at most")


def main():
    binary, mode = os.path.abspath(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "plain"
    count, seconds = (int(sys.argv[3]), float(sys.argv[4])) if len(sys.argv) > 4 else (40, 30)
    if mode in proxies.PROXIES and shutil.which(mode) is None:
        raise SystemExit(f"{mode} is not on this machine")
    with tempfile.TemporaryDirectory() as folder:
        office = Office(binary, mode, folder)
        (Path(folder) / "data").mkdir(0o700)
        office.account("jefa", "administrator")
        for name in ["avaro", *(f"persona-{i}" for i in range(count))]:
            office.account(name)
        office.start()
        try:
            asyncio.run(day(office, count, seconds))
        finally:
            office.stop()


if __name__ == "__main__":
    main()
