#!/bin/bash
# Kill, freeze and restart the broker of this container: reads one command per line, and answers with the state in one line.
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
