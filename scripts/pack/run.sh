#!/bin/sh
# Starts the agent on the Node beside this file; where the machine has no libstdc++, with the one beside it, too.
here=$(cd -- "${0%/*}" && pwd -P) || exit 1
PATH=${PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}
export PATH
if ! "$here/node" --version >/dev/null 2>&1; then
  LD_LIBRARY_PATH=$here/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
  export LD_LIBRARY_PATH
fi
exec "$here/node" "$here/src/agent-cli.ts" "$@"
