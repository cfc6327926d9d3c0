# Small data sets that are made up, for tests that need no real ones; to be sourced.

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

# Rows of two numbers, a word that may have the end of a line in quotes, and what follows from them.
table() {
  awk -v count="$1" -v seed="$2" 'BEGIN {
    srand(seed)
    print "a,b,word,kind"
    for (i = 0; i < count; i++) {
      a = rand(); b = rand(); word = rand() < 0.5 ? "plain" : "\"two\nlines\""
      print a "," b "," word "," (a > b ? "more" : word == "plain" ? "less" : "other")
    }
  }'
}

# Makes images of six classes in FOLDER/images, a treebank in FOLDER/bank and FOLDER/table.csv.
make_data() {
  local work="$1" part prefix count seed name
  mkdir -p "$work/images" "$work/bank"
  for part in train:1500:1 t10k:100:2; do
    IFS=: read -r prefix count seed <<< "$part"
    images images "$count" "$seed" > "$work/images/$prefix-images-idx3-ubyte"
    images labels "$count" "$seed" > "$work/images/$prefix-labels-idx1-ubyte"
  done
  table 1500 5 > "$work/table.csv"
  for part in train:400:3 dev:60:4; do
    IFS=: read -r name count seed <<< "$part"
    sentences "$count" "$seed" > "$work/bank/x-$name.conllu"
  done
}
