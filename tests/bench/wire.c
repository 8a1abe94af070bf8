/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests and replies of the load generators; the contract is in wire.h.
 * Speed matters here: a generator slower than the server would measure itself, so requests are
 * pasted together with memcpy and replies are skipped by their announced length. Not shared:
 * callers own their buffers.
 */
#include "wire.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static size_t
put(char *out, const char *text)
{
    size_t len = strlen(text);
    memcpy(out, text, len);
    return len;
}

static size_t
put_value(char *out, size_t len, uint64_t index)
{
    uint8_t key[BENCH_KEY_BYTES];
    key_write(key, index);
    for (size_t at = 0; at < len; at += sizeof key)
        memcpy(out + at, key, len - at < sizeof key ? len - at : sizeof key);
    return len;
}

static size_t
put_number_bulk(char *out, const char *option, uint64_t number)
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    return (size_t)snprintf(out, 96, "$%zu\r\n%s\r\n$%d\r\n%s\r\n", strlen(option), option, n,
                            digits);
}

static size_t
resp_set(const struct wire_set *set, uint64_t index, char *out)
{
    bool timed = set->ttl_ms > 0 || set->deadline_ms > 0;
    size_t at = put(out, timed ? "*5\r\n$3\r\nSET\r\n$16\r\n" : "*3\r\n$3\r\nSET\r\n$16\r\n");
    key_write((uint8_t *)out + at, index);
    at += BENCH_KEY_BYTES;
    at += (size_t)snprintf(out + at, 32, "\r\n$%zu\r\n", set->value_bytes);
    at += put_value(out + at, set->value_bytes, index);
    at += put(out + at, "\r\n");
    if (set->deadline_ms > 0) {
        uint64_t spread_ms = set->spread_ms ? mix64(index) % set->spread_ms : 0;
        at += put_number_bulk(out + at, "PXAT", (uint64_t)set->deadline_ms + spread_ms);
    } else if (set->ttl_ms > 0) {
        at += put_number_bulk(out + at, "PX", set->ttl_ms);
    }
    return at;
}

size_t
wire_request(enum wire_protocol p, enum wire_op op, const struct wire_set *set, uint64_t index,
             char *out)
{
    size_t at;
    if (p == WIRE_RESP && op == WIRE_SET)
        return resp_set(set, index, out);
    if (p == WIRE_RESP) {
        at = put(out, "*2\r\n$3\r\nGET\r\n$16\r\n");
    } else {
        at = put(out, op == WIRE_SET ? "set " : "get ");
    }
    key_write((uint8_t *)out + at, index);
    at += BENCH_KEY_BYTES;
    if (p == WIRE_MEMCACHE && op == WIRE_SET) {
        at += (size_t)snprintf(out + at, 64, " 0 %llu %zu\r\n",
                               (unsigned long long)(set->ttl_ms / 1000), set->value_bytes);
        at += put_value(out + at, set->value_bytes, index);
    }
    return at + put(out + at, "\r\n");
}

/* The end of the line that starts at `in`, behind its CR LF; NULL if it has not all arrived. */
static const char *
line_end(const char *in, size_t len)
{
    const char *lf = memchr(in, '\n', len);
    return lf ? lf + 1 : NULL;
}

static enum wire_kind
value_matches(const char *data, size_t len, uint64_t index)
{
    uint8_t key[BENCH_KEY_BYTES];
    key_write(key, index);
    if (len == 0 || memcmp(data, key, len < sizeof key ? len : sizeof key) != 0)
        return WIRE_WRONG;
    return WIRE_HIT;
}

static enum wire_kind
resp_reply(const char *in, size_t len, uint64_t index, size_t *ret_used)
{
    const char *body = line_end(in, len);
    if (!body)
        return WIRE_PARTIAL;
    *ret_used = (size_t)(body - in);
    if (in[0] == '+')
        return WIRE_STORED;
    if (in[0] == '_')
        return WIRE_MISS;
    if (in[0] != '$')
        return WIRE_ERROR;
    long n = strtol(in + 1, NULL, 10);
    if (n < 0)
        return WIRE_MISS;
    if (len < *ret_used + (size_t)n + 2)
        return WIRE_PARTIAL;
    *ret_used += (size_t)n + 2;
    return value_matches(body, (size_t)n, index);
}

static enum wire_kind
memcache_reply(const char *in, size_t len, uint64_t index, size_t *ret_used)
{
    enum { END_BYTES = 7 }; /* CR LF END CR LF */
    const char *body = line_end(in, len);
    if (!body)
        return WIRE_PARTIAL;
    *ret_used = (size_t)(body - in);
    if (in[0] == 'S' && in[1] == 'T')
        return WIRE_STORED;
    if (in[0] == 'E' && in[1] == 'N')
        return WIRE_MISS;
    if (in[0] != 'V')
        return WIRE_ERROR;
    const char *digits = body - 2;
    while (digits > in && digits[-1] != ' ')
        digits--;
    size_t n = strtoul(digits, NULL, 10);
    if (len < *ret_used + n + END_BYTES)
        return WIRE_PARTIAL;
    *ret_used += n + END_BYTES;
    return value_matches(body, n, index);
}

enum wire_kind
wire_reply(enum wire_protocol p, const char *in, size_t len, uint64_t index, size_t *ret_used)
{
    if (len == 0)
        return WIRE_PARTIAL;
    return p == WIRE_RESP ? resp_reply(in, len, index, ret_used)
                          : memcache_reply(in, len, index, ret_used);
}

static int
connect_unix(const char *path)
{
    struct sockaddr_un sun = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof sun.sun_path)
        bench_die("%s: path too long", path);
    memcpy(sun.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&sun, sizeof sun) != 0)
        bench_die("%s: %s", path, strerror(errno));
    return fd;
}

int
wire_connect(const char *host, uint64_t port)
{
    if (host[0] == '/')
        return connect_unix(host);
    struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    if (inet_pton(AF_INET, host, &sin.sin_addr) != 1)
        bench_die("%s is not an IPv4 address", host);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&sin, sizeof sin) != 0)
        bench_die("%s:%llu: %s", host, (unsigned long long)port, strerror(errno));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static uint64_t
schedstat_ns(const char *path)
{
    unsigned long long ns = 0;
    FILE *f = fopen(path, "r");
    if (!f)
        return 0; /* the thread has just ended */
    if (fscanf(f, "%llu", &ns) != 1)
        ns = 0;
    (void)fclose(f);
    return ns;
}

uint64_t
wire_server_cpu_ns(uint64_t pid)
{
    char path[320];
    uint64_t sum = 0;
    struct dirent *e;
    if (pid == 0)
        return 0;
    (void)snprintf(path, sizeof path, "/proc/%llu/task", (unsigned long long)pid);
    DIR *d = opendir(path);
    if (!d)
        bench_die("%s: %s", path, strerror(errno));
    while ((e = readdir(d)) != NULL) {
        if (e->d_name[0] == '.')
            continue;
        (void)snprintf(path, sizeof path, "/proc/%llu/task/%s/schedstat", (unsigned long long)pid,
                       e->d_name);
        sum += schedstat_ns(path);
    }
    (void)closedir(d);
    return sum;
}
