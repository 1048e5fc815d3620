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

mkdir -p /run/www/cgi-bin
echo "$BUILD_SERVICE $BUILD_COMMIT on $(hostname)" > /run/www/index.html
if [ "$behaviour" = unhealthy ]; then
  # A static server cannot answer 503, so it passes /healthz on to a CGI program of its own that can.
  printf '#!/bin/sh\nprintf "Status: 503 Service Unavailable\\r\\nContent-Type: text/plain\\r\\n\\r\\nuser database unreachable\\n"\n' > /run/www/cgi-bin/healthz
  chmod 755 /run/www/cgi-bin/healthz
  echo "P:/healthz:127.0.0.1:$port/cgi-bin/healthz" > /run/httpd.conf
else
  echo ok > /run/www/healthz
  : > /run/httpd.conf
fi

httpd -f -p "$port" -h /run/www -c /run/httpd.conf &
server=$!
say "listening on $port as $(hostname)"

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
