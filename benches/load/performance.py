#!/usr/bin/env python3
"""benches/load/performance.py RESULTS.jsonl [DOCUMENT]: makes the table that compares PiChat with other servers.

RESULTS.jsonl has one JSON object a line: peer, kind (fanout, idle, http, login, files, start) and its figures. With DOCUMENT (docs/PERFORMANCE.md) the table
replaces the text between its marks; otherwise it is printed. Fan-out is given as a ratio to the raw TCP loop of the same file, run before and after the peers with
as many bytes on the wire; several runs of one peer count by their median.
"""
import json
import statistics
import sys

BEGIN, END = "<!-- table: benches/load/performance.py -->", "<!-- end of table -->"


def median(rows, key):
    values = [row[key] for row in rows if isinstance(row.get(key), (int, float))]
    return statistics.median(values) if values else None


def shown(value, digits=0):
    return "–" if value is None else f"{value:,.{digits}f}"


def ratio(value, base):
    return "–" if value is None or not base else f"{value / base:.2f}"


def fanout(rows, window, raw):
    rows = [row for row in rows if row["kind"] == "fanout" and row.get("window") == window]
    out = []
    for n in sorted({row["n"] for row in rows}):
        of = [row for row in rows if row["n"] == n]
        base = [row for row in of if row["peer"] == raw]
        if not base:
            continue
        rate, p50, p99 = (median(base, key) for key in ("sat_delivered_per_s", "p50_us", "p99_us"))
        spread = [row["sat_delivered_per_s"] for row in base]
        out += [
            f"\n{n} receivers, at most {window} message{'s' if window > 1 else ''} under way. Raw: {shown(rate)} deliveries/s ({shown(min(spread))} to {shown(max(spread))} in {len(spread)} runs)\n",
            "| server | ÷ raw | processor, ns a delivery | frames a read | bytes on the wire | p50 ÷ raw | p99 ÷ raw |",
            "| --- | --- | --- | --- | --- | --- | --- |",
        ]
        for peer in dict.fromkeys(row["peer"] for row in of):
            own = [row for row in of if row["peer"] == peer]
            figure = lambda key: median(own, key)
            out.append(
                f"| {peer} | {ratio(figure('sat_delivered_per_s'), rate)} | {shown(figure('srv_cpu_ns_per_delivery'))} | "
                f"{shown(figure('frames_per_read'), 1)} | {shown(figure('wire_bytes_per_msg'))} | {ratio(figure('p50_us'), p50)} | {ratio(figure('p99_us'), p99)} |"
            )
    return out


def others(rows):
    peers = list(dict.fromkeys(row["peer"] for row in rows if row["kind"] != "fanout"))
    out = [
        "\n| server | KiB a socket, 1,000 | 10,000 | pages/s | upload MB/s | download MB/s | memory of a transfer, KiB | sign-ins/s | start, ms | idle, MiB | binary, MB |",
        "| --- |" + " --- |" * 10,
    ]
    for peer in peers:
        own = [row for row in rows if row["peer"] == peer]
        of = lambda kind: [row for row in own if row["kind"] == kind]
        idle = {n: median([row for row in of("idle") if row.get("conns") == n], "kib_per_conn") for n in (1000, 10000)}
        grown = [{"grown": row["peak_kib"] - row["rss_before_kib"]} for row in of("files") if "peak_kib" in row]
        memory = median(of("start"), "idle_rss_kib")
        size = median(of("start"), "install_bytes")
        out.append(
            f"| {peer} | {shown(idle[1000], 1)} | {shown(idle[10000], 1)} | {shown(median(of('http'), 'req_per_s'))} | "
            f"{shown(median(of('files'), 'upload_mb_s'))} | {shown(median(of('files'), 'download_mb_s'))} | {shown(median(grown, 'grown'))} | "
            f"{shown(median(of('login'), 'logins_per_s'), 1)} | {shown(median(of('start'), 'start_ms'), 1)} | "
            f"{shown(memory and memory / 1024, 1)} | {shown(size and size / 1e6, 1)} |"
        )
    return out


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        rows = [row for row in map(json.loads, file) if "error" not in row]
    lines = fanout(rows, 8, "raw-coalesced") + fanout(rows, 1, "raw-per-message") + others(rows)
    table = "\n".join(lines).strip("\n")
    if len(sys.argv) < 3:
        return print(table)
    with open(sys.argv[2], encoding="utf-8") as file:
        before, rest = file.read().split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        file.write(f"{before}{BEGIN}\n{table}\n{END}{after}")


if __name__ == "__main__":
    main()
