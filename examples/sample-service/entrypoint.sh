#!/bin/busybox sh
# The sample service: a static page on $PORT that says which build runs where, and /healthz.
# /build.env (baked into each image) says what this build is; the environment may override how it behaves:
#   BEHAVIOUR       good | unhealthy (healthz answers 503) | dies (exits 1 after EXIT_AFTER_MS)
#   UNHEALTHY=1     the same as BEHAVIOUR=unhealthy
#   EXIT_AFTER_MS   exits 1 that long after the start (20000 for a build that dies)
#   EXIT_AT_START   exits at once with this code
#   START_DELAY_MS  opens the port that much later
#   IGNORE_TERM=1   does not stop when asked to
behaviour=$BEHAVIOUR
. /build.env
behaviour=${behaviour:-$BUILD_BEHAVIOUR}
[ "$UNHEALTHY" = 1 ] && behaviour=unhealthy
port=${PORT:-8080}
say() { echo "$BUILD_SERVICE ${BUILD_COMMIT:0:7}: $*"; }

# As process 1 the server itself would ignore SIGTERM; this shell stays process 1 and takes everything with it when it ends.
trap 'say "SIGTERM, stopping"; exit 0' TERM
trap 'exit 0' INT
trap 'exit 1' USR1
[ "$IGNORE_TERM" = 1 ] && trap 'say "SIGTERM, ignored (IGNORE_TERM=1)"' TERM

if [ -n "$EXIT_AT_START" ]; then
  say "fatal: required setting DATABASE_URL is missing"
  exit "$EXIT_AT_START"
fi
if [ -n "$START_DELAY_MS" ]; then
  usleep "${START_DELAY_MS}000" &
  wait $!
fi

# Answers one request on stdin. The static server cannot say 503, so an unhealthy build is served by this instead.
cat > /answer <<'END'
#!/bin/sh
read -r method path version
while read -r line && [ "${line%?}" != "" ]; do :; done
status="200 OK"
body=$(cat /www/index.html)
if [ "$path" = /healthz ]; then
  status="503 Service Unavailable"
  body="user database unreachable"
fi
printf 'HTTP/1.1 %s\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: %s\r\n\r\n%s\n' "$status" $((${#body} + 1)) "$body"
END
chmod 755 /answer
mkdir -p /www
echo "$BUILD_SERVICE $BUILD_COMMIT on $(hostname)" > /www/index.html
echo ok > /www/healthz

say "starting on port $port as $(hostname)"
if [ "$behaviour" = unhealthy ]; then
  nc -ll -p "$port" -e /answer &
else
  httpd -f -p "$port" -h /www &
fi
server=$!

if [ "$behaviour" = unhealthy ]; then
  while :; do
    say "error: user database unreachable: connect 10.255.0.9:5432: connection refused"
    say "healthz answers 503 until the user database is back"
    usleep 500000
  done &
fi
if [ "$behaviour" = dies ] || [ -n "$EXIT_AFTER_MS" ]; then
  {
    usleep "${EXIT_AFTER_MS:-20000}000"
    say "fatal: session cache is not a map"
    say "    at SessionCache.evict (/app/session-cache:88)"
    say "    at Timer.run (/app/timer:21)"
    kill -USR1 1
  } &
fi

# Ends when the server does (the port was taken, say); a trapped signal that does not exit only interrupts the wait.
while kill -0 "$server" 2>/dev/null; do
  wait "$server"
  status=$?
done
say "server ended with status $status"
exit "$status"
