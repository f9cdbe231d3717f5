#define _GNU_SOURCE
#include "Memory.h"

#include <stdint.h>
#include <sys/mman.h>

enum { huge_page = 2 << 20 };

void *linux_table_memory(size_t bytes) {
    size_t spare = bytes >= huge_page ? huge_page : 0;
    if (bytes == 0 || bytes > SIZE_MAX - spare) return NULL;
    char *start = mmap(NULL, bytes + spare, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == MAP_FAILED) return NULL;
    if (spare == 0) return start;
    // What lies before the first huge page and behind the last is given back.
    size_t before = -(uintptr_t)start & (huge_page - 1);
    if (before > 0) (void)munmap(start, before);
    if (before < spare) (void)munmap(start + before + bytes, spare - before);
    (void)madvise(start + before, bytes, MADV_HUGEPAGE);
    return start + before;
}

void linux_table_free(void *start, size_t bytes) { (void)munmap(start, bytes); }
