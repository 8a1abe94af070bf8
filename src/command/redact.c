/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which arguments are secrets follows from the command and, for CONFIG SET, from the table of
 * options: a setting whose value is never shown is not shown here either. Rules of users are
 * hidden whole, as Redis does, because a password may stand anywhere in them. A word that is not
 * known to be harmless counts as a value.
 */
#include "command/redact.h"

#include "command/commands.h"
#include "command/keys.h"
#include "command/reply.h"
#include "config/option.h"

#include <inttypes.h>
#include <stdio.h>

static bool
hello_is_secret(const attl_slice *argv, size_t argc, size_t i)
{
    for (size_t at = 2; at + 2 < argc; at++)
        if (arg_is(argv[at], "auth"))
            return i == at + 1 || i == at + 2;
    return false;
}

/* CONFIG SET name value [name value ...] */
static bool
setting_is_secret(const attl_slice *argv, size_t i)
{
    if (i < 3 || i % 2 == 0)
        return false;
    const struct option *option = option_find(argv[i - 1]);
    return option && option->type == OPTION_SECRET;
}

bool
redact_is_secret(const struct command *cmd, const attl_slice *argv, size_t argc, size_t i)
{
    if (i == 0)
        return false;
    if (cmd->run == cmd_auth)
        return true;
    if (cmd->run == cmd_hello)
        return hello_is_secret(argv, argc, i);
    if (cmd->run == cmd_config_set)
        return setting_is_secret(argv, i);
    return i >= 2 && strcmp(cmd->name, "acl|setuser") == 0;
}

static bool
is_key(const struct request *rq, size_t i)
{
    struct key_range keys = command_key_range(rq->cmd, rq->argv, rq->argc);
    return keys.n > 0 && i >= keys.first && (i - keys.first) % keys.step == 0 &&
           (i - keys.first) / keys.step < keys.n;
}

size_t
redact_argument(const struct request *rq, size_t i, const struct hash_key *hash,
                char text[REDACT_TEXT_MAX])
{
    attl_slice word = rq->argv[i];
    size_t names = command_is_sub(rq->cmd) ? 2 : 1;
    int n = 0;
    if (redact_is_secret(rq->cmd, rq->argv, rq->argc, i)) {
        n = snprintf(text, REDACT_TEXT_MAX, "(redacted)");
    } else if (hash && i >= names) {
        n = is_key(rq, i) ? snprintf(text, REDACT_TEXT_MAX, "k:%016" PRIx64, hash_bytes(hash, word))
                          : snprintf(text, REDACT_TEXT_MAX, "(%zu bytes)", word.len);
    } else {
        size_t shown = word.len < REDACT_WORD_MAX ? word.len : REDACT_WORD_MAX;
        if (shown > 0)
            memcpy(text, word.data, shown);
        n = (int)shown;
        if (shown < word.len)
            n += snprintf(text + shown, REDACT_TEXT_MAX - shown, "... (%zu more bytes)",
                          word.len - shown);
    }
    return n > 0 ? (size_t)n : 0; /* every one of them fits */
}
