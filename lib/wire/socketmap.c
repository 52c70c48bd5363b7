/*
 * socketmap.c - the table look-up protocol of Postfix and Sendmail.
 *
 * Source: postfix socketmap_table(5).
 */
#include "wire/socketmap.h"

#include "base/attribute.h"
#include "base/cursor.h"
#include "wire/netstring.h"

/* Request text beyond this is refused by Postfix's own peers. */
#define REQUEST_OCTETS 2048

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
	char room[REQUEST_OCTETS];
	struct buf text;

	buf_init(&text, room, sizeof(room));
	buf_add(&text, name);
	buf_add_octet(&text, ' ');
	buf_add(&text, key);
	netstring_add(out, buf_str(&text));
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
