/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * `attl audit`: the audit trail of a server, read without it. verify judges every line and every
 * link between them and names what is wrong; show prints what was done, by whom and when. Both take
 * the directory, or one file of it, and change nothing; a server may be writing meanwhile.
 */
#ifndef ATTL_CLI_OFFLINE_AUDIT_H
#define ATTL_CLI_OFFLINE_AUDIT_H

struct offline;

int offline_audit_verify(struct offline *o);
int offline_audit_show(struct offline *o);

#endif
