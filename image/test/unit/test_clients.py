"""Tests of the clients against `pichat demo` on this machine, if it is built."""

import os
import ssl
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from pichat_boot.http_client import Client, believing
from pichat_boot.machine import free_ports
from pichat_boot.websocket import Closed, WebSocket, frame

ROOT = Path(__file__).resolve().parents[3]
BUILT = [Path(os.environ["PICHAT"])] if "PICHAT" in os.environ else [ROOT / "target" / p / "pichat" for p in ("release", "debug")]
PROGRAM = next((program for program in BUILT if program.exists()), None)


class Frames(unittest.TestCase):
    def test_the_example_of_rfc_6455(self) -> None:
        # Section 5.7: a single-frame masked text message, "Hello".
        self.assertEqual(frame(1, b"Hello", bytes.fromhex("37fa213d")).hex(), "818537fa213d7f9f4d5158")

    def test_the_three_forms_of_length(self) -> None:
        mask = bytes(4)
        self.assertEqual(frame(1, bytes(125), mask)[1:2].hex(), "fd")
        self.assertEqual(frame(1, bytes(126), mask)[1:4].hex(), "fe007e")
        self.assertEqual(frame(1, bytes(65536), mask)[1:10].hex(), "ff0000000000010000")


@unittest.skipIf(PROGRAM is None, "no pichat is built; PICHAT names one")
class Demo(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.port = free_ports().http
        command = [str(PROGRAM), "demo", "--listen", f"127.0.0.1:{cls.port}"]
        cls.server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while Client(cls.port).is_up() is None and time.monotonic() < deadline:
            time.sleep(0.1)

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.kill()
        cls.server.wait(timeout=30)

    def signed_in(self) -> Client:
        client = Client(self.port)
        answer = client.sign_in("admin", "admin123")
        self.assertEqual(answer.status, 200, str(answer))
        return client

    def test_a_form_and_its_cookie(self) -> None:
        client = Client(self.port)
        answer = client.post_form("/login", usuario="admin", clave="admin123")
        self.assertEqual((answer.status, answer.location()), (303, "/inicio"))
        self.assertEqual(client.get("/api/session").json()["username"], "admin")

    def test_a_problem_has_its_code(self) -> None:
        answer = Client(self.port).sign_in("admin", "wrong wrong")
        self.assertEqual((answer.status, answer.code()), (401, "invalid_credentials"))

    def test_a_file_goes_up_and_comes_down(self) -> None:
        client, data = self.signed_in(), os.urandom(3 << 20)
        answer = client.upload("año nuevo.bin", data)
        self.assertEqual(answer.status, 201, str(answer))
        self.assertEqual(client.download(answer.json()["id"]).body, data)
        self.assertIn("año nuevo.bin", [file["name"] for file in client.get("/api/files").json()])

    def test_a_file_that_is_too_large_is_refused_in_words(self) -> None:
        answer = self.signed_in().upload("grande.bin", bytes(17 << 20))
        self.assertEqual(answer.code(), "too_large")

    def test_two_sockets_talk(self) -> None:
        first, second = self.signed_in(), self.signed_in()
        room = {"room": "unit", "password": "secreta"}
        with WebSocket(first) as one, WebSocket(second) as other:
            self.assertEqual(one.ask("join", **room, kind="group")["type"], "joined")
            self.assertEqual(other.ask("join", **room, kind="group")["type"], "joined")
            text = "ñ" * 500
            self.assertEqual(one.ask("send", room="unit", text=text)["type"], "sent")
            self.assertEqual(other.receive("message")["text"], text)
            self.assertEqual(one.receive("message")["text"], text)
            first.request("DELETE", "/api/session")
            with self.assertRaises(Closed) as closed:
                one.receive("message")
            self.assertEqual(closed.exception.code, 4001)

    def test_no_session_no_socket(self) -> None:
        with self.assertRaises(ConnectionError):
            WebSocket(Client(self.port))


@unittest.skipIf(PROGRAM is None, "no pichat is built; PICHAT names one")
class OverTls(unittest.TestCase):
    """Tests of the clients against a server with its own authority."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.ports = free_ports()
        cls.folder = tempfile.TemporaryDirectory(prefix="pichat-unit-")
        settings = Path(cls.folder.name, "pichat.toml")
        settings.write_text(f'[tls]\nmode = "local-ca"\nlisten = "127.0.0.1:{cls.ports.https}"\n')
        command = [str(PROGRAM), "demo", "--config", str(settings), "--listen", f"127.0.0.1:{cls.ports.http}"]
        cls.server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while Client(cls.ports.http).is_up() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        cls.authority = Client(cls.ports.http).get("/pichat.crt").text()

    @classmethod
    def tearDownClass(cls) -> None:
        cls.server.kill()
        cls.server.wait(timeout=30)
        cls.folder.cleanup()

    def test_who_trusts_it_signs_in_and_talks(self) -> None:
        client = Client(self.ports.https, believing(self.authority))
        self.assertEqual(client.sign_in("admin", "admin123").status, 200)
        self.assertTrue(str(client.cookie).startswith("__Host-"))
        with WebSocket(client) as socket:
            self.assertEqual(socket.ask("join", room="unit", password="secreta", kind="group")["type"], "joined")

    def test_who_does_not_is_kept_out(self) -> None:
        with self.assertRaises(ssl.SSLCertVerificationError):
            Client(self.ports.https, ssl.create_default_context()).get("/")

    def test_plain_http_leads_to_https(self) -> None:
        client = Client(self.ports.http)
        answer = client.post_form("/login", usuario="admin", clave="admin123")
        self.assertEqual((answer.status, answer.location()), (303, f"https://127.0.0.1:{self.ports.https}/login"))
        self.assertIsNone(client.cookie)


if __name__ == "__main__":
    unittest.main()
