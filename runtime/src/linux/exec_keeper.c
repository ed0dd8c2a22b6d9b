/*
 * Holds what is to outlive a host: for each peer of that kind the descriptors of its link's memory, a few words about it, and its
 * process, until the next host comes for it or its time is over.
 *
 *   ringmail-exec <process id of the host> --keep <path>
 *
 * stdin is a socket that listens at that path, of messages (SOCK_SEQPACKET). One host is connected to it at a time; what it says is in
 * keeper_words.h. To the peers that it does not hold yet this is also their guard (exec_guard.c), and is told of them in the same way.
 *
 * It believes nobody: who is of another user, says what is none of these words, or does not say that it is a host, is left.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../exec_helper.h"
#include "../keeper_words.h"

enum {
  most_items = 1024,
  most_waiting = 8, /* that have connected and have not said what they are */
  most_groups = 1 << 16,
  listener = STDIN_FILENO,
  wait_for_first_ms = 10000,
  wait_for_reader_ms = 1000,
};
/* To exit by itself, which a peer does when its time is over. */
static const uint64_t grace_ns = 1000000000;

struct item {
  struct item* next;
  struct keeper_head head; /* of what is said to the next host */
  char* text;              /* name and note, one behind the other */
  int fds[keeper_most_fds];
  int count;
  int process; /* a pidfd; -1: none, or it is dead */
};

static struct item* items;
static int item_count;
static pid_t groups[most_groups];
static int group_count;
static int host = -1, host_process = -1;
static int waiting[most_waiting];
static int waiting_count;
static uint64_t lost_ns; /* when the last host ended */

static uint64_t now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void shut(int* descriptor) {
  if (*descriptor >= 0) close(*descriptor);
  *descriptor = -1;
}

static void shut_all(const int* descriptors, int count) {
  for (int i = 0; i < count; ++i) close(descriptors[i]);
}

/* --- Peers that are not held */

static void forget_group(pid_t group) {
  for (int i = 0; i < group_count; ++i) {
    if (groups[i] == group) {
      groups[i] = groups[--group_count];
      return;
    }
  }
}

static void learn(pid_t told) {
  if (told > 1 && group_count < most_groups) groups[group_count++] = told;
  if (told < -1) forget_group(-told);
}

/* --- What is held */

static struct item** find(const char* name, uint32_t bytes) {
  struct item** place = &items;
  for (; *place != NULL; place = &(*place)->next) {
    if ((*place)->head.name_bytes == bytes && memcmp((*place)->text, name, bytes) == 0) break;
  }
  return place;
}

static void drop(struct item** place) {
  struct item* const item = *place;
  if (item == NULL) return;
  *place = item->next;
  shut_all(item->fds, item->count);
  shut(&item->process);
  free(item->text);
  free(item);
  --item_count;
}

/* Not 0: there is no room for it. It has the descriptors in any case. */
static int put(const struct keeper_head* head, const char* text, const int* fds, int count) {
  struct item** const old = find(text, head->name_bytes);
  struct item* const item = calloc(1, sizeof *item);
  char* const copy = malloc((size_t)head->name_bytes + head->note_bytes);
  if (item == NULL || copy == NULL || (*old == NULL && item_count == most_items)) {
    free(item);
    free(copy);
    shut_all(fds, count);
    return -1;
  }
  memcpy(copy, text, (size_t)head->name_bytes + head->note_bytes);
  *item = (struct item){.head = *head, .text = copy, .count = count, .process = -1};
  memcpy(item->fds, fds, (size_t)count * sizeof *fds);
  if (head->pid > 1) {
    /* The host has not reaped it, so the number is still its own. */
    item->process = (int)syscall(SYS_pidfd_open, (pid_t)head->pid, 0);
    forget_group((pid_t)head->pid);
  }
  drop(old);
  item->next = items;
  items = item;
  ++item_count;
  return 0;
}

/* It has just been reaped, or lives: its number is nobody else's yet. */
static void end_process(struct item* item) {
  if (item->process < 0) return;
  kill(-(pid_t)item->head.pid, SIGKILL);
  kill((pid_t)item->head.pid, SIGKILL);
  shut(&item->process);
}

/* --- The host */

static void lose_host(void) {
  shut(&host);
  shut(&host_process);
  for (int i = 0; i < group_count; ++i) kill(-groups[i], SIGKILL);
  group_count = 0;
  lost_ns = now_ns();
}

static int say(const struct keeper_head* head, const char* text, const int* fds, int count) {
  struct iovec parts[2] = {{(void*)head, sizeof *head}, {(void*)text, (size_t)head->name_bytes + head->note_bytes}};
  union {
    char bytes[CMSG_SPACE(keeper_most_fds * sizeof(int))];
    struct cmsghdr aligned;
  } extra;
  struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
  if (count > 0) {
    message.msg_control = extra.bytes;
    message.msg_controllen = CMSG_SPACE((size_t)count * sizeof(int));
    struct cmsghdr* const part = CMSG_FIRSTHDR(&message);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN((size_t)count * sizeof(int));
    memcpy(CMSG_DATA(part), fds, (size_t)count * sizeof(int));
  }
  while (sendmsg(host, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
    struct pollfd room = {.fd = host, .events = POLLOUT};
    if (errno == EINTR) continue;
    if (errno != EAGAIN || poll(&room, 1, wait_for_reader_ms) != 1) return -1;
  }
  return 0;
}

static int tell_all(void) {
  for (const struct item* item = items; item != NULL; item = item->next) {
    struct keeper_head head = item->head;
    head.word = keeper_item;
    int fds[keeper_most_fds + 1];
    memcpy(fds, item->fds, sizeof item->fds);
    if (item->process < 0) head.pid = 0;
    if (item->process >= 0) fds[item->count] = item->process;
    if (say(&head, item->text, fds, item->count + (item->process >= 0)) != 0) return -1;
  }
  const struct keeper_head end = {.word = keeper_end};
  return say(&end, "", NULL, 0);
}

/* The next message at `from`: its bytes, 0 for none, -1 for the end, or for what cannot be one. */
static ssize_t hear(int from, char* bytes, int* fds, int* count) {
  struct iovec part = {bytes, keeper_most_bytes};
  union {
    char bytes[CMSG_SPACE((keeper_most_fds + 1) * sizeof(int))];
    struct cmsghdr aligned;
  } extra;
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = extra.bytes, .msg_controllen = sizeof extra.bytes};
  *count = 0;
  ssize_t got;
  do got = recvmsg(from, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  while (got < 0 && errno == EINTR);
  if (got < 0) return errno == EAGAIN ? 0 : -1;
  int too_many = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
  for (struct cmsghdr* part_of = CMSG_FIRSTHDR(&message); part_of != NULL; part_of = CMSG_NXTHDR(&message, part_of)) {
    if (part_of->cmsg_level != SOL_SOCKET || part_of->cmsg_type != SCM_RIGHTS) continue;
    const size_t came = (part_of->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < came; ++i) {
      int descriptor;
      memcpy(&descriptor, CMSG_DATA(part_of) + i * sizeof(int), sizeof descriptor);
      if (*count < keeper_most_fds - 1) {
        fds[(*count)++] = descriptor;
      } else {
        close(descriptor);
        too_many = 1;
      }
    }
  }
  if (got > 0 && !too_many) return got;
  shut_all(fds, *count);
  *count = 0;
  return -1;
}

/* Whether the words are as long as they say. */
static int is_whole(const struct keeper_head* head, ssize_t bytes) {
  return bytes >= (ssize_t)sizeof *head && head->name_bytes <= keeper_most_name &&
         head->note_bytes <= keeper_most_note && (size_t)bytes == sizeof *head + head->name_bytes + head->note_bytes;
}

/* What the host says. Not 0: it is none any more. */
static int take_words(void) {
  static char bytes[keeper_most_bytes];
  int fds[keeper_most_fds], count;
  while (1) {
    const ssize_t got = hear(host, bytes, fds, &count);
    if (got <= 0) return (int)got;
    if (got == (ssize_t)sizeof(pid_t) && count == 0) {
      pid_t told;
      memcpy(&told, bytes, sizeof told);
      learn(told);
      continue;
    }
    struct keeper_head head = {0};
    if (got >= (ssize_t)sizeof head) memcpy(&head, bytes, sizeof head);
    const char* const text = bytes + sizeof head;
    if (is_whole(&head, got) && head.word == keeper_put && head.name_bytes > 0) {
      if (put(&head, text, fds, count) != 0) return -1;
      continue;
    }
    shut_all(fds, count);
    if (!is_whole(&head, got) || head.word != keeper_drop) return -1;
    drop(find(text, head.name_bytes));
  }
}

/* --- Who connects */

static void let_in(void) {
  const int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (connection < 0) return;
  struct ucred who;
  socklen_t bytes = sizeof who;
  if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &who, &bytes) != 0 || who.uid != geteuid()) {
    close(connection);
    return;
  }
  if (waiting_count == most_waiting) {
    close(waiting[0]);
    memmove(waiting, waiting + 1, (size_t)--waiting_count * sizeof *waiting);
  }
  waiting[waiting_count++] = connection;
}

/* Somebody who has connected says something: that it is the host, and there is no other, or it goes. */
static void look_at(int place) {
  static char bytes[keeper_most_bytes];
  int fds[keeper_most_fds], count;
  const ssize_t got = hear(waiting[place], bytes, fds, &count);
  if (got == 0) return;
  const int connection = waiting[place];
  memmove(waiting + place, waiting + place + 1, (size_t)(--waiting_count - place) * sizeof *waiting);
  shut_all(fds, count);
  struct keeper_head head = {0};
  if (got >= (ssize_t)sizeof head) memcpy(&head, bytes, sizeof head);
  struct ucred who;
  socklen_t length = sizeof who;
  int process = -1;
  if (host < 0 && is_whole(&head, got) && head.word == keeper_host &&
      getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &who, &length) == 0) {
    process = (int)syscall(SYS_pidfd_open, who.pid, 0);
  }
  if (process < 0) {
    close(connection);
    return;
  }
  host = connection;
  host_process = process;
  if (tell_all() != 0) lose_host();
}

/* --- Time */

/* Drops what is over, and says how long the rest may wait: milliseconds, or -1. */
static int end_what_is_over(void) {
  const uint64_t now = now_ns();
  uint64_t next = UINT64_MAX;
  for (struct item** place = &items; *place != NULL;) {
    const uint64_t until = lost_ns + (*place)->head.time_ns + grace_ns;
    if (until <= now) {
      end_process(*place);
      drop(place);
      continue;
    }
    if (until < next) next = until;
    place = &(*place)->next;
  }
  return next == UINT64_MAX ? -1 : (int)((next - now) / 1000000 > 3600000 ? 3600000 : (next - now) / 1000000 + 1);
}

int keep(char** arguments) {
  if (arguments[0] == NULL) return 125;
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, NULL);
  close_from(STDIN_FILENO + 1);
  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  static struct pollfd watched[3 + most_waiting + most_items];
  static struct item* of[3 + most_waiting + most_items];
  for (int had_host = 0; !had_host || host >= 0 || items != NULL;) {
    int timeout = had_host ? -1 : wait_for_first_ms;
    if (host < 0 && had_host) timeout = end_what_is_over();
    if (had_host && host < 0 && items == NULL) break;
    nfds_t count = 0;
    watched[count++] = (struct pollfd){.fd = listener, .events = POLLIN};
    watched[count++] = (struct pollfd){.fd = host, .events = POLLIN};
    watched[count++] = (struct pollfd){.fd = host_process, .events = POLLIN};
    const int looked_at = waiting_count;
    for (int i = 0; i < looked_at; ++i) watched[count++] = (struct pollfd){.fd = waiting[i], .events = POLLIN};
    /* A living host reaps its peers, and says what is to be done. */
    for (struct item* item = host < 0 ? items : NULL; item != NULL; item = item->next) {
      of[count] = item;
      watched[count++] = (struct pollfd){.fd = item->process, .events = POLLIN};
    }
    const int ready = poll(watched, count, timeout);
    if (ready < 0) continue;
    if (ready == 0 && !had_host) break;
    for (nfds_t i = 3 + (nfds_t)looked_at; i < count; ++i) {
      if (watched[i].revents != 0) end_process(of[i]);
    }
    /* What was said before its end comes first. */
    const int host_ended = watched[2].revents != 0;
    if (host >= 0 && (watched[1].revents != 0 || host_ended) && (take_words() < 0 || host_ended)) lose_host();
    for (int i = looked_at - 1; i >= 0; --i) {
      if (watched[3 + i].revents != 0) look_at(i);
    }
    if (watched[0].revents != 0) let_in();
    had_host = had_host || host >= 0;
  }
  /* First the name: who finds it gone makes a new one, and who has connected is told by the end. */
  unlink(arguments[0]);
  return 0;
}
