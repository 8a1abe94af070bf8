/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Words to files, with the names that such files have.
 */
#include "store_words.h"

#include "support/check.h"

#include <string.h>

struct store_file
file_from_word(const char *word)
{
    struct store_file f = { .bytes = FILE_BYTES };
    char name[SEGMENT_NAME_MAX];
    unsigned long long lsn;
    long long ago_ms;
    CHECK(sscanf(word + 1, "%llu:%lld", &lsn, &ago_ms) == 2, "'%s' is no file", word);
    f.lsn = lsn;
    f.created_ms = NOW_MS - ago_ms;
    segment_name(f.lsn, f.name);
    switch (*word) {
    case 'w': f.kind = STORE_WAL; break;
    case 's':
        f.kind = STORE_SNAPSHOT;
        snapshot_name(f.lsn, f.created_ms, f.name);
        break;
    case 'a':
        f.kind = STORE_ASIDE;
        memcpy(name, f.name, sizeof name);
        aside_name(f.created_ms, name, f.name);
        break;
    case 't':
        f.kind = STORE_TEMPORARY;
        memcpy(f.name + strlen(f.name), ".tmp", sizeof ".tmp");
        break;
    default:
        f.kind = STORE_TEMPORARY;
        memcpy(f.name, SEGMENT_NEXT_NAME, sizeof SEGMENT_NEXT_NAME);
        break;
    }
    return f;
}

void
list_from_words(const char *words, struct store_file files[FILES_MAX], struct store_list *l)
{
    *l = (struct store_list){ .files = files };
    while (*words != '\0') {
        files[l->len++] = file_from_word(words);
        l->total_bytes += FILE_BYTES;
        words += strcspn(words, " ");
        words += strspn(words, " ");
    }
}
