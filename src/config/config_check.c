/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What options mean together. config_check() refuses combinations that no single bound can refuse;
 * it is run before a cache or a server opens anything and before each change at run time takes
 * effect. A program that embeds the library listens to nobody, so what concerns listening is left
 * to attld. The derived limits below are for the engine, so that cache.paranoia and "0 means the
 * mode's own" are written down once. Pure.
 */
#include "config/config.h"

#include "base/limits.h"
#include "base/num.h"
#include "config/config_error.h"

#define PARANOIA_MEMORY_BYTES (INT64_C(10) << 20)
#define PARANOIA_ENTRIES INT64_C(10000)
#define STRICT_TTL_MS (INT64_C(365) * 86400000)

enum { KEY_BYTES_STRICT = 1000, KEY_BYTES_NORMAL = 2000, KEY_BYTES_RELAXED = 4096 };
enum { SAVE_RULES_MAX = 8 };
enum { TOKEN_MIN = 16 }; /* characters */
enum { PARTITIONS_MIN = 1 << LIMIT_PARTITION_BITS_MIN };

static int64_t
lower_limit(int64_t limit, int64_t cap)
{
    return limit == 0 || limit > cap ? cap : limit;
}

int64_t
config_memory_limit_bytes(const attl_config *config)
{
    int64_t limit = config_i64(config, OPT_CACHE_MAX_MEMORY);
    return config_bool(config, OPT_CACHE_PARANOIA) ? lower_limit(limit, PARANOIA_MEMORY_BYTES)
                                                   : limit;
}

int64_t
config_entries_limit(const attl_config *config)
{
    int64_t limit = config_i64(config, OPT_CACHE_MAX_ENTRIES);
    return config_bool(config, OPT_CACHE_PARANOIA) ? lower_limit(limit, PARANOIA_ENTRIES) : limit;
}

int64_t
config_key_limit_bytes(const attl_config *config)
{
    int64_t limit = config_i64(config, OPT_VALIDATION_MAX_KEY_BYTES);
    if (limit > 0)
        return limit;
    switch ((enum choice_validation)config_i64(config, OPT_VALIDATION_MODE)) {
    case CHOICE_VALIDATION_STRICT: return KEY_BYTES_STRICT;
    case CHOICE_VALIDATION_NORMAL: return KEY_BYTES_NORMAL;
    case CHOICE_VALIDATION_RELAXED: return KEY_BYTES_RELAXED;
    case CHOICE_VALIDATION_BINARY: break;
    }
    return LIMIT_KEY_BYTES;
}

int64_t
config_ttl_limit_ms(const attl_config *config)
{
    int64_t limit = config_i64(config, OPT_VALIDATION_MAX_TTL);
    bool strict = config_i64(config, OPT_VALIDATION_MODE) == CHOICE_VALIDATION_STRICT;
    return limit == 0 && strict ? STRICT_TTL_MS : limit;
}

/* Takes the next word, up to a space or comma, off `text`. */
static attl_slice
next_word(const char **text)
{
    static const char separators[] = " ,";
    const char *start = *text + strspn(*text, separators);
    size_t len = strcspn(start, separators);
    *text = start + len;
    return attl_b(start, len);
}

static bool
is_loopback(attl_slice address)
{
    static const char *const names[] = { "localhost", "::1", "[::1]", "-::1" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (address.len == strlen(names[i]) && memcmp(address.data, names[i], address.len) == 0)
            return true;
    return address.len > 4 && memcmp(address.data, "127.", 4) == 0;
}

bool
config_is_loopback(const char *address)
{
    return is_loopback(attl_s(address));
}

/* Shorter ones could be tried out. */
static int
check_token(const attl_config *config, enum option_id id, struct config_error err)
{
    size_t len = strlen(config_str(config, id));
    if (len == 0 || len >= TOKEN_MIN)
        return ATTL_OK;
    return config_fail(err, "%s is shorter than %d characters", option_at(id)->name, TOKEN_MIN);
}

static int
check_admin(const attl_config *config, struct config_error err)
{
    static const enum option_id tokens[] = { OPT_ADMIN_TOKEN, OPT_ADMIN_READ_TOKEN,
                                             OPT_ADMIN_METRICS_TOKEN };
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        int status = check_token(config, tokens[i], err);
        if (status != ATTL_OK)
            return status;
    }
    if (config_i64(config, OPT_SERVER_ADMIN_PORT) == 0)
        return ATTL_OK;
    if (config_bool(config, OPT_ADMIN_TLS) && config_str(config, OPT_TLS_CERT_FILE)[0] == '\0')
        return config_fail(err, "admin.tls is on, but there is no certificate: set tls.cert_file, "
                                "or admin.tls = off");
    if (config_is_loopback(config_str(config, OPT_ADMIN_BIND)) ||
        config_str(config, OPT_ADMIN_TOKEN)[0] != '\0')
        return ATTL_OK;
    return config_fail(err, "admin.bind can be reached by other machines: set admin.token, or "
                            "server.admin_port = 0");
}

static int
check_listen(const attl_config *config, struct config_error err)
{
    char shown[CONFIG_SHOWN_BYTES];
    const char *bind = config_str(config, OPT_SERVER_BIND);
    int64_t port = config_i64(config, OPT_SERVER_PORT);
    const char *rest = bind;
    bool tcp = port != 0 && next_word(&rest).len > 0;
    if (!tcp && config_str(config, OPT_SERVER_UNIXSOCKET)[0] == '\0')
        return config_fail(err, "nothing to listen on: set server.port and server.bind, or "
                                "server.unixsocket");
    if (port != 0 && port == config_i64(config, OPT_SERVER_ADMIN_PORT))
        return config_fail(err, "server.port and server.admin_port are the same");
    int status = check_admin(config, err);
    if (status != ATTL_OK)
        return status;
    if (!tcp || !config_bool(config, OPT_SERVER_PROTECTED_MODE) ||
        config_str(config, OPT_SERVER_REQUIREPASS)[0] != '\0')
        return ATTL_OK;
    for (attl_slice word = next_word(&bind); word.len > 0; word = next_word(&bind))
        if (!is_loopback(word))
            return config_fail(err,
                               "server.bind: %s can be reached by other machines and there is no "
                               "password; set server.requirepass, or server.protected_mode = "
                               "false if that is meant",
                               config_shown(shown, word));
    return ATTL_OK;
}

static int
check_adaptive(const attl_config *config, struct config_error err)
{
    int64_t base = config_i64(config, OPT_ADAPTIVE_BASE_INTERVAL);
    if (config_i64(config, OPT_ADAPTIVE_MIN_INTERVAL) > base)
        return config_fail(err, "adaptive.min_interval is above adaptive.base_interval");
    if (config_i64(config, OPT_ADAPTIVE_MAX_INTERVAL) < base)
        return config_fail(err, "adaptive.max_interval is below adaptive.base_interval");
    return ATTL_OK;
}

static int
check_cache(const attl_config *config, struct config_error err)
{
    int64_t partitions = config_i64(config, OPT_CACHE_PARTITIONS);
    if (partitions != 0 && (partitions < PARTITIONS_MIN || (partitions & (partitions - 1)) != 0))
        return config_fail(err, "cache.partitions is not 0 nor a power of two of at least %d",
                           PARTITIONS_MIN);
    if (partitions != 0 && partitions < config_i64(config, OPT_CACHE_NUM_SHARDS))
        return config_fail(err, "cache.partitions is below cache.num_shards");
    if (config_i64(config, OPT_VALIDATION_MODE) == CHOICE_VALIDATION_STRICT &&
        config_i64(config, OPT_VALIDATION_MAX_KEY_BYTES) > KEY_BYTES_STRICT)
        return config_fail(err, "validation.max_key_bytes is above the limit of strict mode, %d",
                           KEY_BYTES_STRICT);
    int64_t max_ttl_ms = config_ttl_limit_ms(config);
    if (max_ttl_ms > 0 && config_i64(config, OPT_CACHE_DEFAULT_TTL) > max_ttl_ms)
        return config_fail(err, "cache.default_ttl is above validation.max_ttl");
    return ATTL_OK;
}

/* Saying yes and keeping no log would be taken for a promise, and no while keeping one is a lie. */
static int
check_appendonly(const attl_config *config, struct config_error err)
{
    bool said = config_i64(config, OPT_REDIS_APPENDONLY) != 0;
    bool logs = config_i64(config, OPT_PERSIST_FSYNC) != CHOICE_FSYNC_OFF;
    if (config_origin(config, OPT_REDIS_APPENDONLY) == CONFIG_DEFAULT || said == logs)
        return ATTL_OK;
    return said ? config_fail(err, "redis.appendonly is yes, but persist.fsync is off: set "
                                   "persist.fsync to everysec, always or no as well")
                : config_fail(err, "redis.appendonly is no, but persist.fsync is not off");
}

/* persist.save: pairs of numbers, as Redis writes them. */
static int
check_save(const attl_config *config, struct config_error err)
{
    char shown[CONFIG_SHOWN_BYTES];
    const char *text = config_str(config, OPT_PERSIST_SAVE);
    size_t words = 0;
    for (attl_slice word = next_word(&text); word.len > 0; word = next_word(&text), words++) {
        int64_t number;
        if (!num_parse_i64(word, &number) || number < 0 || number > INT32_MAX)
            return config_fail(err, "persist.save: %s is not a number of seconds or changes",
                               config_shown(shown, word));
    }
    if (words % 2 != 0)
        return config_fail(err, "persist.save wants pairs of seconds and changes: one number has "
                                "no partner");
    if (words / 2 > SAVE_RULES_MAX)
        return config_fail(err, "persist.save has more than %d pairs", SAVE_RULES_MAX);
    return ATTL_OK;
}

int
config_check(const attl_config *config, char *err, size_t err_len)
{
    struct config_error error = { err, err_len };
    int status = check_cache(config, error);
    if (status == ATTL_OK)
        status = check_adaptive(config, error);
    if (status == ATTL_OK)
        status = check_appendonly(config, error);
    if (status == ATTL_OK)
        status = check_save(config, error);
    if (status == ATTL_OK)
        status = namespace_list_check(&config->namespaces, error);
    if (status == ATTL_OK && config->server)
        status = check_listen(config, error);
    return status;
}
