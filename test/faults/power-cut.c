/*
 * Preloaded into a process (LD_PRELOAD), this library writes down everything the process does to files below POWER_CUT_ROOT, in order:
 * writes, truncations, syncs, new and removed names. From that journal disk-image.ts builds what a disk would hold after a power cut.
 * Syncs are written down and not done: the journal decides what is durable. They take POWER_CUT_SYNC_US, as those of a disk do.
 *
 * It also makes calls fail on demand, by a file of four 32-bit numbers (POWER_CUT_CONTROL): what to do (see FAULT_*), after how many calls,
 * for how many calls, and how many calls have failed so far.
 *
 * SQLite's shared memory (-shm) is left out: it is mapped, and it means nothing after a power cut.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { KNOWN = 1, CREATE = 2, WRITE = 3, TRUNCATE = 4, SYNC = 5, UNLINK = 6, RENAME = 7, SYNC_FOLDER = 8, MKDIR = 9 };
enum { FAULT_NONE = 0, FAULT_WRITE_FULL = 1, FAULT_WRITE_ERROR = 2, FAULT_SYNC_ERROR = 3 };

struct record {
  uint32_t type, file;
  uint64_t offset, length;
  uint32_t name_length, second_name_length;
};

struct control {
  volatile uint32_t fault, after, times, failed;
};

#define MAX_FDS 4096
#define MAX_NAMES 1024

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int journal = -1;
static struct control *control;
static char root[PATH_MAX];
static useconds_t sync_us;
static uint32_t next_file = 1;
static uint32_t file_of_fd[MAX_FDS];
static char *folder_of_fd[MAX_FDS];
static struct { char *name; uint32_t file; } names[MAX_NAMES];

__attribute__((constructor)) static void start(void) {
  const char *root_name = getenv("POWER_CUT_ROOT"), *journal_name = getenv("POWER_CUT_JOURNAL"), *control_name = getenv("POWER_CUT_CONTROL");
  const char *sync_time = getenv("POWER_CUT_SYNC_US");
  if (sync_time) sync_us = atoi(sync_time);
  if (root_name) strncpy(root, root_name, sizeof root - 1);
  if (journal_name) journal = syscall(SYS_openat, AT_FDCWD, journal_name, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (control_name) {
    int fd = syscall(SYS_openat, AT_FDCWD, control_name, O_RDWR | O_CLOEXEC);
    void *map = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map != MAP_FAILED) control = map;
  }
}

static int ours(const char *name) {
  size_t length = strlen(root), own = strlen(name);
  if (length == 0 || strncmp(name, root, length) != 0 || (name[length] != '/' && name[length] != 0)) return 0;
  return own < 4 || strcmp(name + own - 4, "-shm") != 0;
}

static void note(uint32_t type, uint32_t file, uint64_t offset, const struct iovec *data, int parts, const char *name, const char *second) {
  if (journal < 0) return;
  struct record record = { type, file, offset, 0, name ? strlen(name) : 0, second ? strlen(second) : 0 };
  struct iovec all[20];
  int count = 0;
  all[count++] = (struct iovec){ &record, sizeof record };
  all[count++] = (struct iovec){ (void *)name, record.name_length };
  all[count++] = (struct iovec){ (void *)second, record.second_name_length };
  if (parts > 16) abort();
  for (int i = 0; i < parts; i++) {
    all[count++] = data[i];
    record.length += data[i].iov_len;
  }
  ssize_t total = sizeof record + record.name_length + record.second_name_length + record.length;
  if (syscall(SYS_writev, journal, all, count) != total) abort();
}

/* Whether this call has to fail, and how. */
static int fault(int writing) {
  if (!control || control->fault == FAULT_NONE) return 0;
  if (writing != (control->fault != FAULT_SYNC_ERROR)) return 0;
  if (control->after > 0) {
    control->after--;
    return 0;
  }
  if (control->times == 0) return 0;
  control->times--;
  control->failed++;
  return control->fault == FAULT_WRITE_FULL ? ENOSPC : EIO;
}

static uint32_t *file_at(int fd) {
  return fd >= 0 && fd < MAX_FDS && file_of_fd[fd] ? &file_of_fd[fd] : NULL;
}

static int slot_of(const char *name) {
  for (int i = 0; i < MAX_NAMES; i++)
    if (names[i].name && strcmp(names[i].name, name) == 0) return i;
  return -1;
}

static uint32_t name_file(const char *name, uint32_t file) {
  int slot = slot_of(name);
  for (int i = 0; slot < 0; i++) {
    if (i == MAX_NAMES) abort();
    if (!names[i].name) names[slot = i].name = strdup(name);
  }
  return names[slot].file = file;
}

static uint32_t forget_name(const char *name) {
  int slot = slot_of(name);
  if (slot < 0) return 0;
  free(names[slot].name);
  names[slot].name = NULL;
  return names[slot].file;
}

static int open_noted(const char *name, int flags, mode_t mode) {
  pthread_mutex_lock(&mutex);
  struct stat status;
  int existed = syscall(SYS_newfstatat, AT_FDCWD, name, &status, 0) == 0;
  int fd = syscall(SYS_openat, AT_FDCWD, name, flags, mode);
  int saved = errno;
  if (fd >= MAX_FDS) abort();
  if (fd >= 0 && existed && S_ISDIR(status.st_mode)) {
    free(folder_of_fd[fd]);
    folder_of_fd[fd] = strdup(name);
  } else if (fd >= 0) {
    int slot = slot_of(name);
    uint32_t file = slot >= 0 ? names[slot].file : name_file(name, next_file++);
    if (slot < 0) note(existed ? KNOWN : CREATE, file, 0, NULL, 0, name, NULL);
    if (flags & O_TRUNC) note(TRUNCATE, file, 0, NULL, 0, NULL, NULL);
    file_of_fd[fd] = file;
  }
  pthread_mutex_unlock(&mutex);
  errno = saved;
  return fd;
}

#define OPEN(symbol, directory_parameter, directory)                                   \
  int symbol(directory_parameter const char *name, int flags, ...) {                   \
    va_list list;                                                                      \
    va_start(list, flags);                                                             \
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(list, mode_t) : 0;            \
    va_end(list);                                                                      \
    if (name[0] == '/' && ours(name)) return open_noted(name, flags, mode);            \
    return syscall(SYS_openat, directory, name, flags, mode);                          \
  }
#define NONE
#define FOLDER int folder,
OPEN(open, NONE, AT_FDCWD)
OPEN(open64, NONE, AT_FDCWD)
OPEN(openat, FOLDER, folder)
OPEN(openat64, FOLDER, folder)

int close(int fd) {
  pthread_mutex_lock(&mutex);
  if (fd >= 0 && fd < MAX_FDS) {
    file_of_fd[fd] = 0;
    free(folder_of_fd[fd]);
    folder_of_fd[fd] = NULL;
  }
  int result = syscall(SYS_close, fd);
  pthread_mutex_unlock(&mutex);
  return result;
}

/* offset -1: at the place of the descriptor. */
static ssize_t write_noted(int fd, const struct iovec *data, int parts, off64_t offset) {
  pthread_mutex_lock(&mutex);
  uint32_t *file = file_at(fd);
  int error = file ? fault(1) : 0;
  ssize_t result = -1;
  if (error) errno = error;
  else {
    if (file) {
      int flags = syscall(SYS_fcntl, fd, F_GETFL);
      off64_t at = offset >= 0 ? offset : lseek64(fd, 0, flags & O_APPEND ? SEEK_END : SEEK_CUR);
      note(WRITE, *file, at, data, parts, NULL, NULL);
    }
    result = offset >= 0 ? syscall(SYS_pwritev, fd, data, parts, offset, 0) : syscall(SYS_writev, fd, data, parts);
  }
  int saved = errno;
  pthread_mutex_unlock(&mutex);
  errno = saved;
  return result;
}

ssize_t write(int fd, const void *bytes, size_t length) {
  if (!file_at(fd)) return syscall(SYS_write, fd, bytes, length);
  struct iovec part = { (void *)bytes, length };
  return write_noted(fd, &part, 1, -1);
}
ssize_t writev(int fd, const struct iovec *data, int parts) {
  return file_at(fd) ? write_noted(fd, data, parts, -1) : syscall(SYS_writev, fd, data, parts);
}
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
  if (!file_at(fd)) return syscall(SYS_pwrite64, fd, bytes, length, offset);
  struct iovec part = { (void *)bytes, length };
  return write_noted(fd, &part, 1, offset);
}
ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset) {
  return pwrite64(fd, bytes, length, offset);
}
ssize_t pwritev(int fd, const struct iovec *data, int parts, off_t offset) {
  return file_at(fd) ? write_noted(fd, data, parts, offset) : syscall(SYS_pwritev, fd, data, parts, offset, 0);
}

int ftruncate64(int fd, off64_t length) {
  pthread_mutex_lock(&mutex);
  uint32_t *file = file_at(fd);
  if (file) note(TRUNCATE, *file, length, NULL, 0, NULL, NULL);
  int result = syscall(SYS_ftruncate, fd, length);
  int saved = errno;
  pthread_mutex_unlock(&mutex);
  errno = saved;
  return result;
}
int ftruncate(int fd, off_t length) {
  return ftruncate64(fd, length);
}

static int sync_noted(int fd, long number) {
  // Until the time is over nothing is durable.
  if (file_at(fd) && sync_us > 0) usleep(sync_us);
  pthread_mutex_lock(&mutex);
  uint32_t *file = file_at(fd);
  char *folder = fd >= 0 && fd < MAX_FDS ? folder_of_fd[fd] : NULL;
  int error = file ? fault(0) : 0;
  if (!error && file) note(SYNC, *file, 0, NULL, 0, NULL, NULL);
  if (!error && folder) note(SYNC_FOLDER, 0, 0, NULL, 0, folder, NULL);
  pthread_mutex_unlock(&mutex);
  if (error) {
    errno = error;
    return -1;
  }
  return file || folder ? 0 : syscall(number, fd);
}
int fsync(int fd) {
  return sync_noted(fd, SYS_fsync);
}
int fdatasync(int fd) {
  return sync_noted(fd, SYS_fdatasync);
}

static int unlink_noted(int folder, const char *name, int flags) {
  pthread_mutex_lock(&mutex);
  int result = syscall(SYS_unlinkat, folder, name, flags);
  int saved = errno;
  if (result == 0 && name[0] == '/' && ours(name)) {
    forget_name(name);
    note(UNLINK, 0, 0, NULL, 0, name, NULL);
  }
  pthread_mutex_unlock(&mutex);
  errno = saved;
  return result;
}
int unlink(const char *name) {
  return unlink_noted(AT_FDCWD, name, 0);
}
int unlinkat(int folder, const char *name, int flags) {
  return unlink_noted(folder, name, flags);
}
int rmdir(const char *name) {
  return unlink_noted(AT_FDCWD, name, AT_REMOVEDIR);
}

int rename(const char *from, const char *to) {
  pthread_mutex_lock(&mutex);
  int result = syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD, to);
  int saved = errno;
  if (result == 0 && ours(from) && ours(to)) {
    uint32_t file = forget_name(from);
    if (file) name_file(to, file);
    note(RENAME, file, 0, NULL, 0, from, to);
  }
  pthread_mutex_unlock(&mutex);
  errno = saved;
  return result;
}

int mkdir(const char *name, mode_t mode) {
  pthread_mutex_lock(&mutex);
  int result = syscall(SYS_mkdirat, AT_FDCWD, name, mode);
  int saved = errno;
  if (result == 0 && ours(name)) note(MKDIR, 0, 0, NULL, 0, name, NULL);
  pthread_mutex_unlock(&mutex);
  errno = saved;
  return result;
}
