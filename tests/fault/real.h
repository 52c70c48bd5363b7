/*
 * real.h - the calls of base/kernel.h as lib/base/kernel*.c answer them.
 *
 * The Makefile links them a second time with each kernel_X renamed to
 * real_X.  __typeof__ keeps the two from drifting apart.
 */
#ifndef FAULT_REAL_H
#define FAULT_REAL_H

#include "base/kernel.h"

extern __typeof__(kernel_openat) real_openat;
extern __typeof__(kernel_read) real_read;
extern __typeof__(kernel_write) real_write;
extern __typeof__(kernel_fsync) real_fsync;
extern __typeof__(kernel_close) real_close;
extern __typeof__(kernel_ftruncate) real_ftruncate;
extern __typeof__(kernel_reserve) real_reserve;
extern __typeof__(kernel_fstat) real_fstat;
extern __typeof__(kernel_fstatat) real_fstatat;
extern __typeof__(kernel_faccessat) real_faccessat;
extern __typeof__(kernel_fchmod) real_fchmod;
extern __typeof__(kernel_fchown) real_fchown;
extern __typeof__(kernel_futimens) real_futimens;
extern __typeof__(kernel_lock_fcntl) real_lock_fcntl;
extern __typeof__(kernel_lock_flock) real_lock_flock;
extern __typeof__(kernel_is_local) real_is_local;
extern __typeof__(kernel_mkdirat) real_mkdirat;
extern __typeof__(kernel_unlinkat) real_unlinkat;
extern __typeof__(kernel_linkat) real_linkat;
extern __typeof__(kernel_renameat) real_renameat;
extern __typeof__(kernel_renameat_new) real_renameat_new;
extern __typeof__(kernel_readlinkat) real_readlinkat;
extern __typeof__(kernel_fdopendir) real_fdopendir;
extern __typeof__(kernel_readdir) real_readdir;
extern __typeof__(kernel_closedir) real_closedir;
extern __typeof__(kernel_pipe) real_pipe;
extern __typeof__(kernel_socketpair) real_socketpair;
extern __typeof__(kernel_dup2) real_dup2;
extern __typeof__(kernel_fork) real_fork;
extern __typeof__(kernel_execve) real_execve;
extern __typeof__(kernel_waitpid) real_waitpid;
extern __typeof__(kernel_kill) real_kill;
extern __typeof__(kernel_setgroups) real_setgroups;
extern __typeof__(kernel_setgid_for_good) real_setgid_for_good;
extern __typeof__(kernel_setuid_for_good) real_setuid_for_good;
extern __typeof__(kernel_getgids) real_getgids;
extern __typeof__(kernel_getuids) real_getuids;
extern __typeof__(kernel_seteuid) real_seteuid;
extern __typeof__(kernel_getpid) real_getpid;
extern __typeof__(kernel_getsid) real_getsid;
extern __typeof__(kernel_getppid) real_getppid;
extern __typeof__(kernel_close_from) real_close_from;
extern __typeof__(kernel_getrlimit) real_getrlimit;
extern __typeof__(kernel_setrlimit) real_setrlimit;
extern __typeof__(kernel_map) real_map;
extern __typeof__(kernel_clock) real_clock;
extern __typeof__(kernel_boot_time) real_boot_time;
extern __typeof__(kernel_pread) real_pread;
extern __typeof__(kernel_stream_unix) real_stream_unix;
extern __typeof__(kernel_stream_inet) real_stream_inet;
extern __typeof__(kernel_stream_error) real_stream_error;
extern __typeof__(kernel_random) real_random;
extern __typeof__(kernel_hostname) real_hostname;
extern __typeof__(kernel_poll) real_poll;
extern __typeof__(kernel_poll_open) real_poll_open;
extern __typeof__(kernel_datagram) real_datagram;
extern __typeof__(kernel_send) real_send;
extern __typeof__(kernel_send_to) real_send_to;
extern __typeof__(kernel_isatty) real_isatty;
extern __typeof__(kernel_unmap) real_unmap;
extern __typeof__(kernel_unnamed_file) real_unnamed_file;
extern __typeof__(kernel_link_open) real_link_open;
extern __typeof__(kernel_send_descriptors) real_send_descriptors;
extern __typeof__(kernel_receive_descriptors) real_receive_descriptors;
extern __typeof__(kernel_listen_unix) real_listen_unix;
extern __typeof__(kernel_listen_inet) real_listen_inet;
extern __typeof__(kernel_accept) real_accept;
extern __typeof__(kernel_is_listening) real_is_listening;
extern __typeof__(kernel_peer) real_peer;
extern __typeof__(kernel_close_on_exec) real_close_on_exec;
extern __typeof__(kernel_fchmodat) real_fchmodat;
extern __typeof__(kernel_fchownat) real_fchownat;
extern __typeof__(kernel_map_shared) real_map_shared;
extern __typeof__(kernel_map_read_only) real_map_read_only;
extern __typeof__(kernel_no_new_privileges) real_no_new_privileges;
extern __typeof__(kernel_landlock_rules) real_landlock_rules;
extern __typeof__(kernel_landlock_allow) real_landlock_allow;
extern __typeof__(kernel_landlock_enter) real_landlock_enter;
extern __typeof__(kernel_filter_calls) real_filter_calls;

#endif
