"""Recognizes static aarch64 programs by their ELF headers."""

import struct

AARCH64 = 183
PT_INTERP = 3


def is_static_aarch64(data: bytes) -> bool:
    if data[:6] != b"\x7fELF\x02\x01" or struct.unpack_from("<H", data, 18)[0] != AARCH64:
        return False
    offset = struct.unpack_from("<Q", data, 32)[0]
    size, count = struct.unpack_from("<HH", data, 54)
    return all(struct.unpack_from("<I", data, offset + size * n)[0] != PT_INTERP for n in range(count))
