"""Tests of the card, its partitions and its settings."""

import struct
import subprocess
import tempfile
import tomllib
import unittest
from pathlib import Path

from pichat_boot.card import CARD_BYTES, SECTOR, Card
from pichat_boot.settings import with_setting

FIRST, SECTORS = 8192, 69632


class CardFile(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.image = self.folder / "image.img"
        fat = self.folder / "fat"
        with fat.open("wb") as file:
            file.truncate(SECTORS * SECTOR)
        subprocess.run(["/usr/sbin/mkfs.vfat", "-F", "32", "-s", "1", str(fat)], check=True, capture_output=True)
        mbr = bytearray(SECTOR)
        mbr[446:462] = struct.pack("<B3sB3sII", 0, b"", 0x0C, b"", FIRST, SECTORS)
        mbr[510:] = b"\x55\xaa"
        with self.image.open("wb") as image:
            image.write(mbr)
            image.seek(FIRST * SECTOR)
            image.write(fat.read_bytes())

    def test_flashing_leaves_the_image_alone_and_what_lies_behind_it(self) -> None:
        before = self.image.read_bytes()
        card = Card.flash(self.image, self.folder / "card.img")
        self.assertEqual(card.path.stat().st_size, CARD_BYTES)
        self.assertLess(card.path.stat().st_blocks * 512, 100 << 20, "a sparse file")
        self.assertEqual([p.sectors for p in card.partitions()], [SECTORS, 0, 0, 0])
        card.write("PICHAT.TXT", "año\r\n".encode())
        self.assertEqual(card.read("pichat.txt"), "año\r\n".encode())
        self.assertIsNone(card.read("nothing"))
        self.assertEqual(card.names(), ["PICHAT.TXT"])
        with card.path.open("r+b") as file:
            file.seek(CARD_BYTES - 5)
            file.write(b"data!")
        card.flash_again(self.image)
        self.assertIsNone(card.read("PICHAT.TXT"))
        with card.path.open("rb") as file:
            file.seek(CARD_BYTES - 5)
            self.assertEqual(file.read(), b"data!")
        self.assertEqual(self.image.read_bytes(), before)

    def test_config_txt_leads_to_what_is_loaded(self) -> None:
        card = Card.flash(self.image, self.folder / "card.img")
        subprocess.run(["mmd", "-i", f"{card.path}@@{FIRST * SECTOR}", "::a"], check=True, timeout=60)
        config = "# comment\nos_prefix=a/\nkernel=kernel8.img\ninitramfs initrd.img followkernel\n[pi3]\ngpu_mem=32\n"
        card.write("config.txt", config.encode())
        for name, data in (("kernel8.img", b"kernel"), ("initrd.img", b"initrd"), ("cmdline.txt", b"ro quiet\n")):
            card.write(f"a/{name}", data)
        files = card.boot_files(self.folder)
        self.assertEqual((files.kernel.read_bytes(), files.initrd.read_bytes()), (b"kernel", b"initrd"))
        self.assertEqual(files.command_line, "ro quiet")


class Settings(unittest.TestCase):
    def test_each_way_of_setting(self) -> None:
        text = '# top\n[device]\nhostname = "pichat" # name\n\n[claim]\n'
        text = with_setting(text, "device", "hostname", "taller")
        text = with_setting(text, "claim", "admin_name", "ñandú")
        text = with_setting(text, "limits", "uploads_per_minute", 60)
        expected = {
            "device": {"hostname": "taller"},
            "claim": {"admin_name": "ñandú"},
            "limits": {"uploads_per_minute": 60},
        }
        self.assertEqual(tomllib.loads(text), expected)
        self.assertTrue(text.startswith("# top\n"))


if __name__ == "__main__":
    unittest.main()
