"""nginx and Caddy with TLS in front of PiChat over plain HTTP, configured as in docs/INSTALL.md, on 127.0.0.1."""

import socket
import subprocess
import time

PROXIES = ("nginx", "caddy")
TRUST = '[http]\ntrusted_proxies = ["127.0.0.1"]\n'
PATIENCE = 20

NGINX = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
    server {{
        listen 127.0.0.1:{port} ssl;
        server_name localhost;
        ssl_certificate {folder}/proxy.crt;
        ssl_certificate_key {folder}/proxy.key;
        client_max_body_size 0;
        location / {{
            proxy_pass http://127.0.0.1:{behind};
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Host $http_host;
            proxy_request_buffering off;
            proxy_buffering off;
            proxy_read_timeout 1h;
        }}
    }}
}}
"""

CADDY = """
{{
    admin off
    auto_https off
    storage file_system {folder}/caddy
}}
https://localhost:{port} {{
    bind 127.0.0.1
    tls {folder}/proxy.crt {folder}/proxy.key
    reverse_proxy 127.0.0.1:{behind}
}}
"""


def start(mode, folder, behind):
    """Starts the proxy for the port `behind`; returns its process and port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{folder}/proxy.key"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", *key, "-out", f"{folder}/proxy.crt", "-days", "2", *names]
    subprocess.run(command, check=True, capture_output=True)
    text = (NGINX if mode == "nginx" else CADDY).format(folder=folder, port=port, behind=behind)
    config = folder / ("nginx.conf" if mode == "nginx" else "Caddyfile")
    config.write_text(text)
    if mode == "nginx":
        command = ["nginx", "-p", str(folder), "-c", str(config)]
    else:
        command = ["caddy", "run", "--adapter", "caddyfile", "--config", str(config)]
    log = (folder / "proxy.log").open("ab")
    process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env={"HOME": str(folder), "PATH": "/usr/sbin:/usr/bin:/bin"})
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return process, port
        except OSError:
            time.sleep(0.05)
    process.kill()
    raise SystemExit(f"{mode} did not start: {(folder / 'proxy.log').read_text()[-1000:]}")
