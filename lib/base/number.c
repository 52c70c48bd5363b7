/*
 * number.c - reading and adding numbers that may be hostile.
 */
#include "base/number.h"

bool
number_read(struct str text, uint64_t most, uint64_t *into)
{
	uint64_t value = 0;

	if (text.length == 0)
		return false;
	for (size_t i = 0; i < text.length; i++) {
		uint64_t digit;

		if (text.at[i] < '0' || text.at[i] > '9')
			return false;
		digit = (uint64_t)(text.at[i] - '0');
		if (value > (most - digit) / 10 || digit > most)
			return false;
		value = value * 10 + digit;
	}
	*into = value;
	return true;
}

bool
size_fits(uint64_t used, uint64_t more, uint64_t limit)
{
	return used <= limit && more <= limit - used;
}
