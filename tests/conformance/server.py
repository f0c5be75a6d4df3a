"""Runs the real binary for one script."""

import contextlib
import re
import subprocess
import tempfile
import threading

PATIENCE = 30


@contextlib.contextmanager
def demo(binary: str):
    """Yields the port of a `pichat demo` with its own data folder."""
    with tempfile.TemporaryDirectory() as folder:
        command = [binary, "demo", "--listen", "127.0.0.1:0", "--data-dir", folder]
        environment = {"PICHAT_AUDIT_SYSLOG": "stderr", "LC_ALL": "C.UTF-8"}
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
            # Ends a server without output, which ends the loop below.
            watch = threading.Timer(PATIENCE, server.kill)
            watch.start()
            port = None
            try:
                for line in server.stdout:
                    if found := re.search(r"127\.0\.0\.1:(\d+)", line):
                        port = int(found[1])
                        break
                watch.cancel()
                if port is None:
                    raise SystemExit("the server named no address")
                yield port
            finally:
                watch.cancel()
                server.kill()
