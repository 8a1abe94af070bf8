# SPDX-License-Identifier: BSD-2-Clause
# bash completion for attl and attld. Made by tools/gen_docs.py: change the tables instead.

_attl() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} words='' first='' i
    case $prev in
        --cacert|--cert|--key|--key-file|--socket|-s)
            mapfile -t COMPREPLY < <(compgen -f -- "$cur"); return ;;
        --format|-f) mapfile -t COMPREPLY < <(compgen -W 'resp json' -- "$cur"); return ;;
        --host|-h) mapfile -t COMPREPLY < <(compgen -A hostname -- "$cur"); return ;;
        --port|--user|--password|--timeout|--sni|--interval|--count|--match|--from|--to|--limit|--since|--kind|-p|-a|-i|-n|-m) return ;;
    esac
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
            --host|--port|--socket|--user|--password|--timeout|--cacert|--cert|--key|--sni|--interval|--count|--match|--format|--from|--to|--limit|--key-file|--since|--kind|-h|-p|-s|-a|-i|-n|-m|-f) i=$((i + 1)) ;;
            -*) ;;
            *) first=${COMP_WORDS[i]}; break ;;
        esac
    done
    if [[ $cur == -* ]]; then
        words='--host --port --socket --user --password --timeout --tls --cacert --cert --key --sni --insecure --resp2 --json --raw --no-raw --last-from-stdin --interval --count --once --redact --match --format --strict --from --to --limit --keys --values --dry-run --yes --key-file --since --kind --healthcheck --help --version'
    elif [[ -z $first ]]; then
        words='stat top load dump wal snapshot check audit help acl append attl.accounting attl.alert attl.audit attl.balance attl.config attl.deadline attl.due attl.erase attl.fail attl.fetch attl.fill attl.health attl.hotkeys attl.incident attl.keep attl.log attl.metrics attl.ns attl.renew attl.retention attl.rollback attl.scrub attl.shards attl.slowlog attl.snapshot attl.stats attl.trace attl.why auth bgrewriteaof bgsave client cluster command commandlog config copy dbsize decr decrby del delex delifeq digest discard echo exec exists expire expireat expiretime flushall flushdb get getdel getex getrange getset hello incr incrby incrbyfloat info keys lastsave latency lolwut memory mget module mset msetex msetnx multi object persist pexpire pexpireat pexpiretime ping psetex psubscribe pttl publish pubsub punsubscribe quit randomkey readonly readwrite rename renamenx reset save scan select set setex setnx setrange shutdown slowlog spublish ssubscribe strlen subscribe substr sunsubscribe time touch ttl type unlink unsubscribe unwatch wait watch'
    elif [[ $first == "$prev" ]]; then
        case ${first,,} in
            help) words='stat top load dump wal snapshot check audit help acl append attl.accounting attl.alert attl.audit attl.balance attl.config attl.deadline attl.due attl.erase attl.fail attl.fetch attl.fill attl.health attl.hotkeys attl.incident attl.keep attl.log attl.metrics attl.ns attl.renew attl.retention attl.rollback attl.scrub attl.shards attl.slowlog attl.snapshot attl.stats attl.trace attl.why auth bgrewriteaof bgsave client cluster command commandlog config copy dbsize decr decrby del delex delifeq digest discard echo exec exists expire expireat expiretime flushall flushdb get getdel getex getrange getset hello incr incrby incrbyfloat info keys lastsave latency lolwut memory mget module mset msetex msetnx multi object persist pexpire pexpireat pexpiretime ping psetex psubscribe pttl publish pubsub punsubscribe quit randomkey readonly readwrite rename renamenx reset save scan select set setex setnx setrange shutdown slowlog spublish ssubscribe strlen subscribe substr sunsubscribe time touch ttl type unlink unsubscribe unwatch wait watch' ;;
            wal) words='list dump verify' ;;
            snapshot) words='list verify dump restore' ;;
            audit) words='verify show' ;;
            acl) words='cat deluser dryrun genpass getuser help list load log save setuser users whoami' ;;
            attl.alert) words='help list status test' ;;
            attl.audit) words='help rotate status tail verify' ;;
            attl.erase) words='help key list match prefix status' ;;
            attl.incident) words='ack help kinds list show simulate' ;;
            attl.log) words='help sync' ;;
            attl.ns) words='del flush get help list match set stats' ;;
            attl.snapshot) words='help list' ;;
            client) words='caching capa getname getredir help id info kill list no-evict no-touch pause reply setinfo setname tracking trackinginfo unblock unpause' ;;
            cluster) words='help info keyslot myid nodes shards slots' ;;
            command) words='count docs getkeys help info list' ;;
            commandlog) words='get help len reset' ;;
            config) words='get help resetstat rewrite set' ;;
            latency) words='doctor graph help histogram history latest reset' ;;
            memory) words='doctor help malloc-stats purge stats usage' ;;
            module) words='help list' ;;
            object) words='encoding freq help idletime refcount' ;;
            pubsub) words='channels help numpat numsub shardchannels shardnumsub' ;;
            slowlog) words='get help len reset' ;;
        esac
    fi
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "${cur,,}")
    if [[ ${#COMPREPLY[@]} -eq 0 ]]; then
        case $first in
            load|dump|wal|snapshot|check|audit) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
        esac
    fi
}
complete -F _attl attl

_attld() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    if [[ $prev == --config || $cur != -* ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        return
    fi
    mapfile -t COMPREPLY < <(compgen -W '--config --check-config --dump-options --dump-metrics --help --version --cache.max_memory --cache.max_entries --cache.eviction --cache.default_ttl --cache.num_shards --cache.partitions --cache.paranoia --cache.background --cache.huge_pages --cache.max_pinned --cache.hash --cache.utilization --cache.return_delay --validation.mode --validation.max_key_bytes --validation.max_value_bytes --validation.max_ttl --limits.transaction_ops --limits.rollback_ops --balancer.enabled --balancer.imbalance_threshold --balancer.interval --balancer.budget --hotkeys.enabled --adaptive.enabled --adaptive.base_interval --adaptive.min_interval --adaptive.max_interval --adaptive.latency_threshold --adaptive.insert_threshold --adaptive.reclaim --ledger.entries --incident.enabled --incident.interval --incident.open_after --incident.close_after --incident.escalate_after --incident.cooldown --incident.rate --incident.handlers --incident.exec --incident.exec_timeout --incident.turnover --incident.low_disk --incident.latency_factor --pressure.enabled --pressure.cgroup_high --pressure.psi_limit --pressure.floor --pressure.oversize --pressure.dry_run --shed.enabled --shed.target --shed.max_delay --metrics.enabled --retention.enabled --retention.interval --retention.snapshot_ttl --retention.log_ttl --retention.snapshots --retention.disk_budget --scrub.enabled --scrub.interval --scrub.rate --erase.within --persist.fsync --persist.dir --persist.segment_size --persist.buffer --persist.on_error --persist.recover --persist.wait --persist.background_load --persist.save --persist.snapshot_log_size --persist.compress --persist.reserve --persist.slow_sync --async.threads --async.queue --server.port --server.bind --server.unixsocket --server.unixsocketperm --server.admin_port --server.tls_port --server.threads --server.max_clients --server.timeout --server.tcp_keepalive --server.tcp_backlog --server.requirepass --server.protected_mode --server.query_buffer_limit --server.output_buffer_limit --server.clients_memory --server.shutdown_timeout --server.dir --server.readiness_delay --admin.bind --admin.tls --admin.tls_auth_clients --admin.hosts --admin.token --admin.read_token --admin.metrics_token --admin.max_connections --admin.max_listeners --admin.ui_dir --acl.file --acl.log_max_len --acl.pubsub_default --tls.cert_file --tls.key_file --tls.key_file_pass --tls.ca_file --tls.auth_clients --tls.auth_clients_user --tls.min_version --tls.ciphers --tls.ciphersuites --tls.session_caching --tls.handshake_timeout --tls.max_handshakes --pubsub.buffer_limit --tracking.table_max_keys --tracking.pending_limit --alert.enabled --alert.url --alert.secret --alert.header --alert.template --alert.ca_file --alert.min_severity --alert.tries --alert.timeout --alert.backoff --alert.backoff_max --audit.mode --audit.dir --audit.key_file --audit.rotate_size --audit.rotate_age --audit.keep --audit.keep_age --audit.fsync --audit.on_error --audit.writes --audit.keys --audit.queue --log.level --log.format --log.rate --log.redact --latency.slowlog_log_slower_than --latency.slowlog_max_len --latency.slowlog_redact --latency.commandlog_request_larger_than --latency.commandlog_large_request_max_len --latency.commandlog_reply_larger_than --latency.commandlog_large_reply_max_len --latency.monitor_threshold --redis.databases --redis.appendonly --redis.notify_keyspace_events --redis.hz' -- "$cur")
}
complete -F _attld attld
