# SPDX-License-Identifier: BSD-2-Clause
# fish completion for attl and attld. Made by tools/gen_docs.py: change the tables instead.

# The words before the cursor, without options and their values, in lower case.
function __attl_words
    set -l tokens (commandline -opc)
    set -e tokens[1]
    set -l value no
    for token in $tokens
        if test $value = yes
            set value no
            continue
        end
        switch $token
            case --host --port --socket --user --password --timeout --cacert --cert --key --sni --interval --count --match --format --from --to --limit --key-file --since --kind -h -p -s -a -i -n -m -f
                set value yes
            case '-*'
            case '*'
                string lower -- $token
        end
    end
end

# Whether these are all the words so far.
function __attl_after
    set -l words (__attl_words)
    test "$words" = "$argv"
end

# Whether the first word is one of these.
function __attl_begins
    set -l words (__attl_words)
    contains -- "$words[1]" $argv
end

complete -c attl -f
complete -c attl -l host -s h -x -d 'server\'s name or address (127.0.0.1)'
complete -c attl -l port -s p -x -d 'server\'s port (6411)'
complete -c attl -l socket -s s -r -F -d 'connect to a unix socket instead'
complete -c attl -l user -x -d 'user for AUTH (default); audit show: only what this user did'
complete -c attl -l password -s a -x -d 'password for AUTH; better: the variable ATTL_PASSWORD'
complete -c attl -l timeout -x -d 'give up after so long without an answer (30; 0: never)'
complete -c attl -l tls -d 'encrypt, and check the server\'s certificate; port 6412 then'
complete -c attl -l cacert -r -F -d 'tls: the authorities to trust, PEM (the system\'s)'
complete -c attl -l cert -r -F -d 'tls: our own certificate, PEM'
complete -c attl -l key -r -F -d 'tls: its private key, PEM (in the file of --cert)'
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
complete -c attl -l format -s f -x -a 'resp json' -d 'load, dump: RESP commands or JSON lines'
complete -c attl -l strict -d 'load: stop at the first line that is refused'
complete -c attl -l from -x -d 'wal dump: begin with this change'
complete -c attl -l to -x -d 'wal dump: end with this change'
complete -c attl -l limit -x -d 'wal dump, snapshot dump, audit show: stop after N'
complete -c attl -l keys -d 'wal dump, snapshot dump: nothing but the keys'
complete -c attl -l values -d 'wal dump, snapshot dump: values too, not only sizes'
complete -c attl -l dry-run -d 'snapshot restore: only say what would be done'
complete -c attl -l yes -s y -d 'snapshot restore: do not ask'
complete -c attl -l key-file -r -F -d 'audit: the server\'s audit.key_file'
complete -c attl -l since -x -d 'audit show: from then on, as 2026-11-26 or 2026-11-26T02:47'
complete -c attl -l kind -x -d 'audit show: only this kind: auth, config, incident ...'
complete -c attl -l healthcheck -d 'PING the server: exit status 0 if it answers, 1 if not'
complete -c attl -l help -d 'this text'
complete -c attl -l version -s V -d 'the version'
complete -c attl -n __attl_after -a stat -d 'Shows what the server does'
complete -c attl -n __attl_after -a top -d 'A dashboard in the terminal'
complete -c attl -n __attl_after -a load -d 'Sends keys to the server'
complete -c attl -n __attl_after -a dump -d 'Writes every key with its value and deadline to FILE (- is standard output)'
complete -c attl -n __attl_after -a wal -d 'Looks at the log of changes in the data directory DIR'
complete -c attl -n __attl_after -a snapshot -d 'Looks at the snapshots in the data directory DIR'
complete -c attl -n __attl_after -a check -d 'Reads everything in the data directory DIR and checks it'
complete -c attl -n __attl_after -a audit -d 'Looks at the audit trail in DIR (the folder audit in the server\'s directory)'
complete -c attl -n __attl_after -a help -d 'Explains a command of the server'
complete -c attl -n __attl_after -a 'acl append attl.accounting attl.alert attl.audit attl.balance attl.config attl.deadline attl.due attl.erase attl.fail attl.fetch attl.fill attl.health attl.hotkeys attl.incident attl.keep attl.log attl.metrics attl.ns attl.renew attl.retention attl.rollback attl.scrub attl.shards attl.slowlog attl.snapshot attl.stats attl.trace attl.why auth bgrewriteaof bgsave client cluster command commandlog config copy dbsize decr decrby del delex delifeq digest discard echo exec exists expire expireat expiretime flushall flushdb get getdel getex getrange getset hello incr incrby incrbyfloat info keys lastsave latency lolwut memory mget module mset msetex msetnx multi object persist pexpire pexpireat pexpiretime ping psetex psubscribe pttl publish pubsub punsubscribe quit randomkey readonly readwrite rename renamenx reset save scan select set setex setnx setrange shutdown slowlog spublish ssubscribe strlen subscribe substr sunsubscribe time touch ttl type unlink unsubscribe unwatch wait watch'
complete -c attl -n '__attl_after help' -a 'stat top load dump wal snapshot check audit help acl append attl.accounting attl.alert attl.audit attl.balance attl.config attl.deadline attl.due attl.erase attl.fail attl.fetch attl.fill attl.health attl.hotkeys attl.incident attl.keep attl.log attl.metrics attl.ns attl.renew attl.retention attl.rollback attl.scrub attl.shards attl.slowlog attl.snapshot attl.stats attl.trace attl.why auth bgrewriteaof bgsave client cluster command commandlog config copy dbsize decr decrby del delex delifeq digest discard echo exec exists expire expireat expiretime flushall flushdb get getdel getex getrange getset hello incr incrby incrbyfloat info keys lastsave latency lolwut memory mget module mset msetex msetnx multi object persist pexpire pexpireat pexpiretime ping psetex psubscribe pttl publish pubsub punsubscribe quit randomkey readonly readwrite rename renamenx reset save scan select set setex setnx setrange shutdown slowlog spublish ssubscribe strlen subscribe substr sunsubscribe time touch ttl type unlink unsubscribe unwatch wait watch'
complete -c attl -n '__attl_after wal' -a 'list dump verify'
complete -c attl -n '__attl_after snapshot' -a 'list verify dump restore'
complete -c attl -n '__attl_after audit' -a 'verify show'
complete -c attl -n '__attl_after acl' -a 'cat deluser dryrun genpass getuser help list load log save setuser users whoami'
complete -c attl -n '__attl_after attl.alert' -a 'help list status test'
complete -c attl -n '__attl_after attl.audit' -a 'help rotate status tail verify'
complete -c attl -n '__attl_after attl.erase' -a 'help key list match prefix status'
complete -c attl -n '__attl_after attl.incident' -a 'ack help kinds list show simulate'
complete -c attl -n '__attl_after attl.log' -a 'help sync'
complete -c attl -n '__attl_after attl.ns' -a 'del flush get help list match set stats'
complete -c attl -n '__attl_after attl.snapshot' -a 'help list'
complete -c attl -n '__attl_after client' -a 'caching capa getname getredir help id info kill list no-evict no-touch pause reply setinfo setname tracking trackinginfo unblock unpause'
complete -c attl -n '__attl_after cluster' -a 'help info keyslot myid nodes shards slots'
complete -c attl -n '__attl_after command' -a 'count docs getkeys help info list'
complete -c attl -n '__attl_after commandlog' -a 'get help len reset'
complete -c attl -n '__attl_after config' -a 'get help resetstat rewrite set'
complete -c attl -n '__attl_after latency' -a 'doctor graph help histogram history latest reset'
complete -c attl -n '__attl_after memory' -a 'doctor help malloc-stats purge stats usage'
complete -c attl -n '__attl_after module' -a 'help list'
complete -c attl -n '__attl_after object' -a 'encoding freq help idletime refcount'
complete -c attl -n '__attl_after pubsub' -a 'channels help numpat numsub shardchannels shardnumsub'
complete -c attl -n '__attl_after slowlog' -a 'get help len reset'
complete -c attl -F -n '__attl_begins load dump wal snapshot check audit'

complete -c attld -f
complete -c attld -l config -r -F
complete -c attld -l check-config
complete -c attld -l dump-options
complete -c attld -l dump-metrics
complete -c attld -l help
complete -c attld -l version
complete -c attld -l cache.max_memory -x
complete -c attld -l cache.max_entries -x
complete -c attld -l cache.eviction -x
complete -c attld -l cache.default_ttl -x
complete -c attld -l cache.num_shards -x
complete -c attld -l cache.partitions -x
complete -c attld -l cache.paranoia -x
complete -c attld -l cache.background -x
complete -c attld -l cache.huge_pages -x
complete -c attld -l cache.max_pinned -x
complete -c attld -l cache.hash -x
complete -c attld -l cache.utilization -x
complete -c attld -l cache.return_delay -x
complete -c attld -l validation.mode -x
complete -c attld -l validation.max_key_bytes -x
complete -c attld -l validation.max_value_bytes -x
complete -c attld -l validation.max_ttl -x
complete -c attld -l limits.transaction_ops -x
complete -c attld -l limits.rollback_ops -x
complete -c attld -l balancer.enabled -x
complete -c attld -l balancer.imbalance_threshold -x
complete -c attld -l balancer.interval -x
complete -c attld -l balancer.budget -x
complete -c attld -l hotkeys.enabled -x
complete -c attld -l adaptive.enabled -x
complete -c attld -l adaptive.base_interval -x
complete -c attld -l adaptive.min_interval -x
complete -c attld -l adaptive.max_interval -x
complete -c attld -l adaptive.latency_threshold -x
complete -c attld -l adaptive.insert_threshold -x
complete -c attld -l adaptive.reclaim -x
complete -c attld -l ledger.entries -x
complete -c attld -l incident.enabled -x
complete -c attld -l incident.interval -x
complete -c attld -l incident.open_after -x
complete -c attld -l incident.close_after -x
complete -c attld -l incident.escalate_after -x
complete -c attld -l incident.cooldown -x
complete -c attld -l incident.rate -x
complete -c attld -l incident.handlers -x
complete -c attld -l incident.exec -x
complete -c attld -l incident.exec_timeout -x
complete -c attld -l incident.turnover -x
complete -c attld -l incident.low_disk -x
complete -c attld -l incident.latency_factor -x
complete -c attld -l pressure.enabled -x
complete -c attld -l pressure.cgroup_high -x
complete -c attld -l pressure.psi_limit -x
complete -c attld -l pressure.floor -x
complete -c attld -l pressure.oversize -x
complete -c attld -l pressure.dry_run -x
complete -c attld -l shed.enabled -x
complete -c attld -l shed.target -x
complete -c attld -l shed.max_delay -x
complete -c attld -l metrics.enabled -x
complete -c attld -l retention.enabled -x
complete -c attld -l retention.interval -x
complete -c attld -l retention.snapshot_ttl -x
complete -c attld -l retention.log_ttl -x
complete -c attld -l retention.snapshots -x
complete -c attld -l retention.disk_budget -x
complete -c attld -l scrub.enabled -x
complete -c attld -l scrub.interval -x
complete -c attld -l scrub.rate -x
complete -c attld -l erase.within -x
complete -c attld -l persist.fsync -x
complete -c attld -l persist.dir -x
complete -c attld -l persist.segment_size -x
complete -c attld -l persist.buffer -x
complete -c attld -l persist.on_error -x
complete -c attld -l persist.recover -x
complete -c attld -l persist.wait -x
complete -c attld -l persist.background_load -x
complete -c attld -l persist.save -x
complete -c attld -l persist.snapshot_log_size -x
complete -c attld -l persist.compress -x
complete -c attld -l persist.reserve -x
complete -c attld -l persist.slow_sync -x
complete -c attld -l async.threads -x
complete -c attld -l async.queue -x
complete -c attld -l server.port -x
complete -c attld -l server.bind -x
complete -c attld -l server.unixsocket -x
complete -c attld -l server.unixsocketperm -x
complete -c attld -l server.admin_port -x
complete -c attld -l server.tls_port -x
complete -c attld -l server.threads -x
complete -c attld -l server.max_clients -x
complete -c attld -l server.timeout -x
complete -c attld -l server.tcp_keepalive -x
complete -c attld -l server.tcp_backlog -x
complete -c attld -l server.requirepass -x
complete -c attld -l server.protected_mode -x
complete -c attld -l server.query_buffer_limit -x
complete -c attld -l server.output_buffer_limit -x
complete -c attld -l server.clients_memory -x
complete -c attld -l server.shutdown_timeout -x
complete -c attld -l server.dir -x
complete -c attld -l server.readiness_delay -x
complete -c attld -l admin.bind -x
complete -c attld -l admin.tls -x
complete -c attld -l admin.tls_auth_clients -x
complete -c attld -l admin.hosts -x
complete -c attld -l admin.token -x
complete -c attld -l admin.read_token -x
complete -c attld -l admin.metrics_token -x
complete -c attld -l admin.max_connections -x
complete -c attld -l admin.max_listeners -x
complete -c attld -l admin.ui_dir -x
complete -c attld -l acl.file -x
complete -c attld -l acl.log_max_len -x
complete -c attld -l acl.pubsub_default -x
complete -c attld -l tls.cert_file -x
complete -c attld -l tls.key_file -x
complete -c attld -l tls.key_file_pass -x
complete -c attld -l tls.ca_file -x
complete -c attld -l tls.auth_clients -x
complete -c attld -l tls.auth_clients_user -x
complete -c attld -l tls.min_version -x
complete -c attld -l tls.ciphers -x
complete -c attld -l tls.ciphersuites -x
complete -c attld -l tls.session_caching -x
complete -c attld -l tls.handshake_timeout -x
complete -c attld -l tls.max_handshakes -x
complete -c attld -l pubsub.buffer_limit -x
complete -c attld -l tracking.table_max_keys -x
complete -c attld -l tracking.pending_limit -x
complete -c attld -l alert.enabled -x
complete -c attld -l alert.url -x
complete -c attld -l alert.secret -x
complete -c attld -l alert.header -x
complete -c attld -l alert.template -x
complete -c attld -l alert.ca_file -x
complete -c attld -l alert.min_severity -x
complete -c attld -l alert.tries -x
complete -c attld -l alert.timeout -x
complete -c attld -l alert.backoff -x
complete -c attld -l alert.backoff_max -x
complete -c attld -l audit.mode -x
complete -c attld -l audit.dir -x
complete -c attld -l audit.key_file -x
complete -c attld -l audit.rotate_size -x
complete -c attld -l audit.rotate_age -x
complete -c attld -l audit.keep -x
complete -c attld -l audit.keep_age -x
complete -c attld -l audit.fsync -x
complete -c attld -l audit.on_error -x
complete -c attld -l audit.writes -x
complete -c attld -l audit.keys -x
complete -c attld -l audit.queue -x
complete -c attld -l log.level -x
complete -c attld -l log.format -x
complete -c attld -l log.rate -x
complete -c attld -l log.redact -x
complete -c attld -l latency.slowlog_log_slower_than -x
complete -c attld -l latency.slowlog_max_len -x
complete -c attld -l latency.slowlog_redact -x
complete -c attld -l latency.commandlog_request_larger_than -x
complete -c attld -l latency.commandlog_large_request_max_len -x
complete -c attld -l latency.commandlog_reply_larger_than -x
complete -c attld -l latency.commandlog_large_reply_max_len -x
complete -c attld -l latency.monitor_threshold -x
complete -c attld -l redis.databases -x
complete -c attld -l redis.appendonly -x
complete -c attld -l redis.notify_keyspace_events -x
complete -c attld -l redis.hz -x
