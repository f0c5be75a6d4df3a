"""Boards, and the assumed throughput of their cores."""

from typing import NamedTuple


class Board(NamedTuple):
    """Board: clock in Hz, and instructions that its core decodes per cycle."""

    name: str
    clock: float
    width: int


# Widths as Arm gives them: the A53 issues two in order, the A72 decodes three and the A76 four out of order.
BOARDS = (
    Board("Pi 3 (Cortex-A53, 1.2 GHz)", 1.2e9, 2),
    Board("Pi 4 (Cortex-A72, 1.5 GHz)", 1.5e9, 3),
    Board("Pi 5 (Cortex-A76, 2.4 GHz)", 2.4e9, 4),
)
# Assumed, not measured: compiled code uses between a half and a quarter of that width.
USED = (1 / 2, 1 / 4)


def estimate(board: Board, instructions: float) -> tuple[float, float]:
    """Returns the least and most seconds of one core under this assumption."""
    fast, slow = (instructions / (board.width * used) / board.clock for used in USED)
    return fast, slow
