#define _GNU_SOURCE
#include "Memory.h"

#include <sys/mman.h>

void linux_advise_huge(void *start, size_t bytes) { (void)madvise(start, bytes, MADV_HUGEPAGE); }
