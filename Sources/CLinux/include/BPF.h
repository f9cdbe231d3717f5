// The kernel's own machine (bpf(2)): maps, programs, where they are attached, and the ring that samples come by.
#ifndef CLINUX_BPF_H
#define CLINUX_BPF_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// Flags of linux_map_create.
static const uint32_t linux_map_lazy = 1u << 0;
static const uint32_t linux_map_mappable = 1u << 10;

/// Modes of linux_link_create (XDP_FLAGS_SKB_MODE and XDP_FLAGS_DRV_MODE).
static const uint32_t linux_xdp_generic = 1u << 1;
static const uint32_t linux_xdp_native = 1u << 2;

/// "Not supported" as bpf(2) says it (ENOTSUPP), which no header of user space has.
static const int linux_not_supported = 524;

/// What the kernel says of a map.
typedef struct {
    uint32_t kind;
    uint32_t id;
    uint32_t key_size;
    uint32_t value_size;
    uint32_t entries;
    uint32_t flags;
} linux_map_facts;

/// What the kernel says of a link; of one whose interface is gone the interface is 0.
typedef struct {
    uint32_t kind;
    uint32_t id;
    uint32_t program;
    uint32_t interface;
} linux_link_facts;

/// BPF_MAP_CREATE; the name is cut off after 15 bytes. Returns the descriptor (close-on-exec), or -errno.
int linux_map_create(
    uint32_t kind, uint32_t key_size, uint32_t value_size, uint32_t entries, uint32_t flags, const char *name);

/// BPF_OBJ_GET_INFO_BY_FD of a map: 0 or -errno.
int linux_map_describe(int map, linux_map_facts *facts);

/// BPF_MAP_LOOKUP_ELEM: 0 or -errno.
int linux_map_lookup(int map, const void *key, void *value);

/// BPF_MAP_UPDATE_ELEM: 0 or -errno.
int linux_map_update(int map, const void *key, const void *value, uint64_t flags);

/// BPF_MAP_DELETE_ELEM: 0 or -errno.
int linux_map_delete(int map, const void *key);

/// BPF_MAP_GET_NEXT_KEY; of no key, or of one that is not there, the first. 0, or -errno (-ENOENT: there is no next).
int linux_map_next(int map, const void *key, void *next);

/// BPF_MAP_LOOKUP_BATCH: up to `count` entries from `from` on (NULL: the first), and in `to` where to go on. `count` says
/// how many came. 0, or -errno (-ENOENT: these were the last; -ENOSPC: more room is needed).
int linux_map_lookup_batch(int map, const void *from, void *to, void *keys, void *values, uint32_t *count);

/// BPF_MAP_UPDATE_BATCH; `count` says how many were done. 0 or -errno.
int linux_map_update_batch(int map, const void *keys, const void *values, uint32_t *count);

/// BPF_MAP_DELETE_BATCH; `count` says how many were done. 0 or -errno.
int linux_map_delete_batch(int map, const void *keys, uint32_t *count);

/// BPF_PROG_LOAD of an XDP program under the GPL, with the verifier's log where there is room for it. Returns the
/// descriptor, or -errno.
int linux_program_load(const void *instructions, uint32_t count, const char *name, char *log, uint32_t log_size);

/// The id of a loaded program, or -errno.
int64_t linux_program_id(int program);

/// The name of the program with an id, at most 15 bytes and a zero: 0 or -errno.
int linux_program_name(uint32_t id, char name[16]);

/// BPF_PROG_TEST_RUN of an XDP program on a frame. The frame that it leaves is written to `out`, where there is room,
/// and its length to `out_size` (the room, on entry). Returns 0 or -errno.
int linux_program_run(
    int program, const void *frame, uint32_t size, uint32_t repeats, void *out, uint32_t *out_size, uint32_t *result,
    uint32_t *nanoseconds);

/// The same with live frames: each goes where the program sends it, as if it had come in by the interface. 0 or -errno.
int linux_program_inject(int program, const void *frame, uint32_t size, uint32_t repeats, uint32_t interface);

/// BPF_LINK_CREATE of an XDP program on an interface. Returns the descriptor, or -errno.
int linux_link_create(int program, uint32_t interface, uint32_t mode);

/// BPF_LINK_UPDATE, only where `old` is attached unless that is negative: 0 or -errno.
int linux_link_update(int link, int program);

/// BPF_LINK_DETACH: 0 or -errno.
int linux_link_detach(int link);

/// BPF_OBJ_GET_INFO_BY_FD of a link: 0 or -errno.
int linux_link_describe(int link, linux_link_facts *facts);

/// BPF_OBJ_PIN: 0 or -errno.
int linux_pin(int object, const char *path);

/// BPF_OBJ_GET: a descriptor of what is pinned there, or -errno.
int linux_open_pinned(const char *path);

/// What XDP program an interface has (its id, 0: none) and how (IFLA_XDP_ATTACHED: 1 native, 2 generic, 3 in the device,
/// 4 several): 0 or -errno.
int linux_xdp_attached(uint32_t interface, uint32_t *program, uint8_t *how);

/// Whether a folder is of the file system of pins: 1, 0 or -errno.
int linux_is_pin_system(const char *path);

/// Mounts the file system of pins there, for root's eyes only: 0 or -errno.
int linux_mount_pin_system(const char *path);

/// A BPF ring buffer as it is mapped here. One thread at a time reads it.
typedef struct {
    /// Written by us: how far we have read.
    uint64_t *consumer;
    /// Written by the kernel: how far there is something.
    const uint64_t *producer;
    /// `size` bytes, twice in a row, so that no record is in two pieces.
    const uint8_t *data;
    uint64_t size;
} linux_ring;

/// Maps a ring of `size` bytes: 0 or -errno.
int linux_ring_map(int map, uint64_t size, linux_ring *ring);

void linux_ring_unmap(linux_ring *ring);

/// What the kernel wrote before this position, it wrote before this call.
static inline uint64_t linux_ring_produced(const linux_ring *ring) {
    return __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);
}

static inline uint64_t linux_ring_consumed(const linux_ring *ring) {
    return __atomic_load_n(ring->consumer, __ATOMIC_ACQUIRE);
}

/// What we have read before this call may be written over.
static inline void linux_ring_consume(const linux_ring *ring, uint64_t position) {
    __atomic_store_n(ring->consumer, position, __ATOMIC_RELEASE);
}

/// The head of the record at a position: its length and the two flags below.
static inline uint32_t linux_ring_head(const linux_ring *ring, uint64_t position) {
    return __atomic_load_n((const uint32_t *)(ring->data + (position & (ring->size - 1))), __ATOMIC_ACQUIRE);
}

/// Not whole yet.
static const uint32_t linux_ring_busy = 1u << 31;
/// Taken back by who wrote it.
static const uint32_t linux_ring_discarded = 1u << 30;
/// Bytes of a head.
static const uint64_t linux_ring_head_size = 8;

/// mmap(2) of a mappable array, readable and writable; NULL and errno where it is refused.
void *linux_array_map(int map, size_t bytes);

/// One number of a mapped array, whole, as the kernel's programs see it.
static inline uint64_t linux_word_load(const uint64_t *word) { return __atomic_load_n(word, __ATOMIC_RELAXED); }

static inline void linux_word_store(uint64_t *word, uint64_t value) {
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/// Nanoseconds since the machine's start, as of the last tick: what bpf_ktime_get_coarse_ns gives.
uint64_t linux_coarse_clock(void);

#endif
