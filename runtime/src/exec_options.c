#define _GNU_SOURCE
#include "exec_options.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "exec_helper.h"

enum {
  most_groups = 64,
  most_filter_bytes = 4096 * 8, /* the kernel takes so many instructions */
};

static char filter[most_filter_bytes + 1];
static size_t filter_bytes;

void say_cannot(const char* what, const char* with, int reason) {
  char line[1024];
  const int length = snprintf(line, sizeof line, "ringmail-exec: cannot %s%s: %s\n", what, with, strerror(reason));
  if (length <= 0) return;
  size_t bytes = (size_t)length;
  if (bytes >= sizeof line) {
    bytes = sizeof line - 1;
    line[bytes - 1] = '\n';
  }
  if (write(STDERR_FILENO, line, bytes) < 0) return; /* to whom else? */
}

static int set_nice(const char* value) { return setpriority(PRIO_PROCESS, 0, (int)strtol(value, NULL, 10)); }

static struct rlimit limit_of(const char* value) {
  const rlim_t most = strcmp(value, "unlimited") == 0 ? RLIM_INFINITY : (rlim_t)strtoull(value, NULL, 10);
  return (struct rlimit){.rlim_cur = most, .rlim_max = most};
}

/* A function each, for the type of the number is another one on each system. */
#define SET_LIMIT(name, resource)                \
  static int name(const char* value) {           \
    const struct rlimit limit = limit_of(value); \
    return setrlimit(resource, &limit);          \
  }
SET_LIMIT(set_address_space, RLIMIT_AS)
SET_LIMIT(set_core_file, RLIMIT_CORE)
SET_LIMIT(set_cpu_time, RLIMIT_CPU)
SET_LIMIT(set_data, RLIMIT_DATA)
SET_LIMIT(set_file_size, RLIMIT_FSIZE)
SET_LIMIT(set_locked_memory, RLIMIT_MEMLOCK)
SET_LIMIT(set_open_files, RLIMIT_NOFILE)
SET_LIMIT(set_processes, RLIMIT_NPROC)
SET_LIMIT(set_stack, RLIMIT_STACK)

/* In place of those of the host, which would otherwise stay. */
static int set_supplementary_groups(const char* value) {
  gid_t groups[most_groups];
  unsigned short count = 0; /* fits what setgroups() takes, which is another type on each system */
  while (*value != 0 && count < most_groups) {
    char* end;
    groups[count++] = (gid_t)strtoul(value, &end, 10);
    value = *end == ',' ? end + 1 : end;
  }
  return setgroups(count, groups);
}

/* Real, effective and saved: there is no way back. */
static int set_group(const char* value) {
  const gid_t group = (gid_t)strtoul(value, NULL, 10);
  return setregid(group, group);
}
static int set_user(const char* value) {
  const uid_t user = (uid_t)strtoul(value, NULL, 10);
  return setreuid(user, user) == 0 ? drop_privileges() : -1;
}

static int set_no_new_privileges(const char* value) {
  (void)value;
  return refuse_new_privileges();
}

/* Now, because the peer's user may not read it. */
static int read_filter(const char* path) {
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return -1;
  ssize_t got;
  while ((got = read(file, filter + filter_bytes, sizeof filter - filter_bytes)) > 0) filter_bytes += (size_t)got;
  close(file);
  if (got < 0) return -1;
  if (filter_bytes != 0 && filter_bytes <= most_filter_bytes && filter_bytes % 8 == 0) return 0;
  errno = ENOEXEC; /* it is no program of whole instructions */
  return -1;
}

static int join_cgroup(const char* directory) {
  char path[4096];
  const int length = snprintf(path, sizeof path, "%s/cgroup.procs", directory);
  if (length < 0 || (size_t)length >= sizeof path) {
    errno = ENAMETOOLONG;
    return -1;
  }
  const int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0) return -1;
  const ssize_t written = write(file, "0", 1); /* the writer itself */
  const int reason = errno;
  close(file);
  errno = reason;
  return written == 1 ? 0 : -1;
}

/* So that a host which is killed from now on leaves nothing of this peer. */
static int report_to_guard(const char* stream) {
  const pid_t self = getpid();
  int flags = 0;
#ifdef MSG_NOSIGNAL
  flags = MSG_NOSIGNAL;
#endif
  return send((int)strtol(stream, NULL, 10), &self, sizeof self, flags) == (ssize_t)sizeof self ? 0 : -1;
}

static const struct {
  const char* name;
  int (*set)(const char* value);
} options[] = {
    {"cgroup", join_cgroup},
    {"cpus", run_on_cpus},
    {"group", set_group},
    {"guard", report_to_guard},
    {"limits.address_space", set_address_space},
    {"limits.core_file", set_core_file},
    {"limits.cpu_time", set_cpu_time},
    {"limits.data", set_data},
    {"limits.file_size", set_file_size},
    {"limits.locked_memory", set_locked_memory},
    {"limits.open_files", set_open_files},
    {"limits.processes", set_processes},
    {"limits.stack", set_stack},
    {"nice", set_nice},
    {"no_new_privileges", set_no_new_privileges},
    {"seccomp_filter", read_filter},
    {"supplementary_groups", set_supplementary_groups},
    {"user", set_user},
};

int apply_option(const char* option) {
  const char* const equals = strchr(option, '=');
  const size_t length = equals != NULL ? (size_t)(equals - option) : strlen(option);
  for (size_t i = 0; equals != NULL && i < sizeof options / sizeof *options; ++i) {
    if (strlen(options[i].name) != length || strncmp(options[i].name, option, length) != 0) continue;
    if (options[i].set(equals + 1) == 0) return 0;
    const int reason = errno;
    char what[64];
    snprintf(what, sizeof what, "set %s to ", options[i].name);
    say_cannot(what, equals[1] != 0 ? equals + 1 : "none", reason);
    return -1;
  }
  say_cannot("understand --", option, EINVAL);
  return -1;
}

int apply_filter(void) {
  if (filter_bytes == 0 || load_filter(filter, filter_bytes) == 0) return 0;
  say_cannot("load", " the seccomp_filter", errno);
  return -1;
}
