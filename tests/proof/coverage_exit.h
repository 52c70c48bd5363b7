/*
 * coverage_exit.h - read before every file of a build for gcov: _exit(2)
 * writes down what was counted, whoever reads it afterwards.
 *
 * No header is read here, so that a file can still say what it wants of them.
 */
#ifndef PROOF_COVERAGE_EXIT_H
#define PROOF_COVERAGE_EXIT_H

extern void __gcov_dump(void);
extern void _Exit(int) __attribute__((__noreturn__));
void coverage_exit(int code) __attribute__((__noreturn__, __weak__));

/* One for the program, whichever file's. */
void
coverage_exit(int code)
{
	__gcov_dump();
	_Exit(code);
}

#define _exit(code) coverage_exit(code)

#endif
