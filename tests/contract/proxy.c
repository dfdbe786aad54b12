/* See proxy.h. */
#include "proxy.h"

#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct relay {
  struct proxy *p;
  int client, server;
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
  if (r->p->mode != PROXY_CUT || r->seen_len + len > sizeof r->seen)
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
    return -1;
  }
  if (from == r->server && r->p->mode == PROXY_POOLER)
    forge_pid(bytes, (size_t)n);
  return write_all(to, bytes, (size_t)n);
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
  }
}

static void wait_for_stop(struct proxy *p) {
  struct pollfd stop = {.fd = p->stop[0], .events = POLLIN};
  (void)poll(&stop, 1, -1);
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

static void *run(void *arg) {
  struct proxy *p = arg;
  static struct relay r;
  struct pollfd waiting[2] = {{.fd = p->listener, .events = POLLIN},
                              {.fd = p->stop[0], .events = POLLIN}};
  memset(&r, 0, sizeof r);
  r.p = p;
  if (poll(waiting, 2, -1) <= 0 || waiting[1].revents)
    return NULL;
  r.client = accept(p->listener, NULL, NULL);
  serve(p, &r);
  close(r.client);
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
