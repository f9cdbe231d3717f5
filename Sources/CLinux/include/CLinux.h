// The one C shim: what Linux offers and Swift's Glibc module does not show (macros, enums, variadic calls, GNU names).
#ifndef CLINUX_H
#define CLINUX_H

#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/types.h>

#include "BPF.h"
#include "Datagrams.h"
#include "Memory.h"

static const uint32_t linux_epoll_in = EPOLLIN;
static const uint32_t linux_epoll_out = EPOLLOUT;
static const uint32_t linux_epoll_err = EPOLLERR;
static const uint32_t linux_epoll_hup = EPOLLHUP;
static const uint32_t linux_epoll_rdhup = EPOLLRDHUP;
static const uint32_t linux_epoll_edge = EPOLLET;
static const int linux_epoll_close_on_exec = EPOLL_CLOEXEC;

/// eventfd(2), close-on-exec and non-blocking; or -errno.
int linux_event(void);

/// accept4(2), close-on-exec and non-blocking. Returns the descriptor, or -errno. The peer is written as 16 address
/// bytes (IPv4 mapped) and a port in host order; for a Unix socket both are zero.
int linux_accept(int listener, uint8_t peer[16], uint16_t *port);

/// A TCP listener with SO_REUSEPORT, TCP_NODELAY (inherited) and, if seconds > 0, TCP_DEFER_ACCEPT; non-blocking,
/// close-on-exec. Returns the descriptor, or -errno.
int linux_listen(const uint8_t address[16], uint16_t port, int backlog, int defer_seconds);

/// A non-blocking connect, from a source address where `source` is not NULL (16 bytes, port chosen by the kernel).
/// Returns the descriptor (connected or on its way), or -errno.
int linux_connect(const uint8_t address[16], uint16_t port, const uint8_t *source);

/// The port that a socket is bound to, or -errno.
int linux_bound_port(int socket);

/// SO_ERROR of a socket: 0 when a connect has succeeded.
int linux_socket_error(int socket);

/// Reset instead of a normal close: SO_LINGER with 0 seconds.
void linux_reset_on_close(int socket);

/// A Unix stream listener at `path` (replaced where it exists), mode 0600; or -errno.
int linux_unix_listen(const char *path);

/// A Unix stream connection to `path`, blocking, close-on-exec; or -errno.
int linux_unix_connect(const char *path);

/// The same, that does not block: -EAGAIN where the listener has no room now.
int linux_unix_connect_at_once(const char *path);

/// sendmsg(2) with `count` descriptors beside the bytes (SCM_RIGHTS, at most 250). Returns bytes sent, or -errno.
ssize_t linux_send_descriptors(int socket, const void *bytes, size_t length, const int *descriptors, int count);

/// recvmsg(2): bytes, and the descriptors that came beside them (close-on-exec). `count` holds the room on entry and
/// the number received on return. Returns bytes received (0 at the end), or -errno.
ssize_t linux_receive_descriptors(int socket, void *bytes, size_t length, int *descriptors, int *count);

/// memfd_create(2), close-on-exec; or -errno.
int linux_memory_file(const char *name);

/// pipe2(2), both ends close-on-exec: 0 or -errno.
int linux_pipe(int ends[2]);

/// Pins the calling thread to one core; 0 or -errno.
int linux_pin_thread(int core);

/// The cores that this process may use, written into `cores`; returns how many there are.
int linux_cores(uint16_t *cores, int room);

/// Starts the program at `path` in a process group of its own, with the signals' defaults and this environment; it gets
/// /dev/null as standard input, standard output and error of this process, `kept` as descriptor 3 and no other.
/// Returns the process, or -errno.
int linux_spawn(const char *path, char *const arguments[], int kept);

/// The network namespace of this process differs from that of process 1, or, where that cannot be read, of the kernel's
/// own threads; 0 where neither can.
int linux_own_network_namespace(void);

/// Asks the kernel to send `signal` to this process when its parent ends.
int linux_signal_on_parent_death(int signal);

#endif
