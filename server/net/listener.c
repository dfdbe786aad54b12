/* The listening socket: who is let in at all. What is over a limit is closed at once, so that a
 * client fails instead of hanging. One descriptor is kept in reserve, to be able to take and close
 * connections when there are none left. Loop thread.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/net/conn.h"
#include "server/net/loop.h"

#define ACCEPTS_A_TURN 64

/* Splits ADDR:PORT or [ADDR]:PORT. */
static int parse_listen(const char *listen, char *host, size_t host_size, const char **port,
                        struct err *e) {
  const char *colon = strrchr(listen, ':');
  size_t len = colon ? (size_t)(colon - listen) : 0;
  const char *start = listen;
  if (len >= 2 && listen[0] == '[' && listen[len - 1] == ']') {
    start++;
    len -= 2;
  } else if (memchr(listen, ':', len) != NULL) {
    len = 0; /* an IPv6 address without brackets: where does it end? */
  }
  if (len == 0 || len >= host_size || colon[1] == '\0')
    return err_set(e, ERR_INPUT, "listen address \"%s\": must be ADDRESS:PORT or [ADDRESS]:PORT",
                   listen);
  memcpy(host, start, len);
  host[len] = '\0';
  *port = colon + 1;
  return 0;
}

static int socket_on(const struct addrinfo *info, struct err *e) {
  int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return err_errno(e, ERR_INPUT, errno, "cannot make a socket");
  int one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, 1024) != 0) {
    err_errno(e, ERR_INPUT, errno, "cannot listen");
    close(fd);
    return -1;
  }
  return fd;
}

static void address_text(const struct sockaddr *address, socklen_t len, char *out, size_t size) {
  char host[INET6_ADDRSTRLEN + 20], port[8];
  if (getnameinfo(address, len, host, sizeof host, port, sizeof port,
                  NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    snprintf(out, size, "?");
  else
    snprintf(out, size, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
}

/* No descriptor left: the reserve takes the connection out of the queue, where it would wake the
 * loop for ever. */
static void accept_without_descriptors(struct net *n) {
  close(n->reserve_fd);
  int fd = accept4(n->listen_fd, NULL, NULL, SOCK_CLOEXEC);
  net_refused(n, "a peer", "no file descriptors left");
  if (fd >= 0)
    close(fd);
  n->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static const char *why_not(struct net *n, int fd, struct party *party, int64_t now) {
  const struct net_limits *l = &n->limits;
  if (fd >= n->fd_limit)
    return "too many connections";
  if (!bucket_take(&party->accepts, l->accepts_per_second, l->accepts_per_second, now))
    return "too many connections a second from its address";
  if (l->connections_per_address && party->connections >= l->connections_per_address)
    return "too many connections from its address";
  return NULL;
}

static void let_in(struct net *n, int fd, const struct sockaddr *address, socklen_t len) {
  int64_t now = clock_mono_ns();
  char peer[CONN_PEER], name[PARTY_NAME];
  address_text(address, len, peer, sizeof peer);
  address_party(address, name);
  struct party *party = party_get(&n->addresses, name, now);
  const char *reason = why_not(n, fd, party, now);
  if (reason) {
    net_refused(n, peer, "%s", reason);
    close(fd);
    party_put(party, now);
    return;
  }
  int one = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  conn_new(n, fd, peer, party);
}

static void on_accept(evutil_socket_t listen_fd, short what, void *ctx) {
  (void)what;
  struct net *n = ctx;
  for (int i = 0; i < ACCEPTS_A_TURN; i++) {
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    int fd = accept4(listen_fd, (struct sockaddr *)&address, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
      let_in(n, fd, (const struct sockaddr *)&address, len);
    } else if (errno == EMFILE || errno == ENFILE) {
      accept_without_descriptors(n);
      break;
    } else if (errno != ECONNABORTED && errno != EINTR) {
      break;
    }
  }
  net_settle(n);
}

static void remember_address(struct net *n) {
  struct sockaddr_storage address;
  socklen_t len = sizeof address;
  if (getsockname(n->listen_fd, (struct sockaddr *)&address, &len) == 0)
    address_text((const struct sockaddr *)&address, len, n->address, sizeof n->address);
}

int listener_open(struct net *n, const char *listen, struct err *e) {
  char host[256];
  const char *port;
  if (parse_listen(listen, host, sizeof host, &port, e) != 0)
    return -1;
  struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *info;
  int rc = getaddrinfo(host, port, &hints, &info);
  if (rc != 0)
    return err_set(e, ERR_INPUT, "listen address \"%s\": %s", listen, gai_strerror(rc));
  n->listen_fd = socket_on(info, e);
  freeaddrinfo(info);
  if (n->listen_fd < 0)
    return err_in(e, "%s", listen);
  remember_address(n);
  struct rlimit files = {.rlim_cur = 1024};
  getrlimit(RLIMIT_NOFILE, &files);
  rlim_t most = files.rlim_cur < 1000000 ? files.rlim_cur : 1000000;
  n->fd_limit = (int)(most - most / 10);
  n->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  n->accepting = event_new(n->base, n->listen_fd, EV_READ | EV_PERSIST, on_accept, n);
  return 0;
}

void listener_close(struct net *n) {
  if (n->accepting)
    event_free(n->accepting);
  n->accepting = NULL;
  if (n->listen_fd >= 0)
    close(n->listen_fd);
  if (n->reserve_fd >= 0)
    close(n->reserve_fd);
  n->listen_fd = n->reserve_fd = -1;
}
