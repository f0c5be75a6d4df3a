"""Tests of multicast DNS questions and answers, down to the frame."""

import struct
import unittest

from pichat_boot import mdns


class Messages(unittest.TestCase):
    def test_a_question_travels_in_both_families(self) -> None:
        asked = mdns.question("pichat.local", mdns.AAAA)
        for frame in mdns.frames(asked):
            self.assertEqual(mdns.payload_of(frame), asked)

    def test_checksums_add_up(self) -> None:
        v6, v4 = mdns.frames(mdns.question("pichat.local", mdns.A))
        length = len(v6) - 54
        self.assertEqual(mdns.checksum(v6[22:54] + struct.pack("!II", length, 17) + v6[54:]), 0)
        self.assertEqual(mdns.checksum(v4[14:34]), 0)
        length = len(v4) - 34
        self.assertEqual(mdns.checksum(v4[26:34] + struct.pack("!BBH", 0, 17, length) + v4[34:]), 0)

    def test_answers_are_read_with_compressed_names(self) -> None:
        name = mdns.encode_name("PiChat.local")
        message = struct.pack("!6H", 0, 0x8400, 0, 2, 0, 0)
        message += name + struct.pack("!HHIH", mdns.A, 0x8001, 120, 4) + bytes([10, 0, 2, 15])
        service = mdns.encode_name("_http._tcp.local")
        message += service + struct.pack("!HHIH", mdns.PTR, 1, 120, 9) + b"\x06pichat\xc0\x0c"
        found = mdns.records(message)
        self.assertEqual(found[0], mdns.Record("pichat.local", mdns.A, "10.0.2.15"))
        self.assertEqual(found[1], mdns.Record("_http._tcp.local", mdns.PTR, "pichat.PiChat.local"))

    def test_questions_and_rubbish_are_no_answers(self) -> None:
        self.assertEqual(mdns.records(mdns.question("pichat.local", mdns.A)), [])
        loop = struct.pack("!6H", 0, 0x8400, 0, 1, 0, 0) + b"\xc0\x0c" + bytes(10)
        self.assertEqual(mdns.records(loop), [])
        for length in range(40):
            mdns.records(struct.pack("!6H", 0, 0x8400, 0, 9, 0, 0)[:length] + b"\x04abcd" * 5)
            mdns.payload_of(bytes(length))


if __name__ == "__main__":
    unittest.main()
