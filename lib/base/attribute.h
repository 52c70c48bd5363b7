/*
 * attribute.h - the three attributes the compiler is told about, and COUNT.
 */
#ifndef BASE_ATTRIBUTE_H
#define BASE_ATTRIBUTE_H

#if defined(__GNUC__)
#define PRINTF(format, first) __attribute__((__format__(printf, format, first)))
#define MUST_CHECK __attribute__((__warn_unused_result__))
#define NORETURN __attribute__((__noreturn__))
#else
#define PRINTF(format, first)
#define MUST_CHECK
#define NORETURN
#endif

/* The number of elements of an array; never for a pointer. */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
