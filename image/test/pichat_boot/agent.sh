#!/bin/sh
# Runs inside the guest as root, started by a unit that the kernel's command line brings along: the image knows nothing of it.
# Takes commands from the serial line, typed as "ask NUMBER BASE64", runs each once, and writes what it said between two
# markers. The text goes in base64 and in numbered lines, so that another writer on the line can neither garble it unseen nor
# be steered by it.
last=
exec >/dev/console 2>&1 </dev/console
echo "@agent ready"
while :; do
    # At the end of input the line was hung up (the screen's unit does that when it starts): open it anew.
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
