/*
 * meprop from C: networks that are trained and used on the caller's memory.
 *
 * Rules that hold for all functions:
 *
 * - Every function that can fail returns a status, MEPROP_OK where all went well. What went wrong
 *   in words is meprop_last_error(), which belongs to the calling thread.
 * - Nothing that a caller can pass ends the process: null, sizes that do not fit, numbers that are
 *   not finite and handles that were freed are refused, and what they were passed for is then as it
 *   was. What cannot be found out is whether a pointer has room for as many numbers as the caller
 *   says.
 * - Handles are numbers. No number is given twice, so that a handle that was freed is refused ever
 *   after. 0 is no handle.
 * - Structs start with their size, `sizeof` of the struct that the caller was compiled with. Later
 *   versions only add fields at their ends; what a shorter struct lacks has its default.
 *   meprop_*_defaults() fills a struct.
 * - Functions may be called from any thread. Calls that compute on one context take turns;
 *   contexts do not wait for each other. A callback may call functions on the network that calls
 *   it, except those that train it.
 * - Matrices are of 32-bit floats, row by row. Only rows have a stride, in floats.
 * - Results do not depend on the number of threads.
 */
#ifndef MEPROP_H
#define MEPROP_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this header. It is raised where something that was there changes. */
#define MEPROP_API_VERSION 1

/* What a function returns. */
typedef int32_t meprop_status;
enum {
  MEPROP_OK = 0,
  /* A pointer, size, name or number that the function does not take. */
  MEPROP_INVALID_ARGUMENT = 1,
  /* No handle, one that was freed, or one of something else. */
  MEPROP_INVALID_HANDLE = 2,
  /* Training came upon a number that is not finite: usually the learning rate is too high. */
  MEPROP_NOT_FINITE = 3,
  /* meprop_network_interrupt() ended the call; the network is as its last step left it. */
  MEPROP_INTERRUPTED = 4,
  /* A file or folder cannot be read or written, or is damaged. */
  MEPROP_FILE_ERROR = 5,
  /* Bytes that are no state, or the state of another network. */
  MEPROP_INVALID_STATE = 6,
  /* The network is being trained by the caller of the callback that called. */
  MEPROP_BUSY = 7
};

/* The message of the last function that failed in this thread, as UTF-8; empty before. It stays
   until the next one fails. */
const char *meprop_last_error(void);
/* MEPROP_API_VERSION of the library. */
uint32_t meprop_api_version(void);
/* The version of meprop, for example "0.2.0". */
const char *meprop_version(void);
/* The instruction set of the kernels on this processor, for example "avx512". */
const char *meprop_instruction_set(void);

/* MARK: Contexts */

/* Where computations run: a pool of threads. */
typedef uint64_t meprop_context;

/* Makes a context of `thread_count` threads, the caller's included; 0: as many as there are
   processors that the process may use. At most 1024. */
meprop_status meprop_context_create(int32_t thread_count, meprop_context *context);
/* Frees a context. Networks that were made with it keep what they need of it. */
meprop_status meprop_context_free(meprop_context context);

/* MARK: Networks */

/* A multilayer perceptron with its loss, its optimizer and what that remembers. */
typedef uint64_t meprop_network;

/* What follows each hidden layer. */
enum {
  MEPROP_ACTIVATION_IDENTITY = 0,
  MEPROP_ACTIVATION_RELU = 1,
  MEPROP_ACTIVATION_TANH = 2,
  MEPROP_ACTIVATION_SIGMOID = 3
};

/* What is made small: a mean over the examples of a batch, by their weights. */
enum {
  /* One of several classes: -log softmax(y)[t]. Targets are classes. */
  MEPROP_LOSS_SOFTMAX = 0,
  /* Several labels: sum over outputs of log(1 + exp(y)) - t y. Targets are values from 0 to 1. */
  MEPROP_LOSS_BINARY = 1,
  /* Regression: sum over outputs of (y - t)^2. Targets are values. */
  MEPROP_LOSS_SQUARED_ERROR = 2
};

/* Which entries of the gradient at the outputs of hidden layers are propagated back. */
enum {
  MEPROP_SELECT_DENSE = 0,
  /* The k largest of each example. */
  MEPROP_SELECT_TOP = 1,
  /* The k outputs that are largest over the batch. */
  MEPROP_SELECT_UNIFIED = 2,
  /* The largest of the batch, k an example on average. */
  MEPROP_SELECT_BATCH_TOP = 3,
  /* k an example on average by threshold sampling, exact in expectation. */
  MEPROP_SELECT_SAMPLED = 4,
  /* k of each example at random: a control. */
  MEPROP_SELECT_RANDOM = 5
};

/* How parameters follow their gradients. */
enum {
  MEPROP_OPTIMIZER_ADAM = 0,
  MEPROP_OPTIMIZER_SGD = 1,
  MEPROP_OPTIMIZER_ADAGRAD = 2
};

/* What happens to weight rows that a step's gradient does not touch. */
enum {
  /* What a dense optimizer does with a gradient of zero. */
  MEPROP_UNTOUCHED_UPDATE = 0,
  /* Nothing. */
  MEPROP_UNTOUCHED_SKIP = 1
};

/* What products read. Gradients and the weights that are trained are floats always. */
enum {
  MEPROP_PRECISION_F32 = 0,
  MEPROP_PRECISION_BF16 = 1,
  /* Forward products of layers of at least 32 outputs: whole numbers of eight bits. */
  MEPROP_PRECISION_INT8 = 2
};

/* How weights start. */
enum {
  /* Normal with deviation sqrt(2 / inputs) (He et al., 2015). */
  MEPROP_INITIALIZATION_HE_NORMAL = 0,
  /* Uniform within sqrt(6 / (inputs + outputs)) (Glorot and Bengio, 2010). */
  MEPROP_INITIALIZATION_GLOROT_UNIFORM = 1,
  /* Weights and biases uniform within 1 / sqrt(inputs). */
  MEPROP_INITIALIZATION_UNIFORM_FAN_IN = 2
};

/* What a network is and how it is trained. */
typedef struct meprop_network_description {
  size_t struct_size;
  /* Numbers of an example, 1 or more. */
  int64_t input_size;
  /* Outputs, 1 or more: with MEPROP_LOSS_SOFTMAX a class each, at least 2. */
  int64_t output_size;
  /* Widths of the hidden layers from the input on, 1 or more each. */
  const int64_t *hidden_sizes;
  size_t hidden_count;
  int32_t activation;
  int32_t loss;
  int32_t select;
  int32_t optimizer;
  /* How many entries are kept an example, if above 0; else k_ratio says it. */
  int64_t k;
  /* Which share of a layer's outputs are kept an example, above 0 and at most 1. */
  double k_ratio;
  /* How much of what was left out is added at the next step: 0 (nothing) to 1. */
  float memory;
  /* The share of outputs of hidden layers that are dropped in training: 0 or more, below 1. */
  float dropout;
  float learning_rate; /* above 0 */
  float beta1;         /* Adam: 0 or more, below 1 */
  float beta2;         /* Adam: 0 or more, below 1 */
  float epsilon;       /* Adam, AdaGrad: above 0 */
  float momentum;      /* SGD: 0 or more, below 1 */
  float l2;            /* 0 or more: times a weight is added to its gradient */
  float weight_decay;  /* 0 or more: the share of a weight lost a step, times the rate */
  float clip_norm;     /* the largest norm of a gradient; 0: any */
  /* The decay of a running mean of all parameters, which is what predicts then; 0: none. */
  float average_decay;
  int32_t untouched_rows;
  int32_t precision;
  int32_t initialization;
  /* Decides initial weights, dropout, random selection and the order of examples. */
  uint64_t seed;
  /* The weight of each class with MEPROP_LOSS_SOFTMAX, of each label with MEPROP_LOSS_BINARY:
     output_size numbers of 0 or more; null: all 1. */
  const float *class_weights;
} meprop_network_description;

/* Fills a description with the defaults: ReLU, softmax, dense, Adam at 0.001. Sizes are 0. */
meprop_status meprop_network_description_defaults(meprop_network_description *description);

/* Makes a network with initial weights. Nothing of the description is referred to later. */
meprop_status meprop_network_create(
    meprop_context context, const meprop_network_description *description,
    meprop_network *network);
/* Frees a network. A call that is under way ends as if it were not freed. */
meprop_status meprop_network_free(meprop_network network);
/* Fills in what a network is. `hidden_sizes` is null then; meprop_network_hidden_sizes() has them.
   So is `class_weights`. */
meprop_status meprop_network_describe(
    meprop_network network, meprop_network_description *description);
/* Writes the widths of hidden layers, if `capacity` is at least hidden_count. */
meprop_status meprop_network_hidden_sizes(
    meprop_network network, int64_t *sizes, size_t capacity);
/* Writes the parameters of a layer, counted from 0: the weights, shape [outputs, inputs] without
   padding, and the biases. Counts must be the sizes exactly. Those of the mean, where there is
   one. */
meprop_status meprop_network_layer(
    meprop_network network, size_t layer, float *weights, size_t weight_count, float *biases,
    size_t bias_count);
/* The number of steps done. */
meprop_status meprop_network_step_count(meprop_network network, int64_t *count);
/* Sets the learning rate of the coming steps, above 0. */
meprop_status meprop_network_set_learning_rate(meprop_network network, float learning_rate);

/* MARK: Training */

/* Examples in the caller's memory, which are read while a function runs and never after.
 *
 * Dense: `values` has row i at values + i * row_stride. `row_starts` is null.
 * Sparse (CSR): entries row_starts[i] ... row_starts[i + 1] - 1 of `columns` and `values` are those
 * of row i; what a row has no entry for is 0, and entries of the same column add up. Only batches
 * are ever dense.
 */
typedef struct meprop_rows {
  size_t struct_size;
  int64_t row_count;
  int64_t column_count;
  const float *values;
  /* Dense: at least column_count. */
  int64_t row_stride;
  /* Sparse: row_count + 1 numbers from 0 on, none smaller than the one before. */
  const int64_t *row_starts;
  /* Sparse: numbers from 0 on, below column_count. */
  const int32_t *columns;
} meprop_rows;

/* What the outputs of examples should be. */
typedef struct meprop_targets {
  size_t struct_size;
  /* MEPROP_LOSS_SOFTMAX: a class an example, from 0 on. */
  const int32_t *classes;
  /* Other losses: output_size numbers an example. */
  const float *values;
  /* At least output_size. */
  int64_t value_stride;
  /* The weight of each example, 0 or more and not all 0; null: all 1. */
  const float *weights;
} meprop_targets;

/* How the learning rate falls. */
enum {
  MEPROP_SCHEDULE_CONSTANT = 0,
  /* In a straight line to zero. */
  MEPROP_SCHEDULE_LINEAR = 1,
  /* To zero as half a cosine wave. */
  MEPROP_SCHEDULE_COSINE = 2
};

/* Called after each epoch with its number and its mean loss while the parameters changed. Another
   result than 0 ends training, which is no error. */
typedef int32_t (*meprop_epoch_callback)(void *user_data, int64_t epoch, double loss);

/* How a network is fitted. */
typedef struct meprop_fit_options {
  size_t struct_size;
  /* Examples a step, 1 or more; at most all are taken. */
  int64_t batch_size;
  /* Passes over the examples, 1 or more. */
  int64_t epoch_count;
  /* The number of the first epoch, 1 or more: with the seed it decides the order of examples, so
     that three epochs and then two more are the same as five. */
  int64_t first_epoch;
  int32_t schedule;
  /* Over how many epochs, from epoch 1 on, the learning rate falls; 0: up to the last of this
     call. */
  int64_t schedule_epochs;
  /* May be null. */
  meprop_epoch_callback on_epoch;
  void *user_data;
} meprop_fit_options;

/* Fills options: batches of 32, one epoch, a constant rate. */
meprop_status meprop_fit_options_defaults(meprop_fit_options *options);

/* Trains.
 *
 * `losses` takes the mean loss of each epoch, epoch_count numbers, and `epochs_done` how many there
 * are; both may be null. Returns MEPROP_NOT_FINITE or MEPROP_INTERRUPTED in the midst of an epoch.
 */
meprop_status meprop_network_fit(
    meprop_network network, const meprop_rows *inputs, const meprop_targets *targets,
    const meprop_fit_options *options, double *losses, int64_t *epochs_done);
/* One step on all of the given examples as one batch, for loops of the caller's own; `loss` takes
   the mean loss before the step and may be null. `epoch` is 1 or more. */
meprop_status meprop_network_step(
    meprop_network network, const meprop_rows *inputs, const meprop_targets *targets,
    int64_t epoch, double *loss);
/* Ends a meprop_network_fit() that another thread is in after its present step. Without one nothing
   happens. */
meprop_status meprop_network_interrupt(meprop_network network);

/* MARK: Use */

/* What meprop_network_predict() writes. */
enum {
  /* The outputs of the last layer: logits with a loss of classes or labels. */
  MEPROP_OUTPUT_RAW = 0,
  /* Probabilities: softmax, or the logistic function of each output; with squared error the
     outputs. */
  MEPROP_OUTPUT_PROBABILITIES = 1
};

/* Computes outputs: output_size numbers an example, row i at outputs + i * output_stride. */
meprop_status meprop_network_predict(
    meprop_network network, const meprop_rows *inputs, int32_t output, float *outputs,
    int64_t output_stride);
/* The mean loss on examples that are not trained on. */
meprop_status meprop_network_evaluate(
    meprop_network network, const meprop_rows *inputs, const meprop_targets *targets,
    double *loss);

/* MARK: States and files */

/* Writes the whole state: description, parameters, what the optimizer remembers, steps. `size`
 * takes the number of bytes; with `bytes` null that is all that happens. `capacity` must be at
 * least as large otherwise.
 */
meprop_status meprop_network_state(
    meprop_network network, uint8_t *bytes, size_t capacity, size_t *size);
/* Makes a network from a state. Training goes on with the same bits as if it had never stopped. */
meprop_status meprop_network_from_state(
    meprop_context context, const uint8_t *bytes, size_t size, meprop_network *network);
/* Takes back a state of this network or of one of the same description. */
meprop_status meprop_network_restore(
    meprop_network network, const uint8_t *bytes, size_t size);

/* Saves the model in a folder, without what the optimizer remembers; what was there is replaced as
   a whole. `notes` is kept with it: UTF-8, at most 256 KB, may be null. */
meprop_status meprop_network_save(
    meprop_network network, const char *folder, const char *notes);
/* The same as a model of `meprop train digits`: for classifiers of images, which `meprop evaluate`
   and `meprop predict` then take. Inputs are pixels from 0 to 255 times pixel_scale. */
meprop_status meprop_network_save_images(
    meprop_network network, const char *folder, int64_t image_rows, int64_t image_columns,
    float pixel_scale);
/* Reads a model that either of these, or a run of `meprop train digits`, has written. Its optimizer
   starts anew, with the defaults. */
meprop_status meprop_network_load(
    meprop_context context, const char *folder, meprop_network *network);
/* The notes that a network was loaded with: `size` takes their bytes with the final 0, 1 for none;
   with `notes` null that is all. */
meprop_status meprop_network_notes(
    meprop_network network, char *notes, size_t capacity, size_t *size);

/* MARK: Sentences */

/* Sentences in the caller's memory: the words of all of them one after the other, as UTF-8. */
typedef struct meprop_sentences {
  size_t struct_size;
  const char *const *words;
  /* The words of each sentence, 0 or more. */
  const int64_t *lengths;
  int64_t sentence_count;
} meprop_sentences;

/* A model of `meprop train tagger`. */
typedef uint64_t meprop_tagger;

/* Reads the model of a tagger from its folder or that of its run. */
meprop_status meprop_tagger_load(
    meprop_context context, const char *folder, meprop_tagger *tagger);
meprop_status meprop_tagger_free(meprop_tagger tagger);
/* The number of tags. */
meprop_status meprop_tagger_tag_count(meprop_tagger tagger, int64_t *count);
/* The name of a tag, which belongs to the tagger. */
meprop_status meprop_tagger_tag_name(meprop_tagger tagger, int64_t tag, const char **name);
/* Writes the number of a tag for each word. */
meprop_status meprop_tagger_tag(
    meprop_tagger tagger, const meprop_sentences *sentences, int32_t *tags);

/* A model of `meprop train parser`. */
typedef uint64_t meprop_parser;

/* Which columns of tags a parser reads. */
enum {
  MEPROP_TAGS_NONE = 0,
  MEPROP_TAGS_UPOS = 1,
  MEPROP_TAGS_XPOS = 2,
  MEPROP_TAGS_BOTH = 3
};

/* Reads the model of a parser. `tagger_folder` has the model of the tagger whose tags it reads;
   null: the caller gives the tags. */
meprop_status meprop_parser_load(
    meprop_context context, const char *folder, const char *tagger_folder,
    meprop_parser *parser);
meprop_status meprop_parser_free(meprop_parser parser);
/* Which tags a caller has to give: MEPROP_TAGS_NONE where there is a tagger, or none are read. */
meprop_status meprop_parser_tags(meprop_parser parser, int32_t *columns);
/* The number of relations. */
meprop_status meprop_parser_relation_count(meprop_parser parser, int64_t *count);
/* The name of a relation, which belongs to the parser. */
meprop_status meprop_parser_relation_name(
    meprop_parser parser, int64_t relation, const char **name);
/* Writes for each word the number of its head in the sentence, from 1 on, or 0 for the root, and
   the number of its relation. `upos` and `xpos` are tags a word, as words are; null where
   meprop_parser_tags() does not ask for them. */
meprop_status meprop_parser_parse(
    meprop_parser parser, const meprop_sentences *sentences, const char *const *upos,
    const char *const *xpos, int32_t *heads, int32_t *relations);

#ifdef __cplusplus
}
#endif

#endif
