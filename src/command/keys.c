/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the keys of a request are. Two forms exist: every step-th argument of a range, which is a
 * matter of the table, and "numkeys key value ..." of the movable kind. The server asks before it
 * runs a batch, to fetch the memory of all keys at once; COMMAND GETKEYS asks for the client. Wrong
 * requests have no keys: the command itself will say what is wrong.
 */
#include "command/keys.h"

#include "base/num.h"

/* MSETEX numkeys key value [key value ...] */
static struct key_range
movable_range(const attl_slice *argv, size_t argc)
{
    struct key_range none = { 0, 0, 1 };
    int64_t pairs;
    if (argc < 4 || !num_parse_i64(argv[1], &pairs) || pairs < 1)
        return none;
    if ((uint64_t)pairs > (argc - 2) / 2)
        return none;
    return (struct key_range){ 2, (size_t)pairs, 2 };
}

struct key_range
command_key_range(const struct command *cmd, const attl_slice *argv, size_t argc)
{
    if (cmd->flags & CMD_MOVABLEKEYS)
        return movable_range(argv, argc);
    struct command_key_spec spec = cmd->keys;
    struct key_range range = { (size_t)spec.first, 0, (size_t)spec.step };
    if (spec.first == 0)
        return range;
    int64_t last = spec.last >= 0 ? spec.last : (int64_t)argc + spec.last;
    if (last >= (int64_t)argc)
        last = (int64_t)argc - 1;
    if (last >= spec.first)
        range.n = (size_t)(last - spec.first) / range.step + 1;
    return range;
}

size_t
command_keys(const attl_slice *argv, size_t argc, attl_slice *keys, size_t max)
{
    if (argc < 2)
        return 0;
    const struct command *cmd = command_find(argv[0]);
    if (!cmd || !command_arity_fits(cmd, argc))
        return 0;
    struct key_range range = command_key_range(cmd, argv, argc);
    size_t n = range.n < max ? range.n : max;
    for (size_t i = 0; i < n; i++)
        keys[i] = argv[range.first + i * range.step];
    return n;
}
