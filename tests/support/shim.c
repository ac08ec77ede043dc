/*
 * A PKCS#11 module that wraps another one and misbehaves on request, for tests only.
 *
 * It hands out a copy of the wrapped module's function table with some entries replaced, so it needs no
 * PKCS#11 headers. Everything is steered by files, so that several processes see the same token:
 *
 *   ESIGN_SHIM_MODULE     the module to wrap
 *   ESIGN_SHIM_DIRECTORY  a directory with:
 *
 *     log        written: a line "<pid> <function>" for each C_Login, C_Sign (the call that returns a signature),
 *                C_OpenSession and C_Initialize
 *     removed    while it exists the token is not in its slot: C_GetSlotList hides it, C_GetTokenInfo answers
 *                CKR_TOKEN_NOT_PRESENT
 *     pulls      how often it was pulled: sessions that were open before stay dead (CKR_SESSION_HANDLE_INVALID)
 *     faults     lines "<function> <n> <value in hex>": the n-th call of the function in this process (from 1) is
 *                not passed on and answers the value; n = 0: each call; "<function> %<k> <value>": each k-th call
 *     flags      a hexadecimal number that is or'ed into CK_TOKEN_INFO.flags
 *     tries      how many wrong PINs are left: C_Login counts them down, a right PIN sets it back to 3; the flags
 *                COUNT_LOW (< 3), FINAL_TRY (1) and LOCKED (0) follow from it. Without the file nothing is counted
 *     always     while it exists, private keys have CKA_ALWAYS_AUTHENTICATE
 *     swap       "<hex id>": C_SignInit uses the private key with this CKA_ID instead of the one it was given, as a
 *                stale handle does after a token came back; for handles that were found before the file existed,
 *                handles that are found later are right. "<hex id> always": for all handles
 *     delay      milliseconds that each C_Sign takes longer
 *     hold       a number: in each process the C_Sign calls after so many wait until the file is gone
 *     recording  while it exists, each signature that was made is told in `signatures`: a line "<pid> <CKA_ID of the
 *                key> <what was signed>" in hex, appended before the caller has it
 *     single     (exists) a C_Sign begins when the one before it is done: a token with one processor
 *
 * The positions in the table are those of CK_FUNCTION_LIST, PKCS#11 v2.40 §3.6.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

typedef unsigned long ulong_t;
typedef ulong_t rv_t;
typedef struct { unsigned char major, minor; } version_t;
typedef struct { version_t version; void *f[68]; } table_t;
typedef struct { ulong_t type; void *value; ulong_t length; } attribute_t;
typedef struct {
    unsigned char label[32], manufacturer[32], model[16], serial[16];
    ulong_t flags, rest[10];
    version_t hardware, firmware;
    unsigned char time[16];
} token_info_t;
typedef struct { ulong_t slot, state, flags, error; } session_info_t;

enum {
    INITIALIZE = 0, GET_SLOT_LIST = 4, GET_TOKEN_INFO = 6, GET_MECHANISM_LIST = 7, OPEN_SESSION = 12,
    CLOSE_SESSION = 13, GET_SESSION_INFO = 15, LOGIN = 18, LOGOUT = 19, GET_ATTRIBUTE_VALUE = 24,
    FIND_INIT = 26, FIND = 27, FIND_FINAL = 28, SIGN_INIT = 42, SIGN = 43, GENERATE_KEY_PAIR = 59
};
enum { USER = 1, CKA_CLASS = 0, CKA_ID = 0x102, CKA_ALWAYS_AUTHENTICATE = 0x202, CKO_PRIVATE_KEY = 3 };
enum {
    COUNT_LOW = 0x10000, FINAL_TRY = 0x20000, LOCKED = 0x40000, INITIALIZED = 0x400,
    PIN_INCORRECT = 0xA0, PIN_LOCKED = 0xA4, SESSION_HANDLE_INVALID = 0xB3, TOKEN_NOT_PRESENT = 0xE0
};
enum { FULL_TRIES = 3, MOST_SESSIONS = 4096, MOST_HANDLES = 4096 };

static table_t *real, shim;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* Read: a call is in the wrapped module. Write: its sessions are closed under it, which SoftHSM would not survive. */
static pthread_rwlock_t busy = PTHREAD_RWLOCK_INITIALIZER;
static ulong_t calls[68];
/* How often the token was pulled, as this process last saw; a session belongs to the count at its opening. */
static ulong_t pulled;
static struct { ulong_t handle, pulled; int open; char key[65]; } sessions[MOST_SESSIONS];
/* Object handles that C_FindObjects gave out while `swap` existed: these are right. */
static ulong_t right[MOST_HANDLES];
static int rights;

static const char *path(char *buffer, const char *name) {
    snprintf(buffer, 4096, "%s/%s", getenv("ESIGN_SHIM_DIRECTORY"), name);
    return buffer;
}

static int there(const char *name) {
    char p[4096];
    return access(path(p, name), F_OK) == 0;
}

static char *content(const char *name, char *buffer, size_t size) {
    char p[4096];
    int fd = open(path(p, name), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return NULL;
    ssize_t n = read(fd, buffer, size - 1);
    close(fd);
    if (n < 0) return NULL;
    buffer[n] = 0;
    return buffer;
}

/* Adds a line to a file; O_APPEND, so lines of several processes do not mix. */
static void append(const char *name, const char *line, int length) {
    char p[4096];
    int fd = open(path(p, name), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0) {
        if (write(fd, line, (size_t)length) != length) abort();
        close(fd);
    }
}

static void note(const char *function) {
    char line[128];
    append("log", line, snprintf(line, sizeof line, "%d %s\n", (int)getpid(), function));
}

static char *hex(char *to, const unsigned char *from, ulong_t length) {
    for (ulong_t i = 0; i < length; i++) to += sprintf(to, "%02x", from[i]);
    return to;
}

/* The value that `faults` wants for this call, or 0. */
static rv_t fault(int position, const char *function) {
    char text[4096], name[64], when[32], *next, *line;
    ulong_t value;
    pthread_mutex_lock(&lock);
    ulong_t call = ++calls[position];
    pthread_mutex_unlock(&lock);
    if (!content("faults", text, sizeof text)) return 0;
    for (line = strtok_r(text, "\n", &next); line; line = strtok_r(NULL, "\n", &next)) {
        if (sscanf(line, "%63s %31s %lx", name, when, &value) != 3 || strcmp(name, function)) continue;
        ulong_t n = strtoul(when + (when[0] == '%'), NULL, 10);
        if (when[0] == '%' ? (n && call % n == 0) : (n == 0 || call == n)) return value;
    }
    return 0;
}

#define FAULT(position, function) do { rv_t value_ = fault(position, function); if (value_) return value_; } while (0)
#define REAL(position, ...) ((rv_t (*)(__VA_ARGS__))real->f[position])

/* Whether the token is out; notices how often it was pulled: each time ended all sessions. */
static int removed(void) {
    char text[32];
    ulong_t now = content("pulls", text, sizeof text) ? strtoul(text, NULL, 10) : 0;
    pthread_mutex_lock(&lock);
    if (now > pulled) pulled = now;
    pthread_mutex_unlock(&lock);
    return there("removed");
}

/* Closes the wrapped module's sessions that died when the token was pulled, so that it logs out as a token does. */
static void bury(void) {
    ulong_t dead[MOST_SESSIONS];
    int n = 0;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < MOST_SESSIONS; i++)
        if (sessions[i].open && sessions[i].pulled != pulled) {
            sessions[i].open = 0;
            dead[n++] = sessions[i].handle;
        }
    pthread_mutex_unlock(&lock);
    if (!n) return;
    pthread_rwlock_wrlock(&busy);
    for (int i = 0; i < n; i++) REAL(CLOSE_SESSION, ulong_t)(dead[i]);
    pthread_rwlock_unlock(&busy);
}

/* Begins a call in a session: 0, or what to answer because the session is dead or the token out. */
static rv_t enter(ulong_t session) {
    int alive = 0, out = removed();
    bury();
    pthread_rwlock_rdlock(&busy);
    pthread_mutex_lock(&lock);
    for (int i = 0; i < MOST_SESSIONS && !alive; i++)
        alive = sessions[i].open && sessions[i].handle == session && sessions[i].pulled == pulled;
    pthread_mutex_unlock(&lock);
    return !alive ? SESSION_HANDLE_INVALID : out ? TOKEN_NOT_PRESENT : 0;
}

/* Does `call` in a session, if that lives, and returns its value. */
#define IN_SESSION(session, call) do { \
    rv_t value_ = enter(session); \
    if (!value_) value_ = (call); \
    pthread_rwlock_unlock(&busy); \
    return value_; \
} while (0)

static rv_t initialize(void *args) {
    FAULT(INITIALIZE, "C_Initialize");
    note("C_Initialize");
    return REAL(INITIALIZE, void *)(args);
}

static rv_t get_slot_list(unsigned char present, ulong_t *slots, ulong_t *count) {
    FAULT(GET_SLOT_LIST, "C_GetSlotList");
    if (removed() && present) {
        bury();
        *count = 0;
        return 0;
    }
    return REAL(GET_SLOT_LIST, unsigned char, ulong_t *, ulong_t *)(present, slots, count);
}

/* The number in `tries`, -1 without the file. Call it with the file locked where it will be changed. */
static long tries_left(int fd) {
    char text[32] = {0};
    if (fd < 0 || pread(fd, text, sizeof text - 1, 0) < 0) return -1;
    return strtol(text, NULL, 10);
}

static int open_tries(void) {
    char p[4096];
    return open(path(p, "tries"), O_RDWR | O_CLOEXEC);
}

static rv_t get_token_info(ulong_t slot, token_info_t *info) {
    char text[64];
    FAULT(GET_TOKEN_INFO, "C_GetTokenInfo");
    if (removed()) return TOKEN_NOT_PRESENT;
    rv_t rv = REAL(GET_TOKEN_INFO, ulong_t, token_info_t *)(slot, info);
    if (rv || !(info->flags & INITIALIZED)) return rv;
    if (content("flags", text, sizeof text)) info->flags |= strtoul(text, NULL, 16);
    int fd = open_tries();
    long left = tries_left(fd);
    if (fd >= 0) close(fd);
    if (left >= 0) {
        info->flags &= ~(ulong_t)(COUNT_LOW | FINAL_TRY | LOCKED);
        if (left < FULL_TRIES) info->flags |= COUNT_LOW;
        if (left == 1) info->flags |= FINAL_TRY;
        if (left == 0) info->flags |= LOCKED;
    }
    return rv;
}

static rv_t get_mechanism_list(ulong_t slot, ulong_t *list, ulong_t *count) {
    if (removed()) return TOKEN_NOT_PRESENT;
    return REAL(GET_MECHANISM_LIST, ulong_t, ulong_t *, ulong_t *)(slot, list, count);
}

static rv_t open_session(ulong_t slot, ulong_t flags, void *application, void *notify, ulong_t *session) {
    FAULT(OPEN_SESSION, "C_OpenSession");
    if (removed()) return TOKEN_NOT_PRESENT;
    bury();
    note("C_OpenSession");
    rv_t rv = REAL(OPEN_SESSION, ulong_t, ulong_t, void *, void *, ulong_t *)(slot, flags, application, notify, session);
    if (rv) return rv;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < MOST_SESSIONS; i++)
        if (!sessions[i].open) {
            sessions[i].open = 1;
            sessions[i].handle = *session;
            sessions[i].pulled = pulled;
            break;
        }
    pthread_mutex_unlock(&lock);
    return rv;
}

static rv_t close_one(ulong_t session) {
    pthread_mutex_lock(&lock);
    for (int i = 0; i < MOST_SESSIONS; i++)
        if (sessions[i].open && sessions[i].handle == session) sessions[i].open = 0;
    pthread_mutex_unlock(&lock);
    return REAL(CLOSE_SESSION, ulong_t)(session);
}

static rv_t close_session(ulong_t session) {
    IN_SESSION(session, close_one(session));
}

static rv_t get_session_info(ulong_t session, session_info_t *info) {
    FAULT(GET_SESSION_INFO, "C_GetSessionInfo");
    IN_SESSION(session, REAL(GET_SESSION_INFO, ulong_t, session_info_t *)(session, info));
}

static rv_t count_login(ulong_t session, ulong_t user, unsigned char *pin, ulong_t length) {
    char text[32];
    int fd = user == USER ? open_tries() : -1;
    if (fd >= 0) flock(fd, LOCK_EX);
    long left = tries_left(fd);
    rv_t rv = left == 0 ? PIN_LOCKED : REAL(LOGIN, ulong_t, ulong_t, unsigned char *, ulong_t)(session, user, pin, length);
    if (fd >= 0) {
        if (rv == PIN_INCORRECT) left--;
        if (rv == 0) left = FULL_TRIES;
        int n = snprintf(text, sizeof text, "%ld\n", left);
        if (ftruncate(fd, 0) || pwrite(fd, text, (size_t)n, 0) != n) abort();
        close(fd);
    }
    return rv;
}

static rv_t login(ulong_t session, ulong_t user, unsigned char *pin, ulong_t length) {
    note("C_Login");
    FAULT(LOGIN, "C_Login");
    IN_SESSION(session, count_login(session, user, pin, length));
}

static rv_t logout(ulong_t session) {
    note("C_Logout");
    IN_SESSION(session, REAL(LOGOUT, ulong_t)(session));
}

static rv_t attributes_of(ulong_t session, ulong_t object, attribute_t *attributes, ulong_t count) {
    rv_t rv = REAL(GET_ATTRIBUTE_VALUE, ulong_t, ulong_t, attribute_t *, ulong_t)(session, object, attributes, count);
    if (there("always"))
        for (ulong_t i = 0; i < count; i++)
            if (attributes[i].type == CKA_ALWAYS_AUTHENTICATE && attributes[i].value && attributes[i].length == 1)
                *(unsigned char *)attributes[i].value = 1;
    return rv;
}

static rv_t get_attribute_value(ulong_t session, ulong_t object, attribute_t *attributes, ulong_t count) {
    FAULT(GET_ATTRIBUTE_VALUE, "C_GetAttributeValue");
    IN_SESSION(session, attributes_of(session, object, attributes, count));
}

static rv_t find_init(ulong_t session, attribute_t *attributes, ulong_t count) {
    FAULT(FIND_INIT, "C_FindObjectsInit");
    IN_SESSION(session, REAL(FIND_INIT, ulong_t, attribute_t *, ulong_t)(session, attributes, count));
}

static rv_t found(ulong_t session, ulong_t *objects, ulong_t most, ulong_t *count) {
    rv_t rv = REAL(FIND, ulong_t, ulong_t *, ulong_t, ulong_t *)(session, objects, most, count);
    if (rv == 0 && there("swap")) {
        pthread_mutex_lock(&lock);
        for (ulong_t i = 0; i < *count && rights < MOST_HANDLES; i++) right[rights++] = objects[i];
        pthread_mutex_unlock(&lock);
    }
    return rv;
}

static rv_t find(ulong_t session, ulong_t *objects, ulong_t most, ulong_t *count) {
    FAULT(FIND, "C_FindObjects");
    IN_SESSION(session, found(session, objects, most, count));
}

static rv_t find_final(ulong_t session) {
    IN_SESSION(session, REAL(FIND_FINAL, ulong_t)(session));
}

/* The private key whose CKA_ID is in `swap`, for a handle that was found before `swap` existed; else the handle. */
static ulong_t swapped(ulong_t session, ulong_t key) {
    char text[512];
    unsigned char id[256];
    ulong_t class = CKO_PRIVATE_KEY, other = 0, count = 0, n = 0;
    if (!content("swap", text, sizeof text)) return key;
    pthread_mutex_lock(&lock);
    int known = 0;
    for (int i = 0; !strstr(text, "always") && i < rights && !known; i++) known = right[i] == key;
    pthread_mutex_unlock(&lock);
    if (known) return key;
    for (unsigned byte; n < sizeof id && isxdigit(text[2 * n]) && sscanf(text + 2 * n, "%2x", &byte) == 1; n++)
        id[n] = (unsigned char)byte;
    attribute_t wanted[] = {{CKA_CLASS, &class, sizeof class}, {CKA_ID, id, n}};
    if (REAL(FIND_INIT, ulong_t, attribute_t *, ulong_t)(session, wanted, 2)) return key;
    REAL(FIND, ulong_t, ulong_t *, ulong_t, ulong_t *)(session, &other, 1, &count);
    REAL(FIND_FINAL, ulong_t)(session);
    return count ? other : key;
}

/* Remembers which key a session signs with, for `recording`. */
static void remember(ulong_t session, ulong_t key) {
    unsigned char id[32];
    attribute_t wanted = {CKA_ID, id, sizeof id};
    if (!there("recording") || REAL(GET_ATTRIBUTE_VALUE, ulong_t, ulong_t, attribute_t *, ulong_t)(session, key, &wanted, 1)) return;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < MOST_SESSIONS; i++)
        if (sessions[i].open && sessions[i].handle == session) {
            hex(sessions[i].key, id, wanted.length);
            break;
        }
    pthread_mutex_unlock(&lock);
}

static rv_t begin_sign(ulong_t session, void *mechanism, ulong_t key) {
    remember(session, key);
    return REAL(SIGN_INIT, ulong_t, void *, ulong_t)(session, mechanism, key);
}

static rv_t sign_init(ulong_t session, void *mechanism, ulong_t key) {
    FAULT(SIGN_INIT, "C_SignInit");
    IN_SESSION(session, begin_sign(session, mechanism, swapped(session, key)));
}

static void record(ulong_t session, const unsigned char *data, ulong_t length) {
    char line[8192], *end = line;
    if (!there("recording") || 2 * length > sizeof line - 128) return;
    end += sprintf(end, "%d ", (int)getpid());
    pthread_mutex_lock(&lock);
    for (int i = 0; i < MOST_SESSIONS; i++)
        if (sessions[i].open && sessions[i].handle == session) {
            end += sprintf(end, "%s", sessions[i].key);
            break;
        }
    pthread_mutex_unlock(&lock);
    *end++ = ' ';
    end = hex(end, data, length);
    *end++ = '\n';
    append("signatures", line, (int)(end - line));
}

static rv_t pass_sign(ulong_t session, unsigned char *data, ulong_t length, unsigned char *signature, ulong_t *size) {
    rv_t rv = REAL(SIGN, ulong_t, unsigned char *, ulong_t, unsigned char *, ulong_t *)(session, data, length, signature, size);
    if (rv == 0 && signature) record(session, data, length);
    return rv;
}

/* An error ends the operation (PKCS#11 v2.40 §5.11), so it is ended in the wrapped module too. */
static rv_t fail_sign(ulong_t session, unsigned char *data, ulong_t length, unsigned char *signature, ulong_t *size, rv_t value) {
    REAL(SIGN, ulong_t, unsigned char *, ulong_t, unsigned char *, ulong_t *)(session, data, length, signature, size);
    return value;
}

static rv_t sign_in_session(ulong_t session, unsigned char *data, ulong_t length, unsigned char *signature, ulong_t *size) {
    IN_SESSION(session, pass_sign(session, data, length, signature, size));
}

static rv_t sign(ulong_t session, unsigned char *data, ulong_t length, unsigned char *signature, ulong_t *size) {
    char text[32], other[2];
    if (signature) {
        note("C_Sign");
        rv_t value = fault(SIGN, "C_Sign");
        if (value) IN_SESSION(session, fail_sign(session, data, length, signature, size, value));
        static _Atomic ulong_t signings;
        ulong_t nth = ++signings;
        while (content("hold", text, sizeof text) && nth > strtoul(text, NULL, 10)) usleep(5000);
        if (content("delay", text, sizeof text)) {
            static pthread_mutex_t processor = PTHREAD_MUTEX_INITIALIZER;
            int single = content("single", other, sizeof other) != NULL;
            if (single) pthread_mutex_lock(&processor);
            usleep((useconds_t)strtoul(text, NULL, 10) * 1000);
            rv_t rv = sign_in_session(session, data, length, signature, size);
            if (single) pthread_mutex_unlock(&processor);
            return rv;
        }
    }
    return sign_in_session(session, data, length, signature, size);
}

rv_t C_GetFunctionList(table_t **list) {
    if (!real) {
        void *module = dlopen(getenv("ESIGN_SHIM_MODULE"), RTLD_NOW | RTLD_LOCAL);
        if (!module) return 5;
        rv_t (*get)(table_t **) = (rv_t (*)(table_t **))dlsym(module, "C_GetFunctionList");
        if (!get || get(&real)) return 5;
        shim = *real;
        shim.f[INITIALIZE] = initialize;
        shim.f[GET_SLOT_LIST] = get_slot_list;
        shim.f[GET_TOKEN_INFO] = get_token_info;
        shim.f[GET_MECHANISM_LIST] = get_mechanism_list;
        shim.f[OPEN_SESSION] = open_session;
        shim.f[CLOSE_SESSION] = close_session;
        shim.f[GET_SESSION_INFO] = get_session_info;
        shim.f[LOGIN] = login;
        shim.f[LOGOUT] = logout;
        shim.f[GET_ATTRIBUTE_VALUE] = get_attribute_value;
        shim.f[FIND_INIT] = find_init;
        shim.f[FIND] = find;
        shim.f[FIND_FINAL] = find_final;
        shim.f[SIGN_INIT] = sign_init;
        shim.f[SIGN] = sign;
    }
    *list = &shim;
    return 0;
}
