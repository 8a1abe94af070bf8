/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Lists of files in short: a word is a kind (w, s, a, t, or n for wal-next.attl), an LSN, ":", and
 * how long before NOW_MS the file was made, in ms. Each file has FILE_BYTES.
 */
#ifndef ATTL_TESTS_STORE_WORDS_H
#define ATTL_TESTS_STORE_WORDS_H

#include "persist/segment.h"

enum { FILES_MAX = 40, FILE_BYTES = 10, NOW_MS = 10000000 };

struct store_file file_from_word(const char *word);
/* The words in the order of a list. It owns nothing. */
void list_from_words(const char *words, struct store_file files[FILES_MAX], struct store_list *l);

#endif
