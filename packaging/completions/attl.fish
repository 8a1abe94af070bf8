# SPDX-License-Identifier: BSD-2-Clause
# fish completion for attl and attld. Made by tools/gen_docs.py: change the tables instead.
complete -c attl -l host -s h -x -d 'server\'s name or address (127.0.0.1)'
complete -c attl -l port -s p -x -d 'server\'s port (6411)'
complete -c attl -l socket -s s -r -d 'connect to a unix socket instead'
complete -c attl -l user -x -d 'user for AUTH (default); audit show: only what this user did'
complete -c attl -l password -s a -x -d 'password for AUTH; better: the variable ATTL_PASSWORD'
complete -c attl -l timeout -x -d 'give up after so long without an answer (30; 0: never)'
complete -c attl -l tls -d 'encrypt, and check the server\'s certificate; port 6412 then'
complete -c attl -l cacert -r -d 'tls: the authorities to trust, PEM (the system\'s)'
complete -c attl -l cert -r -d 'tls: our own certificate, PEM'
complete -c attl -l key -r -d 'tls: its private key, PEM (in the file of --cert)'
complete -c attl -l sni -x -d 'tls: the name that the certificate must have (HOST)'
complete -c attl -l insecure -d 'tls: take any certificate, from anybody'
complete -c attl -l resp2 -d 'speak RESP2 only'
complete -c attl -l json -d 'replies, statistics or files as JSON, one line each'
complete -c attl -l raw -d 'replies as bare bytes; the default when not on a terminal'
complete -c attl -l no-raw -d 'replies for people, also when not on a terminal'
complete -c attl -l last-from-stdin -s x -d 'read the command\'s last word from standard input'
complete -c attl -l interval -s i -x -d 'stat, top: time between two looks (1)'
complete -c attl -l count -s n -x -d 'stat, top: stop after N looks'
complete -c attl -l once -d 'top: one picture as plain text, and end'
complete -c attl -l redact -d 'top: show no keys and no arguments'
complete -c attl -l match -s m -x -d 'dump: only keys like this (user:*)'
complete -c attl -l format -s f -x -d 'load, dump: RESP commands or JSON lines'
complete -c attl -l strict -d 'load: stop at the first line that is refused'
complete -c attl -l from -x -d 'wal dump: begin with this change'
complete -c attl -l to -x -d 'wal dump: end with this change'
complete -c attl -l limit -x -d 'wal dump, snapshot dump, audit show: stop after N'
complete -c attl -l keys -d 'wal dump, snapshot dump: nothing but the keys'
complete -c attl -l values -d 'wal dump, snapshot dump: values too, not only sizes'
complete -c attl -l dry-run -d 'snapshot restore: only say what would be done'
complete -c attl -l yes -s y -d 'snapshot restore: do not ask'
complete -c attl -l key-file -r -d 'audit: the server\'s audit.key_file'
complete -c attl -l since -x -d 'audit show: from then on, as 2026-11-26 or 2026-11-26T02:47'
complete -c attl -l kind -x -d 'audit show: only this kind: auth, config, incident ...'
complete -c attl -l healthcheck -d 'PING the server: exit status 0 if it answers, 1 if not'
complete -c attl -l help -d 'this text'
complete -c attl -l version -s V -d 'the version'
complete -c attl -n __fish_use_subcommand -a stat -d 'Shows what the server does, a line per interval: commands per second, hit ratio,'
complete -c attl -n __fish_use_subcommand -a top -d 'A dashboard in the terminal, drawn anew each second: state, rates, memory, the log,'
complete -c attl -n __fish_use_subcommand -a load -d 'Sends keys to the server, pipelined. FILE (- is standard input) holds RESP commands'
complete -c attl -n __fish_use_subcommand -a dump -d 'Writes every key with its value and deadline to FILE (- is standard output), as JSON'
complete -c attl -n __fish_use_subcommand -a wal -d 'Looks at the log of changes in the data directory DIR, without a server and also while'
complete -c attl -n __fish_use_subcommand -a snapshot -d 'Looks at the snapshots in the data directory DIR, without a server and, restore'
complete -c attl -n __fish_use_subcommand -a check -d 'Reads everything in the data directory DIR and checks it: all snapshots, the whole'
complete -c attl -n __fish_use_subcommand -a audit -d 'Looks at the audit trail in DIR (the folder audit in the server\'s directory), or at'
complete -c attl -n __fish_use_subcommand -a help -d 'Explains a command of the server, or one of the words above.'
complete -c attl -f -n __fish_use_subcommand -a 'acl append attl.accounting attl.alert attl.audit attl.balance attl.config attl.deadline attl.due attl.erase attl.fail attl.fetch attl.fill attl.health attl.hotkeys attl.incident attl.keep attl.log attl.metrics attl.ns attl.renew attl.retention attl.rollback attl.scrub attl.shards attl.slowlog attl.snapshot attl.stats attl.trace attl.why auth bgrewriteaof bgsave client cluster command commandlog config copy dbsize decr decrby del delex delifeq digest discard echo exec exists expire expireat expiretime flushall flushdb get getdel getex getrange getset hello incr incrby incrbyfloat info keys lastsave latency lolwut memory mget module mset msetex msetnx multi object persist pexpire pexpireat pexpiretime ping psetex psubscribe pttl publish pubsub punsubscribe quit randomkey readonly readwrite rename renamenx reset save scan select set setex setnx setrange shutdown slowlog spublish ssubscribe strlen subscribe substr sunsubscribe time touch ttl type unlink unsubscribe unwatch wait watch'
complete -c attl -f -n '__fish_seen_subcommand_from acl' -a 'cat deluser dryrun genpass getuser help list load log save setuser users whoami'
complete -c attl -f -n '__fish_seen_subcommand_from attl.alert' -a 'help list status test'
complete -c attl -f -n '__fish_seen_subcommand_from attl.audit' -a 'help rotate status tail verify'
complete -c attl -f -n '__fish_seen_subcommand_from attl.erase' -a 'help key list match prefix status'
complete -c attl -f -n '__fish_seen_subcommand_from attl.incident' -a 'ack help kinds list show simulate'
complete -c attl -f -n '__fish_seen_subcommand_from attl.log' -a 'help sync'
complete -c attl -f -n '__fish_seen_subcommand_from attl.ns' -a 'del flush get help list match set stats'
complete -c attl -f -n '__fish_seen_subcommand_from attl.snapshot' -a 'help list'
complete -c attl -f -n '__fish_seen_subcommand_from client' -a 'caching capa getname getredir help id info kill list no-evict no-touch pause reply setinfo setname tracking trackinginfo unblock unpause'
complete -c attl -f -n '__fish_seen_subcommand_from cluster' -a 'help info keyslot myid nodes shards slots'
complete -c attl -f -n '__fish_seen_subcommand_from command' -a 'count docs getkeys help info list'
complete -c attl -f -n '__fish_seen_subcommand_from commandlog' -a 'get help len reset'
complete -c attl -f -n '__fish_seen_subcommand_from config' -a 'get help resetstat rewrite set'
complete -c attl -f -n '__fish_seen_subcommand_from latency' -a 'doctor graph help histogram history latest reset'
complete -c attl -f -n '__fish_seen_subcommand_from memory' -a 'doctor help malloc-stats purge stats usage'
complete -c attl -f -n '__fish_seen_subcommand_from module' -a 'help list'
complete -c attl -f -n '__fish_seen_subcommand_from object' -a 'encoding freq help idletime refcount'
complete -c attl -f -n '__fish_seen_subcommand_from pubsub' -a 'channels help numpat numsub shardchannels shardnumsub'
complete -c attl -f -n '__fish_seen_subcommand_from slowlog' -a 'get help len reset'
complete -c attld -l config -r
complete -c attld -l check-config
complete -c attld -l dump-options
complete -c attld -l dump-metrics
complete -c attld -l help
complete -c attld -l version
complete -c attld -l cache.max_memory
complete -c attld -l cache.max_entries
complete -c attld -l cache.eviction
complete -c attld -l cache.default_ttl
complete -c attld -l cache.num_shards
complete -c attld -l cache.partitions
complete -c attld -l cache.paranoia
complete -c attld -l cache.background
complete -c attld -l cache.huge_pages
complete -c attld -l cache.max_pinned
complete -c attld -l cache.hash
complete -c attld -l cache.utilization
complete -c attld -l cache.return_delay
complete -c attld -l validation.mode
complete -c attld -l validation.max_key_bytes
complete -c attld -l validation.max_value_bytes
complete -c attld -l validation.max_ttl
complete -c attld -l limits.transaction_ops
complete -c attld -l limits.rollback_ops
complete -c attld -l balancer.enabled
complete -c attld -l balancer.imbalance_threshold
complete -c attld -l balancer.interval
complete -c attld -l balancer.budget
complete -c attld -l hotkeys.enabled
complete -c attld -l adaptive.enabled
complete -c attld -l adaptive.base_interval
complete -c attld -l adaptive.min_interval
complete -c attld -l adaptive.max_interval
complete -c attld -l adaptive.latency_threshold
complete -c attld -l adaptive.insert_threshold
complete -c attld -l adaptive.reclaim
complete -c attld -l ledger.entries
complete -c attld -l incident.enabled
complete -c attld -l incident.interval
complete -c attld -l incident.open_after
complete -c attld -l incident.close_after
complete -c attld -l incident.escalate_after
complete -c attld -l incident.cooldown
complete -c attld -l incident.rate
complete -c attld -l incident.handlers
complete -c attld -l incident.exec
complete -c attld -l incident.exec_timeout
complete -c attld -l incident.turnover
complete -c attld -l incident.low_disk
complete -c attld -l incident.latency_factor
complete -c attld -l pressure.enabled
complete -c attld -l pressure.cgroup_high
complete -c attld -l pressure.psi_limit
complete -c attld -l pressure.floor
complete -c attld -l pressure.oversize
complete -c attld -l pressure.dry_run
complete -c attld -l shed.enabled
complete -c attld -l shed.target
complete -c attld -l shed.max_delay
complete -c attld -l metrics.enabled
complete -c attld -l retention.enabled
complete -c attld -l retention.interval
complete -c attld -l retention.snapshot_ttl
complete -c attld -l retention.log_ttl
complete -c attld -l retention.snapshots
complete -c attld -l retention.disk_budget
complete -c attld -l scrub.enabled
complete -c attld -l scrub.interval
complete -c attld -l scrub.rate
complete -c attld -l erase.within
complete -c attld -l persist.fsync
complete -c attld -l persist.dir
complete -c attld -l persist.segment_size
complete -c attld -l persist.buffer
complete -c attld -l persist.on_error
complete -c attld -l persist.recover
complete -c attld -l persist.wait
complete -c attld -l persist.background_load
complete -c attld -l persist.save
complete -c attld -l persist.snapshot_log_size
complete -c attld -l persist.compress
complete -c attld -l persist.reserve
complete -c attld -l persist.slow_sync
complete -c attld -l async.threads
complete -c attld -l async.queue
complete -c attld -l server.port
complete -c attld -l server.bind
complete -c attld -l server.unixsocket
complete -c attld -l server.unixsocketperm
complete -c attld -l server.admin_port
complete -c attld -l server.tls_port
complete -c attld -l server.threads
complete -c attld -l server.max_clients
complete -c attld -l server.timeout
complete -c attld -l server.tcp_keepalive
complete -c attld -l server.tcp_backlog
complete -c attld -l server.requirepass
complete -c attld -l server.protected_mode
complete -c attld -l server.query_buffer_limit
complete -c attld -l server.output_buffer_limit
complete -c attld -l server.clients_memory
complete -c attld -l server.shutdown_timeout
complete -c attld -l server.dir
complete -c attld -l server.readiness_delay
complete -c attld -l admin.bind
complete -c attld -l admin.tls
complete -c attld -l admin.tls_auth_clients
complete -c attld -l admin.hosts
complete -c attld -l admin.token
complete -c attld -l admin.read_token
complete -c attld -l admin.metrics_token
complete -c attld -l admin.max_connections
complete -c attld -l admin.max_listeners
complete -c attld -l admin.ui_dir
complete -c attld -l acl.file
complete -c attld -l acl.log_max_len
complete -c attld -l acl.pubsub_default
complete -c attld -l tls.cert_file
complete -c attld -l tls.key_file
complete -c attld -l tls.key_file_pass
complete -c attld -l tls.ca_file
complete -c attld -l tls.auth_clients
complete -c attld -l tls.auth_clients_user
complete -c attld -l tls.min_version
complete -c attld -l tls.ciphers
complete -c attld -l tls.ciphersuites
complete -c attld -l tls.session_caching
complete -c attld -l tls.handshake_timeout
complete -c attld -l tls.max_handshakes
complete -c attld -l pubsub.buffer_limit
complete -c attld -l tracking.table_max_keys
complete -c attld -l tracking.pending_limit
complete -c attld -l alert.enabled
complete -c attld -l alert.url
complete -c attld -l alert.secret
complete -c attld -l alert.header
complete -c attld -l alert.template
complete -c attld -l alert.ca_file
complete -c attld -l alert.min_severity
complete -c attld -l alert.tries
complete -c attld -l alert.timeout
complete -c attld -l alert.backoff
complete -c attld -l alert.backoff_max
complete -c attld -l audit.mode
complete -c attld -l audit.dir
complete -c attld -l audit.key_file
complete -c attld -l audit.rotate_size
complete -c attld -l audit.rotate_age
complete -c attld -l audit.keep
complete -c attld -l audit.keep_age
complete -c attld -l audit.fsync
complete -c attld -l audit.on_error
complete -c attld -l audit.writes
complete -c attld -l audit.keys
complete -c attld -l audit.queue
complete -c attld -l log.level
complete -c attld -l log.format
complete -c attld -l log.rate
complete -c attld -l log.redact
complete -c attld -l latency.slowlog_log_slower_than
complete -c attld -l latency.slowlog_max_len
complete -c attld -l latency.slowlog_redact
complete -c attld -l latency.commandlog_request_larger_than
complete -c attld -l latency.commandlog_large_request_max_len
complete -c attld -l latency.commandlog_reply_larger_than
complete -c attld -l latency.commandlog_large_reply_max_len
complete -c attld -l latency.monitor_threshold
complete -c attld -l redis.databases
complete -c attld -l redis.appendonly
complete -c attld -l redis.notify_keyspace_events
complete -c attld -l redis.hz
