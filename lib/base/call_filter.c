/*
 * call_filter.c - the system calls that a process keeps.
 *
 * Source: seccomp(2), linux/filter.h (classic BPF), linux/audit.h.
 */
#include "base/call_filter.h"

#include "base/attribute.h"

#include <errno.h>
#include <stdbool.h>

#if defined(__linux__) && !defined(PORTABLE) && !defined(INSTRUMENTED) &&      \
    defined(__LP64__)
#include <sys/syscall.h>
#if defined(__x86_64__)
#define MACHINE 0xc000003eU
#elif defined(__aarch64__)
#define MACHINE 0xc00000b7U
#elif defined(__riscv)
#define MACHINE 0xc00000f3U
#endif
#endif

/* Elsewhere the calls have other names, or the halves of an argument another
 * order: then there is no filter. */
#ifndef MACHINE
size_t
call_filter_make(struct call_filter_step *steps, unsigned keeps, pid_t self)
{
	(void)steps;
	(void)keeps;
	(void)self;
	return 0;
}
#else

/* BPF_LD|W|ABS, BPF_JMP|JEQ|K, JGE, JSET, BPF_RET|K. */
enum {
	LOAD = 0x20,
	IF_EQUAL = 0x15,
	IF_NOT_BELOW = 0x35,
	IF_BITS = 0x45,
	ANSWER = 0x06
};

/* struct seccomp_data. */
#define AT_NUMBER 0
#define AT_MACHINE 4
#define AT_ARGUMENT(n) (16 + 8 * (uint32_t)(n))

#define ALLOW 0x7fff0000U
#define FAIL_WITH(error) (0x00050000U | (uint32_t)(error))

#define UNIX_FAMILY 1 /* AF_UNIX */
#define MAY_EXECUTE 4 /* PROT_EXEC */

/* Beyond the numbers of all calls, and the most runs of them that are kept or
 * not kept in a row. */
#define NUMBERS 1024
#define BORDERS_MOST 128

/* What the seam needs, what libc needs for it, and the older calls that some
 * libc makes in their place. */
static const uint16_t kept[] = {
	SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64, SYS_lseek,
	SYS_fsync, SYS_close, SYS_ftruncate, SYS_fallocate, SYS_fstat,
	SYS_statx, SYS_fstatfs, SYS_openat, SYS_faccessat, SYS_fchmod,
	SYS_fchmodat, SYS_fchown, SYS_fchownat, SYS_utimensat, SYS_fcntl,
	SYS_flock, SYS_mkdirat, SYS_unlinkat, SYS_linkat, SYS_renameat2,
	SYS_readlinkat, SYS_getdents64, SYS_munmap, SYS_mremap, SYS_madvise,
	SYS_brk, SYS_clock_gettime, SYS_gettimeofday, SYS_getrandom, SYS_uname,
	SYS_ppoll, SYS_restart_syscall, SYS_futex, SYS_set_robust_list,
	SYS_set_tid_address, SYS_sched_yield, SYS_socketpair, SYS_connect,
	SYS_sendto, SYS_sendmsg, SYS_recvmsg, SYS_recvfrom, SYS_getsockopt,
	SYS_setsockopt, SYS_getpeername, SYS_getsockname, SYS_shutdown,
	SYS_pipe2, SYS_dup, SYS_dup3, SYS_rt_sigaction, SYS_rt_sigprocmask,
	SYS_rt_sigreturn, SYS_sigaltstack, SYS_setitimer, SYS_timer_create,
	SYS_timer_settime, SYS_nanosleep, SYS_clock_nanosleep, SYS_getpid,
	SYS_getppid, SYS_gettid, SYS_getsid, SYS_getuid, SYS_geteuid,
	SYS_getgid, SYS_getegid, SYS_getresuid, SYS_getresgid, SYS_wait4,
	SYS_prlimit64, SYS_umask, SYS_exit, SYS_exit_group,
#ifdef SYS_newfstatat
	SYS_newfstatat,
#else
	SYS_fstatat,
#endif
#ifdef SYS_renameat
	SYS_renameat,
#endif
#ifdef SYS_close_range
	SYS_close_range,
#endif
#ifdef SYS_faccessat2
	SYS_faccessat2,
#endif
#ifdef SYS_fchmodat2
	SYS_fchmodat2,
#endif
#ifdef __x86_64__
	SYS_open, SYS_stat, SYS_lstat, SYS_access, SYS_poll, SYS_pipe, SYS_dup2,
	SYS_alarm, SYS_mkdir, SYS_unlink, SYS_rename, SYS_readlink,
	SYS_getrlimit, SYS_time
#endif
};

static const uint16_t kept_for_children[] = { SYS_clone, SYS_kill,
#ifdef SYS_clone3
	SYS_clone3,
#endif
#ifdef __x86_64__
	SYS_fork
#endif
};

struct program {
	struct call_filter_step *steps;
	size_t count;
	bool overflow; /* then there is no filter: that is no reason to fail */
};

static void
add(struct program *into, uint16_t code, uint8_t if_true, uint8_t if_false,
    uint32_t value)
{
	struct call_filter_step *step = &into->steps[into->count];

	if (into->count == CALL_FILTER_STEPS) {
		into->overflow = true;
		return;
	}
	into->count++;
	step->code = code;
	step->if_true = if_true;
	step->if_false = if_false;
	step->value = value;
}

/* A call that is kept where (argument test value) is right. */
static void
add_condition(struct program *into, uint32_t call, unsigned argument,
    uint16_t test, uint32_t value, bool right, int error)
{
	add(into, IF_EQUAL, 0, 4, call);
	add(into, LOAD, 0, 0, AT_ARGUMENT(argument));
	add(into, test, right ? 1 : 0, right ? 0 : 1, value);
	add(into, ANSWER, 0, 0, FAIL_WITH(error));
	add(into, ANSWER, 0, 0, ALLOW);
}

/* Where runs of numbers that are kept and that are not meet: below the first
 * none is, up to the second all are, and so on. */
struct borders {
	bool kept[NUMBERS];
	uint16_t at[BORDERS_MOST];
	size_t count; /* BORDERS_MOST: too many */
};

static void
keep(struct borders *borders, const uint16_t *calls, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (calls[i] < NUMBERS - 1)
			borders->kept[calls[i]] = true;
}

static void
find_borders(struct borders *borders)
{
	bool before = false;

	for (uint16_t i = 0; i < NUMBERS; i++) {
		if (borders->kept[i] == before ||
		    borders->count == BORDERS_MOST)
			continue;
		before = !before;
		borders->at[borders->count++] = i;
	}
}

/*
 * A search by halves among the runs first to last.  When a filter is put in
 * force the kernel tries it with each number that there is, so that a long
 * list, one number after the other, costs more than all that lda does else.
 */
static void
add_search(struct program *into, const struct borders *borders, size_t first,
    size_t last)
{
	size_t middle = (first + last + 1) / 2, jump = into->count;

	if (first == last) {
		add(into, ANSWER, 0, 0,
		    first % 2 == 1 ? ALLOW : FAIL_WITH(ENOSYS));
		return;
	}
	add(into, IF_NOT_BELOW, 0, 0, borders->at[middle - 1]);
	add_search(into, borders, first, middle - 1);
	if (into->overflow)
		return;
	if (into->count - jump - 1 > UINT8_MAX)
		into->overflow = true;
	into->steps[jump].if_true = (uint8_t)(into->count - jump - 1);
	add_search(into, borders, middle, last);
}

size_t
call_filter_make(struct call_filter_step *steps, unsigned keeps, pid_t self)
{
	struct program made = { .steps = steps };
	struct borders borders = { .count = 0 };

	/* A process of one kind may make the calls of another. */
	add(&made, LOAD, 0, 0, AT_MACHINE);
	add(&made, IF_EQUAL, 1, 0, MACHINE);
	add(&made, ANSWER, 0, 0, FAIL_WITH(ENOSYS));
	add(&made, LOAD, 0, 0, AT_NUMBER);
	keep(&borders, kept, COUNT(kept));
	if ((keeps & CALL_FILTER_CHILDREN) != 0)
		keep(&borders, kept_for_children, COUNT(kept_for_children));
	else /* whether the holder of a dotlock lives */
		add_condition(&made, SYS_kill, 1, IF_EQUAL, 0, true, EPERM);
	if ((keeps & CALL_FILTER_NETWORK) != 0)
		keep(&borders, (const uint16_t[]){ SYS_socket }, 1);
	else
		add_condition(
		    &made, SYS_socket, 0, IF_EQUAL, UNIX_FAMILY, true, EACCES);
	/* No octet of a message ever becomes code. */
	add_condition(&made, SYS_mmap, 2, IF_BITS, MAY_EXECUTE, false, EPERM);
	add_condition(
	    &made, SYS_mprotect, 2, IF_BITS, MAY_EXECUTE, false, EPERM);
	/* abort(3) signals nobody but this process. */
	add_condition(
	    &made, SYS_tgkill, 0, IF_EQUAL, (uint32_t)self, true, EPERM);
	add_condition(
	    &made, SYS_tkill, 0, IF_EQUAL, (uint32_t)self, true, EPERM);
	find_borders(&borders);
	add_search(&made, &borders, 0, borders.count);
	return made.overflow || borders.count == BORDERS_MOST ? 0 : made.count;
}
#endif
