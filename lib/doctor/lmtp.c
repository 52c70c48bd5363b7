/*
 * lmtp.c - lmtp(8), as the client of lda-lmtp.
 *
 * Source: postfix lmtp(8), postconf(5).
 */
#include "base/sys.h"
#include "doctor/examine.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

static bool
is_own_service(const struct wiring *wiring, struct str path)
{
	size_t slash = str_last(path, '/');

	for (size_t i = 0; i < wiring->count; i++)
		if (wiring->ways[i].kind == WAY_SERVER && slash != STR_NONE &&
		    str_equal(wiring->ways[i].service.name,
			str_after(path, slash + 1)))
			return true;
	return false;
}

/* Why a path is no socket; NULL where it is one, or nobody may tell. */
static const char *
why_no_socket(const char *path)
{
	struct stat facts;

	if (sys_fstatat(AT_FDCWD, path, &facts, 0) < 0)
		return errno == ENOENT || errno == ENOTDIR ? strerror(errno) :
							     NULL;
	return S_ISSOCK(facts.st_mode) ? NULL : "it is no socket";
}

static void
examine_socket(const struct examination *at, const struct way *way)
{
	struct str path = str_after(way->next_hop, strlen("unix:"));
	const char *whole, *why;

	/* master(8) listens for its own services while it runs. */
	if (!str_begins(way->next_hop, "unix:") ||
	    is_own_service(at->wiring, path))
		return;
	whole = str_begins(path, "/") ?
	    examine_text(at, path) :
	    arena_path(at->arena,
		examine_text(
		    at, postconf_setting(at->postconf, "queue_directory")),
		examine_text(at, path));
	why = why_no_socket(whole);
	if (why != NULL)
		finding_add(at->findings, FINDING_NO_SERVER,
		    "a service in master.cf, or lda-lmtp -l there: "
		    "lda-lmtp(8)",
		    "%s wants a server at %s: %s",
		    examine_text(at, way->setting), whole, why);
}

void
examine_lmtp(const struct examination *at, const struct way *way)
{
	const struct postconf_service *service = &way->service;
	struct str length =
	    postconf_value_of(at->postconf, service, "lmtp_line_length_limit");

	examine_time(at, "lmtp_data_done_timeout",
	    postconf_value_of(at->postconf, service, "lmtp_data_done_timeout"),
	    FINDING_ANSWER_TIME);
	if (!str_is(length, "0"))
		finding_add(at->findings, FINDING_LINE_LENGTH,
		    "lmtp_line_length_limit = 0",
		    "lmtp_line_length_limit is %s", examine_text(at, length));
	if (str_begins(way->next_hop, "unix:/") &&
	    examine_is_chrooted(at, service))
		finding_add(at->findings, FINDING_SOCKET_HIDDEN,
		    examine_columns_of(
			at, service, examine_text(at, service->process_limit)),
		    "%s wants %s, and the service %s is chrooted",
		    examine_text(at, way->setting),
		    examine_text(at, way->next_hop),
		    examine_text(at, service->name));
	examine_socket(at, way);
}
