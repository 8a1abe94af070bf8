/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Dispatch. A name of at most 16 bytes is packed into two words, lowered with a few word
 * operations, and hashed into a table without collisions, so that a lookup is two multiplications,
 * one load of the slot and one comparison with the row: no loop, no branch that depends on the
 * name. The slots are generated (tests/unit/command/test_lookup.c) and that test fails when the
 * table and the slots differ. Slots hold the length too, because a name with trailing NUL bytes
 * packs like the one without.
 */
#include "command/lookup.h"

#include "base/assert.h"
#include "command/lookup_slots.h"
#include "command/table.h"

#include <strings.h>

/* Up to 8 bytes in memory order. Overlapping loads: the bytes both cover are equal, so OR is right.
 */
static uint64_t
load_word(const unsigned char *p, size_t n)
{
    uint64_t word = 0;
    if (n >= 8) {
        memcpy(&word, p, 8);
    } else if (n >= 4) {
        uint32_t head, tail;
        memcpy(&head, p, 4);
        memcpy(&tail, p + n - 4, 4);
        word = head | (uint64_t)tail << (8 * (n - 4));
    } else if (n > 0) {
        word = p[0] | (uint64_t)p[n / 2] << (8 * (n / 2)) | (uint64_t)p[n - 1] << (8 * (n - 1));
    }
    return word;
}

/* Sets bit 5 of exactly the bytes 'A' to 'Z'. */
static uint64_t
lower_word(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t low_bits = word & (ones * 0x7f);
    uint64_t from_a = low_bits + ones * (0x80 - 'A');
    uint64_t past_z = low_bits + ones * (0x7f - 'Z');
    uint64_t upper = (from_a ^ past_z) & ~word & (ones * 0x80);
    return word | upper >> 2;
}

struct lookup_words
lookup_pack(attl_slice name)
{
    ASSERT_SLOW(name.len >= 1 && name.len <= COMMAND_TOP_NAME_MAX);
    const unsigned char *p = name.data;
    struct lookup_words w = { 0, 0 };
    w.low = lower_word(load_word(p, name.len));
    if (name.len > 8)
        w.high = lower_word(load_word(p + 8, name.len - 8));
    return w;
}

const struct command *
command_find(attl_slice name)
{
    if (name.len == 0 || name.len > COMMAND_TOP_NAME_MAX)
        return NULL;
    struct lookup_words w = lookup_pack(name);
    unsigned slot = lookup_slots[lookup_slot(w, LOOKUP_MULTIPLIER)];
    if (slot >> LOOKUP_ROW_BITS != name.len)
        return NULL;
    const struct command *cmd = &command_table[slot & ((1U << LOOKUP_ROW_BITS) - 1)];
    struct lookup_words have;
    memcpy(&have, cmd->name, sizeof have);
    return have.low == w.low && have.high == w.high ? cmd : NULL;
}

bool
command_is_sub(const struct command *cmd)
{
    return memchr(cmd->name, '|', sizeof cmd->name) != NULL;
}

const char *
command_word(const struct command *cmd)
{
    const char *bar = memchr(cmd->name, '|', sizeof cmd->name);
    return bar ? bar + 1 : cmd->name;
}

const struct command *
command_find_sub(const struct command *container, attl_slice word)
{
    const struct command *sub = container + 1;
    for (const struct command *end = sub + container->subs_len; sub < end; sub++) {
        const char *own = command_word(sub);
        if (strlen(own) == word.len && strncasecmp(own, word.data, word.len) == 0)
            return sub;
    }
    return NULL;
}

const struct command *
command_find_full(attl_slice name)
{
    const char *bar = name.len ? memchr(name.data, '|', name.len) : NULL;
    if (!bar)
        return command_find(name);
    size_t head = (size_t)(bar - (const char *)name.data);
    const struct command *container = command_find(attl_b(name.data, head));
    return container ? command_find_sub(container, attl_b(bar + 1, name.len - head - 1)) : NULL;
}
