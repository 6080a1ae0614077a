# What `up`, `down` and `run` share: the settings of a local stack, its folders, and its supervisor. Sourced by bash.
#
# Ports: the front door is VR_HTTP_PORT (8080), the demo VR_DEMO_PORT (4567). Everything else has a port in a block of 16
# that follows from VR_HTTP_PORT: from 10000 + 16 × (VR_HTTP_PORT mod 1400), so below the ephemeral ones, and two stacks
# with other front doors stay apart.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

SERVICES=(auth market wizard webhook)
READY_WITHIN_S=60
STOPPED_WITHIN_S=20

# Debian's commands say why they fail; ours too.
fail() {
        echo "voie-rapide: $*" >&2
        exit 1
}

# --- settings ---

default() { # NAME VALUE: the caller's environment wins, even when set to empty
        [[ -v $1 ]] || export "$1=$2"
}

# What only exists so far.
refuse_other_kinds() {
        [[ ${DB:-sqlite} == sqlite ]] || fail "DB=$DB: only sqlite runs here for now"
        [[ ${KAFKA:-embedded} == embedded ]] || fail "KAFKA=$KAFKA: only embedded runs here for now"
        [[ ${REPLICAS:-1} == 1 ]] || fail "REPLICAS=$REPLICAS: more than one replica needs PostgreSQL"
}

load_data_dir() {
        default VR_DATA_DIR "$root/.run"
        [[ -n $VR_DATA_DIR ]] || fail "VR_DATA_DIR is empty"
        mkdir -p "$VR_DATA_DIR"
        VR_DATA_DIR=$(cd "$VR_DATA_DIR" && pwd)
        data=$VR_DATA_DIR
        # Both stand in configuration files and URLs of others, each with its own idea of quoting.
        [[ $root$data != *[[:space:]\'\"\$\&\|\;\\{}?%#]* ]] || fail "a space or a sign in $root or $data: choose another folder"
        scan=$data/service
        supervisor_pid=$data/supervisor.pid
}

load_service_settings() { # service, number in the block
        local name=${1^^} http=$((block + $2)) management=$((block + 8 + $2))

        default "VR_${name}_HTTP_PORT" $http
        default "VR_${name}_MANAGEMENT_PORT" $management
        local http_port=VR_${name}_HTTP_PORT management_port=VR_${name}_MANAGEMENT_PORT
        default "VR_${name}_URL" "http://127.0.0.1:${!http_port}"
        default "VR_${name}_MANAGEMENT_URL" "http://127.0.0.1:${!management_port}"
        [[ $1 == wizard ]] || default "VR_${name}_DATABASE_URL" "sqlite:$data/db/$1.db"
}

secret_file() { # NAME file: NAME_FILE says where it is; a value in the caller's environment moves into a file
        if [[ -v $1 ]]; then
                printf %s "${!1}" >"$data/secrets/$2"
                unset "$1"
                export "$1_FILE=$data/secrets/$2"
        fi
        default "$1_FILE" "$data/secrets/$2"
}

load_settings() {
        local number=0 service

        refuse_other_kinds
        load_data_dir
        umask 077
        mkdir -p "$data"/{db,log,pid,redis,nginx,secrets,service}

        default VR_HTTP_PORT 8080
        default VR_DEMO_PORT 4567
        [[ $VR_HTTP_PORT =~ ^[1-9][0-9]{0,4}$ ]] || fail "VR_HTTP_PORT=$VR_HTTP_PORT: a port is expected"
        [[ $VR_DEMO_PORT =~ ^[1-9][0-9]{0,4}$ ]] || fail "VR_DEMO_PORT=$VR_DEMO_PORT: a port is expected"
        block=$((10000 + 16 * (VR_HTTP_PORT % 1400)))
        redis_port=$block
        for service in "${SERVICES[@]}"; do
                number=$((number + 1))
                load_service_settings "$service" $number
        done

        default VR_BROKER_PORT $((block + 8))
        default VR_REDIS_URL "redis://127.0.0.1:$redis_port/0"
        default VR_KAFKA_BROKERS "127.0.0.1:$VR_BROKER_PORT"
        default VR_PUBLIC_URL "http://localhost:$VR_HTTP_PORT"
        default VR_ALLOWED_ORIGINS "http://127.0.0.1:$VR_HTTP_PORT"
        default VR_BASE_URL "$VR_PUBLIC_URL"
        default VR_WEBHOOK_ALLOW_CIDRS 127.0.0.0/8
        default VR_WEBHOOK_ALLOW_HTTP 1
        default VR_WEBHOOK_ALLOW_PORTS ""
        secret_file VR_SECRET_KEYS secret-keys
        # The demo is an editor like any other; in a shell, `vr` speaks in its name.
        default VR_DEMO_CLIENT_ID demo
        secret_file VR_DEMO_CLIENT_SECRET demo-client-secret
        secret_file VR_DEMO_WEBHOOK_SECRET demo-webhook-secret
        default VR_CLIENT_ID "$VR_DEMO_CLIENT_ID"
        secret_file VR_CLIENT_SECRET demo-client-secret

        default VR_BUILD_DIR build
        build=$VR_BUILD_DIR
        [[ $build == /* ]] || build=$root/$build
        programs=$build/cli:$build/deploy/demo:$build/deploy/local
        for service in "${SERVICES[@]}"; do
                programs+=:$build/services/$service
        done
        PATH=$programs:$PATH
}

quoted() { # for sh
        local text=${1//\'/\'\\\'\'}
        printf "'%s'" "$text"
}

# Every setting the services run with; a shell that sources it can administer the stack.
write_env() {
        local name

        {
                echo "# Made by deploy/local/up: the settings of the stack in $data"
                while read -r name; do
                        [[ $name != VR_* ]] || echo "export $name=$(quoted "${!name}")"
                done < <(compgen -e | sort)
                echo "export PATH=$(quoted "$programs"):\"\$PATH\":/usr/local/sbin:/usr/sbin:/sbin"
        } >"$data/env.new"
        mv "$data/env.new" "$data/env"
}

# --- the supervisor ---

# A dead process that nobody has waited for yet has no command line.
is_running() {
        [[ -r $supervisor_pid ]] && grep -qsaF "$scan" "/proc/$(<"$supervisor_pid")/cmdline"
}

# The programs of the stack, in the order of the first look at what is not ready.
all_parts() {
        printf '%s\n' redis kafka "${SERVICES[@]}" nginx demo
}

# s6-supervise processes outlive a supervisor that was killed; each holds a lock that tells.
stop_leftovers() {
        local part

        for part in "$scan"/*/; do
                if [[ -d $part ]] && s6-svok "$part"; then
                        s6-svc -xd "$part"
                        s6-svwait -D -t 12000 "$part" || s6-svc -k "$part" || true
                fi
        done
}
