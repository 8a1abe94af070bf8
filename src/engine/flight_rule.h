/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules of loading once: what somebody who asks for a key gets, how long a source that fails is
 * left alone, when a value is renewed before its time, and by how much lives are spread. All of
 * them are pure: what is known goes in, a verdict comes out, so that they are tested by table.
 * Nothing here is owned and nothing is locked.
 */
#ifndef ATTL_ENGINE_FLIGHT_RULE_H
#define ATTL_ENGINE_FLIGHT_RULE_H

#include <stdbool.h>
#include <stdint.h>

enum flight_verdict {
    FLIGHT_HIT,      /* a fresh value                                                     */
    FLIGHT_STALE,    /* an older one: somebody else loads, or the source is left alone    */
    FLIGHT_WIN,      /* the asker is to load                                              */
    FLIGHT_NEGATIVE, /* the source has no such value                                      */
    FLIGHT_WAIT,     /* nothing to serve: somebody else loads, or the source is left alone */
};

/* What is known of a key. Points in time are in the cache's time; ATTL_NO_DEADLINE: never. */
struct flight_view {
    bool found, negative;
    bool leased;      /* somebody is loading                                             */
    int64_t fresh_ms; /* until when the value is fresh: its soft deadline, else its hard */
    int64_t retry_ms; /* not to be loaded before, because it has failed; 0: at any time  */
    uint32_t load_ms; /* how long loading it took; 0: unknown                            */
};

/* What the asker wants. */
struct flight_wants {
    int64_t lease_ms;
    int64_t stale_ms; /* how long after its freshness a value is still welcome; < 0: not at all */
    int64_t early_ms; /* > 0: renew a fresh value that has no more than this left */
    uint32_t early_beta; /* > 0: renew by chance, the likelier the nearer the end: XFetch's beta in
                            percent */
};

enum flight_verdict flight_decide(const struct flight_view *v, int64_t now_ms,
                                  const struct flight_wants *wants, uint64_t dice);

/* Whether a value that is not fresh any more may be served. */
bool flight_is_welcome(const struct flight_view *v, int64_t now_ms,
                       const struct flight_wants *wants);
/* Whether a fresh value should be renewed now. `dice`: 64 even bits. */
bool flight_is_early(const struct flight_view *v, int64_t now_ms, const struct flight_wants *wants,
                     uint64_t dice);

/* How long a source is left alone after its n-th failure in a row: base, 2 base, 4 base ... up to a
 * bound. */
int64_t flight_backoff_ms(int64_t base_ms, unsigned failures);

/*
 * A life shortened by up to `percent`, for all keys by different parts of it: always the same for
 * one key and one end, so that soft and hard lives keep their proportion.
 */
int64_t flight_jitter_ms(int64_t life_ms, unsigned percent, uint64_t hash, int64_t deadline_ms);

/* A mixing of two words that looks like chance. */
uint64_t flight_dice(uint64_t a, uint64_t b);

#endif
