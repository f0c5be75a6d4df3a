"""Tests of cards rebuilt from QEMU's log of writes."""

import tempfile
import unittest
from pathlib import Path

from pichat_boot.power_cut import ENTRY, FLUSH, MAGIC, SECTOR, SUPER, entries, half, is_log, rebuild


def sector(byte: bytes) -> bytes:
    return byte * SECTOR


def write(at: int, byte: bytes) -> bytes:
    return ENTRY.pack(at, 1, 0, 0).ljust(SECTOR, b"\0") + sector(byte)


BEGIN = SUPER.pack(MAGIC, 1, 0, SECTOR).ljust(SECTOR, b"\0")
FLUSHED = ENTRY.pack(0, 0, FLUSH, 0).ljust(SECTOR, b"\0")


class Rebuild(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.log, self.card = Path(folder.name, "log"), Path(folder.name, "card")
        self.card.write_bytes(sector(b".") * 4)

    def read(self) -> str:
        data = self.card.read_bytes()
        self.assertEqual([data[n] for n in range(0, len(data), SECTOR)], [data[n - 1] for n in range(SECTOR, len(data) + 1, SECTOR)])
        return data[::SECTOR].decode()

    def test_what_was_flushed_is_kept_and_the_rest_is_lost(self) -> None:
        self.log.write_bytes(BEGIN + write(0, b"a") + write(1, b"b") + FLUSHED + write(0, b"c") + write(3, b"d"))
        cut = rebuild(self.log, self.card, None, lambda _: False)
        self.assertEqual((self.read(), cut.kept, cut.at_risk, cut.survived), ("ab..", 2, 2, 0))

    def test_what_survives_is_chosen(self) -> None:
        self.log.write_bytes(BEGIN + FLUSHED + write(0, b"a") + write(1, b"b"))
        cut = rebuild(self.log, self.card, None, lambda n: n == 2)
        self.assertEqual((self.read(), cut.survived), (".b..", 1))

    def test_a_cut_before_the_end(self) -> None:
        self.log.write_bytes(BEGIN + write(0, b"a") + FLUSHED + write(1, b"b") + FLUSHED)
        rebuild(self.log, self.card, 3, lambda _: False)
        self.assertEqual(self.read(), "a...")

    def test_an_entry_that_was_being_written_is_left_out(self) -> None:
        gap = sector(b"\0") * 2
        self.log.write_bytes(BEGIN + write(0, b"a") + gap + write(1, b"b") + FLUSHED + write(2, b"c")[:-1])
        rebuild(self.log, self.card, None, lambda _: True)
        self.assertEqual(self.read(), "ab..")

    def test_before_the_first_flush(self) -> None:
        self.log.write_bytes(b"")
        self.assertTrue(is_log(self.log))
        self.log.write_bytes(sector(b"\0") + write(0, b"a"))
        self.assertEqual(len(list(entries(self.log))), 1)
        rebuild(self.log, self.card, None, lambda _: False)
        self.assertEqual(self.read(), "....")

    def test_what_is_no_log_is_refused(self) -> None:
        self.log.write_bytes(sector(b"x"))
        with self.assertRaises(ValueError):
            rebuild(self.log, self.card, None, lambda _: False)

    def test_half_is_about_half_and_the_same_again(self) -> None:
        chosen = [n for n in range(1000) if half(7)(n)]
        self.assertEqual(chosen, [n for n in range(1000) if half(7)(n)])
        self.assertTrue(400 < len(chosen) < 600)
        self.assertNotEqual(chosen, [n for n in range(1000) if half(8)(n)])


if __name__ == "__main__":
    unittest.main()
