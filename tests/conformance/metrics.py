"""metrics.py BINARY: checks `/api/metrics` with the strict OpenMetrics parser of Prometheus' client."""

import contextlib
import json
import sys
import urllib.error
import urllib.request

import server
from prometheus_client.openmetrics.parser import text_string_to_metric_families


def get(port: int, path: str, cookie: str = "") -> str:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Cookie": cookie} if cookie else {})
    with urllib.request.urlopen(request, timeout=server.PATIENCE) as answer:
        return answer.read().decode()


def signed_in(port: int) -> str:
    """Returns the cookie of an administrator."""
    body = json.dumps({"username": "admin", "password": "admin123"}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/api/session", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=server.PATIENCE) as answer:
        cookies = [line.split(";")[0] for line in answer.headers.get_all("Set-Cookie")]
    return next(cookie for cookie in cookies if "-device-" not in cookie)


with server.demo(sys.argv[1]) as port:
    with contextlib.suppress(urllib.error.HTTPError):
        get(port, "/api/session")
    families = list(text_string_to_metric_families(get(port, "/api/metrics", signed_in(port))))
samples = [sample for family in families for sample in family.samples]
assert len(families) > 20 and all(family.documentation and family.type != "unknown" for family in families)
assert any(sample.labels == {"at": "http", "reason": "unauthenticated"} and sample.value == 1 for sample in samples)
print(f"{len(families)} families of metrics, {len(samples)} samples, 0 faults")
