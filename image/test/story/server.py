"""Server under test: started on a free port of 127.0.0.1, ended by a signal."""

import os
import pathlib
import re
import selectors
import signal
import subprocess
import time

# The server hashes ADMIN_PASS before it prints its address.
START_SECONDS = 120
# Running requests get about 10 s to finish; an emulated server may need longer.
END_SECONDS = 30
# Longest start line.
MAX_BANNER = 64 * 1024


class Server:
    """`pichat serve` as a child process. Leaving the `with` block kills it."""

    def __init__(self, command: list[str], folder: pathlib.Path, settings: str, environment: dict[str, str]) -> None:
        config = folder / "pichat.toml"
        config.write_text(settings)
        self.log = folder / "stderr"
        keep = {name: os.environ[name] for name in ("PATH", "QEMU_CPU") if name in os.environ}
        started = time.monotonic()
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "serve", "--config", str(config), "--data-dir", str(folder / "data"), "--listen", "127.0.0.1:0"],
                env={**keep, "PICHAT_AUDIT_SYSLOG": "stderr", **environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                bufsize=0,
            )
        try:
            self.scheme, self.port, self.plain_port = self._listening(started + START_SECONDS)
        except BaseException:
            self.kill()
            raise
        self.start_seconds = time.monotonic() - started

    def _listening(self, deadline: float) -> tuple[str, int, int]:
        """Returns scheme and port of its start line, and the port of plain HTTP."""
        out = self.process.stdout
        said = b""
        with selectors.DefaultSelector() as ready:
            ready.register(out, selectors.EVENT_READ)
            while len(said) < MAX_BANNER and time.monotonic() < deadline:
                if not ready.select(timeout=1):
                    continue
                piece = out.read(4096)
                said += piece
                found = re.search(rb"(https?)://127\.0\.0\.1:(\d+)(?: .*http://127\.0\.0\.1:(\d+).*)?\n", said)
                if found:
                    return found[1].decode(), int(found[2]), int(found[3] or found[2])
                if not piece:
                    break
        raise AssertionError(f"no address came; printed: {said!r}; said: {self.said()}")

    def said(self) -> str:
        """Returns its standard error: the audit lines."""
        return self.log.read_text(errors="replace")

    def end(self) -> float:
        """Sends SIGTERM, checks the exit status and returns the duration."""
        started = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=END_SECONDS)
        took = time.monotonic() - started
        assert code == 0, f"exit code {code} after SIGTERM; said: {self.said()}"
        assert "panicked" not in self.said(), self.said()
        return took

    def kill(self) -> None:
        """Kills it if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(timeout=END_SECONDS)
        self.process.stdout.close()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
