// What memory is asked for beside its contents.
#ifndef CLINUX_MEMORY_H
#define CLINUX_MEMORY_H

#include <stddef.h>

/// Asks for the cache line of an address without waiting for it; an address that is not mapped is passed over.
static inline void linux_prefetch(const void *_Nonnull address) { __builtin_prefetch(address, 1, 3); }

/// Asks for huge pages, where the system gives them: large tables that are read here and there need fewer translations of
/// addresses then. Refused, all goes on as before.
void linux_advise_huge(void *_Nonnull start, size_t bytes);

#endif
