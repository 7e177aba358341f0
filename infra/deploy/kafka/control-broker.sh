#!/bin/bash
# Breaks and mends the broker of this container: reads a word a line, answers with a line.
run=/run/kafka
broker() { cat "$run/pid" 2>/dev/null; }
state() {
  case $(sed -n 's/^State:\t\(.\).*/\1/p' "/proc/$(broker)/status" 2>/dev/null) in
    T) echo paused ;;
    "" | Z) echo stopped ;;
    *) echo running ;;
  esac
}
while read -r word; do
  case $word in
    kill)
      touch "$run/away"
      kill -KILL "$(broker)" 2>/dev/null
      while [ "$(state)" != stopped ]; do sleep 0.01; done
      ;;
    pause) kill -STOP "$(broker)" ;;
    resume) kill -CONT "$(broker)" ;;
    start) rm -f "$run/away" ;;
  esac 2>/dev/null
  state
done
