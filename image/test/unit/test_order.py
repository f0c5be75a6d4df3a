"""Tests of the names in the order of functions."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "order"))

import order  # noqa: E402

# One function in two builds, with other hashes of crates.
NAME = "_RNvMNtCs5YptMfWUAmx_6pichat5chatsNtB2_4Room4sendCsgEmfK2I1SDS_6pichat"
OTHER_BUILD = "_RNvMNtCs6NCQM5CBOU1_6pichat5chatsNtB4_4Room4sendCs7BamEkvabcd_6pichat"


class Names(unittest.TestCase):
    def test_builds_give_one_name(self) -> None:
        self.assertEqual(order.stable(NAME), order.stable(OTHER_BUILD))
        self.assertEqual(order.stable(f"{NAME}.llvm.123456"), order.stable(NAME))
        self.assertNotIn("5YptMfWUAmx", order.stable(NAME))

    def test_functions_of_c_keep_their_name(self) -> None:
        self.assertEqual(order.stable("sqlite3_step"), "sqlite3_step")
        self.assertEqual(order.cut("sqlite3_step", ["sqlite3_step_idle"]), "sqlite3_step")

    def test_cut_names_select_no_other_function(self) -> None:
        name = "_R" + "a" * 100 + "b"
        for others in ([], ["_R" + "a" * 60], ["_R" + "a" * 100 + "c"]):
            pattern = order.cut(name, others)
            self.assertTrue(pattern.endswith("*") and name.startswith(pattern[:-1]))
            self.assertFalse([other for other in others if other.startswith(pattern[:-1])])
        self.assertLess(len(order.cut(name, [])), 50)

    def test_script_has_no_hash_of_a_build(self) -> None:
        lines = [line for line in order.SCRIPT.read_text().splitlines() if line.startswith("    *(")]
        self.assertGreater(len(lines), 1000)
        for line in lines:
            self.assertRegex(line, r"^    \*\(\.text(\*\.[\w.$]+(\*[\w.$]+)*\*?)?\)$")
            self.assertNotRegex(line, r"Cs[0-9a-zA-Z]{9,12}_")


if __name__ == "__main__":
    unittest.main()
