/*
 * dovecot_login.c - the question whether a password is right.
 *
 * Source: Dovecot "Authentication Protocol", version 1: the client's side.
 * "secured" says that the password did not cross a network in clear that is
 * not trusted; who may speak to us is decided before it is asked for.
 */
#include "wire/dovecot_login.h"

#include "base/attribute.h"
#include "base/cursor.h"
#include "wire/base64.h"

#include <inttypes.h>

/* There is one question on a connection, so any id will do. */
#define ID "1"

/* PLAIN's response: NUL user NUL password (RFC 4616). */
#define RESPONSE_OCTETS 1024

bool
dovecot_login_ask(
    struct buf *out, int64_t pid, struct str user, struct str password)
{
	char room[RESPONSE_OCTETS];
	struct buf response;

	buf_init(&response, room, sizeof(room));
	buf_add_octet(&response, '\0');
	buf_add(&response, user);
	buf_add_octet(&response, '\0');
	buf_add(&response, password);
	buf_print(out, "VERSION\t1\t1\nCPID\t%" PRId64 "\n", pid);
	buf_add_string(
	    out, "AUTH\t" ID "\tPLAIN\tservice=lmtp\tsecured\tresp=");
	base64_add(out, buf_str(&response));
	buf_add_octet(out, '\n');
	return !response.overflow && !out->overflow;
}

/* Whether one of the tab-separated fields is word. */
static bool
has_field(struct cursor fields, const char *word)
{
	while (!cursor_at_end(&fields))
		if (str_is(cursor_until(&fields, '\t'), word))
			return true;
	return false;
}

static enum dovecot_login_answer
read_line(struct str line)
{
	static const char *const greeting[] = { "MECH", "SPID", "CUID",
		"COOKIE", "DONE" };
	struct cursor in = cursor_over(line);
	struct str word = cursor_until(&in, '\t');

	if (str_is(word, "VERSION"))
		return str_is(cursor_until(&in, '\t'), "1") ?
		    DOVECOT_LOGIN_UNFINISHED :
		    DOVECOT_LOGIN_BROKEN;
	for (size_t i = 0; i < COUNT(greeting); i++)
		if (str_is(word, greeting[i]))
			return DOVECOT_LOGIN_UNFINISHED;
	if (!str_is(cursor_until(&in, '\t'), ID))
		return DOVECOT_LOGIN_BROKEN;
	if (str_is(word, "OK"))
		return DOVECOT_LOGIN_RIGHT;
	if (str_is(word, "FAIL")) /* 2.3: temp; 2.4: code=temp_fail */
		return has_field(in, "temp") ||
			has_field(in, "code=temp_fail") ?
		    DOVECOT_LOGIN_TROUBLE :
		    DOVECOT_LOGIN_WRONG;
	return DOVECOT_LOGIN_BROKEN;
}

enum dovecot_login_answer
dovecot_login_read(struct str said)
{
	struct cursor in = cursor_over(said);

	while (str_index(in.rest, '\n') != STR_NONE) {
		enum dovecot_login_answer answer =
		    read_line(cursor_until(&in, '\n'));

		if (answer != DOVECOT_LOGIN_UNFINISHED)
			return answer;
	}
	return DOVECOT_LOGIN_UNFINISHED;
}
