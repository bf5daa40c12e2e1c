#!/usr/bin/env bash
# Keeps one daemon of a lab node running, as systemd would on a real host: starts it again when it ends, quickly at first,
# at most every 5 seconds when it keeps failing.
# Usage: supervise.sh CGROUP_PROCS_FILE PID_FILE LOG_FILE PROGRAM [ARG...]
set -u
procs=$1 pid_file=$2 log_file=$3
shift 3
echo $$ >"$procs"
delay=1
while :; do
  started=$SECONDS
  "$@" >>"$log_file" 2>&1 </dev/null &
  echo $! >"$pid_file"
  wait $! && code=0 || code=$?
  echo "$(date -Is) the daemon ended with exit code $code; starting it again in ${delay}s" >>"$log_file"
  sleep "$delay"
  if ((SECONDS - started > 10)); then delay=1; elif ((delay < 5)); then delay=$((delay + 1)); fi
done
