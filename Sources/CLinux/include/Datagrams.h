// Receiving datagrams in batches (recvmmsg), and starting a program to read what it prints.
#ifndef CLINUX_DATAGRAMS_H
#define CLINUX_DATAGRAMS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// One datagram of a batch; valid until the batch is received into again.
typedef struct {
    uint32_t length;
    /// The sender's, in host order.
    uint16_t port;
    /// Longer than the room for it: the rest is lost.
    uint16_t truncated;
    /// The sender's address as 16 bytes, IPv4 mapped; each half in host order.
    uint64_t high;
    uint64_t low;
} linux_datagram;

/// Room for a batch of datagrams, allocated once.
typedef struct linux_datagrams linux_datagrams;

/// `count` datagrams of at most `size` bytes; NULL where there is no memory, or the numbers are not 1...1024 and
/// 1...65536.
linux_datagrams *linux_datagrams_create(int count, int size);

void linux_datagrams_free(linux_datagrams *batch);

/// recvmmsg(2), without waiting: how many datagrams there are now (0: none came), or -errno.
int linux_datagrams_receive(int socket, linux_datagrams *batch);

/// The datagrams of the last batch.
const linux_datagram *linux_datagrams_received(const linux_datagrams *batch);

/// Their bytes: `size` for each of the `count`, one after the other.
const void *linux_datagrams_bytes(const linux_datagrams *batch);

/// A bound UDP socket, non-blocking, close-on-exec; :: takes IPv4 too. Asks for a receive buffer of `buffer` bytes beyond
/// the system's limit where it may, else within it; `granted` says what it got. Returns the descriptor, or -errno.
int linux_udp_listen(const uint8_t address[16], uint16_t port, int buffer, int *granted);

/// Datagrams that the kernel dropped on this socket since it was opened (modulo 2^32), or -errno; and how many bytes of its
/// receive buffer are filled, of how many, both as the kernel counts them, with its own share.
int64_t linux_socket_memory(int socket, uint32_t *filled, uint32_t *room);

/// Waits until one of two descriptors can be read or has ended, up to so many milliseconds (negative: without end); a
/// negative descriptor is passed over. Returns 1, 2 or 3 for the first, the second or both, 0 when the time is up or a
/// signal came, or -errno.
int linux_wait_readable(int first, int second, int milliseconds);

/// Starts the program at `path` with this environment and the signals' defaults. Standard input is `input`, or
/// /dev/null where that is negative; standard output and error are new pipes, whose reading ends (close-on-exec,
/// non-blocking) are written to `output` and `errors`. It gets no other descriptor. Returns the process, or -errno.
int linux_spawn_reader(
    const char *path, char *const arguments[], char *const environment[], int input, int *output, int *errors);

#endif
