/* See proxy.h. */
#include "proxy.h"

#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

enum { CONNECTIONS = 8 };

struct relay {
  struct proxy *p;
  int client, server, pooled; /* pooled: a session that was left; 0: none */
  int marked;                 /* the marker was sent */
  pthread_t thread;
  char seen[65536]; /* what the client sent last, to find the marker in */
  size_t seen_len;
};

static struct sockaddr_in loopback(int port) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return a;
}

static int write_all(int fd, const char *s, size_t len) {
  while (len) {
    ssize_t n = send(fd, s, len, MSG_NOSIGNAL);
    if (n <= 0)
      return -1;
    s += n;
    len -= (size_t)n;
  }
  return 0;
}

/* BackendKeyData: 'K', a length of 12, the process id, the key. */
static void forge_pid(char *s, size_t len) {
  char *k = memmem(s, len, "K\0\0\0\014", 5);
  if (k && k + 9 <= s + len)
    k[8] ^= 1;
}

static int marker_seen(struct relay *r, const char *s, size_t len) {
  if (!r->p->marker || r->pooled || r->seen_len + len > sizeof r->seen)
    return 0;
  memcpy(r->seen + r->seen_len, s, len);
  r->seen_len += len;
  return memmem(r->seen, r->seen_len, r->p->marker, strlen(r->p->marker)) != NULL;
}

/* 0 when this side is to go on. */
static int pass(struct relay *r, int from, int to) {
  char bytes[16384];
  ssize_t n = recv(from, bytes, sizeof bytes, 0);
  if (n <= 0)
    return -1;
  if (from == r->client && marker_seen(r, bytes, (size_t)n)) {
    (void)write_all(to, bytes, (size_t)n);
    r->marked = 1;
    return r->p->mode == PROXY_CUT ? -1 : 0;
  }
  if (from == r->server && r->p->mode == PROXY_POOLER)
    forge_pid(bytes, (size_t)n);
  return write_all(to, bytes, (size_t)n);
}

static void wait_for_stop(struct proxy *p) {
  struct pollfd stop = {.fd = p->stop[0], .events = POLLIN};
  (void)poll(&stop, 1, -1);
}

/* Reads the server's messages up to its ReadyForQuery: 'Z', a length of 5, the state. */
static int until_ready(int server, int to) {
  static const char ready[] = {'Z', 0, 0, 0, 5};
  char bytes[65536];
  size_t len = 0;
  while (len < sizeof bytes) {
    ssize_t n = recv(server, bytes + len, sizeof bytes - len, 0);
    if (n <= 0)
      return -1;
    len += (size_t)n;
    if (len >= 6 && !memcmp(bytes + len - 6, ready, sizeof ready))
      return to < 0 ? 0 : write_all(to, bytes, len);
  }
  return -1;
}

/* Another session, by the socket that asks for no password. */
static int second_session(const struct proxy *p) {
  struct sockaddr_un a = {.sun_family = AF_UNIX};
  char hello[256] = {0, 0, 0, 0, 0, 3, 0, 0};
  int fd = socket(AF_UNIX, SOCK_STREAM, 0), n = 8;
  snprintf(a.sun_path, sizeof a.sun_path, "%s/.s.PGSQL.%d", p->folder, p->server_port);
  n += 1 + snprintf(hello + n, 9, "user");
  n += 1 + snprintf(hello + n, 64, "%s", p->user);
  n += 1 + snprintf(hello + n, 9, "database");
  n += 1 + snprintf(hello + n, 64, "%s", p->database);
  hello[3] = (char)++n;
  if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0 && !write_all(fd, hello, (size_t)n) &&
      !until_ready(fd, -1))
    return fd;
  close(fd);
  return -1;
}

/* What was begun is answered by the first session, the rest by another one. The first one lives on,
 * as a pooler's would. */
static int switch_server(struct relay *r) {
  if (until_ready(r->server, r->client))
    return -1;
  r->pooled = r->server;
  r->server = second_session(r->p);
  r->marked = 0;
  return r->server < 0 ? -1 : 0;
}

static void relay(struct relay *r) {
  struct pollfd p[3] = {{.fd = r->client, .events = POLLIN},
                        {.fd = r->server, .events = POLLIN},
                        {.fd = r->p->stop[0], .events = POLLIN}};
  while (poll(p, 3, -1) > 0 && !p[2].revents) {
    if (p[0].revents && pass(r, r->client, r->server) < 0)
      return;
    if (p[1].revents && pass(r, r->server, r->client) < 0)
      return;
    if (r->marked && r->p->mode == PROXY_FREEZE)
      return wait_for_stop(r->p);
    if (r->marked && r->p->mode == PROXY_SWITCH && switch_server(r))
      return;
    p[1].fd = r->server;
  }
}

static void serve(struct proxy *p, struct relay *r) {
  static const char http[] = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
  struct sockaddr_in to = loopback(p->server_port);
  if (p->mode == PROXY_SILENT) {
    wait_for_stop(p);
  } else if (p->mode == PROXY_STRANGER || p->mode == PROXY_NO_TLS) {
    char request[1024];
    (void)recv(r->client, request, sizeof request, 0);
    (void)write_all(r->client, p->mode == PROXY_NO_TLS ? "N" : http,
                    p->mode == PROXY_NO_TLS ? 1 : sizeof http - 1);
  } else {
    r->server = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(r->server, (struct sockaddr *)&to, sizeof to) == 0)
      relay(r);
    close(r->server);
  }
}

static void *run_one(void *arg) {
  struct relay *r = arg;
  serve(r->p, r);
  close(r->client);
  if (r->pooled)
    close(r->pooled);
  return NULL;
}

static void *run(void *arg) {
  struct proxy *p = arg;
  struct relay *all[CONNECTIONS];
  size_t count = 0;
  struct pollfd waiting[2] = {{.fd = p->listener, .events = POLLIN},
                              {.fd = p->stop[0], .events = POLLIN}};
  while (poll(waiting, 2, -1) > 0 && !waiting[1].revents && count < CONNECTIONS) {
    struct relay *r = calloc(1, sizeof *r);
    r->p = p;
    r->client = accept(p->listener, NULL, NULL);
    all[count++] = r;
    pthread_create(&r->thread, NULL, run_one, r);
  }
  for (size_t i = 0; i < count; i++) {
    pthread_join(all[i]->thread, NULL);
    free(all[i]);
  }
  return NULL;
}

void proxy_start(struct proxy *p) {
  struct sockaddr_in a = loopback(0);
  socklen_t len = sizeof a;
  p->listener = socket(AF_INET, SOCK_STREAM, 0);
  assert_int_equal(bind(p->listener, (struct sockaddr *)&a, sizeof a), 0);
  assert_int_equal(listen(p->listener, 8), 0);
  assert_int_equal(getsockname(p->listener, (struct sockaddr *)&a, &len), 0);
  p->port = ntohs(a.sin_port);
  assert_int_equal(pipe(p->stop), 0);
  assert_int_equal(pthread_create(&p->thread, NULL, run, p), 0);
}

void proxy_stop(struct proxy *p) {
  close(p->stop[1]);
  pthread_join(p->thread, NULL);
  close(p->stop[0]);
  close(p->listener);
}
