/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Statuses: one table gives each its name and its sentence. A status without a row, or a row
 * without a status, fails the test that walks both. The version lives here too, because it is the
 * other thing a caller may ask without a cache.
 */
#include <attl/attl.h>

struct status_text {
    int status;
    const char *name;
    const char *text;
};

static const struct status_text texts[] = {
    { ATTL_OK, "ATTL_OK", "done" },
    { ATTL_MISS, "ATTL_MISS", "no such key" },
    { ATTL_NOT_SET, "ATTL_NOT_SET", "the condition was not met" },
    { ATTL_DELETED, "ATTL_DELETED", "the deadline had passed, so the entry was deleted" },
    { ATTL_DONE, "ATTL_DONE", "the iteration is complete" },
    { ATTL_STALE, "ATTL_STALE", "an older value while a newer one is being loaded" },
    { ATTL_NEGATIVE, "ATTL_NEGATIVE", "the source has no such value" },
    { ATTL_WON, "ATTL_WON", "there is no value and the caller is to produce it" },
    { ATTL_E_INVALID, "ATTL_E_INVALID", "an argument is out of its range" },
    { ATTL_E_NOMEM, "ATTL_E_NOMEM", "out of memory" },
    { ATTL_E_FULL, "ATTL_E_FULL", "the cache is full and its policy is not to evict" },
    { ATTL_E_KEY_EMPTY, "ATTL_E_KEY_EMPTY", "the key is empty" },
    { ATTL_E_KEY_LONG, "ATTL_E_KEY_LONG", "the key is longer than validation.max_key_bytes" },
    { ATTL_E_KEY_CONTROL, "ATTL_E_KEY_CONTROL",
      "the key holds a control character, which validation.mode does not allow" },
    { ATTL_E_KEY_NUL, "ATTL_E_KEY_NUL",
      "the key holds a NUL byte, which validation.mode does not allow" },
    { ATTL_E_VALUE_LONG, "ATTL_E_VALUE_LONG",
      "the value is longer than validation.max_value_bytes" },
    { ATTL_E_TTL_RANGE, "ATTL_E_TTL_RANGE",
      "the time to live is negative or above validation.max_ttl" },
    { ATTL_E_TTL_REQUIRED, "ATTL_E_TTL_REQUIRED",
      "validation.mode strict requires a time to live" },
    { ATTL_E_NOT_INTEGER, "ATTL_E_NOT_INTEGER", "the value is not an integer or out of range" },
    { ATTL_E_OVERFLOW, "ATTL_E_OVERFLOW", "the result would overflow a signed 64-bit integer" },
    { ATTL_E_BUFFER, "ATTL_E_BUFFER", "the buffer is too small" },
    { ATTL_E_BUSY, "ATTL_E_BUSY", "a bounded resource is used up, try again" },
    { ATTL_E_CONFIG, "ATTL_E_CONFIG", "a setting is unknown, malformed or out of range" },
    { ATTL_E_IO, "ATTL_E_IO", "a file could not be read or written" },
    { ATTL_E_UNSUPPORTED, "ATTL_E_UNSUPPORTED", "not supported by this build of the library" },
    { ATTL_E_IMMUTABLE, "ATTL_E_IMMUTABLE",
      "the setting cannot be changed while the cache is open" },
    { ATTL_E_DAMAGED, "ATTL_E_DAMAGED", "files of the data directory are damaged" },
    { ATTL_E_LOADING, "ATTL_E_LOADING", "the data directory is still being read" },
    { ATTL_E_LOCKED, "ATTL_E_LOCKED", "another process uses the data directory" },
    { ATTL_E_CONFLICT, "ATTL_E_CONFLICT",
      "somebody else changed what the transaction depends on, try again" },
    { ATTL_E_TIMEOUT, "ATTL_E_TIMEOUT", "it was not done in time" },
    { ATTL_E_CANCELED, "ATTL_E_CANCELED", "it was given up before it was done" },
    { ATTL_E_CLOSED, "ATTL_E_CLOSED", "the queue or the cache is being closed" },
    { ATTL_E_LOADER, "ATTL_E_LOADER", "the loader failed and there is nothing older to serve" },
    { ATTL_E_REENTRANT, "ATTL_E_REENTRANT", "a loader asked for the key that it is loading" },
    { ATTL_E_LEASE_LOST, "ATTL_E_LEASE_LOST", "the lease ended, or somebody else wrote the key" },
    { ATTL_E_QUOTA, "ATTL_E_QUOTA", "the quota of the key's namespace does not admit it" },
};

static const struct status_text *
find(int status)
{
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (texts[i].status == status)
            return &texts[i];
    return NULL;
}

const char *
attl_strerror(int status)
{
    const struct status_text *t = find(status);
    return t ? t->text : "unknown status";
}

const char *
attl_err_name(int status)
{
    const struct status_text *t = find(status);
    return t ? t->name : "ATTL_E_?";
}

const char *
attl_version(void)
{
    return ATTL_VERSION_STRING;
}
