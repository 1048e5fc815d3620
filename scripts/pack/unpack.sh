#!/bin/sh
# Gantry's agent as one file: this script, and behind its last line the agent with its own Node as a tar.gz. The first start
# unpacks it into program/ of the state directory; every later one finds it there. Needs Linux with glibc, sh, tail, tar, gzip.
set -eu
payload=@PAYLOAD@
PATH=${PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}
export PATH

state=/var/lib/gantry-agent
isNext=no
for word in "$@"; do
  if [ "$isNext" = yes ]; then state=$word; fi
  isNext=no
  case $word in
    --state-dir) isNext=yes ;;
    --state-dir=*) state=${word#--state-dir=} ;;
  esac
done
programs=$state/program
program=$programs/$payload

unpack() {
  umask 077
  mkdir -p "$programs"
  rm -rf "$programs"/.draft-* "$program"
  draft=$programs/.draft-$$
  trap 'rm -rf "$draft"' EXIT
  mkdir "$draft"
  tail -n +@BEGINS@ "$0" | tar -xzf - -C "$draft"
  # A power cut must not leave a whole folder of empty files.
  sync
  mv "$draft" "$program"
  trap - EXIT
}

# The version before this one stays, for an agent that still runs from it and for the way back.
keepTwo() {
  before=$(readlink "$programs/current" || true)
  if [ "$before" = "$payload" ]; then return; fi
  for other in "$programs"/*; do
    case ${other##*/} in
      "$payload" | "$before" | current) ;;
      *) rm -rf "$other" ;;
    esac
  done
  ln -sfn "$payload" "$programs/current"
}

if [ ! -x "$program/run" ]; then (unpack); fi
keepTwo
exec "$program/run" "$@"
