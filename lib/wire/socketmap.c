/*
 * socketmap.c - the table look-up protocol of Postfix and Sendmail.
 *
 * Source: postfix socketmap_table(5).
 */
#include "wire/socketmap.h"

#include "base/attribute.h"
#include "base/cursor.h"

static const struct {
	const char *word;
	enum socketmap_answer answer;
} words[] = {
	{ "OK", SOCKETMAP_OK },
	{ "NOTFOUND", SOCKETMAP_NOT_FOUND },
	{ "TEMP", SOCKETMAP_TROUBLE },
	{ "TIMEOUT", SOCKETMAP_TROUBLE },
	{ "PERM", SOCKETMAP_TROUBLE },
};

void
socketmap_ask(struct buf *out, struct str name, struct str key)
{
	buf_print(out, "%zu:", name.length + 1 + key.length);
	buf_add(out, name);
	buf_add_octet(out, ' ');
	buf_add(out, key);
	buf_add_octet(out, ',');
}

bool
socketmap_read(
    struct str reply, enum socketmap_answer *answer, struct str *data)
{
	struct cursor in = cursor_over(reply);
	struct str word = cursor_until(&in, ' ');

	*data = in.rest;
	for (size_t i = 0; i < COUNT(words); i++) {
		if (str_is(word, words[i].word)) {
			*answer = words[i].answer;
			return true;
		}
	}
	return false;
}
