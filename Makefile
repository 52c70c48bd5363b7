# lda - builds, tests and installs; README names the two commands to start with.
#
#   make            build/lda (static PIE) and build/lda-getpw
#   make run        deliver a sample message into a scratch Maildir
#   make deps       install what the tests need (Debian, as root)
#   make check      units, behaviour, fault sweeps: seconds, no root, no server
#   make check-system   real Postfix and Dovecot, as root
#   make test       both
#   make proof      deep runs: file systems cut off, fuzzing, planted bugs; as
#                   root, much longer; PARTS="power fuzz" only these
#   make fuzz       every parser with clang's libFuzzer, SECONDS=60 each
#   make scoreboard the same trouble for lda and its peers, as one table; as
#                   root; DEEP=1 draws more, PARTS="cuts contract" only these
#   make bench      time and cost against the floor and the peers, as root;
#                   DEEP=1 longer, PARTS="sizes lmtp" only these
#   make lint       layers, seam, hardening, formatting, static checks
#   make install    DESTDIR and PREFIX as usual; make uninstall takes it away
#   make dist       build/lda-VERSION.tar.gz; make deb, make rpm: packages
#
# V=san builds the tests with ASan and UBSan, V=cov with gcov; PORTABLE=1
# leaves out the Linux-only calls; STATIC=no makes a dynamic lda.

PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
SBINDIR ?= $(PREFIX)/sbin
LIBEXECDIR ?= $(PREFIX)/libexec/lda
MANDIR ?= $(PREFIX)/share/man
DOCDIR ?= $(PREFIX)/share/doc/lda
UNITDIR ?= $(PREFIX)/lib/systemd/system
DESTDIR ?=
BUILD ?= build
STATIC ?= yes

# The product's compiler: CC if you set it, else musl-gcc where there is one,
# else cc.  The helper that loads NSS modules needs the system's own libc.
ifeq ($(origin CC),default)
CC := $(shell command -v musl-gcc >/dev/null 2>&1 && echo musl-gcc || echo cc)
endif
HOSTCC ?= cc

WARNINGS = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
    -Wmissing-prototypes -Wpointer-arith -Wcast-qual -Wwrite-strings \
    -Wformat=2 -Wundef -Wvla
# The last two: files beyond 2 GiB and times beyond 2038 where long has 32 bits.
STANDARD = -std=c11 -D_POSIX_C_SOURCE=200809L -D_FILE_OFFSET_BITS=64 -D_TIME_BITS=64
HARDENING = -fstack-protector-strong -fno-strict-overflow \
    -fno-delete-null-pointer-checks
ifneq ($(PORTABLE),)
STANDARD += -DPORTABLE
endif
CFLAGS ?= -O2 -g
RELRO = -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code

# What not every compiler and processor has: all at once is tried first, each
# alone where that fails.  -ftrivial-auto-var-init=zero is not among them: it
# fills large rooms that are hardly used, and cost two in a hundred.
TRIED = -fstack-clash-protection -fcf-protection=full
accepts = $(shell printf '\043include <string.h>\n' | \
    $(1) $(CFLAGS) $(2) -Werror -x c -S -o - - >/dev/null 2>&1 && echo '$(2)')
hardening_of = $(HARDENING) $(or $(call accepts,$(1),$(TRIED)), \
    $(foreach flag,$(TRIED),$(call accepts,$(1),$(flag))))
# Who packages may have set his own.
ifeq ($(findstring _FORTIFY_SOURCE,$(CFLAGS) $(CPPFLAGS)),)
fortify_of = -U_FORTIFY_SOURCE $(or $(call accepts,$(1),-D_FORTIFY_SOURCE=3), \
    $(call accepts,$(1),-D_FORTIFY_SOURCE=2))
endif
HARDENED := $(call hardening_of,$(CC)) $(call fortify_of,$(CC))

# lda starts once for each mail: what each delivery runs stands together, where
# the linker takes the list.  Tables for unwinding, which C does not need (a
# debugger has its own), would only lie between its constants.
# No gaps for the sake of loops: hardly one runs often enough to be worth a line
# of the cache.
APART := -ffunction-sections -fno-asynchronous-unwind-tables $(call \
    accepts,$(CC),-fno-align-functions -fno-align-jumps -fno-align-loops)
ORDER := $(shell out=$$(mktemp) && echo 'int main(void) { return 0; }' | \
    $(CC) $(CFLAGS) -x c -Wl,-T,lda/usual.ld -o "$$out" - $(LDFLAGS) \
    >/dev/null 2>&1 && \
    echo -Wl,-T,lda/usual.ld; rm -f "$$out")

# A static PIE by hand where the libc is musl: its gcc wrapper's -static-pie
# silently makes a dynamic program.  Elsewhere the compiler knows how.
MUSL_LIB := $(shell $(CC) -v 2>&1 | sed -n 's,^Reading specs from \(/.*/\)musl-gcc\.specs$$,\1,p')
ifeq ($(STATIC),no)
LINK = $(CC) $(CFLAGS) -pie $(RELRO) -o $@ $(filter %.o %.a,$^) $(LDFLAGS)
KIND = dynamic PIE
else ifneq ($(MUSL_LIB),)
LINK = $(CC) $(CFLAGS) -fPIE -static -nostartfiles \
    -Wl,-pie,--no-dynamic-linker,-z,text $(RELRO) -o $@ \
    $(MUSL_LIB)rcrt1.o $(MUSL_LIB)crti.o $(filter %.o %.a,$^) $(LDFLAGS) $(MUSL_LIB)crtn.o
KIND = static PIE with musl
else
LINK = $(CC) $(CFLAGS) -static-pie $(RELRO) -o $@ $(filter %.o %.a,$^) $(LDFLAGS)
KIND = static PIE
endif

LIB_SOURCES := $(sort $(wildcard lib/*/*.c))
LDA_SOURCES := lda/main.c lda/options.c lda/startup.c
SERVER_SOURCES := lda/server.c lda/startup.c
LIB_OBJECTS := $(patsubst %.c,$(BUILD)/obj/%.o,$(LIB_SOURCES))
LDA_OBJECTS := $(patsubst %.c,$(BUILD)/obj/%.o,$(LDA_SOURCES))
SERVER_OBJECTS := $(patsubst %.c,$(BUILD)/obj/%.o,$(SERVER_SOURCES))
# The programs that the seam goes round none of.
OBJECTS := $(sort $(LIB_OBJECTS) $(LDA_OBJECTS) $(SERVER_OBJECTS))
PLACES = -DSYSCONFDIR='"$(SYSCONFDIR)"' -DLIBEXECDIR='"$(LIBEXECDIR)"'
PRODUCT_FLAGS = $(STANDARD) $(WARNINGS) $(HARDENED) $(APART) -fPIE -Ilib -Ilda $(CFLAGS) \
    $(CPPFLAGS)

all: $(BUILD)/lda $(BUILD)/lda-getpw $(BUILD)/lda-relay $(BUILD)/lda-lmtp \
    $(BUILD)/lda-verify

$(BUILD)/obj/%.o: %.c $(BUILD)/places
	@mkdir -p $(@D); echo '  CC $<'; $(CC) $(PRODUCT_FLAGS) -MMD -MP -c -o $@ $<

# Flags, and the paths that are compiled in, change without a source file
# changing.
$(BUILD)/places: FORCE
	@mkdir -p $(@D)
	@printf '%s\n' "$(subst ",,$(CC) $(PRODUCT_FLAGS) $(PLACES) $(SBINDIR) $(KIND))" | cmp -s - $@ || \
	    printf '%s\n' "$(subst ",,$(CC) $(PRODUCT_FLAGS) $(PLACES) $(SBINDIR) $(KIND))" > $@

$(BUILD)/obj/lib/base/place.o: lib/base/place.c $(BUILD)/places
	@mkdir -p $(@D); echo '  CC $<'; $(CC) $(PRODUCT_FLAGS) $(PLACES) -MMD -MP -c -o $@ $<

# An archive, so that each program takes only what it needs.
$(BUILD)/liblda.a: $(LIB_OBJECTS)
	@rm -f $@; $(AR) rcs $@ $^

$(BUILD)/lda: $(LDA_OBJECTS) $(BUILD)/liblda.a $(BUILD)/places lda/usual.ld
	@echo "$@: $(KIND), $(CC)"; $(LINK) $(ORDER)

$(BUILD)/lda-lmtp: $(BUILD)/obj/lda/lmtp_main.o $(SERVER_OBJECTS) \
    $(BUILD)/liblda.a $(BUILD)/places
	@$(LINK)

$(BUILD)/lda-verify: $(BUILD)/obj/lda/verify_main.o $(SERVER_OBJECTS) \
    $(BUILD)/liblda.a $(BUILD)/places
	@$(LINK)

$(BUILD)/obj/lda/relay_main.o: lda/relay_main.c $(BUILD)/places
	@mkdir -p $(@D); echo '  CC $<'; $(CC) $(PRODUCT_FLAGS) -DLDA_PROGRAM='"$(SBINDIR)/lda"' -MMD -MP -c -o $@ $<

$(BUILD)/lda-relay: $(BUILD)/obj/lda/relay_main.o $(BUILD)/places
	@$(LINK)

$(BUILD)/lda-getpw: lda/getpw_main.c
	@mkdir -p $(@D); echo '  CC $<'; $(HOSTCC) $(STANDARD) $(WARNINGS) \
	    $(call hardening_of,$(HOSTCC)) $(call fortify_of,$(HOSTCC)) \
	    $(CFLAGS) $(CPPFLAGS) -fPIE -pie $(RELRO) -o $@ $<

# ---------------------------------------------------------------- tests

V ?=
CHECK := $(BUILD)/check$(if $(V),-$(V))$(if $(PORTABLE),-portable)
CHECK_ROOT := $(abspath $(CHECK))/root
CHECK_PLACES = -DSYSCONFDIR='"$(CHECK_ROOT)/etc"' \
    -DLIBEXECDIR='"$(CHECK_ROOT)/libexec"' -DSYSTEMDIR='"$(CHECK_ROOT)"'
# Their runtimes open files and make calls of their own: there is no sandbox
# in them.
VARIANT_san = -fsanitize=address,undefined -fno-sanitize-recover=undefined \
    -DINSTRUMENTED
# Our programs end by _exit, which does not write down what was counted.
VARIANT_cov = --coverage -DINSTRUMENTED -include tests/proof/coverage_exit.h
CHECK_FLAGS = $(STANDARD) $(WARNINGS) -g -O1 -Ilib -Ilda -Itests \
    -DCHECK_DIR='"$(abspath $(CHECK))"' -DSOURCE_DIR='"$(CURDIR)"' \
    -DBUILD_DIR='"$(abspath $(BUILD))"' $(VARIANT_$(V))
LIBCHECK = $(shell pkg-config --libs check 2>/dev/null || echo -lcheck)

CHECK_LIB := $(patsubst %.c,$(CHECK)/obj/%.o,$(LIB_SOURCES))
CHECK_LDA := $(patsubst %.c,$(CHECK)/obj/%.o,$(LDA_SOURCES))
CHECK_SERVER := $(patsubst %.c,$(CHECK)/obj/%.o,$(SERVER_SOURCES))
SUPPORT := $(patsubst %.c,$(CHECK)/obj/%.o,$(wildcard tests/support/*.c))
FAULT := $(patsubst %.c,$(CHECK)/obj/%.o,$(filter-out \
    tests/fault/check_%.c tests/fault/kernel_%.c tests/fault/inject.c \
    tests/fault/pairs.c tests/fault/races.c,$(wildcard tests/fault/*.c)))
TESTS := $(patsubst %.c,$(CHECK)/%,$(sort $(wildcard tests/*/check_*.c)))
CHECK_PROGRAMS := $(CHECK)/lda $(CHECK)/lda-fault $(CHECK)/lda-getpw \
    $(CHECK)/lda-lmtp $(CHECK)/lda-lmtp-fault $(CHECK)/lda-verify \
    $(CHECK)/lda-memory $(CHECK)/lda-lmtp-memory $(CHECK)/lda-verify-fault \
    $(CHECK)/lda-verify-memory $(CHECK)/lda-relay

$(CHECK)/obj/%.o: %.c
	@mkdir -p $(@D); echo '  CC $<'; $(HOSTCC) $(CHECK_FLAGS) -MMD -MP -c -o $@ $<

$(CHECK)/obj/lib/base/place.o: lib/base/place.c
	@mkdir -p $(@D); echo '  CC $<'; $(HOSTCC) $(CHECK_FLAGS) $(CHECK_PLACES) -MMD -MP -c -o $@ $<

$(CHECK)/lda: $(CHECK_LIB) $(CHECK_LDA)
	@echo '  LD $@'; $(HOSTCC) $(CHECK_FLAGS) -o $@ $^

$(CHECK)/lda-lmtp: $(CHECK_LIB) $(CHECK_SERVER) $(CHECK)/obj/lda/lmtp_main.o
	@echo '  LD $@'; $(HOSTCC) $(CHECK_FLAGS) -o $@ $^

$(CHECK)/lda-verify: $(CHECK_LIB) $(CHECK_SERVER) $(CHECK)/obj/lda/verify_main.o
	@echo '  LD $@'; $(HOSTCC) $(CHECK_FLAGS) -o $@ $^

# Of the compiler's processor.
tool = $(shell $(firstword $(HOSTCC)) -print-prog-name=$(1))

# The real seam under other names, behind the one that injects faults.
KERNEL := %/kernel.o %/kernel_socket.o
REAL_KERNEL := $(CHECK)/obj/real_kernel.o $(CHECK)/obj/real_kernel_socket.o

$(CHECK)/obj/real_%.o: $(CHECK)/obj/lib/base/%.o
	@echo '  REAL $<'; $(call tool,nm) -g --defined-only $< | awk '$$3 ~ /^kernel_/ { \
	    print $$3, "real_" substr($$3, 8) }' > $@.names
	@$(call tool,objcopy) --redefine-syms=$@.names $< $@

# The arena in blocks so small that each taking of memory asks the system, with
# nothing lent and nothing shared.
$(CHECK)/arena_small.c: lib/base/arena.c Makefile
	@mkdir -p $(@D)
	@sed -e 's/^#define BLOCK_OCTETS .*/#define BLOCK_OCTETS ((size_t)48)/' \
	    -e '/^arena_lend/,/^}/s/left = size;/left = size - size;/' \
	    -e '/^arena_share/,/^}/s/if (size <=/if (size == 0 \&\& size <=/' \
	    $< > $@
	@[ "$$(diff $< $@ | grep -c '^>')" -eq 3 ]

$(CHECK)/obj/arena_small.o: $(CHECK)/arena_small.c
	@mkdir -p $(@D); echo '  CC $<'; $(HOSTCC) $(CHECK_FLAGS) -MMD -MP -c -o $@ $<

FAULT_SEAM := $(patsubst %.c,$(CHECK)/obj/%.o,tests/fault/inject.c \
    $(wildcard tests/fault/kernel_*.c)) $(REAL_KERNEL)
FAULT_LIB := $(filter-out $(KERNEL),$(CHECK_LIB)) $(FAULT_SEAM)
MEMORY_LIB := $(filter-out %/base/arena.o,$(FAULT_LIB)) $(CHECK)/obj/arena_small.o

$(CHECK)/lda-fault: $(FAULT_LIB) $(CHECK_LDA)
	@echo '  LD $@'; $(HOSTCC) $(CHECK_FLAGS) -o $@ $^

$(CHECK)/lda-memory: $(MEMORY_LIB) $(CHECK_LDA)
	@echo '  LD $@'; $(HOSTCC) $(CHECK_FLAGS) -o $@ $^

$(CHECK)/lda-lmtp-fault $(CHECK)/lda-verify-fault: $(CHECK)/lda-%-fault: \
    $(FAULT_LIB) $(CHECK_SERVER) $(CHECK)/obj/lda/%_main.o
	@echo '  LD $@'; $(HOSTCC) $(CHECK_FLAGS) -o $@ $^

$(CHECK)/lda-lmtp-memory $(CHECK)/lda-verify-memory: $(CHECK)/lda-%-memory: \
    $(MEMORY_LIB) $(CHECK_SERVER) $(CHECK)/obj/lda/%_main.o
	@echo '  LD $@'; $(HOSTCC) $(CHECK_FLAGS) -o $@ $^

# The relay of the lda that is tested.
$(CHECK)/lda-relay: lda/relay_main.c
	@mkdir -p $(@D); echo '  LD $@'; $(HOSTCC) $(CHECK_FLAGS) \
	    -DLDA_PROGRAM='"$(abspath $(CHECK))/lda"' -o $@ $<

$(CHECK)/lda-getpw: lda/getpw_main.c
	@mkdir -p $(@D); echo '  LD $@'; $(HOSTCC) $(CHECK_FLAGS) -o $@ $<

# Named, so that one that is not there yet does not send make to the next
# pattern.
$(SUPPORT) $(FAULT):

$(CHECK)/tests/fault/%: $(CHECK)/obj/tests/fault/%.o $(CHECK_LIB) $(SUPPORT) $(FAULT)
	@mkdir -p $(@D); echo '  LD $@'; $(HOSTCC) $(CHECK_FLAGS) -o $@ $^ $(LIBCHECK)

$(CHECK)/tests/%: $(CHECK)/obj/tests/%.o $(CHECK_LIB) $(SUPPORT)
	@mkdir -p $(@D); echo '  LD $@'; $(HOSTCC) $(CHECK_FLAGS) -o $@ $^ $(LIBCHECK)

# One program for each fuzz target, with the sanitizers whatever V says.  What
# drives it is tests/fuzz/replay.c, or the compiler's own engine.
FUZZ ?= $(CHECK)/fuzz
FUZZ_CC ?= $(HOSTCC)
# Those that the compiler has, asked once and only if something is to be built.
FUZZ_SANITIZE = $(eval FUZZ_SANITIZE := $$(shell \
    echo 'int main(void) { return 0; }' | \
    $(FUZZ_CC) $(VARIANT_san) -x c -o /dev/null - 2>/dev/null && \
    echo $(VARIANT_san)))$(FUZZ_SANITIZE)
FUZZ_ENGINE ?=
FUZZ_FLAGS = $(STANDARD) $(WARNINGS) -g -O1 -Ilib -Ilda -Itests \
    -DFUZZ_DIR='"$(abspath $(FUZZ))"' $(FUZZ_SANITIZE)
FUZZ_NAMES := $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_PROGRAMS := $(patsubst %,$(FUZZ)/fuzz_%,$(FUZZ_NAMES))
FUZZ_LIB := $(patsubst %.c,$(FUZZ)/obj/%.o,$(filter-out lib/base/place.c,$(LIB_SOURCES)) \
    lda/options.c lda/startup.c)

$(FUZZ)/obj/%.o: %.c
	@mkdir -p $(@D); echo '  CC $<, to be fuzzed'; $(FUZZ_CC) $(FUZZ_FLAGS) -MMD -MP -c -o $@ $<

$(FUZZ)/fuzzed.a: $(FUZZ_LIB)
	@rm -f $@; $(AR) rcs $@ $^

$(FUZZ)/fuzz_%: $(FUZZ)/obj/tests/fuzz/fuzz_%.o $(FUZZ)/obj/tests/fuzz/fuzz.o \
    $(if $(FUZZ_ENGINE),,$(FUZZ)/obj/tests/fuzz/replay.o) $(FUZZ)/fuzzed.a
	@echo '  LD $@'; $(FUZZ_CC) $(FUZZ_FLAGS) $(FUZZ_ENGINE) -o $@ $^

fuzz-programs: $(FUZZ_PROGRAMS)
	@mkdir -p $(FUZZ)/scratch

check-programs: all $(CHECK_PROGRAMS) fuzz-programs
	@mkdir -p $(CHECK_ROOT)/etc $(CHECK_ROOT)/dev $(CHECK_ROOT)/libexec

check-built: check-programs $(TESTS)

check: check-built layers seam hardening
	@tests/support/packages $(BUILD)
	@tests/support/run_checks $(TESTS)

check-system: all
	@tests/system/run

test: check check-system

# clang's libFuzzer; TARGETS="lmtp cdb" only these.
SECONDS ?= 60
fuzz:
	@BUILD=$(BUILD) tests/fuzz/run $(SECONDS) $(TARGETS); \
	    status=$$?; [ $$status -eq 77 ] || exit $$status

# Everything is built that a part may want; the parts say what they lack.
proof: check-programs $(BUILD)/proof/fault_rule $(CHECK)/tests/fault/pairs \
    $(CHECK)/tests/fault/races
	@BUILD=$(BUILD) tests/proof/run $(PARTS)

$(BUILD)/proof/fault_rule: tests/proof/fault_rule.c tests/fault/calls.c tests/fault/plan.h
	@mkdir -p $(@D); echo '  CC $@'; $(HOSTCC) $(STANDARD) $(WARNINGS) -g -Ilib -Itests \
	    -o $@ $(filter %.c,$^)

scoreboard: all
	@tests/scoreboard/run --build $(BUILD) $(PARTS)

# ---------------------------------------------------------------- running

run: all
	@tests/support/run_sample $(BUILD)

deps:
	@packaging/deps

# ---------------------------------------------------------------- bench

BENCH := $(BUILD)/bench
BENCH_TOOLS := $(addprefix $(BENCH)/,feed sink spawn lmtp_load)
BENCH_FLAGS = $(STANDARD) $(WARNINGS) -O2

# What lda is measured against is built exactly as lda is.
$(BENCH)/obj/%.o: tests/bench/%.c $(BUILD)/places
	@mkdir -p $(@D); echo '  CC $<'; $(CC) $(PRODUCT_FLAGS) -MMD -MP -c -o $@ $<

$(BENCH)/floor: $(BENCH)/obj/floor.o $(BUILD)/places
	@$(LINK)

$(BENCH)/floor-work: $(BENCH)/obj/floor_work.o $(BUILD)/places
	@$(LINK)

$(BENCH)/feed: $(addprefix tests/bench/,feed.c plan.c trace.c feed.h)
	@mkdir -p $(@D); echo '  CC $@'; $(HOSTCC) $(BENCH_FLAGS) -o $@ $(filter %.c,$^)

$(BENCH)/%: tests/bench/%.c
	@mkdir -p $(@D); echo '  CC $@'; $(HOSTCC) $(BENCH_FLAGS) -o $@ $<

bench: all $(BENCH)/floor $(BENCH)/floor-work $(BENCH_TOOLS)
	@tests/bench/run --build $(BUILD) $(if $(DEEP),--deep) $(PARTS)

# The list anew, with valgrind: after much has been written or renamed.
# In the order that is to be found valgrind does not see which file is whose.
$(BENCH)/lda-unordered: $(LDA_OBJECTS) $(BUILD)/liblda.a $(BUILD)/places
	@mkdir -p $(@D); $(LINK)

bench-order: $(BENCH)/lda-unordered
	@tests/bench/order $< lda/usual.ld

# ---------------------------------------------------------------- lint

layers:
	@tests/support/layers

# Read back from the programs, whatever the compiler made of its flags.
hardening: all
	@tests/support/hardening $(if $(filter static,$(KIND)),static,dynamic) \
	    $(addprefix $(BUILD)/,lda lda-relay lda-lmtp lda-verify)
	@tests/support/hardening dynamic $(BUILD)/lda-getpw
	@tests/support/hardening objects $(OBJECTS) \
	    $(BUILD)/obj/lda/relay_main.o

seam: $(OBJECTS)
	@tests/support/seam $(OBJECTS)

lint: layers seam hardening
	@STANDARD='$(STANDARD)' WARNINGS='$(WARNINGS)' tests/support/lint

# ---------------------------------------------------------------- install

# Mode, file, directory: what install puts there and uninstall takes away.
POSTFIX_SNIPPETS := $(wildcard packaging/postfix/*/*)
INSTALLED = \
    755:$(BUILD)/lda:$(SBINDIR) \
    755:$(BUILD)/lda-relay:$(SBINDIR) \
    755:$(BUILD)/lda-lmtp:$(SBINDIR) \
    755:$(BUILD)/lda-verify:$(SBINDIR) \
    755:packaging/dovecot2lda:$(SBINDIR) \
    755:$(BUILD)/lda-getpw:$(LIBEXECDIR) \
    $(patsubst %,644:%:$(MANDIR)/man8,$(wildcard lda/*.8)) \
    $(patsubst %,644:%:$(MANDIR)/man7,$(wildcard lda/*.7)) \
    $(patsubst %,644:%:$(MANDIR)/man5,$(wildcard lda/*.5)) \
    $(patsubst %,644:%:$(DOCDIR),README NEWS LICENSE lda.conf.sample) \
    $(foreach f,$(POSTFIX_SNIPPETS),644:$f:$(DOCDIR)/$(patsubst packaging/%/,%,$(dir $f))) \
    $(patsubst %,644:%:$(UNITDIR),$(wildcard packaging/systemd/*))
OUR_DIRECTORIES = $(LIBEXECDIR) \
    $(foreach d,$(sort $(dir $(POSTFIX_SNIPPETS))),$(DOCDIR)/$(patsubst packaging/%/,%,$d)) \
    $(DOCDIR)/postfix $(DOCDIR)

# Texts name the places where things are in fact.
install: all
	@set -e; for one in $(INSTALLED); do \
	    mode=$${one%%:*}; to=$(DESTDIR)$${one##*:}; from=$${one#*:}; \
	    from=$${from%:*}; install -d "$$to"; \
	    $(if $(findstring s,$(firstword -$(MAKEFLAGS))),:,echo) "  INSTALL $$to/$${from##*/}"; \
	    case $$mode in \
	    644) sed 's,/usr/local/sbin,$(SBINDIR),g; s,/usr/local/libexec/lda,$(LIBEXECDIR),g' \
	        "$$from" > $(BUILD)/installing; \
	        install -m 644 $(BUILD)/installing "$$to/$${from##*/}" ;; \
	    *) install -m "$$mode" "$$from" "$$to" ;; \
	    esac; \
	done; rm -f $(BUILD)/installing

# /etc/lda.conf, which install does not make, stays, and so does mail.
uninstall:
	@for one in $(INSTALLED); do \
	    from=$${one#*:}; from=$${from%:*}; \
	    rm -f "$(DESTDIR)$${one##*:}/$${from##*/}"; \
	done; for one in $(OUR_DIRECTORIES); do \
	    rmdir "$(DESTDIR)$$one" 2>/dev/null; \
	done; true

# ---------------------------------------------------------------- packages

dist:
	@packaging/dist $(BUILD)

deb:
	@packaging/make-deb $(BUILD)

rpm:
	@packaging/make-rpm $(BUILD)

clean:
	rm -rf $(BUILD)

FORCE:

# Not the packages' /etc/apparmor.d.
-include $(shell find $(BUILD) -path $(BUILD)/deb -prune -o -name '*.d' -print 2>/dev/null)

.PHONY: all check check-programs check-built check-system test proof scoreboard \
    fuzz fuzz-programs run deps bench bench-order layers seam hardening lint install \
    uninstall dist deb rpm clean FORCE
.SECONDARY:
