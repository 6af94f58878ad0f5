#!/usr/bin/env bash
# Load from outside, by wrk: what the workers finished must stand in the log file, line for line.
#
#   examples/prefork/wrk.sh [OPTIONS OF THE SERVICE]      e.g. --no-preload, --workers 4
#
# The workers count the requests that they carried through and report it when they end; the file is counted by grep. wrk
# itself counts less: it gives up what is under way, one request a connection at most, when its time is over. DURATION=20s
# and CONNECTIONS=32 can be changed by the environment. It needs wrk, and exits 1 if a count is wrong.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
duration=${DURATION:-20s}
connections=${CONNECTIONS:-32}
command -v wrk >/dev/null || { echo "wrk is not installed (Debian: apt-get install wrk)" >&2; exit 1; }

cargo build --quiet --release --manifest-path "$root/Cargo.toml" --example prefork
program=$(realpath "${CARGO_TARGET_DIR:-$root/target}")/release/examples/prefork

directory=$(mktemp -d)
cd "$directory"
"$program" --bind 127.0.0.1:0 "$@" >stdout 2>stderr &
service=$!
# Whatever happens, the service ends with this script.
trap 'kill "$service" 2>/dev/null || true' EXIT

url=
for _ in {1..1000}; do
    url=$(sed -n 's/^serving \(http:[^ ]*\) .*/\1/p' stdout)
    [[ -n $url ]] && break
    kill -0 "$service" 2>/dev/null || { cat stderr >&2; exit 1; }
    sleep 0.01
done
[[ -n $url ]] || { echo "the service does not serve" >&2; exit 1; }

wrk -t2 -c"$connections" -d"$duration" "$url" | tee wrk
kill -TERM "$service"
wait "$service"
trap - EXIT

finished=$(sed -n 's/^all workers have ended; they finished \([0-9]*\) requests$/\1/p' stdout)
answered=$(sed -n 's/^ *\([0-9]*\) requests in .*/\1/p' wrk)
head='^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:]{8},[0-9]{3} -process\[([0-9]+)\] -thread\[[0-9]+\] -'
request="${head}my_logger - \\[INFO\\]-\\[[0-9]+\\] - process:\\[\\1\\] API가 요청되었습니다\$"
start="${head}que_listen_logger - \\[INFO\\]-\\[[0-9]+\\] - \\[\\1\\]: listener 프로세스가 켜졌습니다\$"
lines=$(grep -cE "$request" service.log || true)
starts=$(grep -cE "$start" service.log || true)
all=$(wc -l <service.log)

printf '%-34s %9d\n' \
    "requests that wrk saw answered" "$answered" \
    "requests that the workers finished" "$finished" \
    "lines of requests in the file" "$lines" \
    "lines of a listener's start" "$starts" \
    "other lines" $((all - lines - starts))

if ((lines == finished && starts == 1 && all == lines + starts && finished >= answered \
    && finished - answered <= connections)) && ! grep -qE 'Socket errors|Non-2xx' wrk; then
    rm -r "$directory"
else
    echo "this is wrong; everything is kept in $directory" >&2
    exit 1
fi
