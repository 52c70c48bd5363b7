/*
 * fuzz_mbox.c - a delivery into an mbox that holds anything: what stands there
 * stays, is closed off where a crash left half a mail, and the new one begins
 * where every reader sees it; taken back, the file is as it was.
 */
#include "fuzz/fuzz.h"
#include "store/store.h"

#include <sys/stat.h>
#include <unistd.h>

static void
begin(struct fuzz *fuzz, struct store_options *options, struct mailbox *mailbox,
    struct delivery *delivery, struct str sender)
{
	static const char *const words[] = { "fcntl" };
	struct folder inbox;
	struct status why;
	struct store_owner owner = { .name = str_from("bob"), .home = "/none" };
	char here[1024];

	memset(options, 0, sizeof(*options));
	for (size_t i = 0; i < store_settings.count; i++)
		REQUIRE(setting_default(&store_settings.rows[i],
			    str_from(store_settings.rows[i].fallback), options,
			    fuzz->arena, &why) == 0);
	REQUIRE(getcwd(here, sizeof(here)) != NULL);
	options->mail_location = arena_print(
	    fuzz->arena, "mbox:%s/mail:INBOX=%s/mail/inbox", here, here);
	options->mail_fsync = STORE_FSYNC_NEVER;
	options->mbox_write_locks =
	    setting_split(str_from(words[0]), fuzz->arena);
	REQUIRE(
	    mailbox_resolve(options, &owner, fuzz->arena, mailbox, &why) == 0);
	REQUIRE(
	    folder_parse(str_from("INBOX"), fuzz->arena, &inbox, &why) == 0);
	delivery_init(delivery, mailbox, options, &inbox, fuzz->arena);
	delivery->sender = sender;
}

static void
check_file(struct str old, struct str sender)
{
	struct str now = fuzz_read("mail/inbox"), added;

	REQUIRE(now.length > old.length);
	REQUIRE(fuzz_same(str_head(now, old.length), old));
	added = str_after(now, old.length);
	if (old.length == 0 || str_ends(old, "\n\n"))
		REQUIRE(str_begins(added, "From "));
	else if (str_ends(old, "\n"))
		REQUIRE(str_begins(added, "\nFrom "));
	else
		REQUIRE(str_begins(added, "\n\nFrom "));
	REQUIRE(str_ends(now, "\n\n"));
	if (sender.length == 0)
		REQUIRE(strstr(fuzz_string(added), "MAILER-DAEMON") != NULL);
}

static void
one(struct fuzz *fuzz)
{
	struct str sender = fuzz_line(fuzz);
	struct str old = fuzz_copy(cursor_until(&fuzz->in, '\0'));
	struct str text = fuzz_rest(fuzz);
	struct store_options options;
	struct mailbox mailbox;
	struct delivery delivery;
	struct message message;
	struct status why;

	fuzz_enter_directory();
	(void)mkdir("mail", 0700);
	fuzz_write("mail/inbox", old);
	message_init(&message);
	message.memory = text;
	message.size_octets = text.length;
	begin(fuzz, &options, &mailbox, &delivery, sender);
	REQUIRE(mailbox.store->open(&delivery, &why) == 0);
	REQUIRE(mailbox.store->stage(&delivery, &message, &why) == 0);
	mailbox.store->abort(&delivery, &why);
	REQUIRE(fuzz_same(fuzz_read("mail/inbox"), old));
	begin(fuzz, &options, &mailbox, &delivery, sender);
	REQUIRE(mailbox.store->open(&delivery, &why) == 0);
	REQUIRE(mailbox.store->stage(&delivery, &message, &why) == 0);
	REQUIRE(mailbox.store->commit(&delivery, &why) == 0);
	mailbox.store->finish(&delivery);
	check_file(old, sender);
}

int
LLVMFuzzerTestOneInput(const uint8_t *octets, size_t length)
{
	return fuzz_run(octets, length, one);
}
