/* Loaded before a program, it kills the process or lets a call fail at the n-th change of files.
 *
 *   FILE_FAULT=kill:7   SIGKILL instead of the seventh change
 *   FILE_FAULT=tear:7   the same, but a write has done half of its bytes by then
 *   FILE_FAULT=eio:7    the seventh change fails with EIO
 *   FILE_FAULT=full:7   from the seventh on, all that takes room on the disk fails with ENOSPC
 *   FILE_FAULT_COUNT=F  at its end the process writes into the file F how many there were
 *
 * A change is a call that creates, writes, cuts, synchronizes, links, renames or removes. Standard
 * output and error are left alone. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static atomic_long changes;
static long place;
static char kind;

__attribute__((constructor)) static void begin(void) {
  const char *text = getenv("FILE_FAULT"), *colon = text == NULL ? NULL : strchr(text, ':');
  if (colon == NULL) return;
  place = atol(colon + 1);
  kind = text[0];
}

__attribute__((destructor)) static void end(void) {
  const char *path = getenv("FILE_FAULT_COUNT");
  FILE *file = path == NULL ? NULL : fopen(path, "w");
  if (file == NULL) return;
  fprintf(file, "%ld\n", (long)changes);
  fclose(file);
}

/* Whether the change about to be made fails; `errno` is set then. May not return. `takes_room`: of
 * the disk. */
static int fails(int takes_room) {
  long number = atomic_fetch_add(&changes, 1) + 1;
  if (place == 0 || number < place || (number > place && kind != 'f')) return 0;
  switch (kind) {
    case 'k': case 't': kill(getpid(), SIGKILL); pause(); return 0;
    case 'e': errno = EIO; return 1;
    case 'f': errno = ENOSPC; return takes_room;
    default: return 0;
  }
}

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define CHANGE(type, name, parameters, arguments, takes_room) \
  type name parameters { return fails(takes_room) ? -1 : NEXT(name) arguments; }

CHANGE(int, mkdir, (const char *path, mode_t mode), (path, mode), 1)
CHANGE(int, fsync, (int descriptor), (descriptor), 0)
CHANGE(int, ftruncate, (int descriptor, off_t length), (descriptor, length), 0)
CHANGE(int, rename, (const char *from, const char *to), (from, to), 0)
CHANGE(int, link, (const char *from, const char *to), (from, to), 1)
CHANGE(int, unlink, (const char *path), (path), 0)
CHANGE(int, rmdir, (const char *path), (path), 0)
CHANGE(int, remove, (const char *path), (path), 0)

ssize_t write(int descriptor, const void *bytes, size_t count) {
  if (descriptor <= 2) return NEXT(write)(descriptor, bytes, count);
  if (kind == 't' && place > 0 && atomic_load(&changes) + 1 == place)
    NEXT(write)(descriptor, bytes, count / 2);
  return fails(1) ? -1 : NEXT(write)(descriptor, bytes, count);
}

static int opens_with(const char *name, const char *path, int flags, mode_t mode) {
  int (*next)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, name);
  /* Devices are no files on a disk. */
  int is_change = (flags & O_ACCMODE) != O_RDONLY && strncmp(path, "/dev/", 5) != 0;
  return is_change && fails((flags & O_CREAT) != 0) ? -1 : next(path, flags, mode);
}

#define OPEN(name) \
  int name(const char *path, int flags, ...) { \
    va_list rest; \
    va_start(rest, flags); \
    mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0; \
    va_end(rest); \
    return opens_with(#name, path, flags, mode); \
  }
OPEN(open)
OPEN(open64)
