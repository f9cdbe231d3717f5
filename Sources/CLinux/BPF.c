#define _GNU_SOURCE
#include "BPF.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

// Newer than the headers of some systems that this is built on.
#ifndef BPF_F_TEST_XDP_LIVE_FRAMES
#define BPF_F_TEST_XDP_LIVE_FRAMES (1U << 1)
#endif

enum { pin_system_magic = 0xcafe4a11 };

/// Cleared byte by byte: a union's initialiser may leave what lies behind the named part as it was, and the kernel refuses
/// what it does not know.
static union bpf_attr cleared(void) {
    union bpf_attr attributes;
    memset(&attributes, 0, sizeof attributes);
    return attributes;
}

static int64_t call(int command, union bpf_attr *attributes) {
    long result = syscall(SYS_bpf, command, attributes, sizeof *attributes);
    return result < 0 ? -errno : result;
}

static uint64_t place(const void *pointer) { return (uint64_t)(uintptr_t)pointer; }

static void set_name(char to[BPF_OBJ_NAME_LEN], const char *name) { strncpy(to, name, BPF_OBJ_NAME_LEN - 1); }

static int describe(int object, void *facts, uint32_t size) {
    union bpf_attr attributes = cleared();
    attributes.info.bpf_fd = (uint32_t)object;
    attributes.info.info_len = size;
    attributes.info.info = place(facts);
    return (int)call(BPF_OBJ_GET_INFO_BY_FD, &attributes);
}

// ---- Maps.

int linux_map_create(
    uint32_t kind, uint32_t key_size, uint32_t value_size, uint32_t entries, uint32_t flags, const char *name) {
    union bpf_attr attributes = cleared();
    attributes.map_type = kind;
    attributes.key_size = key_size;
    attributes.value_size = value_size;
    attributes.max_entries = entries;
    attributes.map_flags = flags;
    set_name(attributes.map_name, name);
    return (int)call(BPF_MAP_CREATE, &attributes);
}

int linux_map_describe(int map, linux_map_facts *facts) {
    struct bpf_map_info info = {0};
    int status = describe(map, &info, sizeof info);
    if (status < 0) return status;
    *facts = (linux_map_facts){
        info.type, info.id, info.key_size, info.value_size, info.max_entries, info.map_flags};
    return 0;
}

static int element(int command, int map, const void *key, const void *value, uint64_t flags) {
    union bpf_attr attributes = cleared();
    attributes.map_fd = (uint32_t)map;
    attributes.key = place(key);
    attributes.value = place(value);
    attributes.flags = flags;
    return (int)call(command, &attributes);
}

int linux_map_lookup(int map, const void *key, void *value) {
    return element(BPF_MAP_LOOKUP_ELEM, map, key, value, 0);
}

int linux_map_update(int map, const void *key, const void *value, uint64_t flags) {
    return element(BPF_MAP_UPDATE_ELEM, map, key, value, flags);
}

int linux_map_delete(int map, const void *key) { return element(BPF_MAP_DELETE_ELEM, map, key, NULL, 0); }

int linux_map_next(int map, const void *key, void *next) {
    return element(BPF_MAP_GET_NEXT_KEY, map, key, next, 0);
}

static int batch(
    int command, int map, const void *from, void *to, const void *keys, const void *values, uint32_t *count) {
    union bpf_attr attributes = cleared();
    attributes.batch.map_fd = (uint32_t)map;
    attributes.batch.in_batch = place(from);
    attributes.batch.out_batch = place(to);
    attributes.batch.keys = place(keys);
    attributes.batch.values = place(values);
    attributes.batch.count = *count;
    int status = (int)call(command, &attributes);
    // Where it is refused at once the kernel does not write the count.
    *count = status < 0 && attributes.batch.count == *count && status != -ENOENT ? 0 : attributes.batch.count;
    return status;
}

int linux_map_lookup_batch(int map, const void *from, void *to, void *keys, void *values, uint32_t *count) {
    return batch(BPF_MAP_LOOKUP_BATCH, map, from, to, keys, values, count);
}

int linux_map_update_batch(int map, const void *keys, const void *values, uint32_t *count) {
    return batch(BPF_MAP_UPDATE_BATCH, map, NULL, NULL, keys, values, count);
}

int linux_map_delete_batch(int map, const void *keys, uint32_t *count) {
    return batch(BPF_MAP_DELETE_BATCH, map, NULL, NULL, keys, NULL, count);
}

// ---- Programs.

int linux_program_load(const void *instructions, uint32_t count, const char *name, char *log, uint32_t log_size) {
    union bpf_attr attributes = cleared();
    attributes.prog_type = BPF_PROG_TYPE_XDP;
    attributes.insn_cnt = count;
    attributes.insns = place(instructions);
    attributes.license = place("GPL");
    attributes.log_level = log ? 1 : 0;
    attributes.log_size = log ? log_size : 0;
    attributes.log_buf = place(log);
    attributes.expected_attach_type = BPF_XDP;
    set_name(attributes.prog_name, name);
    return (int)call(BPF_PROG_LOAD, &attributes);
}

int64_t linux_program_id(int program) {
    struct bpf_prog_info info = {0};
    int status = describe(program, &info, sizeof info);
    return status < 0 ? status : (int64_t)info.id;
}

int linux_program_name(uint32_t id, char name[16]) {
    union bpf_attr attributes = cleared();
    attributes.prog_id = id;
    int program = (int)call(BPF_PROG_GET_FD_BY_ID, &attributes);
    if (program < 0) return program;
    struct bpf_prog_info info = {0};
    int status = describe(program, &info, sizeof info);
    close(program);
    if (status < 0) return status;
    memcpy(name, info.name, 16);
    name[15] = 0;
    return 0;
}

int linux_program_run(
    int program, const void *frame, uint32_t size, uint32_t repeats, void *out, uint32_t *out_size, uint32_t *result,
    uint32_t *nanoseconds) {
    union bpf_attr attributes = cleared();
    attributes.test.prog_fd = (uint32_t)program;
    attributes.test.data_size_in = size;
    attributes.test.data_in = place(frame);
    attributes.test.data_size_out = *out_size;
    attributes.test.data_out = place(out);
    attributes.test.repeat = repeats;
    int status = (int)call(BPF_PROG_TEST_RUN, &attributes);
    if (status < 0) return status;
    *out_size = attributes.test.data_size_out;
    *result = attributes.test.retval;
    *nanoseconds = attributes.test.duration;
    return 0;
}

int linux_program_inject(int program, const void *frame, uint32_t size, uint32_t repeats, uint32_t interface) {
    struct xdp_md context = {.data_end = size, .ingress_ifindex = interface};
    union bpf_attr attributes = cleared();
    attributes.test.prog_fd = (uint32_t)program;
    attributes.test.data_size_in = size;
    attributes.test.data_in = place(frame);
    attributes.test.repeat = repeats;
    attributes.test.ctx_size_in = sizeof context;
    attributes.test.ctx_in = place(&context);
    attributes.test.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
    return (int)call(BPF_PROG_TEST_RUN, &attributes);
}

// ---- Links and pins.

int linux_link_create(int program, uint32_t interface, uint32_t mode) {
    union bpf_attr attributes = cleared();
    attributes.link_create.prog_fd = (uint32_t)program;
    attributes.link_create.target_ifindex = interface;
    attributes.link_create.attach_type = BPF_XDP;
    attributes.link_create.flags = mode;
    return (int)call(BPF_LINK_CREATE, &attributes);
}

int linux_link_update(int link, int program) {
    union bpf_attr attributes = cleared();
    attributes.link_update.link_fd = (uint32_t)link;
    attributes.link_update.new_prog_fd = (uint32_t)program;
    return (int)call(BPF_LINK_UPDATE, &attributes);
}

int linux_link_detach(int link) {
    union bpf_attr attributes = cleared();
    attributes.link_detach.link_fd = (uint32_t)link;
    return (int)call(BPF_LINK_DETACH, &attributes);
}

int linux_link_describe(int link, linux_link_facts *facts) {
    struct bpf_link_info info = {0};
    int status = describe(link, &info, sizeof info);
    if (status < 0) return status;
    *facts = (linux_link_facts){
        info.type, info.id, info.prog_id, info.type == BPF_LINK_TYPE_XDP ? info.xdp.ifindex : 0};
    return 0;
}

int linux_pin(int object, const char *path) {
    union bpf_attr attributes = cleared();
    attributes.pathname = place(path);
    attributes.bpf_fd = (uint32_t)object;
    return (int)call(BPF_OBJ_PIN, &attributes);
}

int linux_open_pinned(const char *path) {
    union bpf_attr attributes = cleared();
    attributes.pathname = place(path);
    return (int)call(BPF_OBJ_GET, &attributes);
}

int linux_is_pin_system(const char *path) {
    struct statfs system;
    if (statfs(path, &system) < 0) return -errno;
    return (uint32_t)system.f_type == (uint32_t)pin_system_magic;
}

int linux_mount_pin_system(const char *path) {
    return mount("bpf", path, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") < 0 ? -errno : 0;
}

// ---- Interfaces.

/// Looks for IFLA_XDP in what the kernel answered about one interface.
static void read_xdp(struct nlmsghdr *message, uint32_t *program, uint8_t *how) {
    struct ifinfomsg *head = NLMSG_DATA(message);
    int left = (int)IFLA_PAYLOAD(message);
    for (struct rtattr *one = IFLA_RTA(head); RTA_OK(one, left); one = RTA_NEXT(one, left)) {
        if ((one->rta_type & NLA_TYPE_MASK) != IFLA_XDP) continue;
        int inner = (int)RTA_PAYLOAD(one);
        for (struct rtattr *fact = RTA_DATA(one); RTA_OK(fact, inner); fact = RTA_NEXT(fact, inner)) {
            if (fact->rta_type == IFLA_XDP_ATTACHED) memcpy(how, RTA_DATA(fact), sizeof *how);
            if (fact->rta_type == IFLA_XDP_PROG_ID) memcpy(program, RTA_DATA(fact), sizeof *program);
        }
    }
}

int linux_xdp_attached(uint32_t interface, uint32_t *program, uint8_t *how) {
    int kernel = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    if (kernel < 0) return -errno;
    struct {
        struct nlmsghdr head;
        struct ifinfomsg about;
    } question = {
        .head = {.nlmsg_len = sizeof question, .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST},
        .about = {.ifi_family = AF_UNSPEC, .ifi_index = (int)interface},
    };
    // An answer has no more than a page or two; what is cut off would not be read.
    union {
        struct nlmsghdr head;
        char bytes[32768];
    } answer;
    *program = 0;
    *how = 0;
    ssize_t length = send(kernel, &question, sizeof question, 0);
    if (length >= 0) length = recv(kernel, &answer, sizeof answer, 0);
    int status = length < 0 ? -errno : 0;
    close(kernel);
    if (status < 0) return status;
    if (!NLMSG_OK(&answer.head, (size_t)length)) return -EBADMSG;
    if (answer.head.nlmsg_type == NLMSG_ERROR) {
        int error = ((struct nlmsgerr *)NLMSG_DATA(&answer.head))->error;
        return error < 0 ? error : -EBADMSG;
    }
    read_xdp(&answer.head, program, how);
    return 0;
}

// ---- Memory that is shared with the kernel.

int linux_ring_map(int map, uint64_t size, linux_ring *ring) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *consumer = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
    if (consumer == MAP_FAILED) return -errno;
    uint8_t *producer = mmap(NULL, page + 2 * size, PROT_READ, MAP_SHARED, map, (off_t)page);
    if (producer == MAP_FAILED) {
        int error = errno;
        munmap(consumer, page);
        return -error;
    }
    *ring = (linux_ring){consumer, (const uint64_t *)producer, producer + page, size};
    return 0;
}

void linux_ring_unmap(linux_ring *ring) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    munmap(ring->consumer, page);
    munmap((void *)ring->producer, page + 2 * ring->size);
}

void *linux_array_map(int map, size_t bytes) {
    void *start = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
    return start == MAP_FAILED ? NULL : start;
}

uint64_t linux_coarse_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
