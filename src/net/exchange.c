/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Putting the parts together and taking them apart. Names of channels come from clients, so they
 * are hashed with a secret of this process. When the exchange is freed no worker is left, so
 * whatever still lies in a mailbox has no receiver any more.
 */
#include "net/exchange.h"

#include "os/process.h"

#include <stdlib.h>

struct exchange *
exchange_new(size_t workers)
{
    struct exchange *x = calloc(1, sizeof *x);
    struct mailbox *mailboxes = calloc(workers, sizeof *mailboxes);
    if (!x || !mailboxes) {
        free(x);
        free(mailboxes);
        return NULL;
    }
    struct hash_key hash = { .use_siphash = false };
    /* Without randomness names can be made to collide, which costs time and nothing else. */
    (void)process_random(hash.secret, sizeof hash.secret);
    broker_init(&x->broker, &hash);
    x->mailboxes = mailboxes;
    x->mailboxes_len = workers;
    for (size_t i = 0; i < workers; i++)
        mailbox_init(&mailboxes[i]);
    atomic_store(&x->limits.push_bytes, EXCHANGE_PUSH_BYTES);
    atomic_store(&x->limits.invalid_bytes, EXCHANGE_INVALID_BYTES);
    return x;
}

void
exchange_free(struct exchange **exchange)
{
    struct exchange *x = *exchange;
    if (!x)
        return;
    for (size_t i = 0; i < x->mailboxes_len; i++)
        mailbox_fini(&x->mailboxes[i]);
    broker_fini(&x->broker);
    free(x->mailboxes);
    free(x);
    *exchange = NULL;
}
