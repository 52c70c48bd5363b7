/*
 * buf.c - text put together in lent room.
 */
#include "base/buf.h"

#include "base/require.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
buf_init(struct buf *buf, char *room, size_t size)
{
	require(size > 0);
	buf->at = room;
	buf->at[0] = '\0';
	buf->length = 0;
	buf->size = size;
	buf->overflow = false;
}

void
buf_add(struct buf *buf, struct str text)
{
	size_t room = buf->size - buf->length - 1;

	if (text.length > room) {
		buf->overflow = true;
		text.length = room;
	}
	if (text.length > 0)
		memcpy(buf->at + buf->length, text.at, text.length);
	buf->length += text.length;
	buf->at[buf->length] = '\0';
}

void
buf_add_string(struct buf *buf, const char *text)
{
	buf_add(buf, str_from(text));
}

void
buf_add_octet(struct buf *buf, char c)
{
	buf_add(buf, str_of(&c, 1));
}

void
buf_add_number(struct buf *buf, uint64_t number)
{
	char digits[20]; /* of 2^64 */
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	buf_add(buf, str_of(digits + at, sizeof(digits) - at));
}

void
buf_print(struct buf *buf, const char *format, ...)
{
	size_t room = buf->size - buf->length;
	va_list arguments;
	int wanted;

	va_start(arguments, format);
	wanted = vsnprintf(buf->at + buf->length, room, format, arguments);
	va_end(arguments);
	if (wanted < 0 || (size_t)wanted >= room) {
		buf->overflow = true;
		buf->length = buf->size - 1;
		if (wanted < 0)
			buf->length = strlen(buf->at);
	} else
		buf->length += (size_t)wanted;
	buf->at[buf->length] = '\0';
}

struct str
buf_str(const struct buf *buf)
{
	return str_of(buf->at, buf->length);
}
