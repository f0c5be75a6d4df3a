"""Room of sockets that read everything."""

import selectors
import statistics
import time

from client import Socket
from count import CALLS, PATIENCE, Running

ROOM, SECRET = "OFICINA", "secreta"
# Text of typical length.
TEXT = "¿Quién tiene el acta de la reunión de ayer? La necesito antes de las diez."
# Rounds, and messages of a round; the median counts.
ROUNDS, MESSAGES = 5, 16
# The kernel counts processor time in hundredths of a second: this many messages take seconds.
LONG = 2000


class Cost:
    """Cost of one message."""

    def __init__(self, rounds: list) -> None:
        self.instructions = statistics.median(cost / MESSAGES for cost, _ in rounds)
        self.seen = [seen for _, seen in rounds]

    def calls(self, receivers: int) -> list[tuple[str, float]]:
        """Returns the usual system calls per delivery."""
        each = [(name, statistics.median(seen.call(name) for seen in self.seen) / MESSAGES / receivers) for name in CALLS]
        return [(name, n) for name, n in each if n >= 0.005]


class Room:
    """`receivers` sockets, of which the first sends; its own copy is one of the deliveries."""

    def __init__(self, running: Running, receivers: int) -> None:
        self.running = running
        client = running.client()
        self.sockets = []
        for _ in range(receivers):
            socket = Socket(client)
            self.sockets.append(socket)
            socket.send({"type": "join", "room": ROOM, "password": SECRET, "kind": "group"})
            socket.wait_for(type="joined")
        self.ready = selectors.DefaultSelector()
        for socket in self.sockets:
            socket.waiting, socket.frames = b"", 0
            # Nothing was sent yet, so that the reader holds no bytes past the last frame.
            socket.stream.setblocking(False)
            self.ready.register(socket.stream, selectors.EVENT_READ, socket)
        self._speak(8)

    def _speak(self, window: int) -> None:
        """Sends `window` messages and waits until every socket has them."""
        speaker = self.sockets[0]
        for socket in self.sockets:
            socket.frames = 0
        for _ in range(window):
            speaker.send({"type": "send", "room": ROOM, "text": TEXT})
        missing = len(self.sockets) * window
        deadline = time.monotonic() + PATIENCE
        while missing > 0:
            assert time.monotonic() < deadline, f"{missing} deliveries never came"
            for key, _ in self.ready.select(timeout=1):
                missing -= messages(key.data)

    def message(self, window: int) -> Cost:
        """Returns the cost of one message with `window` in flight."""
        return Cost([self.running.cost(lambda: [self._speak(window) for _ in range(MESSAGES // window)]) for _ in range(ROUNDS)])

    def share(self, window: int) -> tuple[float, float]:
        """Returns processor seconds of one delivery in the program and in the kernel."""
        before = self.running.times()
        for _ in range(LONG // window):
            self._speak(window)
        return tuple((b - a) / LONG / len(self.sockets) for a, b in zip(before, self.running.times()))

    def __enter__(self) -> "Room":
        return self

    def __exit__(self, *_: object) -> None:
        self.ready.close()
        for socket in self.sockets:
            socket.hang_up()


def messages(socket: Socket) -> int:
    """Reads what has arrived; returns the number of complete messages."""
    data = socket.waiting + socket.stream.recv(1 << 16)
    at = found = 0
    while len(data) - at >= 2:
        length, head = data[at + 1], 2
        if length == 126:
            length, head = int.from_bytes(data[at + 2 : at + 4], "big"), 4
        if length == 127 or len(data) - at < head + length:
            break
        found += b'"type":"message"' in data[at + head : at + head + 20]
        at += head + length
    socket.waiting = data[at:]
    return found
