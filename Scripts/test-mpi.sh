#!/usr/bin/env bash
# Trains in several processes under mpirun: the same bits for 1 to 4 ranks, ends of all ranks when
# one is killed, and runs that go on with another number of ranks.
#
#   Scripts/test-mpi.sh                    12 kills
#   Scripts/test-mpi.sh 50                 50 kills of a random rank at a random moment
#   MEPROP=.build-mpi/release/meprop Scripts/test-mpi.sh
#   SEED=7 Scripts/test-mpi.sh             other moments
#   POLICIES="dense unified" Scripts/test-mpi.sh 3    fewer comparisons
#
# Data are made up. MEPROP must be a program that was built with MEPROP_MPI=1.
set -euo pipefail
cd "$(dirname "$0")/.."

kills="${1:-12}"
meprop="${MEPROP:-.build-mpi/release/meprop}"
[ -x "$meprop" ] || { echo "test-mpi: no $meprop; build it first" >&2; exit 64; }
command -v mpirun > /dev/null || { echo "test-mpi: no mpirun; install openmpi-bin" >&2; exit 64; }
RANDOM="${SEED:-1}"
# Ranks share the processors there are, also for root, as in containers.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
ranks() { local count="$1"; shift; mpirun --oversubscribe --bind-to none -n "$count" "$@"; }

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
# shellcheck source=Scripts/made-up-data.sh
source Scripts/made-up-data.sh
make_data "$work"

read -r -a policies <<< "${POLICIES:-dense top-k unified batch-top-k sampled random-k}"
common=(--epochs 2 --threads 1)
settings() {
  case "$1" in
    digits) echo "--data $work/images --classes 6 --dev-count 200 --hidden 80,40 --batch 16" \
      "--dropout 0.2" ;;
    tagger) echo "--data $work/bank --hidden 24 --batch 8" ;;
    parser) echo "--data $work/bank --hidden 40 --batch 40 --embedding-size 16" ;;
    table) echo "--data $work/table.csv --target kind --hidden 40,24 --batch 64" ;;
  esac
  # Dense training keeps all entries, and takes no k.
  if [ "$2" != dense ]; then echo "--k 6"; fi
}

failures=0
fail() {
  echo "test-mpi: $*"
  failures=$((failures + 1))
}

same() {
  local tensors=checkpoints/last/tensors.safetensors
  cmp -s "$1/$tensors" "$2/$tensors"
}

# The same weights, moments and memories for any number of ranks.
for task in digits tagger parser table; do
  for policy in "${policies[@]}"; do
    mapfile -t lines < <(settings "$task" "$policy")
    read -r -a options <<< "${lines[*]}"
    options+=(--select "$policy" "${common[@]}")
    "$meprop" train "$task" "${options[@]}" --shards 8 --run "$work/$task-$policy-1" \
      > /dev/null 2> "$work/log" || fail "$task, $policy, one process: $(tail -1 "$work/log")"
    for count in 2 3 4; do
      run="$work/$task-$policy-$count"
      ranks "$count" "$meprop" train "$task" "${options[@]}" --run "$run" \
        > "$work/out" 2> "$work/log" ||
        fail "$task, $policy, $count ranks: $(tail -1 "$work/log")"
      same "$work/$task-$policy-1" "$run" || fail "$task, $policy: $count ranks differ from one"
      [ "$(grep -c '^model:' "$work/out")" = 1 ] || fail "$task: not one rank alone prints"
    done
    rm -rf "$work/$task-$policy-"[234]
  done
  echo "$task: compared 1 to 4 ranks under ${#policies[@]} policies"
done

# Layers that are wide enough travel while those below are computed, on one machine if asked to.
for policy in dense top-k batch-top-k; do
  wide=(--data "$work/images" --classes 6 --dev-count 200 --hidden 300,1024,512 --batch 64
    --select "$policy" "${common[@]}")
  if [ "$policy" != dense ]; then wide+=(--k 0.3); fi
  "$meprop" train digits "${wide[@]}" --shards 8 --run "$work/wide-1" > /dev/null 2> "$work/log" ||
    fail "wide layers, $policy, one process: $(tail -1 "$work/log")"
  for count in 2 3; do
    MEPROP_OVERLAP=always ranks "$count" "$meprop" train digits "${wide[@]}" \
      --run "$work/wide-$count" > /dev/null 2> "$work/log" ||
      fail "wide layers, $policy, $count ranks: $(tail -1 "$work/log")"
    same "$work/wide-1" "$work/wide-$count" ||
      fail "wide layers, $policy: $count ranks with overlap differ from one"
  done
  rm -rf "$work/wide-"[123]
done
echo "wide layers: compared 1 to 3 ranks with overlap"

# Ranks that differ stop with one line.
mapfile -t lines < <(settings digits top-k)
read -r -a options <<< "${lines[*]}"
code=0
mpirun --oversubscribe \
  -n 1 "$meprop" train digits "${options[@]}" "${common[@]}" --run "$work/differs" : \
  -n 1 "$meprop" train digits "${options[@]}" "${common[@]}" --seed 2 --run "$work/differs" \
  > /dev/null 2> "$work/log" || code=$?
if [ "$code" -eq 0 ] || [ "$(grep -c "^error: process 1: expected the setting seed '1'" \
  "$work/log")" != 1 ]; then
  fail "other settings were not told: $code, $(cat "$work/log")"
fi

# Kills of one rank end all within ten seconds; the run goes on with other ranks, to the same bits.
long=("${options[@]}" --epochs 12 --threads 1)
"$meprop" train digits "${long[@]}" --shards 8 --run "$work/whole" > /dev/null 2> "$work/log"
done_kills=0
slowest=0
while [ "$done_kills" -lt "$kills" ]; do
  rm -rf "$work/killed"
  resume=()
  while true; do
    count=$((2 + RANDOM % 3))
    ranks "$count" "$meprop" train digits "${long[@]}" --run "$work/killed" "${resume[@]}" \
      > /dev/null 2> "$work/log" &
    launcher=$!
    sleep "$((RANDOM % 3)).$((RANDOM % 10))"
    mapfile -t processes < <(pgrep -P "$launcher" -f 'train digits' || true)
    if [ ${#processes[@]} -gt 0 ]; then
      signal=(KILL KILL TERM)
      kill "-${signal[RANDOM % 3]}" "${processes[RANDOM % ${#processes[@]}]}" 2> /dev/null || true
      done_kills=$((done_kills + 1))
    fi
    killed=$(date +%s%N)
    code=0
    wait "$launcher" 2> /dev/null || code=$?
    seconds=$(( ($(date +%s%N) - killed) / 1000000000 ))
    if [ -d "$work/killed" ]; then resume=(--resume); fi
    if [ "$code" -eq 0 ]; then break; fi
    [ "$seconds" -gt "$slowest" ] && slowest=$seconds
    [ "$seconds" -le 10 ] || fail "ranks ended $seconds seconds after one was killed"
  done
  same "$work/whole" "$work/killed" || fail "a resumed run differs from a whole one"
done
echo "digits: $done_kills kills, the slowest end after $slowest s"

echo "test-mpi: $failures failures"
[ "$failures" -eq 0 ]
