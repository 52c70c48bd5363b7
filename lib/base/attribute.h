/*
 * attribute.h - the four attributes the compiler is told about, and COUNT.
 *
 * RARELY stands before what a usual delivery does not call.  The compiler puts
 * it, and whatever is done only on the way to it, apart from the rest, so that
 * what each delivery runs is close together: fewer pages to map, fewer lines to
 * fetch into the cache.
 */
#ifndef BASE_ATTRIBUTE_H
#define BASE_ATTRIBUTE_H

#if defined(__GNUC__)
#define PRINTF(format, first) __attribute__((__format__(printf, format, first)))
#define MUST_CHECK __attribute__((__warn_unused_result__))
#define NORETURN __attribute__((__noreturn__))
#define RARELY __attribute__((__cold__))
#else
#define PRINTF(format, first)
#define MUST_CHECK
#define NORETURN
#define RARELY
#endif

/* The number of elements of an array; never for a pointer. */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
