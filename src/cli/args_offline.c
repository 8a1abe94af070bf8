/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of verbs and its reading. Operands are only gathered while the line is read, because
 * options may stand between them; they get their meaning here, at the end. Everything but the
 * result is constant, and nothing is allocated.
 */
#include "cli/args_offline.h"

#include "cli/args_table.h"
#include "cli/nearest.h"
#include "cli/offline_audit.h"
#include "cli/offline_check.h"
#include "cli/offline_dump.h"
#include "cli/offline_restore.h"
#include "cli/offline_snapshot.h"
#include "cli/offline_wal.h"

#include <stdio.h>

#define IN(option) (UINT64_C(1) << (option))

const struct args_verb args_verbs[] = {
    { .mode = MODE_WAL, .word = "list", .usage = "attl wal list DIR", .run = offline_wal_list },
    { .mode = MODE_WAL,
      .word = "dump",
      .usage = "attl wal dump DIR [--from LSN] [--to LSN] [--limit N] [--keys] [--values]",
      .run = offline_wal_dump,
      .options = IN(OPT_FROM) | IN(OPT_TO) | IN(OPT_LIMIT) | IN(OPT_KEYS) | IN(OPT_VALUES) },
    { .mode = MODE_WAL,
      .word = "verify",
      .usage = "attl wal verify DIR",
      .run = offline_wal_verify },
    { .mode = MODE_SNAPSHOT,
      .word = "list",
      .usage = "attl snapshot list DIR",
      .run = offline_snapshot_list },
    { .mode = MODE_SNAPSHOT,
      .word = "verify",
      .usage = "attl snapshot verify DIR [NAME]",
      .run = offline_snapshot_verify,
      .names = -1 },
    { .mode = MODE_SNAPSHOT,
      .word = "dump",
      .usage = "attl snapshot dump DIR NAME [--limit N] [--keys] [--values]",
      .run = offline_snapshot_dump,
      .options = IN(OPT_LIMIT) | IN(OPT_KEYS) | IN(OPT_VALUES),
      .names = 1 },
    { .mode = MODE_SNAPSHOT,
      .word = "restore",
      .usage = "attl snapshot restore DIR NAME [--dry-run] [--yes]",
      .run = offline_restore,
      .options = IN(OPT_DRY_RUN) | IN(OPT_YES),
      .names = 1,
      .locks = true },
    { .mode = MODE_AUDIT,
      .word = "verify",
      .usage = "attl audit verify DIR|FILE [--key-file FILE]",
      .run = offline_audit_verify,
      .options = IN(OPT_KEY_FILE),
      .names = -1 },
    { .mode = MODE_AUDIT,
      .word = "show",
      .usage = "attl audit show DIR|FILE [--since TIME] [--user NAME] [--kind KIND] [--limit N]",
      .run = offline_audit_show,
      .options = IN(OPT_KEY_FILE) | IN(OPT_SINCE) | IN(OPT_USER) | IN(OPT_KIND) | IN(OPT_LIMIT),
      .names = -1 },
    { .mode = MODE_CHECK, .word = "", .usage = "attl check DIR", .run = offline_check },
};
const size_t args_verb_count = sizeof args_verbs / sizeof args_verbs[0];

bool
args_is_offline(enum cli_mode mode)
{
    return mode == MODE_WAL || mode == MODE_SNAPSHOT || mode == MODE_CHECK || mode == MODE_AUDIT;
}

bool
args_offline_take(struct cli_args *args, const char *word)
{
    struct cli_offline *o = &args->offline;
    if (o->operand_count == ARGS_OPERANDS_MAX)
        return args_fail(args, "one operand too many: '%s'", word);
    o->operands[o->operand_count++] = word;
    return true;
}

/* The word of a mode that is read offline. */
static const char *
mode_word(enum cli_mode mode)
{
    return mode == MODE_WAL        ? "wal"
           : mode == MODE_SNAPSHOT ? "snapshot"
           : mode == MODE_AUDIT    ? "audit"
                                   : "check";
}

static bool
fail_verb(struct cli_args *args, const char *typed)
{
    struct nearest best;
    const char *word = mode_word(args->mode);
    nearest_init(&best, attl_s(typed));
    for (size_t i = 0; i < args_verb_count; i++)
        if (args_verbs[i].mode == args->mode)
            nearest_offer(&best, args_verbs[i].word);
    if (best.name)
        return args_fail(args, "%s '%s'? did you mean attl %s %s?", word, typed, word, best.name);
    return args_fail(args, "%s '%s'? attl %s --help says what there is", word, typed, word);
}

/* The verb of the line; *ret_used operands name it. NULL with the error set. */
static const struct args_verb *
find_verb(struct cli_args *args, int *ret_used)
{
    const struct cli_offline *o = &args->offline;
    *ret_used = args->mode != MODE_CHECK;
    if (o->operand_count < *ret_used) {
        (void)args_fail(args,
                        "%s needs a word and a directory, as attl %s %s DIR; see attl %s --help",
                        mode_word(args->mode), mode_word(args->mode),
                        args->mode == MODE_AUDIT ? "verify" : "list", mode_word(args->mode));
        return NULL;
    }
    const char *word = *ret_used ? o->operands[0] : "";
    for (size_t i = 0; i < args_verb_count; i++)
        if (args_verbs[i].mode == args->mode && strcmp(args_verbs[i].word, word) == 0)
            return &args_verbs[i];
    (void)fail_verb(args, word);
    return NULL;
}

/* DIR/audit-....jsonl is both in one. The slash is argv's, like everything here. */
static void
split_file(struct cli_offline *o)
{
    char *slash = strrchr((char *)o->dir, '/');
    const char *name = slash ? slash + 1 : o->dir;
    size_t len = strlen(name);
    if (o->name || len < 6 || strcmp(name + len - 6, ".jsonl") != 0)
        return;
    o->name = name;
    o->dir = !slash ? "." : slash == o->dir ? "/" : o->dir;
    if (slash)
        *slash = '\0';
}

bool
args_offline_check(struct cli_args *args, uint64_t seen)
{
    static const uint64_t own = IN(OPT_FROM) | IN(OPT_TO) | IN(OPT_LIMIT) | IN(OPT_KEYS) |
                                IN(OPT_VALUES) | IN(OPT_DRY_RUN) | IN(OPT_YES) | IN(OPT_KEY_FILE) |
                                IN(OPT_SINCE) | IN(OPT_KIND) | IN(OPT_USER);
    struct cli_offline *o = &args->offline;
    int used;
    const struct args_verb *verb = find_verb(args, &used);
    if (!verb)
        return false;
    int left = o->operand_count - used;
    if (left < 1)
        return args_fail(args, "the directory is missing: %s", verb->usage);
    if (left < 2 && verb->names > 0)
        return args_fail(args, "the snapshot's name is missing: %s", verb->usage);
    if (left > 1 + (verb->names != 0))
        return args_fail(args, "one operand too many: '%s'", o->operands[o->operand_count - 1]);
    if (seen & own & ~verb->options)
        return args_fail(args, "an option means nothing here: %s", verb->usage);
    if (o->keys && o->values)
        return args_fail(args, "--keys and --values: only one of them");
    if (o->to_lsn < o->from_lsn)
        return args_fail(args, "--to is before --from");
    o->dir = o->operands[used];
    o->name = left > 1 ? o->operands[used + 1] : NULL;
    if (args->mode == MODE_AUDIT) {
        split_file(o);
        o->user = args->server.user;
    }
    o->verb = verb;
    return true;
}
