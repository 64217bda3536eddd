#!/bin/sh
# Prints one line per target and round: time, target, up or down.
while true; do
  for target in $TARGETS; do
    if ping -c 1 -W 5 "$target" > /dev/null; then state=up; else state=down; fi
    echo "$(date -u +%FT%TZ) $target $state"
  done
  sleep "$PAUSE"
done
