#!/usr/bin/env bash
# Kills runs at random moments, resumes them, and compares the model with that of a run that nobody
# killed, bit for bit.
#
#   Scripts/crash-test.sh                      100 kills of each task, with the release build
#   Scripts/crash-test.sh 300                  300 kills of each task
#   Scripts/crash-test.sh 300 tagger parser    only these tasks
#   MEPROP=/usr/bin/meprop Scripts/crash-test.sh 20
#   SEED=7 Scripts/crash-test.sh 20            other moments
#
# Data are made up, so nothing has to be there. The exit code is 0 if every run ended as the other
# did, and nothing but what a run folder holds was left behind.
set -euo pipefail
cd "$(dirname "$0")/.."

kills="${1:-100}"
shift || true
tasks=("$@")
[ $# -gt 0 ] || tasks=(digits tagger parser)
meprop="${MEPROP:-$(swift build -c release --show-bin-path)/meprop}"
[ -x "$meprop" ] || { echo "crash-test: no $meprop; build it first" >&2; exit 64; }
RANDOM="${SEED:-1}"

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT

# Sentences of made-up words, whose tags and heads follow from the words.
sentences() {
  awk -v count="$1" -v seed="$2" 'BEGIN {
    srand(seed)
    for (s = 0; s < count; s++) {
      words = 2 + int(rand() * 6)
      for (w = 1; w <= words; w++) {
        kind = int(rand() * 4)
        printf "%d\tw%d%c\t_\tT%d\tX%d\t_\t%d\t%s\t_\t_\n", w, int(rand() * 50), 97 + kind, kind,
          kind, w - 1, w == 1 ? "root" : "r" kind
      }
      print ""
    }
  }'
}

# Images of which a bright row tells the class.
images() {
  awk -v count="$2" -v seed="$3" -v what="$1" 'BEGIN {
    srand(seed)
    printf "%s", what == "images" ? "00000803" : "00000801"
    printf "%08x", count
    if (what == "images") printf "0000000600000006"
    for (i = 0; i < count; i++) {
      class = int(rand() * 6)
      if (what == "labels") printf "%02x", class
      for (p = 0; p < 36; p++) {
        value = int(rand() * 120) + (int(p / 6) == class ? 100 : 0)
        if (what == "images") printf "%02x", value
      }
    }
  }' | sed 's/../\\x&/g' | { hex="$(cat)"; printf '%b' "$hex"; }
}

mkdir "$work/images" "$work/bank"
for part in train:1500:1 t10k:100:2; do
  IFS=: read -r prefix count seed <<< "$part"
  images images "$count" "$seed" > "$work/images/$prefix-images-idx3-ubyte"
  images labels "$count" "$seed" > "$work/images/$prefix-labels-idx1-ubyte"
done
for part in train:400:3 dev:60:4; do
  IFS=: read -r name count seed <<< "$part"
  sentences "$count" "$seed" > "$work/bank/x-$name.conllu"
done

settings() {
  case "$1" in
    digits)
      echo "--data $work/images --classes 6 --dev-count 200 --hidden 80,40 --k 6 --batch 8" \
        "--dropout 0.2 --epochs 8 --threads 1" ;;
    tagger)
      echo "--data $work/bank --hidden 24 --k 4 --batch 4 --epochs 6 --threads 1" ;;
    parser)
      echo "--data $work/bank --hidden 40 --k 6 --batch 40 --embedding-size 16 --epochs 6" \
        "--threads 1" ;;
    *) echo "crash-test: unknown task '$1'" >&2; exit 64 ;;
  esac
}

# Fails unless two runs have the same model and checkpoints.
compare() {
  local file
  for file in model/SHA256SUMS checkpoints/last/tensors.safetensors \
    checkpoints/best/tensors.safetensors config.yaml
  do
    cmp "$1/$file" "$2/$file" || return 1
  done
  (cd "$2/model" && sha256sum --quiet -c SHA256SUMS)
}

failures=0
for task in "${tasks[@]}"; do
  read -r -a options <<< "$(settings "$task")"
  started=$(date +%s%N)
  "$meprop" train "$task" "${options[@]}" --run "$work/whole-$task" > /dev/null 2> "$work/log"
  length=$(( ($(date +%s%N) - started) / 1000 ))
  done_kills=0
  runs=0
  while [ "$done_kills" -lt "$kills" ]; do
    run="$work/killed-$task"
    rm -rf "$run"
    resume=()
    while true; do
      "$meprop" train "$task" "${options[@]}" --run "$run" "${resume[@]}" \
        > /dev/null 2> "$work/log" &
      process=$!
      # Up to the length of the whole run, so that some end.
      delay=$(( (RANDOM * 32768 + RANDOM) % (length + 50000) ))
      sleep "$(printf '%d.%06d' $((delay / 1000000)) $((delay % 1000000)))"
      kill -KILL "$process" 2> /dev/null || true
      code=0
      wait "$process" 2> /dev/null || code=$?
      if [ -d "$run" ]; then resume=(--resume); fi
      if [ "$code" -eq 0 ]; then break; fi
      if [ "$code" -ne 137 ]; then
        echo "$task: after $done_kills kills the run ended with $code: $(tail -1 "$work/log")"
        failures=$((failures + 1))
        break
      fi
      done_kills=$((done_kills + 1))
    done
    runs=$((runs + 1))
    if [ "$code" -eq 0 ] && ! compare "$work/whole-$task" "$run"; then
      echo "$task: run $runs differs from the one that was not killed"
      failures=$((failures + 1))
    fi
    left="$(find "$run" -name '*.tmp' -o -name '*.new' -o -name '*.old' -o -name '*.damaged')"
    if [ -n "$left" ]; then
      echo "$task: left behind: $left"
      failures=$((failures + 1))
    fi
  done
  echo "$task: $done_kills kills in $runs runs, $failures failures"
done
[ "$failures" -eq 0 ]
