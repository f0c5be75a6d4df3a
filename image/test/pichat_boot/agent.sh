#!/bin/sh
# Runs inside the guest as root, started by a unit on the kernel's command line, which is not part of the image.
# Takes commands from the serial line, typed as "ask NUMBER BASE64", runs each once, and prints its output between two
# markers. The output is base64 in numbered lines, so that text of other programs on the line is detected and does no harm.
last=
exec >/dev/console 2>&1 </dev/console
echo "@agent ready"
while :; do
    # The screen's unit hangs the line up at its start; then reopen it.
    IFS=' ' read -r word number code || { sleep 1; exec >/dev/console 2>&1 </dev/console; continue; }
    [ "$word" = ask ] || continue
    echo "@begin $number"
    [ "$number" = "$last" ] && continue
    last=$number
    said=$({ printf %s "$code" | base64 -d | sh 2>&1; echo "@exit $?"; } </dev/null | base64 -w 160)
    lines=0
    for line in $said; do
        lines=$((lines + 1))
        echo "@$number $lines $line"
    done
    echo "@end $number $lines"
done
