/*
 * plan.h - what a sweep asks of the seam, and what the seam tells it.
 *
 * One file, mapped by the sweep and by every process of the program under
 * test, so that forked children count too and that a killed one has still
 * told what it did.  The sweep writes rules before it starts the program;
 * the program (inject.c) writes the ledger.
 */
#ifndef FAULT_PLAN_H
#define FAULT_PLAN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* The environment variable that names the file; without it the seam is a
 * plain pass-through. */
#define FAULT_PLAN_VARIABLE "LDA_FAULT_PLAN"

/* Room of a ledger: a trickled delivery makes some thousand calls. */
#define LEDGER_RECORDS 8192
#define LEDGER_PATH 232

/* What is written in one delivery, at most: for the model of a crash. */
#define KEPT_OCTETS ((size_t)2 * 1024 * 1024)

/* One for each function of base/kernel.h; calls.c has their names. */
enum fault_call {
	CALL_NONE,
	CALL_OPENAT,
	CALL_READ,
	CALL_WRITE,
	CALL_FSYNC,
	CALL_CLOSE,
	CALL_FTRUNCATE,
	CALL_RESERVE,
	CALL_FSTAT,
	CALL_FSTATAT,
	CALL_FACCESSAT,
	CALL_FCHMOD,
	CALL_FCHOWN,
	CALL_FUTIMENS,
	CALL_LOCK_FCNTL,
	CALL_LOCK_FLOCK,
	CALL_IS_LOCAL,
	CALL_MKDIRAT,
	CALL_UNLINKAT,
	CALL_LINKAT,
	CALL_RENAMEAT,
	CALL_RENAMEAT_NEW,
	CALL_READLINKAT,
	CALL_FDOPENDIR,
	CALL_READDIR,
	CALL_CLOSEDIR,
	CALL_PIPE,
	CALL_SOCKETPAIR,
	CALL_DUP2,
	CALL_FORK,
	CALL_EXECVE,
	CALL_WAITPID,
	CALL_KILL,
	CALL_SETGROUPS,
	CALL_SETGID,
	CALL_SETUID,
	CALL_GETGIDS,
	CALL_GETUIDS,
	CALL_SETEUID,
	CALL_GETPID,
	CALL_GETPPID,
	CALL_CLOSE_FROM,
	CALL_GETRLIMIT,
	CALL_SETRLIMIT,
	CALL_MAP,
	CALL_CLOCK,
	CALL_BOOT_TIME,
	CALL_PREAD,
	CALL_STREAM_UNIX,
	CALL_STREAM_INET,
	CALL_STREAM_ERROR,
	CALL_RANDOM,
	CALL_HOSTNAME,
	CALL_POLL,
	CALL_POLL_OPEN,
	CALL_DATAGRAM,
	CALL_SEND,
	CALL_SEND_TO,
	CALL_ISATTY,
	CALL_UNMAP,
	CALL_UNNAMED_FILE,
	CALL_LINK_OPEN,
	CALL_SEND_DESCRIPTORS,
	CALL_RECEIVE_DESCRIPTORS,
	CALL_LISTEN_UNIX,
	CALL_LISTEN_INET,
	CALL_ACCEPT,
	CALL_CLOSE_ON_EXEC,
	CALL_FCHMODAT,
	CALL_FCHOWNAT,
	CALL_MAP_SHARED,
	CALL_MAP_READ_ONLY,
	CALL_NO_NEW_PRIVILEGES,
	CALL_LANDLOCK_RULES,
	CALL_LANDLOCK_ALLOW,
	CALL_LANDLOCK_ENTER,
	CALL_FILTER_CALLS,
	CALL_COUNT
};

enum fault_action {
	ACT_NOT,
	ACT_FAIL,           /* the call fails with error, once */
	ACT_FAIL_ON,        /* it and every later call of its kind */
	ACT_FAIL_EVERY,     /* every call of the kind, from the start */
	ACT_DONE_FAIL,      /* done, and yet it fails: a lost answer (NFS) */
	ACT_HALF,           /* read or write: half of what was asked */
	ACT_ONE,            /* read or write: one octet */
	ACT_TRICKLE,        /* every read and write: at most seven octets */
	ACT_INTERRUPT_EACH, /* interrupts each call once */
	ACT_KILL,           /* SIGKILL before the call */
	ACT_TEAR,           /* half of a write is made, then SIGKILL */
	ACT_TERM,           /* SIGTERM before the call, which is then made */
	ACT_HUP,            /* the same with SIGHUP */
	ACT_INT,            /* and with SIGINT */
	ACT_CRASH,          /* the same with SIGSEGV: a bug of ours */
	ACT_STOP,           /* SIGSTOP before the call, made after SIGCONT */
	ACT_HANG,           /* sleeps until a signal, then EINTR */
	ACT_HANG_TERM,      /* the same; the sweep sends the signal */
	ACT_LATE_HANG,      /* SIGTERM comes just before it begins to sleep */
	ACT_PRETEND,        /* not done, and yet it says 0 */
	ACT_SAVE,           /* setting ids for good: the saved one stays */
	ACT_ORPHAN          /* from here on getppid(2) names another parent */
};

/* Where and what.  A process counts its own calls from 1, so that an ordinal
 * names the same call in every run, whatever its children do meanwhile. */
struct fault_rule {
	enum fault_action action;
	enum fault_call call; /* all of them (ACT_FAIL_EVERY) */
	unsigned process;     /* 0 is the program, then its forks in order */
	unsigned ordinal;
	int error;
};

struct fault_record {
	enum fault_call call;
	unsigned process;
	unsigned ordinal;
	int pid;
	int fd;        /* the descriptor asked about, or the result of openat */
	int flags;     /* of openat, also while the descriptor lives */
	bool done;     /* false: it never came back (killed, execve) */
	bool injected; /* a rule changed its result */
	bool happened; /* the system did it, whatever result says */
	int error;     /* errno when result says failure */
	intmax_t result;
	/* Only with keeps_octets: the inode behind fd, where write put its
	 * octets (-1: no file; of ftruncate the length), and where they are
	 * kept. */
	uint64_t inode;
	off_t offset;
	size_t kept;
	char path[LEDGER_PATH];  /* name, or what fd was opened as */
	char other[LEDGER_PATH]; /* the new name of link and rename */
};

/* The weather is that of a scenario: a file system without renameat2(2), say.
 * The second rule acts while the first fault is handled. */
struct fault_plan {
	struct fault_rule rule;
	struct fault_rule second;
	struct fault_rule weather;
	/* The kinds of calls that ACT_INTERRUPT_EACH hits. */
	bool interrupts[CALL_COUNT];
	bool no_sync;  /* fsync(2) is only noted: nobody pulls the plug */
	bool no_sleep; /* waiting only moves the clocks, of all processes */
	atomic_llong slept_ms; /* so far */
	bool fixed_random; /* kernel_random answers nothing but this octet */
	unsigned char random_octet;
	int64_t ahead_seconds; /* how far the program's calendar is ahead */
	unsigned call_limit;   /* a process that calls more often is killed */
	bool ran_away;         /* and this says that it happened */
	bool keeps_octets;     /* what is written is kept behind the ledger */
	atomic_size_t octets_used;
	atomic_uint processes; /* how many there were */
	atomic_uint records;   /* may exceed LEDGER_RECORDS: the rest is lost */
	struct fault_record ledger[LEDGER_RECORDS];
	char octets[KEPT_OCTETS];
};

#endif
