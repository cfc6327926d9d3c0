#!/usr/bin/env bash
# Feeds every reader of files with bytes that libFuzzer makes up, under the address sanitizer.
#
#   Scripts/fuzz.sh                 60 seconds each
#   Scripts/fuzz.sh 600             600 seconds each
#   Scripts/fuzz.sh 600 idx yaml    only these
#
# A finding ends the reader's turn; its bytes are in .build-fuzz/crashes, and the exit code is 1.
# What was found interesting is kept in .build-fuzz/corpus and is where the next call goes on.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds="${1:-60}"
shift || true
if [ $# -gt 0 ]; then
  readers=("$@")
else
  readers=(idx gzip csv table picture cifar conllu score treebank vectors safetensors yaml model
    checkpoint records)
fi

build=.build-fuzz
# The linker of the toolchain: gold does not get along with what the sanitizer brings.
swift build -c release --package-path Fuzz --scratch-path "$build" --product FuzzReaders \
  -Xswiftc -sanitize=fuzzer,address -Xcc -fsanitize=fuzzer-no-link,address \
  -Xswiftc -use-ld=lld >&2
program="$(swift build -c release --package-path Fuzz --scratch-path "$build" --show-bin-path)"
program="$program/FuzzReaders"

# Small files of each kind, from which the others come.
seed() {
  mkdir -p "$build/corpus/$1"
  cat > "$build/corpus/$1/seed-$2"
}
word='1\tdogs\tdog\tNOUN\tNNS\tNumber=Plur\t2\tnsubj\t2:nsubj\t_\n'
tree="# text = dogs bark\n${word}2\tbark\tbark\tVERB\tVBP\t_\t0\troot\t0:root\t_\n\n"
printf '\0\0\10\3\0\0\0\2\0\0\0\1\0\0\0\2\1\2\3\4' | seed idx plain
printf '\0\0\10\3\0\0\0\2\0\0\0\1\0\0\0\2\1\2\3\4' | gzip -9 | seed idx packed
printf 'hello hello hello' | gzip -9 | seed gzip one
{ printf 'a' | gzip; printf 'b' | gzip; head -c 20 /dev/zero; } | seed gzip padded
printf 'a,b,c\n1,2,3\n"4","5","6"\n7 8 9e-1\n' | seed csv rows
printf 'id;day;price;sold\n1;3.4.2024;"1.234,5";yes\n2;NA;7,5;no\n' | seed table semicolons
printf 'a,b\n"x ""y""",1e3\n,-.5\n"two\nlines",?\n' | seed table quotes
png=iVBORw0KGgoAAAANSUhEUgAAAAMAAAACCAIAAAASFvFNAAAAFElEQVR42mNgYGRiZmFlY+dghLMAAnYASq4Dx5QAAAAA
png+=SUVORK5CYII=
base64 -d <<< "$png" | seed picture png
jpeg=/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAIBAQEBAQIBAQECAgICAgQDAgICAgUEBAMEBgUGBgYFBgYGBwkIBgcJ
jpeg+=BwYGCAsICQoKCgoKBggLDAsKDAkKCgr/wAALCAAEAAQBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAABv/EABQQAQAAAAAA
jpeg+=AAAAAAAAAAAAAAD/2gAIAQEAAD8APv/Z
base64 -d <<< "$jpeg" | seed picture jpeg
for label in '\0\1' '\0\2'; do
  printf "$label"
  head -c 3072 /dev/zero
done | seed cifar two
printf "$tree" | seed conllu tree
printf "1-2\tdu\t_\t_\t_\t_\t_\t_\t_\t_\n$tree" | seed conllu range
printf "$tree" | seed score tree
printf "$tree" | seed treebank conllu
printf '( (S (NP (NNS dogs)) (VP (VBP bark)) (. .)) )\n' | seed treebank penn
printf '1\ta\t_\tX\tX\t_\t0\troot\t0\troot\n\n' | seed treebank conllx
printf '2 2\na 1 2\nb 3 -4e-1\n' | seed vectors word2vec
printf 'a 1 2\nder Hund 3 4\n' | seed vectors glove
head='{"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}'
printf '\70\0\0\0\0\0\0\0%s\1\2\3\4\5\6\7\10' "$head" | seed safetensors one
printf '# c\nhidden: [500, 5]\ndata: "a\\x26"\nk: 0.04\nrate: auto\n' | seed yaml flat
printf '{"format":"meprop-model","version":2,"task":"digits","network":"x","details":{}}' \
  | seed model head
state='"position":{"epoch":1,"step":0},"counters":{"step":1},"settings":{"k":"1"}'
seconds_json='"seconds":{"total":0,"forward":0,"backward":0,"selection":0,"products":0,'
seconds_json+='"optimizer":0,"data":0}'
printf '{"version":3,"task":"t",%s,"history":{"count":0,"byteCount":0,"digest":""},%s}' "$state" \
  "\"progress\":{\"lossSum\":0,\"exampleCount\":0,$seconds_json,\"layers\":[],\"layerSteps\":0}" \
  | seed checkpoint start
printf '\0{"epoch":1,"seconds":{"total":1,"data":0},"train":{"loss":1},"dev":{"accuracy":9}}\n' \
  | seed records metrics
printf '\2{"epoch":1,"dev":{"labels":["a","b"],"cells":[[0,0,3],[0,1,2]]}}\n' \
  | seed records confusion
printf '\3{"task":"digits","epochs":2,"outcome":"finished","description":["x"]}\n' \
  | seed records summary

status=0
mkdir -p "$build/crashes"
for reader in "${readers[@]}"; do
  echo "=== $reader, $seconds s"
  # Leaks are of no interest where a process reads one file and ends.
  if ! FUZZ_READER="$reader" ASAN_OPTIONS=detect_leaks=0 "$program" "$build/corpus/$reader" \
    -max_total_time="$seconds" -max_len=65536 -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$build/crashes/$reader-" > "$build/$reader.log" 2>&1
  then
    echo "$reader: found something; see $build/$reader.log"
    status=1
  fi
  grep -E 'stat::(number_of_executed_units|peak_rss_mb)' "$build/$reader.log" || true
done
exit "$status"
