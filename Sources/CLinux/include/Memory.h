// What memory is asked for beside its contents.
#ifndef CLINUX_MEMORY_H
#define CLINUX_MEMORY_H

#include <stddef.h>
#include <stdint.h>

/// Asks for the cache line of an address without waiting for it; an address that is not mapped is passed over.
static inline void linux_prefetch(const void *_Nonnull address) { __builtin_prefetch(address, 1, 3); }

/// Memory of zeros for a large table; a page takes none before it is written to. From the size of a huge page (2 MiB) on,
/// such pages are asked for, and it begins at one: large tables that are read here and there need fewer translations of
/// addresses then; refused, all goes on. NULL where there is none.
void *_Nullable linux_table_memory(size_t bytes);

/// Gives it back.
void linux_table_free(void *_Nonnull start, size_t bytes);

/// The first of eight tags that is this one; 8: none. All are compared at once.
static inline int linux_place_of(const uint32_t tags[_Nonnull 8], uint32_t tag) {
    typedef uint32_t words __attribute__((vector_size(32), aligned(4)));
    typedef int8_t bytes __attribute__((vector_size(8)));
    words all = *(const words *)tags;
    bytes equal = __builtin_convertvector(all == tag, bytes);
    uint64_t bits;
    __builtin_memcpy(&bits, &equal, sizeof bits);
    return bits ? __builtin_ctzll(bits) / 8 : 8;
}

#endif
