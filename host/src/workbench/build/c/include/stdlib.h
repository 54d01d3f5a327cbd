/* The few functions of <stdlib.h> that a plugin has. A run lasts milliseconds, so free() gives nothing back. */
#pragma once
#include <stddef.h>

void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *block, size_t size);
void free(void *block);
_Noreturn void abort(void);
