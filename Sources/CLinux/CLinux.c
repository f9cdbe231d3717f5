#define _GNU_SOURCE
#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static int failed(int socket) {
    int error = errno;
    if (socket >= 0) close(socket);
    return -error;
}

static socklen_t fill(struct sockaddr_storage *to, const uint8_t address[16], uint16_t port) {
    memset(to, 0, sizeof *to);
    if (memcmp(address, mapped, 12) == 0) {
        struct sockaddr_in *in = (struct sockaddr_in *)to;
        in->sin_family = AF_INET;
        in->sin_port = htons(port);
        memcpy(&in->sin_addr, address + 12, 4);
        return sizeof *in;
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)to;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(port);
    memcpy(&in6->sin6_addr, address, 16);
    return sizeof *in6;
}

int linux_event(void) {
    int descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    return descriptor < 0 ? -errno : descriptor;
}

int linux_accept(int listener, uint8_t peer[16], uint16_t *port) {
    struct sockaddr_storage from;
    socklen_t length = sizeof from;
    int socket = accept4(listener, (struct sockaddr *)&from, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket < 0) return -errno;
    memset(peer, 0, 16);
    *port = 0;
    if (from.ss_family == AF_INET) {
        struct sockaddr_in *in = (struct sockaddr_in *)&from;
        memcpy(peer, mapped, 12);
        memcpy(peer + 12, &in->sin_addr, 4);
        *port = ntohs(in->sin_port);
    } else if (from.ss_family == AF_INET6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&from;
        memcpy(peer, &in6->sin6_addr, 16);
        *port = ntohs(in6->sin6_port);
    }
    return socket;
}

int linux_listen(const uint8_t address[16], uint16_t port, int backlog, int defer_seconds) {
    struct sockaddr_storage at;
    socklen_t length = fill(&at, address, port);
    int listener = socket(at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0) return -errno;
    int on = 1;
    if (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0
        || setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0
        || setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0
        || (defer_seconds > 0
            && setsockopt(listener, IPPROTO_TCP, TCP_DEFER_ACCEPT, &defer_seconds, sizeof defer_seconds) < 0)
        || (at.ss_family == AF_INET6
            && setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0)
        || bind(listener, (struct sockaddr *)&at, length) < 0 || listen(listener, backlog) < 0)
        return failed(listener);
    return listener;
}

int linux_connect(const uint8_t address[16], uint16_t port, const uint8_t *source) {
    struct sockaddr_storage to;
    socklen_t length = fill(&to, address, port);
    int out = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (out < 0) return -errno;
    int on = 1;
    if (setsockopt(out, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0) return failed(out);
    if (source) {
        struct sockaddr_storage from;
        socklen_t from_length = fill(&from, source, 0);
        // The port is chosen at connect, so that one source can hold more than one range of ports' worth of peers.
        setsockopt(out, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
        if (bind(out, (struct sockaddr *)&from, from_length) < 0) return failed(out);
    }
    if (connect(out, (struct sockaddr *)&to, length) < 0 && errno != EINPROGRESS) return failed(out);
    return out;
}

int linux_bound_port(int socket) {
    struct sockaddr_storage at;
    socklen_t length = sizeof at;
    if (getsockname(socket, (struct sockaddr *)&at, &length) < 0) return -errno;
    return ntohs(at.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&at)->sin6_port
                                          : ((struct sockaddr_in *)&at)->sin_port);
}

int linux_socket_error(int socket) {
    int error = 0;
    socklen_t length = sizeof error;
    if (getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length) < 0) return errno;
    return error;
}

void linux_reset_on_close(int socket) {
    struct linger now = {1, 0};
    setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

static int unix_address(struct sockaddr_un *at, const char *path) {
    memset(at, 0, sizeof *at);
    at->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof at->sun_path) return -ENAMETOOLONG;
    strcpy(at->sun_path, path);
    return 0;
}

int linux_unix_listen(const char *path) {
    struct sockaddr_un at;
    int status = unix_address(&at, path);
    if (status < 0) return status;
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0) return -errno;
    unlink(path);
    // The file gets the socket's mode. The process's mask would do too, but all threads share it, and two that change it at
    // once leave it changed.
    if (fchmod(listener, 0600) < 0 || bind(listener, (struct sockaddr *)&at, sizeof at) < 0 || listen(listener, 64) < 0)
        return failed(listener);
    return listener;
}

static int unix_connect(const char *path, int flags) {
    struct sockaddr_un at;
    int status = unix_address(&at, path);
    if (status < 0) return status;
    int out = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    if (out < 0) return -errno;
    if (connect(out, (struct sockaddr *)&at, sizeof at) < 0) return failed(out);
    return out;
}

int linux_unix_connect(const char *path) { return unix_connect(path, 0); }

int linux_unix_connect_at_once(const char *path) { return unix_connect(path, SOCK_NONBLOCK); }

enum { descriptor_limit = 250 };

ssize_t linux_send_descriptors(int socket, const void *bytes, size_t length, const int *descriptors, int count) {
    if (count < 0 || count > descriptor_limit) return -EINVAL;
    struct iovec part = {(void *)bytes, length};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * descriptor_limit)];
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (count > 0) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(sizeof(int) * (size_t)count);
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int) * (size_t)count);
        memcpy(CMSG_DATA(header), descriptors, sizeof(int) * (size_t)count);
    }
    ssize_t sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    return sent < 0 ? -errno : sent;
}

ssize_t linux_receive_descriptors(int socket, void *bytes, size_t length, int *descriptors, int *count) {
    int room = *count;
    *count = 0;
    struct iovec part = {bytes, length};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int) * descriptor_limit)];
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t received = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    if (received < 0) return -errno;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        int came = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        for (int index = 0; index < came; index++) {
            int descriptor;
            memcpy(&descriptor, CMSG_DATA(header) + sizeof(int) * (size_t)index, sizeof descriptor);
            if (*count < room) descriptors[(*count)++] = descriptor;
            else close(descriptor);
        }
    }
    return received;
}

int linux_memory_file(const char *name) {
    int file = memfd_create(name, MFD_CLOEXEC);
    return file < 0 ? -errno : file;
}

int linux_pipe(int ends[2]) {
    return pipe2(ends, O_CLOEXEC) < 0 ? -errno : 0;
}

int linux_pin_thread(int core) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)core, &set);
    return sched_setaffinity(0, sizeof set, &set) < 0 ? -errno : 0;
}

int linux_cores(uint16_t *cores, int room) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) < 0) return 0;
    int count = 0;
    for (int core = 0; core < CPU_SETSIZE; core++)
        if (CPU_ISSET(core, &set)) {
            if (count < room) cores[count] = (uint16_t)core;
            count++;
        }
    return count;
}

int linux_spawn(const char *path, char *const arguments[], int kept) {
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
    // dup2 onto the same number clears close-on-exec too, so that `kept` may be 3 already.
    if ((error = posix_spawnattr_setsigdefault(&attributes, &all)) == 0
        && (error = posix_spawnattr_setsigmask(&attributes, &none)) == 0
        && (error = posix_spawnattr_setpgroup(&attributes, 0)) == 0
        && (error = posix_spawnattr_setflags(
                &attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP)) == 0
        && (error = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)) == 0
        && (error = posix_spawn_file_actions_adddup2(&actions, kept, 3)) == 0
        && (error = posix_spawn_file_actions_addclosefrom_np(&actions, 4)) == 0)
        error = posix_spawn(&child, path, &actions, &attributes, arguments, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error ? -error : child;
}

int linux_own_network_namespace(void) {
    struct stat own, first;
    if (stat("/proc/self/ns/net", &own) < 0) return 0;
    if (stat("/proc/1/ns/net", &first) < 0) {
        // The kernel's own threads are in the machine's network, whoever process 1 lets look at it.
        char name[16] = {0};
        int file = open("/proc/2/comm", O_RDONLY | O_CLOEXEC);
        ssize_t length = file < 0 ? -1 : read(file, name, sizeof name - 1);
        if (file >= 0) close(file);
        if (length <= 0 || strcmp(name, "kthreadd\n") != 0 || stat("/proc/2/ns/net", &first) < 0) return 0;
    }
    return own.st_dev != first.st_dev || own.st_ino != first.st_ino;
}

int linux_signal_on_parent_death(int signal) {
    return prctl(PR_SET_PDEATHSIG, signal) < 0 ? -errno : 0;
}
