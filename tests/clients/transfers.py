#!/usr/bin/env python3
"""tests/clients/transfers.py [BINARY] -> tests uploads and downloads with curl, wget, aria2, Firefox and Chromium.

Each program exceeds every upload limit and must get the right status, and downloads a whole file at 100 kB/s. Missing programs are
skipped and named. BINARY defaults to target/debug/pichat. Takes about 100 s, mostly waiting.
"""
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
BINARY = sys.argv[1] if len(sys.argv) > 1 else str(HERE / "../../target/debug/pichat")
MIB = 1024 * 1024
# The kernel's buffers hold a few MiB; PICHAT_SLOW_MIB=16 exceeds them by far and takes three minutes.
SLOW_FILE = int(os.environ.get("PICHAT_SLOW_MIB", "8")) * MIB
RATE = 100_000
LIMITS = """
[limits]
connections_per_address = 1000
uploads_per_minute = 1000
downloads_per_minute = 1000
requests_per_minute = 100000
request_burst = 10000
[files]
max_file_mib = 16
"""

failures = []
lock = threading.Lock()


def report(client, case, got, want):
    with lock:
        good = got == want
        print(f"{'ok  ' if good else 'FAIL'} {client}: {case}: {got}" + ("" if good else f", not {want}"), flush=True)
        if not good:
            failures.append((client, case))


class Server:
    """Demo server on a free port, and cookies of its users."""

    def __init__(self, folder, config):
        folder.mkdir()
        settings = folder / "pichat.toml"
        settings.write_text(config)
        env = {"PATH": os.environ["PATH"], "PICHAT_AUDIT_SYSLOG": "stderr", "PICHAT_TLS_MODE": "off"}
        self.process = subprocess.Popen(
            [BINARY, "demo", "--listen", "127.0.0.1:0", "--config", settings, "--data-dir", folder / "data"],
            env=env, stdout=subprocess.PIPE, stderr=open(folder / "stderr", "w"), text=True)
        for line in self.process.stdout:
            if "127.0.0.1:" in line:
                self.port = int("".join(c for c in line.split("127.0.0.1:")[1] if c.isdigit() or c == " ").split()[0])
                break
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.port}"

    def cookie(self, user):
        body = json.dumps({"username": user, "password": f"{user}123"}).encode()
        request = urllib.request.Request(f"{self.url}/api/session", body, {"Content-Type": "application/json"})
        cookies = urllib.request.urlopen(request).headers.get_all("set-cookie")
        return next(cookie.split(";")[0] for cookie in cookies if "device" not in cookie)

    def store(self, path):
        """Uploads a file; returns the address of its content once it is available."""
        done = run("curl", "-s", "-H", f"Cookie: {self.cookie('cliente')}", "-F", f"archivo=@{path}", f"{self.url}/api/files")
        place = f"{self.url}/api/files/{json.loads(done.stdout)['id']}"
        while True:
            request = urllib.request.Request(place, headers={"Cookie": self.cookie("cliente")})
            if json.load(urllib.request.urlopen(request))["state"] == "clean":
                return place + "/content"
            time.sleep(0.2)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)


class SlowRoad:
    """Relay that reads 100 kB a second from the server, for programs without a rate limit."""

    def __init__(self, port):
        self.to = port
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            near, _ = self.listener.accept()
            far = socket.create_connection(("127.0.0.1", self.to))
            threading.Thread(target=self.copy, args=(near, far, None), daemon=True).start()
            threading.Thread(target=self.copy, args=(far, near, RATE), daemon=True).start()

    @staticmethod
    def copy(source, sink, rate):
        try:
            while data := source.recv(10_000 if rate else 65536):
                sink.sendall(data)
                if rate and len(data) > 5000:
                    time.sleep(len(data) / rate)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def run(*command, seconds=600):
    return subprocess.run([str(word) for word in command], capture_output=True, timeout=seconds)


def digest(path):
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def uploads_with_curl(server, full, files):
    def post(case, want, *words, at=server, user="cliente", path="/api/files"):
        who = ["-H", f"Cookie: {at.cookie(user)}"] if user else []
        done = run("curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", *who, *words, f"{at.url}{path}")
        report("curl", case, f"{done.stdout.decode()} (exit {done.returncode})", f"{want} (exit 0)")

    form = lambda name: ("-F", f"archivo=@{files[name]}")
    post("16 MiB", 201, *form("most"))
    post("16 MiB and one byte", 413, *form("over"))
    post("64 MiB", 413, *form("large"))
    post("64 MiB without Expect", 413, *form("large"), "-H", "Expect:")
    post("64 MiB in chunks", 413, *form("large"), "-H", "Transfer-Encoding: chunked")
    post("4 GiB", 413, *form("huge"))
    post("64 MiB without a session", 401, *form("large"), user=None)
    post("64 MiB without the right", 403, *form("large"), user="usuario")
    post("64 MiB as JSON", 415, "-H", "Content-Type: application/json", "--data-binary", f"@{files['large']}")
    post("PUT of 64 MiB", 405, "-T", files["large"])
    post("64 MiB under a foreign name", 421, *form("large"), "-H", "Host: evil.example")
    post("64 MiB to a page that is not there", 404, *form("large"), path="/api/nada")
    post("8 MiB into a full store", 507, *form("slow"), at=full)
    cookie = full.cookie("cliente")
    for _ in range(100):
        again = run("curl", "-s", "-w", "%{http_code}", "-H", f"Cookie: {cookie}", "-F", f"archivo=@{files['small']}", f"{full.url}/api/files")
        if again.stdout.endswith(b"429"):
            break
    post("8 MiB after too many uploads", 429, *form("slow"), at=full)


def uploads_with_wget(server, files):
    def post(case, want, name, cookie):
        done = run("wget", "-q", "-S", "-O", "/dev/null", "--tries=1", "--header", f"Cookie: {cookie}", "--header",
                   "Content-Type: application/json", "--post-file", files[name], f"{server.url}/api/files")
        said = [line.split()[1] for line in done.stderr.decode().splitlines() if line.strip().startswith("HTTP/")]
        report("wget", case, said, [want])

    post("64 MiB as JSON", "415", "large", server.cookie("cliente"))
    post("64 MiB without a session", "401", "large", "x=y")


def slow_downloads(server, place, files, folder):
    """Returns the threads that download at 100 kB/s."""
    cookie, want = server.cookie("cliente"), digest(files["slow"])

    def download(client, command):
        out = folder / f"{client}.slow"
        start = time.monotonic()
        run(client, *command(out))
        took = time.monotonic() - start
        report(client, "whole file at 100 kB/s", (out.exists() and digest(out) == want, took > 30), (True, True))

    header = f"Cookie: {cookie}"
    # curl catches up after a delay, so the relay limits the rate too.
    slow = place.replace(f":{server.port}/", f":{SlowRoad(server.port).port}/")
    commands = {
        "curl": lambda out: ("-sS", "--limit-rate", "100k", "-H", header, "-o", out, slow),
        "wget": lambda out: ("-q", "--tries=1", "--limit-rate=100k", "--header", header, "-O", out, place),
        "aria2c": lambda out: ("-q", "-x16", "-s16", "-k1M", "-m1", "--allow-overwrite=true", "--max-overall-download-limit=100K",
                               "--header", header, "-d", out.parent, "-o", out.name, place),
    }
    clients = [client for client in commands if shutil.which(client)]
    return [threading.Thread(target=download, args=(client, commands[client])) for client in clients]


def fast_downloads(server, place, files, folder):
    header, want = f"Cookie: {server.cookie('cliente')}", digest(files["slow"])
    out = folder / "fast"
    for client, words in {
        "curl": ("-sS", "-H", header, "-o", out, place),
        "wget": ("-q", "--tries=1", "--header", header, "-O", out, place),
        "aria2c": ("-q", "-x16", "-s16", "-k1M", "-m1", "--allow-overwrite=true", "--header", header, "-d", folder, "-o", "fast", place),
    }.items():
        if shutil.which(client):
            done = run(client, *words)
            report(client, "whole file at full speed", (done.returncode, out.exists() and digest(out)), (0, want))
            out.unlink(missing_ok=True)
    # Half of it exists already.
    if shutil.which("wget"):
        out.write_bytes(Path(files["slow"]).read_bytes()[:SLOW_FILE // 2])
        done = run("wget", "-q", "-c", "--tries=1", "--header", header, "-O", out, place)
        report("wget", "the other half", (done.returncode, digest(out)), (0, want))
    out.write_bytes(Path(files["slow"]).read_bytes()[:SLOW_FILE // 2])
    done = run("curl", "-sS", "-C", "-", "-H", header, "-o", out, place)
    report("curl", "the other half", (done.returncode, digest(out)), (0, want))
    out.unlink()


# Result for a page's script: the status, or a network error. The file comes from a file chooser: browsers limit the bytes that a
# script makes, and report that as a network error too.
INPUT = """
const input = document.createElement("input");
input.type = "file";
document.body.replaceChildren(input);
"""
UPLOAD = """
const [path, done] = arguments;
const form = new FormData();
form.append("archivo", document.querySelector("input[type=file]").files[0], "a.bin");
fetch(path, { method: "POST", body: form, headers: { Accept: "application/json" } })
  .then((answer) => done(String(answer.status)), (error) => done(String(error)));
"""
DOWNLOAD = """
const [path, done] = arguments;
fetch(path).then((answer) => answer.arrayBuffer()).then((bytes) => crypto.subtle.digest("SHA-256", bytes))
  .then((sum) => done([...new Uint8Array(sum)].map((b) => b.toString(16).padStart(2, "0")).join("")), (error) => done(String(error)));
"""
SIGN_IN = """
const [user, done] = arguments;
fetch("/api/session", { method: "POST", headers: { "Content-Type": "application/json" },
  body: JSON.stringify({ username: user, password: user + "123" }) }).then((answer) => done(answer.status));
"""


class Firefox:
    """Firefox over its protocol Marionette."""
    name = "Firefox"

    def __init__(self, folder):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        folder.mkdir()
        (folder / "user.js").write_text(f'user_pref("marionette.port", {port});\n')
        program = shutil.which("firefox-esr") or shutil.which("firefox")
        env = dict(os.environ, HOME=str(folder), MOZ_HEADLESS="1")
        self.process = subprocess.Popen([program, "--marionette", "--headless", "--no-remote", "--profile", folder],
                                        env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(600):
            try:
                self.socket = socket.create_connection(("127.0.0.1", port), timeout=420)
                break
            except OSError:
                time.sleep(0.1)
        self.read()
        self.count = 0
        self.call("WebDriver:NewSession", {})
        self.call("WebDriver:SetTimeouts", {"script": 400000, "pageLoad": 180000})

    def read(self):
        length = b""
        while (byte := self.socket.recv(1)) != b":":
            length += byte
        data = b""
        while len(data) < int(length):
            data += self.socket.recv(int(length) - len(data))
        return json.loads(data)

    def call(self, command, arguments):
        self.count += 1
        message = json.dumps([0, self.count, command, arguments])
        self.socket.sendall(f"{len(message)}:{message}".encode())
        _, _, error, result = self.read()
        if error:
            raise RuntimeError(error["message"])
        return result

    def open(self, url):
        self.call("WebDriver:Navigate", {"url": url})

    def script(self, text, *arguments):
        return self.call("WebDriver:ExecuteAsyncScript", {"script": text, "args": list(arguments)})["value"]

    def choose(self, path):
        """Chooses a file as a user does."""
        self.call("WebDriver:ExecuteScript", {"script": INPUT, "args": []})
        found = self.call("WebDriver:FindElement", {"using": "css selector", "value": "input[type=file]"})["value"]
        self.call("WebDriver:ElementSendKeys", {"id": next(iter(found.values())), "text": str(path)})

    def stop(self):
        try:
            self.call("Marionette:Quit", {"flags": ["eForceQuit"]})
        except (RuntimeError, OSError):
            pass
        self.process.terminate()
        self.process.wait(30)


class Chromium:
    """Chromium over chromedriver."""
    name = "Chromium"

    def __init__(self, folder):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        folder.mkdir()
        self.process = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.url = f"http://127.0.0.1:{port}"
        options = {"args": ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={folder}"]}
        for _ in range(300):
            try:
                session = self.send("POST", "/session", {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}})
                break
            except OSError:
                time.sleep(0.1)
        self.url += f"/session/{session['sessionId']}"
        self.send("POST", "/timeouts", {"script": 400000, "pageLoad": 180000})

    def send(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        return json.load(urllib.request.urlopen(request, timeout=420))["value"]

    def open(self, url):
        self.send("POST", "/url", {"url": url})

    def script(self, text, *arguments):
        return self.send("POST", "/execute/async", {"script": text, "args": list(arguments)})

    def choose(self, path):
        """Chooses a file as a user does."""
        self.send("POST", "/execute/sync", {"script": INPUT, "args": []})
        found = self.send("POST", "/element", {"using": "css selector", "value": "input[type=file]"})
        self.send("POST", f"/element/{next(iter(found.values()))}/value", {"text": str(path)})

    def stop(self):
        self.send("DELETE", "")
        self.process.terminate()
        self.process.wait(30)


def with_browser(kind, server, place, files, folder):
    want = digest(files["slow"])
    full = full_server(folder / f"full-{kind.name}")
    browser = kind(folder / kind.name)
    try:
        def check(case, got, right):
            report(browser.name, case, got, right)

        def upload(path, name):
            browser.choose(files[name])
            return browser.script(UPLOAD, path)

        browser.open(f"{server.url}/login")
        check("64 MiB without a session", upload("/api/files", "large"), "401")
        check("sign-in", browser.script(SIGN_IN, "usuario"), 200)
        check("64 MiB without the right", upload("/api/files", "large"), "403")
        check("sign-in", browser.script(SIGN_IN, "cliente"), 200)
        check("1 MiB", upload("/api/files", "one"), "201")
        for round in range(3):
            check(f"16 MiB and one byte, round {round}", upload("/api/files", "over"), "413")
        check("256 MiB", upload("/api/files", "enormous"), "413")
        check("256 MiB to the page without scripts", upload("/subir", "enormous"), "413")
        check("64 MiB to a page that is not there", upload("/api/nada", "large"), "404")
        check("whole file at full speed", browser.script(DOWNLOAD, place.removeprefix(server.url)), want)
        browser.open(f"{full.url}/login")
        check("sign-in", browser.script(SIGN_IN, "cliente"), 200)
        check("8 MiB into a full store", upload("/api/files", "slow"), "507")
        for _ in range(100):
            if upload("/api/files", "empty") == "429":
                break
        check("8 MiB after too many uploads", upload("/api/files", "slow"), "429")
        road = SlowRoad(server.port)
        # A page without the chat's socket: /login would lead to one, and a second sign-in there ends the session of its socket.
        browser.open(f"http://127.0.0.1:{road.port}/clave")
        check("sign-in", browser.script(SIGN_IN, "cliente"), 200)
        start = time.monotonic()
        got = browser.script(DOWNLOAD, place.removeprefix(server.url))
        check("whole file at 100 kB/s", (got, time.monotonic() - start > 30), (want, True))
    except Exception as error:  # A failing browser fails its case only.
        report(browser.name, "runs", repr(error), "to its end")
    finally:
        browser.stop()
        full.stop()


def full_server(folder):
    """Starts a server without space for 8 MiB and with few uploads a minute, one for each client."""
    return Server(folder, "[limits]\nuploads_per_minute = 1\n[files]\nmax_total_mib = 2\n")


def main():
    folder = Path(tempfile.mkdtemp())
    sizes = {"empty": 0, "small": 1000, "one": MIB, "slow": SLOW_FILE, "most": 16 * MIB, "over": 16 * MIB + 1, "large": 64 * MIB, "enormous": 256 * MIB,
             "huge": 4096 * MIB}
    files = {name: folder / f"{name}.bin" for name in sizes}
    for name, size in sizes.items():
        with open(files[name], "wb") as file:
            # Not a sparse file, as its content is compared.
            file.write(os.urandom(size) if size <= SLOW_FILE else b"")
            file.truncate(size)
    server = Server(folder / "server", LIMITS)
    full = full_server(folder / "full")
    browsers = [kind for kind, program in ((Firefox, "firefox-esr"), (Chromium, "chromedriver")) if shutil.which(program)]
    try:
        place = server.store(files["slow"])
        threads = slow_downloads(server, place, files, folder)
        threads += [threading.Thread(target=with_browser, args=(kind, server, place, files, folder)) for kind in browsers]
        for thread in threads:
            thread.start()
        uploads_with_curl(server, full, files)
        if shutil.which("wget"):
            uploads_with_wget(server, files)
        fast_downloads(server, place, files, folder)
        for thread in threads:
            thread.join()
    finally:
        server.stop()
        full.stop()
        shutil.rmtree(folder, ignore_errors=True)
    for program in ("wget", "aria2c", "firefox-esr", "chromedriver"):
        if not shutil.which(program):
            print(f"left out: {program} is not on this machine")
    print(f"{len(failures)} failed" if failures else "all as they should be")
    sys.exit(bool(failures))


main()
