#define _GNU_SOURCE
#include "Datagrams.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { count_limit = 1024, size_limit = 65536 };

struct linux_datagrams {
    int count;
    struct mmsghdr *headers;
    struct iovec *parts;
    struct sockaddr_in6 *peers;
    linux_datagram *received;
    uint8_t *bytes;
};

linux_datagrams *linux_datagrams_create(int count, int size) {
    if (count < 1 || count > count_limit || size < 1 || size > size_limit) return NULL;
    linux_datagrams *batch = calloc(1, sizeof *batch);
    if (!batch) return NULL;
    size_t number = (size_t)count;
    batch->count = count;
    batch->headers = calloc(number, sizeof *batch->headers);
    batch->parts = calloc(number, sizeof *batch->parts);
    batch->peers = calloc(number, sizeof *batch->peers);
    batch->received = calloc(number, sizeof *batch->received);
    batch->bytes = calloc(number, (size_t)size);
    if (!batch->headers || !batch->parts || !batch->peers || !batch->received || !batch->bytes) {
        linux_datagrams_free(batch);
        return NULL;
    }
    for (size_t index = 0; index < number; index++) {
        batch->parts[index] = (struct iovec){batch->bytes + index * (size_t)size, (size_t)size};
        struct msghdr *header = &batch->headers[index].msg_hdr;
        header->msg_iov = &batch->parts[index];
        header->msg_iovlen = 1;
        header->msg_name = &batch->peers[index];
        header->msg_namelen = sizeof batch->peers[index];
    }
    return batch;
}

void linux_datagrams_free(linux_datagrams *batch) {
    if (!batch) return;
    free(batch->headers);
    free(batch->parts);
    free(batch->peers);
    free(batch->received);
    free(batch->bytes);
    free(batch);
}

int linux_datagrams_receive(int socket, linux_datagrams *batch) {
    int count = recvmmsg(socket, batch->headers, (unsigned)batch->count, MSG_DONTWAIT, NULL);
    if (count < 0) return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    for (int index = 0; index < count; index++) {
        struct mmsghdr *header = &batch->headers[index];
        linux_datagram *datagram = &batch->received[index];
        const struct sockaddr_in6 *peer = &batch->peers[index];
        datagram->length = header->msg_len;
        datagram->truncated = (header->msg_hdr.msg_flags & MSG_TRUNC) != 0;
        // The port stands at the same place in both versions' address.
        datagram->port = ntohs(peer->sin6_port);
        if (peer->sin6_family == AF_INET) {
            datagram->high = 0;
            datagram->low = UINT64_C(0xffff00000000) | ntohl(((const struct sockaddr_in *)peer)->sin_addr.s_addr);
        } else {
            uint64_t halves[2];
            memcpy(halves, &peer->sin6_addr, sizeof halves);
            datagram->high = be64toh(halves[0]);
            datagram->low = be64toh(halves[1]);
        }
        header->msg_hdr.msg_namelen = sizeof *peer;
    }
    return count;
}

const linux_datagram *linux_datagrams_received(const linux_datagrams *batch) { return batch->received; }

const void *linux_datagrams_bytes(const linux_datagrams *batch) { return batch->bytes; }

static int failed(int socket) {
    int error = errno;
    if (socket >= 0) close(socket);
    return -error;
}

int linux_udp_listen(const uint8_t address[16], uint16_t port, int buffer, int *granted) {
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    int is_ipv4 = memcmp(address, mapped, sizeof mapped) == 0;
    if (is_ipv4) memcpy(&in.sin_addr, address + 12, 4);
    else memcpy(&in6.sin6_addr, address, 16);
    int listener = socket(is_ipv4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0) return -errno;
    int off = 0;
    if (!is_ipv4 && setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) < 0) return failed(listener);
    if (setsockopt(listener, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer) < 0
        && setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer) < 0)
        return failed(listener);
    socklen_t length = sizeof *granted;
    if (getsockopt(listener, SOL_SOCKET, SO_RCVBUF, granted, &length) < 0) return failed(listener);
    // The kernel doubles what is asked for, for its own bookkeeping, and reports the double (socket(7)).
    *granted /= 2;
    int bound = is_ipv4 ? bind(listener, (struct sockaddr *)&in, sizeof in)
                        : bind(listener, (struct sockaddr *)&in6, sizeof in6);
    return bound < 0 ? failed(listener) : listener;
}

int64_t linux_socket_memory(int socket, uint32_t *filled, uint32_t *room) {
    // The counter of SO_RXQ_OVFL, but to be had at any time: that one comes only beside the next datagram, so that what
    // was dropped last would be told when nobody asks any more.
    uint32_t values[SK_MEMINFO_VARS] = {0};
    socklen_t length = sizeof values;
    if (getsockopt(socket, SOL_SOCKET, SO_MEMINFO, values, &length) < 0) return -errno;
    *filled = values[SK_MEMINFO_RMEM_ALLOC];
    *room = values[SK_MEMINFO_RCVBUF];
    return values[SK_MEMINFO_DROPS];
}

int linux_wait_readable(int first, int second, int milliseconds) {
    struct pollfd polled[2] = {{.fd = first, .events = POLLIN}, {.fd = second, .events = POLLIN}};
    int ready = poll(polled, 2, milliseconds);
    if (ready < 0) return errno == EINTR ? 0 : -errno;
    return (polled[0].revents != 0 ? 1 : 0) | (polled[1].revents != 0 ? 2 : 0);
}

static int spawn_into(
    const char *path, char *const arguments[], char *const environment[], int input, int output, int errors) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int error = posix_spawn_file_actions_init(&actions);
    if (error) return -error;
    error = posix_spawnattr_init(&attributes);
    if (error) {
        posix_spawn_file_actions_destroy(&actions);
        return -error;
    }
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    pid_t child = 0;
    if ((error = posix_spawnattr_setsigdefault(&attributes, &all)) == 0
        && (error = posix_spawnattr_setsigmask(&attributes, &none)) == 0
        && (error = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK)) == 0
        && (error = input < 0 ? posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
                              : posix_spawn_file_actions_adddup2(&actions, input, 0)) == 0
        && (error = posix_spawn_file_actions_adddup2(&actions, output, 1)) == 0
        && (error = posix_spawn_file_actions_adddup2(&actions, errors, 2)) == 0
        && (error = posix_spawn_file_actions_addclosefrom_np(&actions, 3)) == 0)
        error = posix_spawn(&child, path, &actions, &attributes, arguments, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error ? -error : child;
}

/// A pipe whose ends cannot be one of 0...2, which the file actions would otherwise overwrite on the way.
static int high_pipe(int ends[2]) {
    if (pipe2(ends, O_CLOEXEC) < 0) return -errno;
    for (int index = 0; index < 2; index++) {
        if (ends[index] > 2) continue;
        int moved = fcntl(ends[index], F_DUPFD_CLOEXEC, 3);
        int error = errno;
        close(ends[index]);
        if (moved < 0) {
            close(ends[1 - index]);
            return -error;
        }
        ends[index] = moved;
    }
    return 0;
}

int linux_spawn_reader(
    const char *path, char *const arguments[], char *const environment[], int input, int *output, int *errors) {
    int out[2], err[2];
    int status = high_pipe(out);
    if (status < 0) return status;
    status = high_pipe(err);
    if (status < 0) {
        close(out[0]);
        close(out[1]);
        return status;
    }
    status = spawn_into(path, arguments, environment, input, out[1], err[1]);
    close(out[1]);
    close(err[1]);
    if (status < 0) {
        close(out[0]);
        close(err[0]);
        return status;
    }
    // Only our ends: the pipe's other end, which the program writes to, keeps blocking.
    fcntl(out[0], F_SETFL, O_NONBLOCK);
    fcntl(err[0], F_SETFL, O_NONBLOCK);
    *output = out[0];
    *errors = err[0];
    return status;
}
