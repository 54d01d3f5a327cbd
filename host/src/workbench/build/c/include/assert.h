/* What does not hold ends the run. Where the world imports attune:host/log, the record of why says which line it was. */
#undef assert
#ifdef NDEBUG
#define assert(holds) ((void)0)
#else
_Noreturn void attune_assert_failed(const char *what, const char *file, int line);
#define assert(holds) ((holds) ? (void)0 : attune_assert_failed(#holds, __FILE__, __LINE__))
#endif
