/*
 * A small HTTP service for swaps: says its RELEASE on PORT, a process per request. On SIGTERM it takes what waits at its
 * door, closes it, finishes what is open, and ends: what a well-behaved service does.
 *   REUSE_PORT=1        shares its port with its successor
 *   GET /slow           answers after half a second
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t ending = 0;
static void end(int number) { (void)number; ending = 1; }

static void answer(int client, const char *release) {
  char request[4096], reply[512];
  size_t length = 0;
  ssize_t got;
  while (length < sizeof request - 1 && (got = read(client, request + length, sizeof request - 1 - length)) > 0) {
    request[length += got] = 0;
    if (strstr(request, "\r\n\r\n")) break;
  }
  if (length == 0) return;
  if (strncmp(request, "GET /slow", 9) == 0) usleep(500000);
  int size = snprintf(reply, sizeof reply, "HTTP/1.1 200 OK\r\nX-Release: %s\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s\n",
                      release, strlen(release) + 1, release);
  if (write(client, reply, size) < 0) perror("write");
  shutdown(client, SHUT_WR);
  while (read(client, request, sizeof request) > 0) continue;
}

/* False when nobody waits. */
static int serve_one(int door, const char *release) {
  int client = accept(door, NULL, NULL);
  if (client < 0) return 0;
  if (fork() == 0) {
    close(door);
    signal(SIGTERM, SIG_IGN);
    answer(client, release);
    _exit(0);
  }
  close(client);
  return 1;
}

int main(void) {
  const char *port = getenv("PORT"), *release = getenv("RELEASE");
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(port ? port : "8080"))};
  const int on = 1, door = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  struct sigaction action = {.sa_handler = end};
  setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (getenv("REUSE_PORT")) setsockopt(door, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (bind(door, (struct sockaddr *)&address, sizeof address) < 0 || listen(door, 512) < 0) return perror("listen"), 1;
  sigaction(SIGTERM, &action, NULL);
  while (!ending) {
    struct pollfd waiting = {.fd = door, .events = POLLIN};
    if (poll(&waiting, 1, 100) > 0) while (serve_one(door, release ? release : "none")) continue;
    while (waitpid(-1, NULL, WNOHANG) > 0) continue;
  }
  while (serve_one(door, release ? release : "none")) continue;
  close(door);
  while (wait(NULL) > 0 || errno == EINTR) continue;
  return 0;
}
