/* Calls the C interface as programs do, and as they should not. Scripts/test-c.sh runs it. */
#define _GNU_SOURCE
#include "meprop.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static int failures;

#define CHECK(condition)                                                                         \
  do {                                                                                           \
    if (!(condition)) {                                                                          \
      fprintf(stderr, "%s:%d: not so: %s (last error: %s)\n", __FILE__, __LINE__, #condition,    \
              meprop_last_error());                                                              \
      failures++;                                                                                \
    }                                                                                            \
  } while (0)
#define OK(call) CHECK((call) == MEPROP_OK)
#define REFUSED(status, call)                                                                    \
  do {                                                                                           \
    CHECK((call) == (status));                                                                   \
    CHECK(strlen(meprop_last_error()) > 10);                                                     \
  } while (0)
#define BAD(call) REFUSED(MEPROP_INVALID_ARGUMENT, call)
#define GONE(call) REFUSED(MEPROP_INVALID_HANDLE, call)

enum { ROWS = 203, COLUMNS = 7, CLASSES = 3 };

static float *values;
static int32_t classes[ROWS];
static meprop_rows inputs = {sizeof(meprop_rows), ROWS, COLUMNS, NULL, COLUMNS, NULL, NULL};
static meprop_targets targets = {sizeof(meprop_targets), classes, NULL, 0, NULL};

/* On the heap without room to spare, so that reading too far is found. */
static void make_data(void) {
  values = malloc(sizeof(float) * ROWS * COLUMNS);
  uint32_t state = 7;
  for (int row = 0; row < ROWS; row++) {
    float sum = 0;
    for (int column = 0; column < COLUMNS; column++) {
      state = state * 1664525 + 1013904223;
      float value = (float)(state >> 8) / (1 << 23) - 1;
      values[row * COLUMNS + column] = value;
      if (column < 3) sum += value;
    }
    classes[row] = sum < -0.5f ? 0 : sum < 0.5f ? 1 : 2;
  }
  inputs.values = values;
}

static meprop_network make_network(meprop_context context, int32_t select, int32_t loss) {
  static const int64_t hidden[] = {40, 24};
  meprop_network_description description;
  OK(meprop_network_description_defaults(&description));
  description.input_size = COLUMNS;
  description.output_size = loss == MEPROP_LOSS_SOFTMAX ? CLASSES : 2;
  description.hidden_sizes = hidden;
  description.hidden_count = 2;
  description.select = select;
  description.loss = loss;
  description.k = 4;
  description.memory = select == MEPROP_SELECT_DENSE ? 0 : 0.9f;
  description.dropout = 0.1f;
  description.learning_rate = 0.01f;
  description.seed = 3;
  meprop_network network = 0;
  OK(meprop_network_create(context, &description, &network));
  return network;
}

static meprop_fit_options options_of(int64_t first, int64_t count) {
  meprop_fit_options options;
  OK(meprop_fit_options_defaults(&options));
  options.first_epoch = first;
  options.epoch_count = count;
  options.batch_size = 16;
  return options;
}

/* Training learns, and goes on from a state with the same bits, on any number of threads. */
static void test_training(void) {
  meprop_context one = 0, two = 0;
  OK(meprop_context_create(1, &one));
  OK(meprop_context_create(2, &two));
  for (int32_t select = MEPROP_SELECT_DENSE; select <= MEPROP_SELECT_RANDOM; select++) {
    meprop_network whole = make_network(one, select, MEPROP_LOSS_SOFTMAX);
    meprop_network part = make_network(two, select, MEPROP_LOSS_SOFTMAX);
    double losses[30];
    int64_t done = 0;
    meprop_fit_options options = options_of(1, 30);
    OK(meprop_network_fit(whole, &inputs, &targets, &options, losses, &done));
    CHECK(done == 30 && losses[29] < losses[0] / 2);
    options = options_of(1, 12);
    OK(meprop_network_fit(part, &inputs, &targets, &options, NULL, NULL));
    size_t size = 0;
    OK(meprop_network_state(part, NULL, 0, &size));
    uint8_t *state = malloc(size);
    BAD(meprop_network_state(part, state, size - 1, &size));
    OK(meprop_network_state(part, state, size, &size));
    meprop_network rest = 0;
    OK(meprop_network_from_state(one, state, size, &rest));
    options = options_of(13, 18);
    OK(meprop_network_fit(rest, &inputs, &targets, &options, NULL, NULL));
    float a[ROWS][CLASSES], b[ROWS][CLASSES];
    OK(meprop_network_predict(whole, &inputs, MEPROP_OUTPUT_PROBABILITIES, a[0], CLASSES));
    OK(meprop_network_predict(rest, &inputs, MEPROP_OUTPUT_PROBABILITIES, b[0], CLASSES));
    CHECK(memcmp(a, b, sizeof a) == 0);
    int hits = 0;
    for (int row = 0; row < ROWS; row++) {
      int best = 0;
      float sum = 0;
      for (int c = 0; c < CLASSES; c++) {
        sum += a[row][c];
        if (a[row][c] > a[row][best]) best = c;
      }
      CHECK(fabsf(sum - 1) < 1e-5f);
      hits += best == classes[row];
    }
    CHECK(hits > ROWS * 8 / 10);
    /* No byte that is changed and no end that is cut off is taken for a state. */
    for (size_t place = 0; place < size; place += 1 + place / 3) {
      state[place] ^= 0x5A;
      REFUSED(MEPROP_INVALID_STATE, meprop_network_restore(rest, state, size));
      state[place] ^= 0x5A;
      REFUSED(MEPROP_INVALID_STATE, meprop_network_restore(rest, state, place));
    }
    OK(meprop_network_restore(rest, state, size));
    int64_t steps = 0;
    OK(meprop_network_step_count(rest, &steps));
    CHECK(steps == 12 * 13);
    free(state);
    OK(meprop_network_free(whole));
    OK(meprop_network_free(part));
    OK(meprop_network_free(rest));
  }
  /* A freed context's networks live on. */
  meprop_network network = make_network(one, MEPROP_SELECT_DENSE, MEPROP_LOSS_SOFTMAX);
  OK(meprop_context_free(one));
  meprop_fit_options options = options_of(1, 1);
  OK(meprop_network_fit(network, &inputs, &targets, &options, NULL, NULL));
  GONE(meprop_context_free(one));
  OK(meprop_network_free(network));
  OK(meprop_context_free(two));
}

/* Sparse rows are the dense ones, and weights of 2 the examples twice. */
static void test_sparse_and_weights(meprop_context context) {
  static int64_t starts[ROWS + 1];
  int32_t *columns = malloc(sizeof(int32_t) * ROWS * COLUMNS);
  for (int row = 0; row < ROWS; row++) {
    starts[row + 1] = starts[row] + COLUMNS;
    for (int column = 0; column < COLUMNS; column++) columns[row * COLUMNS + column] = column;
  }
  meprop_rows sparse = {sizeof sparse, ROWS, COLUMNS, values, 0, starts, columns};
  meprop_network a = make_network(context, MEPROP_SELECT_TOP, MEPROP_LOSS_SOFTMAX);
  meprop_network b = make_network(context, MEPROP_SELECT_TOP, MEPROP_LOSS_SOFTMAX);
  float weights[ROWS];
  for (int row = 0; row < ROWS; row++) weights[row] = 2;
  meprop_targets weighted = targets;
  weighted.weights = weights;
  meprop_fit_options options = options_of(1, 3);
  double first[3], second[3], dense_loss = 0, sparse_loss = 1;
  OK(meprop_network_fit(a, &inputs, &targets, &options, first, NULL));
  OK(meprop_network_fit(b, &sparse, &targets, &options, second, NULL));
  CHECK(memcmp(first, second, sizeof first) == 0);
  OK(meprop_network_evaluate(a, &inputs, &weighted, &dense_loss));
  OK(meprop_network_evaluate(b, &sparse, &targets, &sparse_loss));
  CHECK(fabs(dense_loss - sparse_loss) < 1e-6);
  starts[5] = starts[4] - 1;
  BAD(meprop_network_fit(a, &sparse, &targets, &options, NULL, NULL));
  starts[5] = starts[4] + COLUMNS;
  columns[3] = COLUMNS;
  BAD(meprop_network_fit(a, &sparse, &targets, &options, NULL, NULL));
  columns[3] = -1;
  BAD(meprop_network_evaluate(a, &sparse, &targets, &dense_loss));
  columns[3] = 3;
  starts[0] = 1;
  BAD(meprop_network_evaluate(a, &sparse, &targets, &dense_loss));
  starts[0] = 0;
  weights[9] = -1;
  BAD(meprop_network_fit(a, &inputs, &weighted, &options, NULL, NULL));
  weights[9] = NAN;
  BAD(meprop_network_fit(a, &inputs, &weighted, &options, NULL, NULL));
  memset(weights, 0, sizeof weights);
  BAD(meprop_network_fit(a, &inputs, &weighted, &options, NULL, NULL));
  free(columns);
  OK(meprop_network_free(a));
  OK(meprop_network_free(b));
}

/* Labels and numbers as targets, in rows that lie apart. */
static void test_values(meprop_context context) {
  enum { APART = 5 };
  float *found = malloc(sizeof(float) * ROWS * 2);
  float *wanted = calloc(ROWS * APART, sizeof(float));
  for (int row = 0; row < ROWS; row++) wanted[row * APART + classes[row] / 2] = 1;
  meprop_targets labels = {sizeof labels, NULL, wanted, APART, NULL};
  for (int32_t loss = MEPROP_LOSS_BINARY; loss <= MEPROP_LOSS_SQUARED_ERROR; loss++) {
    meprop_network network = make_network(context, MEPROP_SELECT_DENSE, loss);
    meprop_fit_options options = options_of(1, 30);
    double losses[30];
    OK(meprop_network_fit(network, &inputs, &labels, &options, losses, NULL));
    CHECK(losses[29] < losses[0] / 2);
    OK(meprop_network_predict(network, &inputs, MEPROP_OUTPUT_PROBABILITIES, found, 2));
    wanted[0] = INFINITY;
    BAD(meprop_network_fit(network, &inputs, &labels, &options, NULL, NULL));
    wanted[0] = 1.5f;
    if (loss == MEPROP_LOSS_BINARY)
      BAD(meprop_network_fit(network, &inputs, &labels, &options, NULL, NULL));
    wanted[0] = classes[0] / 2 == 0;
    labels.value_stride = 1;
    BAD(meprop_network_fit(network, &inputs, &labels, &options, NULL, NULL));
    labels.value_stride = APART;
    BAD(meprop_network_fit(network, &inputs, &targets, &options, NULL, NULL));
    OK(meprop_network_free(network));
  }
  free(found);
  free(wanted);
}

static void test_refusals(meprop_context context) {
  meprop_network network = make_network(context, MEPROP_SELECT_TOP, MEPROP_LOSS_SOFTMAX);
  meprop_fit_options options = options_of(1, 1);
  float out[ROWS * CLASSES];
  double loss = 0;
  /* Null everywhere. */
  BAD(meprop_context_create(1, NULL));
  BAD(meprop_context_create(-1, &context));
  BAD(meprop_context_create(1 << 20, &context));
  BAD(meprop_network_description_defaults(NULL));
  BAD(meprop_network_create(context, NULL, &network));
  BAD(meprop_network_describe(network, NULL));
  BAD(meprop_network_hidden_sizes(network, NULL, 2));
  BAD(meprop_network_layer(network, 0, NULL, 0, NULL, 0));
  BAD(meprop_network_layer(network, 0, out, 1, out, 1));
  BAD(meprop_network_layer(network, 9, out, 1, out, 1));
  BAD(meprop_network_step_count(network, NULL));
  BAD(meprop_network_set_learning_rate(network, NAN));
  BAD(meprop_network_fit(network, NULL, &targets, &options, NULL, NULL));
  BAD(meprop_network_fit(network, &inputs, NULL, &options, NULL, NULL));
  BAD(meprop_network_fit(network, &inputs, &targets, NULL, NULL, NULL));
  BAD(meprop_network_step(network, &inputs, &targets, 0, NULL));
  BAD(meprop_network_predict(network, &inputs, 0, NULL, CLASSES));
  BAD(meprop_network_predict(network, &inputs, 2, out, CLASSES));
  BAD(meprop_network_predict(network, &inputs, 0, out, CLASSES - 1));
  BAD(meprop_network_evaluate(network, &inputs, &targets, NULL));
  BAD(meprop_network_state(network, NULL, 0, NULL));
  BAD(meprop_network_from_state(context, NULL, 0, &network));
  BAD(meprop_network_restore(network, NULL, 0));
  BAD(meprop_network_save(network, NULL, NULL));
  BAD(meprop_network_save(network, "", NULL));
  BAD(meprop_network_save_images(network, "x", 2, 2, 1));
  BAD(meprop_network_load(context, NULL, &network));
  BAD(meprop_network_load(context, "x", NULL));
  REFUSED(MEPROP_FILE_ERROR, meprop_network_load(context, "/no/such/folder", &network));
  BAD(meprop_network_notes(network, NULL, 0, NULL));
  BAD(meprop_tagger_load(context, NULL, NULL));
  meprop_tagger tagger = 0;
  REFUSED(MEPROP_FILE_ERROR, meprop_tagger_load(context, "/no/such/folder", &tagger));
  BAD(meprop_parser_load(context, NULL, NULL, NULL));
  GONE(meprop_tagger_tag(tagger, NULL, NULL));
  GONE(meprop_parser_parse(0, NULL, NULL, NULL, NULL, NULL));
  /* Sizes and numbers. */
  meprop_rows rows = inputs;
  rows.struct_size = 3;
  BAD(meprop_network_predict(network, &rows, 0, out, CLASSES));
  rows = inputs;
  rows.row_count = 0;
  BAD(meprop_network_predict(network, &rows, 0, out, CLASSES));
  rows.row_count = INT64_MIN;
  BAD(meprop_network_predict(network, &rows, 0, out, CLASSES));
  rows.row_count = INT64_MAX;
  BAD(meprop_network_predict(network, &rows, 0, out, CLASSES));
  rows = inputs;
  rows.column_count = COLUMNS + 1;
  BAD(meprop_network_predict(network, &rows, 0, out, CLASSES));
  rows = inputs;
  rows.row_stride = COLUMNS - 1;
  BAD(meprop_network_predict(network, &rows, 0, out, CLASSES));
  rows.row_stride = -COLUMNS;
  BAD(meprop_network_predict(network, &rows, 0, out, CLASSES));
  rows = inputs;
  rows.values = NULL;
  BAD(meprop_network_predict(network, &rows, 0, out, CLASSES));
  for (int bad = 0; bad < 2; bad++) {
    float before = values[ROWS * COLUMNS - 1];
    values[ROWS * COLUMNS - 1] = bad ? NAN : -INFINITY;
    BAD(meprop_network_fit(network, &inputs, &targets, &options, NULL, NULL));
    CHECK(strstr(meprop_last_error(), "row 202, column 6") != NULL);
    values[ROWS * COLUMNS - 1] = before;
  }
  int32_t before = classes[11];
  classes[11] = CLASSES;
  BAD(meprop_network_fit(network, &inputs, &targets, &options, NULL, NULL));
  classes[11] = -1;
  BAD(meprop_network_fit(network, &inputs, &targets, &options, NULL, NULL));
  classes[11] = before;
  meprop_fit_options other = options;
  other.batch_size = 0;
  BAD(meprop_network_fit(network, &inputs, &targets, &other, NULL, NULL));
  other = options;
  other.epoch_count = INT64_MAX;
  BAD(meprop_network_fit(network, &inputs, &targets, &other, NULL, NULL));
  other = options;
  other.schedule = 9;
  BAD(meprop_network_fit(network, &inputs, &targets, &other, NULL, NULL));
  /* Descriptions. */
  meprop_network_description good, description;
  OK(meprop_network_description_defaults(&good));
  good.input_size = 4;
  good.output_size = 2;
  good.select = MEPROP_SELECT_TOP;
  meprop_network made = 0;
  OK(meprop_network_create(context, &good, &made));
  OK(meprop_network_free(made));
#define WRONG(field, value)                                                                      \
  description = good;                                                                            \
  description.field = value;                                                                     \
  BAD(meprop_network_create(context, &description, &made))
  WRONG(struct_size, 8);
  WRONG(input_size, 0);
  WRONG(input_size, INT64_MAX);
  WRONG(output_size, 1);
  WRONG(hidden_count, 1);
  WRONG(hidden_count, SIZE_MAX);
  WRONG(activation, 7);
  WRONG(loss, -1);
  WRONG(select, 6);
  WRONG(optimizer, 3);
  WRONG(k, -1);
  WRONG(k_ratio, 0);
  WRONG(k_ratio, NAN);
  WRONG(memory, 1.5f);
  WRONG(dropout, 1);
  WRONG(dropout, NAN);
  WRONG(learning_rate, 0);
  WRONG(learning_rate, INFINITY);
  WRONG(beta2, 1);
  WRONG(epsilon, 0);
  WRONG(l2, -1);
  WRONG(average_decay, 1);
  WRONG(precision, 3);
  WRONG(initialization, 3);
  float wrong_weights[2] = {1, NAN};
  WRONG(class_weights, wrong_weights);
  /* Handles. */
  GONE(meprop_network_fit(0, &inputs, &targets, &options, NULL, NULL));
  GONE(meprop_network_fit(context, &inputs, &targets, &options, NULL, NULL));
  GONE(meprop_network_create(network, &good, &made));
  GONE(meprop_network_free(12345678));
  GONE(meprop_context_free(network));
  GONE(meprop_parser_free(network));
  OK(meprop_network_evaluate(network, &inputs, &targets, &loss));
  OK(meprop_network_free(network));
  GONE(meprop_network_free(network));
  GONE(meprop_network_evaluate(network, &inputs, &targets, &loss));
  /* A rate that lets numbers grow beyond all bounds is an error, and no end. */
  description = good;
  description.input_size = COLUMNS;
  description.output_size = CLASSES;
  static const int64_t hidden[] = {8, 8};
  description.hidden_sizes = hidden;
  description.hidden_count = 2;
  description.learning_rate = 1e30f;
  description.optimizer = MEPROP_OPTIMIZER_SGD;
  OK(meprop_network_create(context, &description, &made));
  options = options_of(1, 50);
  REFUSED(MEPROP_NOT_FINITE, meprop_network_fit(made, &inputs, &targets, &options, NULL, NULL));
  OK(meprop_network_free(made));
}

/* Callbacks may predict with what they were called by, and not train it. */
struct seen {
  meprop_network network;
  int64_t epochs;
};

static int32_t on_epoch(void *data, int64_t epoch, double loss) {
  struct seen *seen = data;
  float out[ROWS * CLASSES];
  meprop_fit_options options = options_of(1, 1);
  CHECK(epoch == seen->epochs + 1 && loss > 0);
  OK(meprop_network_predict(seen->network, &inputs, MEPROP_OUTPUT_RAW, out, CLASSES));
  REFUSED(MEPROP_BUSY,
          meprop_network_fit(seen->network, &inputs, &targets, &options, NULL, NULL));
  if (++seen->epochs == 4) OK(meprop_network_free(seen->network));
  return seen->epochs == 5;
}

static void test_callbacks(meprop_context context) {
  struct seen seen = {make_network(context, MEPROP_SELECT_BATCH_TOP, MEPROP_LOSS_SOFTMAX), 0};
  meprop_fit_options options = options_of(1, 3);
  options.on_epoch = on_epoch;
  options.user_data = &seen;
  int64_t done = 0;
  OK(meprop_network_fit(seen.network, &inputs, &targets, &options, NULL, &done));
  CHECK(done == 3 && seen.epochs == 3);
  OK(meprop_network_free(seen.network));
}

static int32_t free_it(void *data, int64_t epoch, double loss) {
  (void)loss;
  if (epoch == 2) OK(meprop_network_free(*(meprop_network *)data));
  return 0;
}

static void test_free_while_training(meprop_context context) {
  meprop_network network = make_network(context, MEPROP_SELECT_TOP, MEPROP_LOSS_SOFTMAX);
  meprop_fit_options options = options_of(1, 5);
  options.on_epoch = free_it;
  options.user_data = &network;
  int64_t done = 0;
  OK(meprop_network_fit(network, &inputs, &targets, &options, NULL, &done));
  CHECK(done == 5);
  GONE(meprop_network_free(network));
}

/* Eight threads at once do what one does, and an interrupt ends a long fit. */
static void *train_alone(void *result) {
  meprop_context context = 0;
  OK(meprop_context_create(1 + (int32_t)((uintptr_t)result / sizeof(double) % 2), &context));
  meprop_network network = make_network(context, MEPROP_SELECT_TOP, MEPROP_LOSS_SOFTMAX);
  meprop_fit_options options = options_of(1, 20);
  double losses[20] = {0};
  OK(meprop_network_fit(network, &inputs, &targets, &options, losses, NULL));
  *(double *)result = losses[19];
  OK(meprop_network_free(network));
  OK(meprop_context_free(context));
  REFUSED(MEPROP_INVALID_HANDLE, meprop_network_free(network));
  return NULL;
}

static void *interrupt_it(void *network) {
  usleep(200000);
  OK(meprop_network_interrupt(*(meprop_network *)network));
  return NULL;
}

static void test_threads(meprop_context context) {
  pthread_t threads[8];
  double losses[8];
  for (int i = 0; i < 8; i++) pthread_create(&threads[i], NULL, train_alone, &losses[i]);
  for (int i = 0; i < 8; i++) pthread_join(threads[i], NULL);
  for (int i = 1; i < 8; i++) CHECK(losses[i] == losses[0]);
  meprop_network network = make_network(context, MEPROP_SELECT_TOP, MEPROP_LOSS_SOFTMAX);
  meprop_fit_options options = options_of(1, 1 << 28);
  pthread_t other;
  pthread_create(&other, NULL, interrupt_it, &network);
  REFUSED(MEPROP_INTERRUPTED,
          meprop_network_fit(network, &inputs, &targets, &options, NULL, NULL));
  pthread_join(other, NULL);
  OK(meprop_network_free(network));
}

/* A child has the network of its parent, and threads of its own. */
static void test_fork(void) {
  meprop_context context = 0;
  OK(meprop_context_create(2, &context));
  meprop_network network = make_network(context, MEPROP_SELECT_TOP, MEPROP_LOSS_SOFTMAX);
  meprop_fit_options options = options_of(1, 2);
  OK(meprop_network_fit(network, &inputs, &targets, &options, NULL, NULL));
  fflush(stderr);
  pid_t child = fork();
  options = options_of(3, 2);
  double losses[2];
  OK(meprop_network_fit(network, &inputs, &targets, &options, losses, NULL));
  if (child == 0) _exit(losses[1] > 0 && failures == 0 ? 0 : 1);
  int status = 1;
  waitpid(child, &status, 0);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  OK(meprop_network_free(network));
  OK(meprop_context_free(context));
}

static void test_folders(meprop_context context) {
  char folder[] = "/tmp/meprop-c-XXXXXX";
  CHECK(mkdtemp(folder) != NULL);
  char model[64];
  snprintf(model, sizeof model, "%s/model", folder);
  meprop_network network = make_network(context, MEPROP_SELECT_TOP, MEPROP_LOSS_SOFTMAX);
  meprop_fit_options options = options_of(1, 2);
  OK(meprop_network_fit(network, &inputs, &targets, &options, NULL, NULL));
  float a[ROWS * CLASSES], b[ROWS * CLASSES];
  OK(meprop_network_predict(network, &inputs, MEPROP_OUTPUT_RAW, a, CLASSES));
  for (int images = 0; images < 2; images++) {
    if (images)
      OK(meprop_network_save_images(network, model, 1, COLUMNS, 1));
    else
      OK(meprop_network_save(network, model, "what was \"noted\""));
    meprop_network read = 0;
    OK(meprop_network_load(context, model, &read));
    OK(meprop_network_predict(read, &inputs, MEPROP_OUTPUT_RAW, b, CLASSES));
    CHECK(memcmp(a, b, sizeof a) == 0);
    size_t size = 0;
    char notes[32];
    OK(meprop_network_notes(read, NULL, 0, &size));
    CHECK(size == (images ? 1 : 17));
    BAD(meprop_network_notes(read, notes, size - 1, &size));
    OK(meprop_network_notes(read, notes, sizeof notes, &size));
    CHECK(strcmp(notes, images ? "" : "what was \"noted\"") == 0);
    OK(meprop_network_free(read));
  }
  OK(meprop_network_free(network));
  char command[96];
  snprintf(command, sizeof command, "rm -r %s", folder);
  CHECK(system(command) == 0);
}

int main(void) {
  CHECK(meprop_api_version() == MEPROP_API_VERSION);
  CHECK(strlen(meprop_version()) >= 5 && strlen(meprop_instruction_set()) >= 3);
  CHECK(meprop_last_error()[0] == 0);
  make_data();
  meprop_context context = 0;
  OK(meprop_context_create(0, &context));
  test_training();
  test_sparse_and_weights(context);
  test_values(context);
  test_refusals(context);
  test_callbacks(context);
  test_free_while_training(context);
  test_threads(context);
  test_fork();
  test_folders(context);
  OK(meprop_context_free(context));
  free(values);
  if (failures) {
    fprintf(stderr, "%d checks of the C interface failed\n", failures);
    return 1;
  }
  puts("C interface: all checks passed");
  return 0;
}
