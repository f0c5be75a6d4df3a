"""Tests of the screen of a terminal."""

import tempfile
import unittest
from pathlib import Path

from pichat_boot.console import Console, render


class Screen(unittest.TestCase):
    def test_plain_lines(self) -> None:
        self.assertEqual(render("one\r\ntwo\r\n"), "one\ntwo\n")

    def test_a_redraw_leaves_nothing_of_the_old_screen(self) -> None:
        self.assertEqual(render("old text\r\nmore\x1b[H\x1b[2Jnew"), "new")
        self.assertEqual(render("old text\r\nmore\x1b[Hnew\x1b[K\r\n\x1b[J"), "new\n")
        self.assertEqual(render("old\x1bcnew"), "new")

    def test_overwriting_in_place(self) -> None:
        self.assertEqual(render("abcdef\rXY"), "XYcdef")
        self.assertEqual(render("abc\x1b[2;3Hdef"), "abc\n  def")
        self.assertEqual(render("a\r\nb\x1b[1A\rc"), "c\nb")

    def test_colours_and_modes_leave_no_trace(self) -> None:
        self.assertEqual(render("\x1b[?25l\x1b[1;31mred\x1b[0m"), "red")

    def test_a_code_that_was_wiped_is_gone(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder, "console.log")
            console = Console(log)
            self.assertIsNone(console.claim_code())
            log.write_text("\x1b[H\x1b[2Jcode 7K3M-0QXZ-9TWYA\r\n")
            self.assertEqual(console.claim_code(), "7K3M-0QXZ-9TWYA")
            log.write_text("\x1b[H\x1b[2Jcode 7K3M-0QXZ-9TWYA\r\n\x1b[H\x1b[2Jclaimed\r\n")
            self.assertIsNone(console.claim_code())
            self.assertIn("7K3M", console.text())

    def test_only_a_whole_code_is_one(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder, "console.log")
            for text in ("7K3M-0QXZ-9TWYAB", "07K3M-0QXZ-9TWYA", "7K3M-0QXU-9TWYA", "7K3M-0QXZ-9TWYA-B"):
                log.write_text(text)
                self.assertIsNone(Console(log).claim_code(), text)

    def test_a_fingerprint_is_two_lines_of_eight_groups(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            log = Path(folder, "console.log")
            one, two = " ".join(["0A1B"] * 8), " ".join(["C2D3"] * 8)
            log.write_text(f"  2. Instala el certificado:\r\n███   {one}\r\n███   {two}\r\n3. Abre\r\n")
            self.assertEqual(Console(log).fingerprint(), "0A1B" * 8 + "C2D3" * 8)
            log.write_text(f"  {one}\r\n")
            self.assertIsNone(Console(log).fingerprint())


if __name__ == "__main__":
    unittest.main()
