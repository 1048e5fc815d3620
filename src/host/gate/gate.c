/*
 * Stands before the command of a container whose predecessor still serves: waits until the agent opens the gate, then
 * becomes that command. So the slow part of a start (130 ms in the engine) is over before the old container is touched.
 *
 *   /.gantry/gate COMMAND [ARGUMENT ...]   "open" and "wait" are looked for in the folder that the gate stands in
 *   DIR/gate                               makes "wait" there, which also shows that it runs on this host
 *
 * A gate that was opened once is open for ever (the file "open" is there): whoever restarts the container is not held up.
 * "wait" is a FIFO: opening it for reading blocks until somebody opens it for writing.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* As process 1 it would not hear a signal that it has no handler for. */
static void leave(int number) { _exit(128 + number); }

static int fail(const char *what, int status) {
  fprintf(stderr, "gantry gate: %s: %s\n", what, strerror(errno));
  return status;
}

/* As execvp, but a file of no known form is an error, as for the engine, and no script for /bin/sh: it is of another processor. */
static void become(char **command) {
  char file[PATH_MAX];
  int refused = 0;
  if (strchr(*command, '/')) {
    execv(*command, command);
    return;
  }
  const char *from = getenv("PATH");
  for (from = from ? from : "/bin:/usr/bin";; from++) {
    const int length = (int)strcspn(from, ":");
    snprintf(file, sizeof file, "%.*s%s%s", length, from, length ? "/" : "", *command);
    execv(file, command);
    if (errno == EACCES) refused = 1;
    else if (errno != ENOENT && errno != ENOTDIR) return;
    from += length;
    if (!*from) break;
  }
  errno = refused ? EACCES : ENOENT;
}

int main(int argc, char **argv) {
  char opened[PATH_MAX], waiting[PATH_MAX];
  const char *name = argc > 0 ? strrchr(argv[0], '/') : NULL;
  const int folder = name ? (int)(name - argv[0]) : 0;
  snprintf(opened, sizeof opened, "%.*s/open", folder, argv[0]);
  snprintf(waiting, sizeof waiting, "%.*s/wait", folder, argv[0]);
  if (argc < 2) return mkfifo(waiting, 0644) == 0 || errno == EEXIST ? 0 : fail(waiting, 1);
  for (const int *number = (const int[]){SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2, SIGWINCH, 0}; *number; number++)
    signal(*number, leave);
  if (access(opened, F_OK) != 0) {
    const int fd = open(waiting, O_RDONLY);
    if (fd < 0) return fail(waiting, 125);
    close(fd);
  }
  become(argv + 1);
  return fail(argv[1], errno == ENOENT ? 127 : 126);
}
