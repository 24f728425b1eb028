# Quire's build. `make help` lists what can be asked for.
#
# Variables: DEBUG=1 (checked build), CC=clang, B=dir (instead of build), V=1 (show commands),
# CODEGEN_EXTRA= (more compiler flags), POLICY= (for policies).
# For run, test and gdb: CPUS= MEM= CMDLINE= ACCEL= UEFI= T= EMU= (see README.md).
#
# The four builds never share an object:
#   build/quire.elf        gcc              build/debug/quire.elf        gcc, DEBUG=1
#   build/clang/quire.elf  CC=clang         build/clang-debug/quire.elf  CC=clang DEBUG=1
# All files of one build are made with the flags in its file `flags`; when these change, so
# does that file, and everything is made anew.

# The one-letter flags of this make, before any is added.
flags := $(firstword -$(MAKEFLAGS))
MAKEFLAGS += --no-builtin-rules --no-builtin-variables
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

B ?= build
# However it was written: the same folder must give the same flags.
override B := $(patsubst $(CURDIR)/%,%,$(abspath $(B)))
DEBUG ?=
CODEGEN_EXTRA ?=
V ?=
Q := $(if $(V),,@)
say = $(if $(V)$(findstring s,$(flags)),,@printf '  %-7s %s\n' '$(1)' '$(2)')
export B

# What the asked-for goals need from the distribution, before anything else (tools/deps).
goals := $(or $(MAKECMDGOALS),all)
needs := $(if $(filter-out help clean cross,$(goals)),build)
needs += $(if $(filter all iso run test gdb,$(goals)),iso)
needs += $(if $(filter run test gdb,$(goals)),run)
needs += $(if $(filter gdb test,$(goals)),gdb)
needs += $(if $(filter 1,$(UEFI))$(filter test,$(goals)),uefi)
needs += $(if $(filter bochs,$(EMU)),bochs)
needs += $(if $(filter clang%,$(CC)),clang)
needs += $(if $(filter test user host policies,$(goals)),test)
needs += $(if $(filter cross,$(goals)),cross)
needs := $(strip $(needs))
ifneq ($(needs),)
ifeq ($(findstring n,$(flags)),)
ifndef QUIRE_DEPS_DONE
$(shell tools/deps $(needs) >&2)
ifneq ($(.SHELLSTATUS),0)
$(error the packages named above are missing)
endif
endif
endif
endif
export QUIRE_DEPS_DONE := 1

# --- Tools -------------------------------------------------------------------------------

cross := $(firstword $(wildcard $(abspath $(B))/cross/bin/x86_64-elf-gcc build/cross/bin/x86_64-elf-gcc) \
	$(shell command -v x86_64-elf-gcc))
ifeq ($(origin CC),default)
CC :=
endif
CC := $(or $(CC),$(cross),x86_64-linux-gnu-gcc)
is_clang := $(findstring clang,$(notdir $(firstword $(CC))))
binutils := $(or $(patsubst %gcc,%,$(filter %-elf-gcc,$(firstword $(CC)))),x86_64-linux-gnu-)
LD := $(binutils)ld
NM := $(binutils)nm
OBJCOPY := $(binutils)objcopy
HOSTCC ?= gcc
MUSLCC ?= musl-gcc

variant := $(if $(is_clang),clang,)$(if $(and $(is_clang),$(DEBUG)),-)$(if $(DEBUG),debug,)
O := $(B)$(addprefix /,$(variant))

# --- Flags -------------------------------------------------------------------------------

ccinclude := $(if $(is_clang),$(shell $(CC) -print-resource-dir)/include,$(shell $(CC) -print-file-name=include))

# No header of a C library can be picked by accident: only the compiler's own, and the
# folder of links to Linux's user API, libstb and libbsd that is made below.
CPPFLAGS := -nostdinc -isystem $(ccinclude) -isystem $(O)/include -I. -Iarch/include \
	-D_LIBC_LIMITS_H_ $(if $(DEBUG),-DDEBUG=1)

CODEGEN := -std=gnu11 -O2 -g -m64 -ffreestanding -mcmodel=kernel -mno-red-zone -mgeneral-regs-only \
	-fno-pic -fno-pie -fno-stack-protector -fcf-protection=none \
	-fno-asynchronous-unwind-tables -fno-unwind-tables \
	-fno-omit-frame-pointer \
	-fno-common -fno-strict-aliasing -fno-delete-null-pointer-checks \
	-ffile-prefix-map=$(CURDIR)/=

WARN := -Wall -Wextra -Werror -Wmissing-prototypes -Wstrict-prototypes -Wold-style-definition \
	-Wvla -Wimplicit-fallthrough -Wundef -Wshadow -Wwrite-strings -Wpointer-arith \
	-Wframe-larger-than=2048

ifdef is_clang
CODEGEN += --target=x86_64-unknown-linux-gnu -mstack-alignment=16
else
CODEGEN += -mpreferred-stack-boundary=4 -fno-tree-loop-distribute-patterns
WARN += -Wlogical-op -Wduplicated-cond
endif

ifneq ($(DEBUG),)
# Signed overflow is reported here, and defined (-fwrapv) in the release build.
CODEGEN += -fsanitize=undefined -fno-optimize-sibling-calls
CFLAGS-lib/ubsan.c := -fno-sanitize=all
# stb_sprintf negates INT_MIN.
CFLAGS-lib/format.c := -fwrapv
else
CODEGEN += -fwrapv
endif

CODEGEN += $(CODEGEN_EXTRA)
CFLAGS := $(CODEGEN) $(WARN)
ASFLAGS := $(filter-out -std=% -fsanitize=%,$(CODEGEN)) -Wa,--fatal-warnings
LDFLAGS := -m elf_x86_64 -nostdlib -static -z max-page-size=4096 -z noexecstack \
	--build-id=none --fatal-warnings

ccversion := $(shell $(CC) --version 2>&1 | head -n1)
allflags := $(CC) | $(ccversion) | $(CPPFLAGS) | $(CFLAGS) | $(CFLAGS-lib/ubsan.c) | $(LDFLAGS)

ifneq ($(file <$(O)/flags),$(allflags))
.PHONY: $(O)/flags
endif
$(O)/flags: ; @mkdir -p $(@D) && printf '%s\n' '$(allflags)' >$@

# --- Kernel ------------------------------------------------------------------------------

SRC := $(sort $(shell find boot kernel mm arch/x86_64 lib tests/kernel \
	\( -name '*.c' -o -name '*.S' \) 2>/dev/null))
obj := $(SRC:%=$(O)/obj/%.o)

all: elf iso ## build build/quire.elf and build/quire.iso
elf: $(O)/quire.elf ## build the kernel alone
objs: $(obj) ## compile everything, link nothing
.PHONY: all elf objs

$(obj): $(O)/flags | $(O)/include/.made

$(O)/obj/%.c.o: %.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(CFLAGS-$<) -MMD -MP -c -o $@ $<

$(O)/obj/%.S.o: %.S
	$(call say,AS,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ASFLAGS) -MMD -MP -c -o $@ $<

-include $(obj:.o=.d)

# The list of sources is an input of the link: a file that went away counts as a change.
ifneq ($(strip $(file <$(O)/sources)),$(strip $(SRC)))
.PHONY: $(O)/sources
endif
$(O)/sources: ; @mkdir -p $(@D) && printf '%s\n' '$(SRC)' >$@

# Two links: the first tells where every function is, the second holds that table as well.
# The table made again from the second link must be the same, or a backtrace would lie.
$(O)/ksyms0.S: tools/ksyms
	@mkdir -p $(@D)
	$(Q)tools/ksyms </dev/null >$@

$(O)/ksyms1.S: $(O)/quire0.elf tools/ksyms
	$(Q)$(NM) -n $< | tools/ksyms >$@

$(O)/ksyms%.o: $(O)/ksyms%.S
	$(Q)$(CC) $(ASFLAGS) -c -o $@ $<

$(O)/quire0.elf: $(obj) $(O)/ksyms0.o linker.ld $(O)/sources $(O)/flags
	$(Q)$(LD) $(LDFLAGS) -T linker.ld -o $@ $(obj) $(O)/ksyms0.o

$(O)/quire.elf: $(O)/quire0.elf $(O)/ksyms1.o
	$(call say,LD,$@)
	$(Q)$(LD) $(LDFLAGS) -T linker.ld -Map $(O)/quire.map -o $@.new $(obj) $(O)/ksyms1.o
	$(Q)$(NM) -n $@.new | tools/ksyms | cmp -s - $(O)/ksyms1.S || \
		{ echo "$@: functions moved between the two links; .ksyms must come after all code (linker.ld)" >&2; exit 1; }
	$(Q)mv $@.new $@

.PRECIOUS: $(O)/ksyms%.S $(O)/ksyms%.o

# Headers from the distribution that a kernel may use, and no others.
$(O)/include/.made: Makefile
	$(Q)rm -rf $(@D) && mkdir -p $(@D)/bsd/sys
	$(Q)ln -s /usr/include/linux /usr/include/asm-generic /usr/include/x86_64-linux-gnu/asm \
		/usr/include/stb $(@D)/
	$(Q)ln -s /usr/include/bsd/sys/queue.h /usr/include/bsd/sys/tree.h $(@D)/bsd/sys/
	$(Q)printf '%s\n' '#pragma once' '#include <stddef.h>' '#define __containerof(p, type, member) \' \
		'	((type *)((char *)(p) - offsetof(type, member)))' >$(@D)/bsd/sys/cdefs.h
	@touch $@

# --- ISO ---------------------------------------------------------------------------------

BUSYBOX ?= /bin/busybox
mkiso := tools/mkiso tools/machine.py iso/grub.cfg

iso: $(O)/quire.iso ## build the bootable ISO alone (BIOS and UEFI)
.PHONY: iso

$(B)/initramfs.cpio: $(shell find iso/initramfs 2>/dev/null) $(wildcard $(BUSYBOX)) \
		tools/mkinitramfs tools/initramfs.py tools/newc.py tools/machine.py Makefile
	$(call say,CPIO,$@)
	@mkdir -p $(@D)
	$(Q)tools/mkinitramfs $@ iso/initramfs $(BUSYBOX)

$(O)/quire.iso: $(O)/quire.elf $(B)/initramfs.cpio $(mkiso)
	$(call say,ISO,$@)
	$(Q)tools/mkiso $@ $(O)/quire.elf $(B)/initramfs.cpio

# --- Programs that run on Linux ----------------------------------------------------------
# tests/user/NAME.c becomes build/user/NAME, static: by musl-gcc, or by gcc (glibc) where the
# name begins with glibc-; position-independent where it ends in -pie. A first line
# /* flags: ... */ adds flags; tests/user/NAME/*.c are further parts of it. tests/host/NAME.c is a native program with ASan and UBSan;
# the lines "// sources: a.c b.c" in its head name the kernel's files that it tests (a file
# without such a line is a part of others), a line "// libs: -la" what else it is linked with.

user_src := $(wildcard tests/user/*.c)
host_src := $(sort $(shell grep -ls '^// sources:' tests/host/*.c))
# Debian's musl-gcc knows no -static-pie: what it means is spelled out.
musl_crt := /usr/lib/x86_64-linux-musl
musl_pie := $(MUSLCC) -static -fPIE -nostartfiles -Wl,-pie,--no-dynamic-linker,-z,text \
	$(addprefix $(musl_crt)/,rcrt1.o crti.o crtn.o)
link_as = $(if $(filter glibc-%,$(1)),$(HOSTCC) $(if $(filter %-pie,$(1)),-static-pie -fPIE,-static -no-pie -fno-pie),$(if \
	$(filter %-pie,$(1)),$(musl_pie),$(MUSLCC) -static -no-pie -fno-pie))

user_bin := $(user_src:tests/user/%.c=$(B)/user/%)
host_bin := $(host_src:tests/host/%.c=$(B)/host/%)
own_flags = $(shell sed -n '1s,^/\* flags: \(.*\) \*/.*,\1,p' $(1))

user: $(user_bin) ## build the user test programs (build/user)
host: $(host_bin) ## build the native tests (build/host)
.PHONY: user host

$(foreach name,$(user_src:tests/user/%.c=%),$(eval $(B)/user/$(name): $(wildcard tests/user/$(name)/*.[ch])))

$(B)/user/%: tests/user/%.c Makefile
	$(call say,USER,$@)
	@mkdir -p $(@D)
	$(Q)$(call link_as,$*) -std=gnu11 -O2 -g -Wall -Wextra -Werror -MMD -MP -MF $@.d -o $@ $< \
		$(wildcard tests/user/$*/*.c) $(call own_flags,$<)

HOSTCFLAGS := -std=gnu11 -O1 -g -Wall -Wextra -Werror -fno-omit-frame-pointer -fwrapv \
	-fsanitize=address,undefined -fno-sanitize-recover=all -DHOST_TEST=1 -DDEBUG=1 \
	-Itests/host/include -I. -Iarch/include

$(B)/host/%: tests/host/%.c Makefile
	$(call say,HOST,$@)
	@mkdir -p $(@D)
	$(Q)src="$< $$(sed -n '1,20s,^// sources: ,,p' $< | tr '\n' ' ')"; \
	{ $(HOSTCC) $(HOSTCFLAGS) -MM -MP -MT $@ $$src; printf '%s:\n' $$src; } >$@.d; \
	$(HOSTCC) $(HOSTCFLAGS) -o $@ $$src $$(sed -n '1,20s,^// libs: ,,p' $<)

-include $(user_bin:=.d) $(host_bin:=.d)

# --- Replacement policies on the host ------------------------------------------------------
# The kernel's policies and those of POLICY= (files of one's own), with traces and Belady's OPT.

POLICY ?=
replay_src := $(sort $(wildcard tools/replay/*.c mm/reclaim/policy_*.c) $(POLICY))

policies: $(B)/replay ## print how well each replacement policy does on each trace (POLICY=my.c: that one, too)
	$(Q)$< made $(wildcard tools/replay/*.trace)
.PHONY: policies

ifneq ($(strip $(file <$(B)/replay.sources)),$(strip $(replay_src)))
.PHONY: $(B)/replay.sources
endif
$(B)/replay.sources: ; @mkdir -p $(@D) && printf '%s\n' '$(replay_src)' >$@

$(B)/replay: $(replay_src) $(wildcard tools/replay/*.h) mm/alloc/page.h mm/alloc/policy.h $(B)/replay.sources Makefile
	$(call say,HOST,$@)
	$(Q)$(HOSTCC) -std=gnu11 -O2 -g -Wall -Wextra -Werror -fwrapv -DHOST_TEST=1 \
		-Itests/host/include -I. -Iarch/include -o $@ $(replay_src)

# --- Running -----------------------------------------------------------------------------

CPUS ?= 1
MEM ?= 512M
CMDLINE ?=
ACCEL ?= tcg
UEFI ?=
DISK ?=
ROOT ?=
T ?=
EMU ?=
LIMIT ?=
CLANG := $(if $(is_clang),1)
export CPUS MEM CMDLINE ACCEL UEFI DISK ROOT BUSYBOX T EMU LIMIT CLANG DEBUG V

run: iso ## boot the ISO in QEMU, serial line on the terminal (CPUS= MEM= CMDLINE= ACCEL= UEFI=1 DISK=FILE ROOT=FOLDER)
	$(Q)tools/run

gdb: elf $(B)/initramfs.cpio ## start QEMU halted and GDB attached, stopped at kernel_main
	$(Q)tools/run --gdb

# Both builds of the kernel are tested, and a variable for one would leak into the other.
test: ## run all tests through prove (T=list names them, T=A,B chooses, EMU=bochs)
	+$(Q)$(MAKE) --no-print-directory DEBUG= tested
	+$(Q)$(MAKE) --no-print-directory DEBUG=1 tested-debug
	$(Q)tools/test

tested: elf iso user host; @:
tested-debug: elf; @:
.PHONY: run gdb test tested tested-debug

floors: objs ## check that no include and no symbol runs the wrong way through the house
	$(Q)tools/floors $(O)/obj
.PHONY: floors

cross: ## build an x86_64-elf gcc from Debian's sources into build/cross (takes an hour)
	$(Q)tools/cross $(B)/cross
.PHONY: cross

clean: ## remove the build folder's contents, but not the cross compiler
	$(Q)[ ! -d $(B) ] || find $(B) -mindepth 1 -maxdepth 1 ! -name cross -exec rm -rf {} +

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' Makefile
.PHONY: clean help
