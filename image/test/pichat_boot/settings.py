"""pichat.toml on the card, edited as a user would: one line at a time, the rest as shipped."""

import json
import re
import tomllib


def with_setting(text: str, table: str, key: str, value: str | int | list[str]) -> str:
    """Returns `text` with `key = value` in `[table]`: replaces its line, or adds one below the table's header, or adds
    the table at the end."""
    line = f"{key} = {json.dumps(value, ensure_ascii=False)}"
    lines = text.splitlines()
    header = re.compile(r"\s*\[([A-Za-z_.]+)\]\s*(#.*)?$")
    start = next((n for n, l in enumerate(lines) if (m := header.match(l)) and m.group(1) == table), None)
    if start is None:
        lines += ["", f"[{table}]", line]
    else:
        end = next((n for n in range(start + 1, len(lines)) if header.match(lines[n])), len(lines))
        own = re.compile(rf"\s*{re.escape(key)}\s*=")
        at = next((n for n in range(start + 1, end) if own.match(lines[n])), None)
        if at is None:
            lines.insert(start + 1, line)
        else:
            lines[at] = line
    edited = "\n".join(lines) + "\n"
    assert tomllib.loads(edited)[table][key] == value, "an edit that breaks the file is a fault of this module"
    return edited
