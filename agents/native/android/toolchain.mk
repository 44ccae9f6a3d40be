# For PLATFORM=android-arm64 and android-x86_64, API 26 and later: the same sources and rules as for Linux.
# The compiler is an NDK's where ANDROID_NDK_HOME names one, else ziglang's, else clang with lld. Without an NDK,
# android/include declares what is used of bionic, and libraries of names alone stand for the system's.

API := 26
ABI := $(PLATFORM:android-%=%)
ARCH := $(or $(if $(filter arm64,$(ABI)),aarch64),$(filter x86_64,$(ABI)),$(error no Android platform $(PLATFORM)))
NDK := $(firstword $(wildcard $(ANDROID_NDK_HOME)/toolchains/llvm/prebuilt/*/bin/clang))
PYTHON ?= python3
ZIG := $(shell $(PYTHON) -c 'import os, ziglang; print(os.path.dirname(ziglang.__file__))' 2>&- || true)

ifneq ($(ANDROID_NDK_HOME),)
CC := $(or $(NDK),$(error no clang below ANDROID_NDK_HOME=$(ANDROID_NDK_HOME)/toolchains/llvm/prebuilt)) \
      --target=$(ARCH)-linux-android$(API)
else ifneq ($(ZIG),)
# `zig cc` would outline atomics whatever it is told.
CC := $(PYTHON) -m ziglang clang --target=$(ARCH)-linux-android$(API) -nostdinc -isystem $(ZIG)/lib/include
LINK := $(PYTHON) -m ziglang cc -target $(ARCH)-linux-android
else ifneq ($(shell command -v ld.lld),)
CC := $(CLANG) --target=$(ARCH)-linux-android$(API)
LINK := $(CC) -fuse-ld=lld
else
$(error no compiler for Android: pip install ziglang, or apt-get install clang lld, or set ANDROID_NDK_HOME)
endif

# Outlined atomics ask a library that not every version has, thread-local variables a linker of API 29; bionic copies no
# variables into programs.
GUARD := -fno-stack-protector
IN_PROGRAM := -fPIC
CFLAGS += -femulated-tls $(if $(filter aarch64,$(ARCH)),-mno-outline-atomics)
LDFLAGS += -Wl,-z,noexecstack -Wl,-z,max-page-size=16384 -Wl,--hash-style=both -Wl,--no-undefined

ifeq ($(ANDROID_NDK_HOME),)
SYSTEM := $(patsubst %,$(RELEASE)/system/lib%.so,c m dl)
OWN := $(RELEASE)/own-emutls.o
CFLAGS += $(if $(ZIG),,-nostdlibinc) -isystem android/include
LDFLAGS += -nostdlib
LDLIBS := $(SYSTEM)
PROGRAM := -Wl,-dynamic-linker=/system/bin/linker64 $(RELEASE)/own-start.o $(OWN)
LIBRARY := $(OWN)
BUILT_WITH := $(SYSTEM) $(OWN) $(RELEASE)/own-start.o

$(RELEASE)/own-%.o: android/%.c $(wildcard android/include/*.h android/include/sys/*.h) Makefile | $(RELEASE)
	$(CC) $(CFLAGS) $(OPTIMIZE) $(IN_PROGRAM) $(GUARD) -c -o $@ $<

# Only names: no more is asked of a library when one is linked against it.
$(RELEASE)/system/lib%.so: android/symbols.tsv android/toolchain.mk | $(RELEASE)
	mkdir -p $(@D)
	awk -F '\t' '$$1 == "lib$*" {print ".globl " $$2 "\n.type " $$2 ",@" $$3 "\n" $$2 ": .quad 0\n.size " $$2 ",8"}' $< >$@.s
	$(LINK) -nostdlib -shared -Wl,-soname,lib$*.so -o $@ $@.s
	rm $@.s
endif
