#include "litert.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "error.h"

static void *symbol(struct litert *rt, const char *name, struct litert_probe *probe) {
    void *address = dlsym(rt->library, name);
    if (!address) probe->missing[probe->missing_count++] = name;
    return address;
}

void litert_bind(struct litert *rt, const char *path, struct litert_probe *probe) {
    *rt = (struct litert){0};
    *probe = (struct litert_probe){.too_old = false};
    // A bare name would be searched for in the system's folders: only the file that was hashed will do.
    char at[4096];
    int n = snprintf(at, sizeof at, "%s%s", strchr(path, '/') ? "" : "./", path);
    if (n < 0 || (size_t)n >= sizeof at) {
        snprintf(probe->error, sizeof probe->error, "the path is too long");
        return;
    }
    crash_stage("loading the runtime");
    rt->library = dlopen(at, RTLD_NOW | RTLD_LOCAL);
    crash_stage(NULL);
    if (!rt->library) {
        const char *reason = dlerror();
        snprintf(probe->error, sizeof probe->error, "%s", reason ? reason : "the library cannot be loaded");
        return;
    }
    // ISO C has no cast from object to function pointer; POSIX promises they have one representation.
#define X(result, name, arguments)                                     \
    {                                                                  \
        void *address = symbol(rt, "LiteRt" #name, probe);             \
        memcpy(&rt->name, &address, sizeof address);                   \
    }
    LITERT_FUNCTIONS(X)
#undef X
    probe->too_old = !dlsym(rt->library, LITERT_MARKER_2_1_6);
}

void litert_open(struct litert *rt, const char *path) {
    struct litert_probe probe;
    litert_bind(rt, path, &probe);
    if (probe.error[0]) fail(ERROR_RUNTIME_MISSING, path, "the runtime cannot be loaded: %s", probe.error);
    // A file that exports none of them is not a LiteRT at all, rather than an old one.
    if (probe.missing_count == LITERT_FUNCTION_COUNT) {
        fail(ERROR_RUNTIME_SYMBOL, path, "the library is not LiteRT: it exports no LiteRt function");
    }
    if (probe.too_old) {
        fail(ERROR_RUNTIME_TOO_OLD, path,
             "the runtime is older than LiteRT 2.1.6, the first whose interface the agent speaks");
    }
    if (probe.missing_count > 0) {
        fail(ERROR_RUNTIME_SYMBOL, path, "the runtime lacks %s and %zu more functions", probe.missing[0],
             probe.missing_count - 1);
    }
}
