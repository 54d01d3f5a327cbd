/* The few functions of the C library that bindings and plugins need. `attune build` links this into every plugin in C.
   It needs no system below it: no WASI, no files, no clock. */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef ATTUNE_LOG
#include "plugin.h"
#endif

/* Set by the linker: behind it there is no static, up to the end of the memory. */
extern unsigned char __heap_base;

enum { PAGE_BYTES = 65536, ALIGNMENT = 16 };

/* Stands before each block, so that realloc() knows how much there is to copy. As long as the alignment. */
struct head {
  size_t size;
  size_t unused[3];
};

/* Where the next block may start; 0 before the first. Blocks follow one another: a run is short, and its memory is dropped
   as a whole. */
static uintptr_t next;

static bool reserve(uintptr_t end) {
  uintptr_t have = (uintptr_t)__builtin_wasm_memory_size(0) * PAGE_BYTES;
  if (end <= have) return true;
  return __builtin_wasm_memory_grow(0, (end - have + PAGE_BYTES - 1) / PAGE_BYTES) != (size_t)-1;
}

void *malloc(size_t size) {
  if (next == 0) next = ((uintptr_t)&__heap_base + ALIGNMENT - 1) & ~(uintptr_t)(ALIGNMENT - 1);
  if (size > SIZE_MAX - next - sizeof(struct head) - ALIGNMENT) return NULL;
  uintptr_t start = next + sizeof(struct head);
  uintptr_t end = (start + size + ALIGNMENT - 1) & ~(uintptr_t)(ALIGNMENT - 1);
  if (!reserve(end)) return NULL;
  ((struct head *)next)->size = size;
  next = end;
  return (void *)start;
}

void *calloc(size_t count, size_t size) {
  size_t whole;
  if (__builtin_mul_overflow(count, size, &whole)) return NULL;
  /* Fresh memory is zero, and no block is used twice. */
  return malloc(whole);
}

void *realloc(void *block, size_t size) {
  if (block == NULL) return malloc(size);
  struct head *head = (struct head *)block - 1;
  if (size <= head->size) return block;
  void *wider = malloc(size);
  if (wider != NULL) memcpy(wider, block, head->size);
  return wider;
}

void free(void *block) { (void)block; }

_Noreturn void abort(void) { __builtin_trap(); }

_Noreturn void attune_assert_failed(const char *what, const char *file, int line) {
#ifdef ATTUNE_LOG
  char digits[12];
  size_t at = sizeof digits;
  do {
    digits[--at] = (char)('0' + line % 10);
    line /= 10;
  } while (line > 0);
  size_t file_bytes = strlen(file), what_bytes = strlen(what), digits_bytes = sizeof digits - at;
  static const char said[] = ": this does not hold: ";
  char *text = malloc(file_bytes + 1 + digits_bytes + sizeof said + what_bytes);
  if (text != NULL) {
    char *end = text;
    memcpy(end, file, file_bytes), end += file_bytes;
    *end++ = ':';
    memcpy(end, digits + at, digits_bytes), end += digits_bytes;
    memcpy(end, said, sizeof said - 1), end += sizeof said - 1;
    memcpy(end, what, what_bytes), end += what_bytes;
    plugin_string_t line_of_log = {(uint8_t *)text, (size_t)(end - text)};
    attune_host_log_write(ATTUNE_HOST_LOG_LEVEL_ERROR, &line_of_log);
  }
#else
  (void)what, (void)file, (void)line;
#endif
  abort();
}

void *memcpy(void *restrict to, const void *restrict from, size_t count) {
  unsigned char *into = to;
  const unsigned char *out = from;
  while (count-- > 0) *into++ = *out++;
  return to;
}

void *memmove(void *to, const void *from, size_t count) {
  unsigned char *into = to;
  const unsigned char *out = from;
  if (into <= out) return memcpy(to, from, count);
  while (count-- > 0) into[count] = out[count];
  return to;
}

void *memset(void *to, int byte, size_t count) {
  unsigned char *into = to;
  while (count-- > 0) *into++ = (unsigned char)byte;
  return to;
}

int memcmp(const void *left, const void *right, size_t count) {
  const unsigned char *a = left, *b = right;
  for (; count > 0; count--, a++, b++)
    if (*a != *b) return *a - *b;
  return 0;
}

size_t strlen(const char *text) {
  size_t bytes = 0;
  while (text[bytes] != '\0') bytes++;
  return bytes;
}

int strcmp(const char *left, const char *right) { return strncmp(left, right, SIZE_MAX); }

int strncmp(const char *left, const char *right, size_t count) {
  for (; count > 0; count--, left++, right++)
    if (*left != *right || *left == '\0') return (unsigned char)*left - (unsigned char)*right;
  return 0;
}
