"""Host on the same cable that resolves names by multicast DNS (RFC 6762).

It simulates a whole host: QEMU passes the Ethernet frames of the cable as UDP datagrams, so questions are built from the frame
up, over IPv6 and IPv4.
"""

import ipaddress
import socket
import struct
import time
from dataclasses import dataclass

from .machine import Ports

PORT = 5353
A, PTR, AAAA, ANY_CLASS = 1, 12, 28, 1
MAC = bytes.fromhex("525400fffe01")
ASK_AGAIN_SECONDS = 3
V6_SOURCE, V6_GROUP = ipaddress.IPv6Address("fe80::5054:ff:feff:fe01"), ipaddress.IPv6Address("ff02::fb")
V4_SOURCE, V4_GROUP = ipaddress.IPv4Address("10.0.2.77"), ipaddress.IPv4Address("224.0.0.251")


@dataclass(frozen=True)
class Record:
    """Answer: its name, type, and data as text."""

    name: str
    kind: int
    value: str


def encode_name(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"


def question(name: str, kind: int) -> bytes:
    return struct.pack("!6H", 0, 0, 1, 0, 0, 0) + encode_name(name) + struct.pack("!HH", kind, ANY_CLASS)


def decode_name(message: bytes, at: int) -> tuple[str, int]:
    """Returns a name that may be compressed, and its end. A pointer must point backwards, so that this terminates."""
    labels: list[str] = []
    end = None
    limit = at
    while length := message[at]:
        if length & 0xC0 == 0xC0:
            target = (length & 0x3F) << 8 | message[at + 1]
            end = at + 2 if end is None else end
            if target >= limit:
                raise ValueError("a pointer that does not point backwards")
            at = limit = target
            continue
        labels.append(message[at + 1 : at + 1 + length].decode(errors="replace"))
        at += 1 + length
    return ".".join(labels), at + 1 if end is None else end


def records(message: bytes) -> list[Record]:
    """Returns the addresses and pointers of an answer; none if it is invalid."""
    found = []
    try:
        _, flags, questions, *sections = struct.unpack_from("!6H", message)
        if not flags & 0x8000:
            return []
        at = 12
        for _ in range(questions):
            at = decode_name(message, at)[1] + 4
        for _ in range(sum(sections)):
            name, at = decode_name(message, at)
            kind, _, _, length = struct.unpack_from("!HHIH", message, at)
            at += 10
            data = message[at : at + length]
            if kind == A and length == 4 or kind == AAAA and length == 16:
                found.append(Record(name.lower(), kind, str(ipaddress.ip_address(data))))
            elif kind == PTR:
                found.append(Record(name.lower(), kind, decode_name(message, at)[0]))
            at += length
    except (IndexError, struct.error, ValueError):
        pass
    return found


def checksum(data: bytes) -> int:
    """Returns the Internet checksum (RFC 1071)."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def udp(source: bytes, group: bytes, payload: bytes) -> bytes:
    head = struct.pack("!HHHH", PORT, PORT, 8 + len(payload), 0)
    pseudo = source + group + struct.pack("!II", 8 + len(payload), 17)
    # The same sum for both families: the fields of the pseudo header differ in place, not in value.
    return head[:6] + struct.pack("!H", checksum(pseudo + head + payload) or 0xFFFF) + payload


def frames(payload: bytes) -> list[bytes]:
    """Returns the question as an Ethernet frame over IPv6 and one over IPv4, with hop limit 255 (RFC 6762 section 11)."""
    datagram = udp(V6_SOURCE.packed, V6_GROUP.packed, payload)
    v6 = struct.pack("!IHBB", 6 << 28, len(datagram), 17, 255) + V6_SOURCE.packed + V6_GROUP.packed + datagram
    datagram = udp(V4_SOURCE.packed, V4_GROUP.packed, payload)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(datagram), 0, 0, 255, 17, 0) + V4_SOURCE.packed + V4_GROUP.packed
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return [
        bytes.fromhex("3333000000fb") + MAC + b"\x86\xdd" + v6,
        bytes.fromhex("01005e0000fb") + MAC + b"\x08\x00" + head + datagram,
    ]


def payload_of(frame: bytes) -> bytes:
    """Returns the payload of a multicast DNS frame; empty for other frames."""
    kind = frame[12:14]
    if kind == b"\x86\xdd" and frame[20:21] == b"\x11":
        at = 54
    elif kind == b"\x08\x00" and frame[23:24] == b"\x11":
        at = 14 + (frame[14] & 0x0F) * 4
    else:
        return b""
    return frame[at + 8 :] if frame[at : at + 2] == struct.pack("!H", PORT) else b""


class Neighbour:
    """Other end of the cable. It is open as long as the machine is on, so that no frame meets a closed port."""

    def __init__(self, ports: Ports) -> None:
        self.machine = ("127.0.0.1", ports.cable_machine)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", ports.cable_neighbour))
        self.socket.settimeout(0.5)

    def close(self) -> None:
        self.socket.close()

    def ask(self, questions: list[tuple[str, int]], seconds: float = 240) -> list[Record]:
        """Returns all records until every question has an answer, or until the time limit."""
        heard: list[Record] = []
        deadline = time.monotonic() + seconds
        again = 0.0
        while time.monotonic() < deadline:
            missing = [q for q in questions if not any((r.name, r.kind) == (q[0].lower(), q[1]) for r in heard)]
            if not missing:
                break
            if time.monotonic() >= again:
                for name, kind in missing:
                    for frame in frames(question(name, kind)):
                        self.socket.sendto(frame, self.machine)
                again = time.monotonic() + ASK_AGAIN_SECONDS
            try:
                heard += [r for r in records(payload_of(self.socket.recv(65535))) if r not in heard]
            except TimeoutError:
                continue
        return heard
