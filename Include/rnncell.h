/*
 * rnncell: write a recurrent cell as equations, run and train it, search for a better one.
 *
 * INTRODUCTION
 *
 * A cell is the equations of one time step: `x` is the input, a primed name a next state, `h` the
 * output, and `linear(a, b)` a fresh weight matrix per operand plus a bias. This program writes a
 * cell, gives it weights, and runs it over 35 time steps of 4 sequences:
 *
 *     #include <rnncell.h>
 *     static float x[35 * 4 * 8], y[35 * 4 * 16];
 *     int main(void) {
 *       const int64_t hidden = 16;
 *       rnncell_cell *cell = NULL;
 *       rnncell_network *net = NULL;
 *       int32_t status = rnncell_cell_parse(&cell, "h' = tanh(linear(x, h))");
 *       if (!status) status = rnncell_network_create(&net, &cell, &hidden, 1, 8, NULL);
 *       if (!status) status = rnncell_network_forward(y, NULL, NULL, net, x, 35, 4, NULL, NULL, 0);
 *       rnncell_network_free(net);
 *       rnncell_cell_free(cell);
 *       return status;
 *     }
 *
 * Compile it by `cc program.c $(pkg-config --cflags --libs rnncell)`. If a name is not in this
 * file, it is not part of the interface. In reading order: rules, version, status, cells,
 * parameters, networks, training, search, files.
 *
 * RULES
 *
 * Names      `rnncell_noun_verb`. What a function makes or fills comes first, then the object that
 *            is asked, then the rest. A parameter may be NULL only where that is said.
 * Errors     A function that can fail returns a status: 0 is success. What it would have made is
 *            NULL otherwise, and rnncell_last_error says what was wrong, with the value, and what
 *            to do. Every function with a status returns RNNCELL_INVALID_ARGUMENT for a NULL that
 *            is not allowed and for an object of the wrong kind, RNNCELL_OUT_OF_MEMORY where memory
 *            runs out and RNNCELL_LIMIT for sizes beyond all reason; below, "Errors" lists what
 *            comes on top.
 * Ownership  `rnncell_noun **out` is yours: give it back with `rnncell_noun_free`, in any order (an
 *            object keeps alive what it needs of others). `_free(NULL)` does nothing. A `const char
 *            *` in a struct that a function fills belongs to the object that was asked and lives as
 *            long as it. What you pass is read during the call and never kept.
 * Text       UTF-8 that ends in NUL. Text comes out by `(char *text, size_t capacity, size_t
 *            *needed)`: `needed` (may be NULL) gets the bytes with the NUL. With `text` NULL and
 *            `capacity` 0 that is all that happens; a capacity below it gives "" and
 *            RNNCELL_INVALID_ARGUMENT.
 * Structs    Every struct starts with its `size`, which you set, best by the macro:
 *            `rnncell_fit_options options = RNNCELL_FIT_OPTIONS_INIT;`. In options zero means the
 *            default, and NULL for the whole struct means all defaults. Later versions append
 *            members and change nothing else.
 * Shapes     Arrays are float32, row-major and dense: [T, B, I] is time step, sequence of the
 *            batch, element of the input. T is `steps`, B is `batch`. A weight matrix is [rows,
 *            columns] and maps `columns` inputs to `rows` outputs.
 * Numbers    Denormal ones, below 1.2e-38, count as 0 in what a network, model or optimizer computes,
 *            however the calling thread treats them otherwise.
 * Units      Losses are natural logarithms (nats) per token; perplexity is exp(loss). Times are
 *            seconds.
 * Threads    Different objects can be used by different threads at all times. One object:
 *              cell, corpus                   by any number of threads at once
 *              network                        by any number of threads at once, while none changes
 *                                             its parameters
 *              tape, stream, model, optimizer, study
 *                                             by one thread at a time
 *            The last error is each thread's own. A callback runs on the thread that made the call,
 *            but an rnncell_objective on those of the study. `threads` is how many threads a call may
 *            use: 0 is $RNNCELL_THREADS, or else as many as there are processors. Results are the
 *            same bits for every value. A few threads of rnncell_network_forward wait for the next
 *            call; all others end with the call that made them.
 * Process    The library never prints, exits, or installs a signal handler. $RNNCELL_ISA (baseline,
 *            avx2 or avx512) chooses the instruction set, which is otherwise the best that is
 *            there.
 */
#ifndef RNNCELL_H
#define RNNCELL_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define RNNCELL_CHECKED __attribute__((warn_unused_result))
#else
#define RNNCELL_CHECKED
#endif

/*
 * VERSION
 */

#define RNNCELL_VERSION_MAJOR 0
#define RNNCELL_VERSION_MINOR 1
#define RNNCELL_VERSION_PATCH 0

/* The version of the library that runs, such as "0.1.0"; lives for ever. */
const char *rnncell_version(void);

/*
 * What the library is, as a JSON object: "version", "target", "isa" (the instruction set in use),
 * "available" (all that could be) and "threads" (what `threads` 0 means).
 */
RNNCELL_CHECKED int32_t rnncell_build_info(char *text, size_t capacity, size_t *needed);

/*
 * STATUS
 *
 * The values never change; later versions may add some.
 */

#define RNNCELL_OK 0
#define RNNCELL_INVALID_ARGUMENT 1 /* NULL, out of range, of the wrong shape, or an unknown name */
#define RNNCELL_PARSE 2            /* equations, a genotype or a recipe that cannot be read */
#define RNNCELL_OUT_OF_MEMORY 3    /* memory could not be had */
#define RNNCELL_IO 4               /* a file could not be opened, read, written or renamed */
#define RNNCELL_FORMAT 5           /* the contents of a file are not what they should be */
#define RNNCELL_LIMIT 6            /* a size, depth or count over a limit that guards the process */
#define RNNCELL_CANCELLED 7        /* a callback asked to stop; what was done until then is kept */
#define RNNCELL_DIVERGED 8         /* the loss or a weight is no longer finite */
#define RNNCELL_STATE 9            /* the object cannot do this now: a proposal told twice */
#define RNNCELL_BUSY 10            /* another process or thread holds it */
#define RNNCELL_INTERNAL 11        /* a mistake of the library itself */

/*
 * The message of the last failure on this thread: what was wrong, with the value, then the remedy.
 *
 * It is "" before the first failure, never NULL, and lives until the next failure on this thread.
 * line, column: may be NULL; get the 1-based place in the text of an RNNCELL_PARSE failure, else 0.
 */
const char *rnncell_last_error(int32_t *line, int32_t *column);

/*
 * CELLS
 *
 * What one time step computes, without weights. Immutable.
 */

typedef struct rnncell_cell rnncell_cell;

/*
 * Reads equations, one statement a line or between semicolons, in any order; # begins a comment.
 *
 * `x` is the input, `h` the output, which must have `h'`; every other primed name is one more state,
 * and a state without its prime is its value before the step. States have the size of h, or of x.
 *
 *     linear(a, b, ...)             a fresh matrix for each operand, and a bias
 *     product(a, b, ...)            the same without bias; both take blocks=N: block-diagonal
 *     matrix(M, a), transposed(M, a) a matrix by its name, which can be used more than once
 *     vector(v), scalar(s)          learned numbers by their names
 *     blend(g, a, b)                g * a + (1 - g) * b
 *     a + b, a - b, a * b, a / b, -a, numbers, max(a, b), min(a, b), mean(a, b, ...)
 *     square, sqrt, abs, exp, log, sin, cos, layernorm, sigmoid, tanh, relu, leaky_relu, identity,
 *     softplus, silu, gelu, elu, selu, softsign, hard_sigmoid, hard_tanh of one operand
 *
 * Errors: RNNCELL_PARSE with line, column and a suggestion.
 */
RNNCELL_CHECKED int32_t rnncell_cell_parse(rnncell_cell **out, const char *equations);

/*
 * Makes a published cell, such as "lstm", "gru", "nascell" or "darts_v2"; rnncell_stock_describe
 * lists them.
 *
 * Errors: RNNCELL_INVALID_ARGUMENT for an unknown name, with the nearest one.
 */
RNNCELL_CHECKED int32_t rnncell_cell_stock(rnncell_cell **out, const char *name);

/* Notations that rnncell_cell_import reads. */
#define RNNCELL_NOTATION_GENOTYPE 1    /* DARTS: [('tanh', 0), ...] or Genotype(recurrent=[...]) */
#define RNNCELL_NOTATION_RECIPE 2      /* NAS-Bench-NLP: {"h_new_0": {"op": ..., "input": [...]}} */
#define RNNCELL_NOTATION_ARC 3         /* ENAS: 0 0 0 1 1 2 ..., numbered as in the paper */
#define RNNCELL_NOTATION_ARC_ENAS_LM 4 /* the same, numbered as in enas_lm and NAO */
#define RNNCELL_NOTATION_DSL 5         /* Schrimpf et al.: Gate3(Tanh(MM(x_t)), h_tm1, ...); c_t(...) marks
                                          the next memory */
#define RNNCELL_NOTATION_TREE 6        /* genetic programming: (mul (sigmoid 1) (tanh c=(add c 2))) */

/*
 * Reads a cell in the notation of another program.
 *
 * Errors: RNNCELL_PARSE for text that is not in that notation; RNNCELL_INVALID_ARGUMENT for a
 * notation that is none of the above and for a description that makes no cell.
 */
RNNCELL_CHECKED int32_t rnncell_cell_import(
    rnncell_cell **out, int32_t notation, const char *text);

/* Gives a cell back. NULL is allowed. */
void rnncell_cell_free(rnncell_cell *cell);

/* A published cell. Its texts live for ever. */
typedef struct rnncell_stock_info {
  size_t size;
  const char *name;
  const char *equations;
  const char *source; /* the paper or the program */
  const char *notes;  /* choices where sources differ, or "" */
} rnncell_stock_info;
#define RNNCELL_STOCK_INFO_INIT {sizeof(rnncell_stock_info), 0, 0, 0, 0}

/*
 * Describes the published cell at an index from 0.
 *
 * Errors: RNNCELL_INVALID_ARGUMENT for an index that is negative or past the last, which ends a
 * loop.
 */
RNNCELL_CHECKED int32_t rnncell_stock_describe(rnncell_stock_info *out, int64_t index);

/* A cell in numbers. */
typedef struct rnncell_cell_info {
  size_t size;
  const char *states;      /* their names with a space between, the output first: "h c" */
  int64_t state_count;     /* how many states there are */
  int64_t parameter_count; /* how many parameter arrays, see rnncell_cell_parameter */
  int64_t weight_count;    /* learned numbers at the sizes asked for, 0 for none asked */
  uint64_t digest[2];      /* of the canonical form: the same for equal cells, in every process */
  uint64_t fingerprint;    /* of what it computes on fixed inputs */
  int32_t needs_equal_sizes; /* 1: x meets h without a matrix, so that input and hidden size must be equal */
  int32_t reserved;
} rnncell_cell_info;
#define RNNCELL_CELL_INFO_INIT {sizeof(rnncell_cell_info), 0, 0, 0, 0, {0, 0}, 0, 0, 0}

/*
 * Describes a cell.
 *
 * input_size, hidden_size: sizes for `weight_count`, or both 0.
 * Errors: RNNCELL_INVALID_ARGUMENT for sizes that are not positive, do not fit the cell's blocks, or
 * differ where it needs equal ones.
 */
RNNCELL_CHECKED int32_t rnncell_cell_describe(
    rnncell_cell_info *out, const rnncell_cell *cell, int64_t input_size, int64_t hidden_size);

/* A parameter: a learned array with a name. */
typedef struct rnncell_parameter_info {
  size_t size;
  const char *name; /* "W[z, x]" in a cell, "layers.0.W[z, x]" in a network */
  int64_t rank;     /* 2 for a matrix [rows, columns], 1 for a vector [rows] */
  int64_t rows;
  int64_t columns; /* 1 for a vector */
  int64_t count;   /* rows * columns */
  int32_t is_bias; /* 1 for a bias, else 0 */
  int32_t blocks;  /* of a block-diagonal matrix, else 1 */
} rnncell_parameter_info;
#define RNNCELL_PARAMETER_INFO_INIT {sizeof(rnncell_parameter_info), 0, 0, 0, 0, 0, 0, 0}

/*
 * Describes the parameter at an index from 0 of a cell at given sizes.
 *
 * Errors: RNNCELL_INVALID_ARGUMENT for an index or sizes out of range.
 */
RNNCELL_CHECKED int32_t rnncell_cell_parameter(
    rnncell_parameter_info *out, const rnncell_cell *cell, int64_t index, int64_t input_size,
    int64_t hidden_size);

/*
 * Whether two cells are equal: the same function for all weights, whatever their nodes, parameters
 * and states are called.
 *
 * equal: gets 1 or 0.
 */
RNNCELL_CHECKED int32_t rnncell_cell_equal(
    int32_t *equal, const rnncell_cell *cell, const rnncell_cell *other);

/*
 * The name in an equal cell of the parameter that plays the part of `parameter` in this cell.
 *
 * Errors: RNNCELL_INVALID_ARGUMENT for cells that are not equal or an unknown parameter.
 */
RNNCELL_CHECKED int32_t rnncell_cell_counterpart(
    char *text, size_t capacity, size_t *needed, const rnncell_cell *cell, const char *parameter,
    const rnncell_cell *other);

/* Forms in which rnncell_cell_draw shows a cell. */
#define RNNCELL_DRAWING_EQUATIONS 0 /* what rnncell_cell_parse reads back to the same cell */
#define RNNCELL_DRAWING_SVG 1       /* a picture that stands by itself */
#define RNNCELL_DRAWING_DOT 2       /* for Graphviz */
#define RNNCELL_DRAWING_LATEX 3     /* an align* environment of amsmath */
#define RNNCELL_DRAWING_GENOTYPE 4  /* for programs that read DARTS's cells */
#define RNNCELL_DRAWING_RECIPE 5    /* for programs that read NAS-Bench-NLP's cells */
#define RNNCELL_DRAWING_ABLATIONS 6 /* cells with one part less, with an empty line between: a line that
                                       says which, then the equations */
#define RNNCELL_DRAWING_PARTS 7     /* a line for each node; cells are as near as they share lines */
#define RNNCELL_DRAWING_TORCH 8     /* source of a module of PyTorch */
#define RNNCELL_DRAWING_JAX 9       /* source of functions of JAX */
#define RNNCELL_DRAWING_C 10        /* source of a time step in C99 */
#define RNNCELL_DRAWING_ARC 11      /* of ENAS; this and the next three as rnncell_cell_import reads them */
#define RNNCELL_DRAWING_ARC_ENAS_LM 12
#define RNNCELL_DRAWING_DSL 13
#define RNNCELL_DRAWING_TREE 14

/*
 * Writes a cell as text or picture.
 *
 * Errors: RNNCELL_INVALID_ARGUMENT for a form that is none of the above, and for a
 * genotype, recipe, arc, term or tree of a cell that the form cannot say, with the node that it cannot.
 */
RNNCELL_CHECKED int32_t rnncell_cell_draw(
    char *text, size_t capacity, size_t *needed, const rnncell_cell *cell, int32_t form);

/*
 * PARAMETERS
 *
 * The named arrays of a network or a model, or the gradients of a tape, which have the same names.
 * Borrowed from that object: never freed, and gone with it.
 */

typedef struct rnncell_parameters rnncell_parameters;

/*
 * Describes the parameter at an index from 0.
 *
 * Errors: RNNCELL_INVALID_ARGUMENT for an index that is negative or past the last, which ends a
 * loop.
 */
RNNCELL_CHECKED int32_t rnncell_parameters_describe(
    rnncell_parameter_info *out, const rnncell_parameters *parameters, int64_t index);

/*
 * Copies a parameter out, row-major [rows, columns].
 *
 * count: how many floats `values` holds; must be the parameter's own count.
 * Errors: RNNCELL_INVALID_ARGUMENT for an unknown name, with the nearest one, or another count.
 */
RNNCELL_CHECKED int32_t rnncell_parameters_read(
    float *values, int64_t count, const rnncell_parameters *parameters, const char *name);

/*
 * Copies a parameter in, row-major [rows, columns].
 *
 * Errors: RNNCELL_INVALID_ARGUMENT as for reading, and for a value that is not finite; nothing is
 * changed then.
 */
RNNCELL_CHECKED int32_t rnncell_parameters_write(
    rnncell_parameters *parameters, const char *name, const float *values, int64_t count);

/*
 * Adds `scale` times every array of `other`, which must have the same layout: with the gradients of
 * a tape and minus the learning rate, a step of gradient descent.
 *
 * Errors: RNNCELL_INVALID_ARGUMENT for another layout or a scale that is not finite;
 * RNNCELL_DIVERGED when `other` holds a value that is not finite. Nothing is changed then.
 */
RNNCELL_CHECKED int32_t rnncell_parameters_add(
    rnncell_parameters *parameters, const rnncell_parameters *other, double scale);

/*
 * NETWORKS
 *
 * Cells in layers, with weights. A sequence carries one float per state element: the state of a
 * batch is the concatenation over layers, and over the states of each layer's cell, of [B, size];
 * see rnncell_network_state. It has B * state_size floats.
 */

typedef struct rnncell_network rnncell_network;
typedef struct rnncell_tape rnncell_tape;
typedef struct rnncell_stream rnncell_stream;

/* How weights start. */
typedef struct rnncell_network_options {
  size_t size;
  uint64_t seed;      /* of the starting weights */
  double init_range;  /* all uniform in +-range; 0: weights in +-1/sqrt(hidden size), biases 0 */
  double forget_bias; /* start of the biases that the cell's source starts open; 0: as the source
                         says, or as init_range if that is given; NaN: like the other biases */
  int32_t bidirectional; /* 1: each layer runs in both directions, with parameters of their own
                            ("layers.0.reverse.W[z, x]"); its output is [forward, backward] */
  int32_t residual;      /* 1: a layer's input is added to its output where both have one size */
  double zoneout;        /* probability that an element of a state keeps its last value in training, from
                            0 to 0.999; otherwise states are the mean of both. States whose next value
                            does not depend on any state have none */
  double chrono;         /* not 0: the longest dependency in time steps, above 2, by which the biases of
                            the gates of LSTM, GRU and their kin start (Tallec and Ollivier 2018) */
  const char *recurrent; /* how square matrices that read a state start: "uniform", as the others,
                            "orthogonal" or "identity"; NULL: as the cell's source says, or "uniform" */
} rnncell_network_options;
#define RNNCELL_NETWORK_OPTIONS_INIT {sizeof(rnncell_network_options), 0, 0, 0, 0, 0, 0, 0, 0}

/*
 * Makes a network.
 *
 * cells:        [layers], the cell of each layer from the input up.
 * hidden_sizes: [layers], the size of each layer's output.
 * input_size:   I, the size of the first layer's input.
 * options:      may be NULL.
 * Errors: RNNCELL_INVALID_ARGUMENT for sizes that are not positive or do not fit a cell's blocks.
 */
RNNCELL_CHECKED int32_t rnncell_network_create(
    rnncell_network **out, rnncell_cell *const *cells, const int64_t *hidden_sizes, int64_t layers,
    int64_t input_size, const rnncell_network_options *options);

/* Gives a network back. NULL is allowed. */
void rnncell_network_free(rnncell_network *network);

/* A network in numbers. */
typedef struct rnncell_network_info {
  size_t size;
  int64_t layers;
  int64_t input_size;      /* I */
  int64_t output_size;     /* H of the last layer, twice that where it runs in both directions */
  int64_t state_count;     /* states of all layers, see rnncell_network_state */
  int64_t state_size;      /* floats of all states of one sequence */
  int64_t parameter_count; /* parameter arrays */
  int64_t weight_count;    /* learned numbers */
  int32_t bidirectional;
  int32_t residual;
  double zoneout;
} rnncell_network_info;
#define RNNCELL_NETWORK_INFO_INIT {sizeof(rnncell_network_info), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

/* Describes a network. */
RNNCELL_CHECKED int32_t rnncell_network_describe(
    rnncell_network_info *out, const rnncell_network *network);

/*
 * The cell of a layer from 0.
 *
 * Errors: RNNCELL_INVALID_ARGUMENT for a layer that is not there.
 */
RNNCELL_CHECKED int32_t rnncell_network_cell(
    rnncell_cell **out, const rnncell_network *network, int64_t layer);

/* A state of a layer. */
typedef struct rnncell_state_info {
  size_t size;
  const char *name;      /* as in the equations: "h", "c" */
  int64_t layer;         /* from 0 */
  int64_t element_count; /* its size in one sequence */
  int64_t offset;        /* elements of the states before it: it starts at B * offset */
  int32_t reversed;      /* 1: of the direction from the last step to the first */
  int32_t reserved;
} rnncell_state_info;
#define RNNCELL_STATE_INFO_INIT {sizeof(rnncell_state_info), 0, 0, 0, 0, 0, 0}

/*
 * Describes the state at an index from 0, in the order of the state arrays.
 *
 * Errors: RNNCELL_INVALID_ARGUMENT for an index that is negative or past the last, which ends a
 * loop.
 */
RNNCELL_CHECKED int32_t rnncell_network_state(
    rnncell_state_info *out, const rnncell_network *network, int64_t index);

/* The weights of a network, to read and to change; borrowed. */
RNNCELL_CHECKED int32_t rnncell_network_parameters(
    rnncell_parameters **out, rnncell_network *network);

/*
 * Runs a network over whole sequences.
 *
 * output:        [T, B, output_size], zero past the end of a sequence; may be NULL.
 * final_state:   the state array after each sequence's last step; may be NULL.
 * tape:          what rnncell_tape_backward needs, yours to free; NULL where no gradients are
 *                wanted.
 * input:         [T, B, I], finite. Past a sequence's end it is ignored.
 * lengths:       [B], steps of each sequence from 0 to T; NULL: all T.
 * initial_state: the state array to start from; NULL: zero.
 * The network keeps the memory of its last two runs for runs of the same shape, and the process the
 * threads of its last two callers; both are waiting, and gone with the network and the process.
 * Errors: RNNCELL_INVALID_ARGUMENT for lengths out of range.
 */
RNNCELL_CHECKED int32_t rnncell_network_forward(
    float *output, float *final_state, rnncell_tape **tape, const rnncell_network *network,
    const float *input, int64_t steps, int64_t batch, const int64_t *lengths,
    const float *initial_state, int64_t threads);

/*
 * Runs backward through the time steps of a forward call: from the gradient of a loss by the
 * outputs to its gradient by everything else. The gradients of the parameters are in
 * rnncell_tape_gradients. It uses up what forward kept, so that each tape is run through once: of
 * several losses pass the sum of their gradients.
 *
 * input_gradient:         [T, B, I]; may be NULL.
 * initial_state_gradient: a state array; may be NULL.
 * output_gradient:        [T, B, output_size]; NULL: zero. Past a sequence's end it is ignored.
 * final_state_gradient:   a state array; NULL: zero.
 * Errors: RNNCELL_STATE when the tape was run through, or the network's weights changed after the
 * forward call.
 */
RNNCELL_CHECKED int32_t rnncell_tape_backward(
    float *input_gradient, float *initial_state_gradient, rnncell_tape *tape,
    const float *output_gradient, const float *final_state_gradient, int64_t threads);

/* The gradients of all parameters, zero before rnncell_tape_backward; borrowed from the tape. */
RNNCELL_CHECKED int32_t rnncell_tape_gradients(rnncell_parameters **out, rnncell_tape *tape);

/* Gives a tape back. NULL is allowed. */
void rnncell_tape_free(rnncell_tape *tape);

/*
 * Makes a stream: a state of its own, fed one time step at a time, with the weights of the network.
 * The state starts at zero. Steps give the same bits as one forward call without a tape over all of
 * them.
 *
 * batch: B, how many sequences step together.
 * Errors: RNNCELL_INVALID_ARGUMENT for a bidirectional network.
 */
RNNCELL_CHECKED int32_t rnncell_stream_create(
    rnncell_stream **out, const rnncell_network *network, int64_t batch);

/*
 * Takes one time step. It neither allocates nor locks, so it may run in an audio callback.
 *
 * output: [B, output_size].
 * input:  [B, I].
 */
RNNCELL_CHECKED int32_t rnncell_stream_step(
    float *output, rnncell_stream *stream, const float *input);

/*
 * Copies the state out.
 *
 * count: how many floats `state` holds; must be B * state_size.
 */
RNNCELL_CHECKED int32_t rnncell_stream_read_state(
    float *state, int64_t count, const rnncell_stream *stream);

/*
 * Replaces the state.
 *
 * state: a state array; NULL with count 0: zero.
 * count: must be B * state_size.
 */
RNNCELL_CHECKED int32_t rnncell_stream_write_state(
    rnncell_stream *stream, const float *state, int64_t count);

/* Gives a stream back. NULL is allowed. */
void rnncell_stream_free(rnncell_stream *stream);

/*
 * TRAINING
 *
 * A corpus is text as token ids in three splits; a model predicts the next token. Token ids are
 * indices into the vocabulary, which is made from the training split and goes with the model.
 */

typedef struct rnncell_corpus rnncell_corpus;
typedef struct rnncell_model rnncell_model;

/* Units of text. */
#define RNNCELL_UNIT_CHARACTER 0 /* Unicode characters */
#define RNNCELL_UNIT_WORD 1      /* split at white space, with an end-of-sentence word per line */
#define RNNCELL_UNIT_BYTE 2

/* Splits of a corpus. */
#define RNNCELL_SPLIT_TRAIN 0
#define RNNCELL_SPLIT_VALID 1
#define RNNCELL_SPLIT_TEST 2

/*
 * Where text comes from: for each split a path, or text in memory with its bytes. With the training
 * text alone it is split 90/5/5 by position.
 */
typedef struct rnncell_corpus_options {
  size_t size;
  const char *train_path;
  const char *valid_path;
  const char *test_path;
  const char *train_text;
  size_t train_bytes;
  const char *valid_text;
  size_t valid_bytes;
  const char *test_text;
  size_t test_bytes;
  size_t limit; /* bytes of each text to use; 0: all */
  int32_t unit; /* RNNCELL_UNIT_... */
  int32_t reserved;
} rnncell_corpus_options;
#define RNNCELL_CORPUS_OPTIONS_INIT \
  {sizeof(rnncell_corpus_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

/*
 * Reads a corpus.
 *
 * Errors: RNNCELL_IO for a file that cannot be read; RNNCELL_FORMAT for text that is not UTF-8
 * where the unit needs it; RNNCELL_INVALID_ARGUMENT for no text, too little to split, or two
 * sources for one split.
 */
RNNCELL_CHECKED int32_t rnncell_corpus_create(
    rnncell_corpus **out, const rnncell_corpus_options *options);

/* Gives a corpus back. NULL is allowed. */
void rnncell_corpus_free(rnncell_corpus *corpus);

/* A corpus in numbers. */
typedef struct rnncell_corpus_info {
  size_t size;
  int64_t unit;
  int64_t vocabulary_size; /* different tokens */
  int64_t token_count[3];  /* of each split */
  uint64_t digest;         /* of all tokens and the vocabulary */
} rnncell_corpus_info;
#define RNNCELL_CORPUS_INFO_INIT {sizeof(rnncell_corpus_info), 0, 0, {0, 0, 0}, 0}

/* Describes a corpus. */
RNNCELL_CHECKED int32_t rnncell_corpus_describe(
    rnncell_corpus_info *out, const rnncell_corpus *corpus);

/*
 * The token ids of a split; borrowed from the corpus.
 *
 * tokens, count: get the ids and how many there are.
 * Errors: RNNCELL_INVALID_ARGUMENT for a split that is none.
 */
RNNCELL_CHECKED int32_t rnncell_corpus_tokens(
    const int32_t **tokens, int64_t *count, const rnncell_corpus *corpus, int32_t split);

/*
 * The text of a token id. Bytes that are not UTF-8 by themselves come as they are, byte 0 as "".
 *
 * Errors: RNNCELL_INVALID_ARGUMENT for an id outside the vocabulary.
 */
RNNCELL_CHECKED int32_t rnncell_corpus_word(
    char *text, size_t capacity, size_t *needed, const rnncell_corpus *corpus, int64_t id);

/* A language model: embedding, layers, softmax over the vocabulary. */
typedef struct rnncell_model_options {
  size_t size;
  int64_t layers;         /* 0: as many as cells, or 1 */
  int64_t hidden_size;    /* of every layer; 0: 128 */
  int64_t embedding_size; /* 0: hidden_size */
  int64_t weight_count;   /* not 0: choose the hidden size that comes nearest to so many weights */
  uint64_t seed;          /* of the starting weights */
  double init_range;      /* all uniform in +-range; 0: layers as of rnncell_network_options, the embedding
                             in +-1, the softmax (also tied) in +-5/sqrt(hidden size), its bias 0 */
  double forget_bias;     /* see rnncell_network_options */
  int32_t tied;           /* 1: embedding and softmax share their weights (equal sizes needed) */
  int32_t residual;       /* see rnncell_network_options */
  double zoneout;         /* see rnncell_network_options */
  double chrono;          /* see rnncell_network_options */
  const char *recurrent;  /* see rnncell_network_options */
} rnncell_model_options;
#define RNNCELL_MODEL_OPTIONS_INIT {sizeof(rnncell_model_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

/*
 * Makes a language model for the vocabulary of a corpus.
 *
 * cells:   [cell_count], one for all layers or one for each.
 * options: may be NULL.
 * Errors: RNNCELL_INVALID_ARGUMENT for sizes out of range, a count of cells that is neither 1 nor
 * `layers`, tied weights of unequal sizes.
 */
RNNCELL_CHECKED int32_t rnncell_model_create(
    rnncell_model **out, const rnncell_corpus *corpus, rnncell_cell *const *cells,
    int64_t cell_count, const rnncell_model_options *options);

/* What a model of sequences learns to say. */
#define RNNCELL_TARGETS_CLASSES 0 /* one of K; the loss is the cross-entropy in nats */
#define RNNCELL_TARGETS_VALUES 1  /* K numbers; the loss is their mean squared error */
#define RNNCELL_TARGETS_LABELS 2  /* which of K hold; the loss is the sum of their cross-entropies */

/* A model of sequences: layers, and a linear layer on their output. */
typedef struct rnncell_sequence_options {
  size_t size;
  int64_t input_size;   /* I; must be given */
  int64_t output_size;  /* K; 0: 1, of classes 2 */
  int64_t layers;       /* 0: as many as cells, or 1 */
  int64_t hidden_size;  /* of every layer; 0: 128 */
  int64_t weight_count; /* not 0: choose the hidden size that comes nearest to so many weights */
  uint64_t seed;        /* of the starting weights */
  double init_range;    /* all uniform in +-range; 0: layers as of rnncell_network_options, the linear
                           layer in +-5/sqrt(the last layer's output size), its bias 0 */
  double forget_bias;   /* see rnncell_network_options */
  double zoneout;       /* see rnncell_network_options */
  int32_t targets;      /* RNNCELL_TARGETS_... */
  int32_t per_step;     /* 1: it speaks at every time step; 0: after the last one */
  int32_t bidirectional; /* see rnncell_network_options; a model that speaks once does so from the ends
                            of both directions: the last time step, and the first */
  int32_t residual;     /* see rnncell_network_options */
  double chrono;        /* see rnncell_network_options */
  const char *recurrent; /* see rnncell_network_options */
} rnncell_sequence_options;
#define RNNCELL_SEQUENCE_OPTIONS_INIT \
  {sizeof(rnncell_sequence_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

/*
 * Makes a model of sequences.
 *
 * cells: [cell_count], one for all layers or one for each.
 * Errors: RNNCELL_INVALID_ARGUMENT for sizes out of range or a count of cells that is neither 1 nor
 * `layers`.
 */
RNNCELL_CHECKED int32_t rnncell_model_create_for_sequences(
    rnncell_model **out, rnncell_cell *const *cells, int64_t cell_count,
    const rnncell_sequence_options *options);

/* Gives a model back. NULL is allowed. */
void rnncell_model_free(rnncell_model *model);

/* A model in numbers. */
typedef struct rnncell_model_info {
  size_t size;
  int64_t layers;
  int64_t hidden_size;
  int64_t embedding_size;
  int64_t vocabulary_size;
  int64_t parameter_count; /* parameter arrays */
  int64_t weight_count;    /* learned numbers */
  int64_t history_count;   /* epochs in rnncell_model_history */
  int32_t unit;            /* RNNCELL_UNIT_... of its vocabulary */
  int32_t tied;
  int64_t input_size;      /* of a model of sequences, else 0, as what follows */
  int64_t output_size;
  int32_t targets;         /* RNNCELL_TARGETS_... */
  int32_t per_step;
} rnncell_model_info;
#define RNNCELL_MODEL_INFO_INIT {sizeof(rnncell_model_info), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

/* Describes a model. */
RNNCELL_CHECKED int32_t rnncell_model_describe(
    rnncell_model_info *out, const rnncell_model *model);

/* A network of its own with the cells of the model's layers and a copy of their weights. */
RNNCELL_CHECKED int32_t rnncell_model_network(
    rnncell_network **out, const rnncell_model *model);

/* The weights of a model, "embedding.weight", "layers.0...." and "output...." alike; borrowed. */
RNNCELL_CHECKED int32_t rnncell_model_parameters(
    rnncell_parameters **out, rnncell_model *model);

/* The text of a token id of the model's vocabulary; as rnncell_corpus_word. */
RNNCELL_CHECKED int32_t rnncell_model_word(
    char *text, size_t capacity, size_t *needed, const rnncell_model *model, int64_t id);

/*
 * Turns text into token ids of the model's vocabulary. What the vocabulary lacks becomes its
 * unknown token.
 *
 * tokens:   [capacity]; NULL with capacity 0: only `needed` is wanted.
 * needed:   gets the number of tokens; may be NULL.
 * text:     `bytes` bytes, which may hold NUL.
 * Errors: RNNCELL_INVALID_ARGUMENT for a capacity that is too small, or a token that the vocabulary
 * lacks where it has no unknown one; RNNCELL_FORMAT for text that is not UTF-8, but of bytes.
 */
RNNCELL_CHECKED int32_t rnncell_model_encode(
    int32_t *tokens, int64_t capacity, int64_t *needed, const rnncell_model *model,
    const char *text, size_t bytes);

/* What a progress callback is told, and a row of the history. */
typedef struct rnncell_progress {
  size_t size;
  int64_t epoch;            /* from 1 */
  int64_t update;           /* updates of the weights since the model was made */
  int64_t updates;          /* updates of the whole fit, as far as known */
  int64_t tokens;           /* trained on since the model was made */
  double train_loss;        /* mean since the epoch began, nats per token */
  double valid_loss;        /* of the validation split at the end of an epoch; NaN before */
  double learning_rate;     /* in use */
  double tokens_per_second; /* since the epoch began */
  double seconds;           /* of this fit so far */
} rnncell_progress;
#define RNNCELL_PROGRESS_INIT {sizeof(rnncell_progress), 0, 0, 0, 0, 0, 0, 0, 0, 0}

/* Hears of progress; a return that is not 0 stops, and the call then returns RNNCELL_CANCELLED. */
typedef int32_t (*rnncell_progress_callback)(const rnncell_progress *progress, void *user);

/* What the loss that is differentiated sums. */
#define RNNCELL_REDUCTION_MEAN 0           /* mean over time steps and batch */
#define RNNCELL_REDUCTION_SUM_OVER_STEPS 1 /* sum over time steps, mean over the batch */

/* How a model learns. */
typedef struct rnncell_fit_options {
  size_t size;
  const char *optimizer;   /* "adam", "adamw", "rmsprop" or "sgd"; NULL: "adam" */
  const char *checkpoint;  /* file that is written after each epoch; NULL: none */
  int64_t epochs;          /* 0: 1, or as many as `updates` takes */
  int64_t updates;         /* stop after so many updates, whatever epochs remain; 0: after the epochs */
  int64_t batch;           /* B, sequences trained together; 0: 32 */
  int64_t truncation;      /* T, steps of a segment of backpropagation; 0: 35 */
  int64_t decay_after;     /* epochs before the learning rate decays; 0: from the second epoch on */
  int64_t patience;        /* stop after so many epochs without a better valid loss; 0: never */
  int64_t report_every;    /* updates between callbacks; 0: 50 */
  int64_t threads;         /* see rules */
  uint64_t seed;           /* of the dropout masks and of the order of sequences */
  double learning_rate;    /* 0: 1 for sgd, 0.002 for others */
  double decay;            /* factor of the learning rate per epoch; 0: 1 */
  double clip;             /* largest norm of the whole gradient; 0: 5; infinity: none */
  double dropout;          /* probability to drop a unit between layers, from 0 to 0.999 */
  int32_t variational;     /* 1: one dropout mask for all steps of a segment */
  int32_t reduction;       /* RNNCELL_REDUCTION_... */
  int32_t resume;          /* 1: carry on from `checkpoint` if that file is there */
  int32_t keep_order;      /* 1: sequences come in the order in which they are given */
  /* The optimiser. */
  double momentum;         /* of sgd and rmsprop, from 0 to below 1 */
  double weight_decay;     /* part of the weights that is taken off: in the gradient, or with adamw
                              apart from it */
  double beta1;            /* of adam and adamw; 0: 0.9 */
  double beta2;            /* 0: 0.999 */
  double epsilon;          /* of adam, adamw and rmsprop; 0: 1e-8 */
  double smoothing;        /* of the mean of squares of rmsprop; 0: 0.99 */
  /* The course of the learning rate. */
  const char *schedule;    /* "step", by decay, decay_after and decay_every; or "cosine"; NULL: "step" */
  int64_t decay_every;     /* epochs between two decays; 0: 1 */
  int64_t warmup;          /* updates over which the learning rate rises */
  double final_factor;     /* of the learning rate at the end of the cosine */
  /* Means of the weights, which are evaluated and kept in the end. */
  double average;          /* not 0: decay of an exponential moving mean, between 0 and 1 */
  int64_t average_interval; /* not 0: the mean of all weights since the validation loss was first no
                               better than so many epochs before (Merity et al. 2018) */
  /* What else is dropped, and penalties. */
  double input_dropout;    /* of the first layer's input; 0: as `dropout`; NaN: none */
  double hidden_dropout;   /* between layers; 0: as `dropout`; NaN: none */
  double output_dropout;   /* of the last layer's output; 0: as `dropout`; NaN: none */
  double embedding_dropout; /* of whole tokens of the vocabulary, for one update */
  double recurrent_dropout; /* of the states that matrices read, one mask for all time steps */
  double weight_dropout;   /* of the weights of the matrices that read a state */
  double activation_penalty; /* factor of the mean square of the last layer's output */
  double temporal_penalty; /* factor of the mean square of its change from step to step */
  int32_t nesterov;        /* 1: the momentum of sgd looks ahead */
  int32_t random_truncation; /* 1: segments of text have random lengths about `truncation` */
} rnncell_fit_options;
#define RNNCELL_FIT_OPTIONS_INIT                                                                 \
  {sizeof(rnncell_fit_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
   0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

/*
 * Trains a model on the training split of a corpus, with truncated backpropagation through time:
 * the batch reads the text in B parallel streams whose state is carried from segment to segment and
 * starts each epoch at zero. The validation split is scored after each epoch.
 *
 * options, callback: may be NULL. The callback is called every `report_every` updates, with
 *                    valid_loss
 * NaN, and after each epoch.
 * Errors: RNNCELL_CANCELLED when the callback says so (the weights are those of the last update);
 * RNNCELL_DIVERGED when the loss stops being finite; RNNCELL_STATE for a corpus with another
 * vocabulary or a checkpoint of another model; RNNCELL_IO, RNNCELL_FORMAT for the checkpoint.
 */
RNNCELL_CHECKED int32_t rnncell_model_fit(
    rnncell_model *model, const rnncell_corpus *corpus, const rnncell_fit_options *options,
    rnncell_progress_callback callback, void *user);

/*
 * Sequences of vectors, and what is to be said of them.
 *
 * Targets are one row for each sequence, or for each time step of all where the model speaks at every
 * step.
 */
typedef struct rnncell_sequences {
  size_t size;
  const float *inputs;    /* [sum of the lengths, I], one sequence behind another */
  const int64_t *lengths; /* [count], each at least 1 */
  int64_t count;
  const int32_t *classes; /* [rows], from 0 to below K; NULL for other targets */
  const float *values;    /* [rows, K]: values, or labels from 0 to 1; NULL for classes */
} rnncell_sequences;
#define RNNCELL_SEQUENCES_INIT {sizeof(rnncell_sequences), 0, 0, 0, 0, 0}

/*
 * Trains a model of sequences. An epoch takes all of them once, in batches, in an order of its own.
 *
 * valid:   scored after each epoch; NULL: nothing.
 * options, callback: as for rnncell_model_fit; `truncation` and `embedding_dropout` mean nothing here.
 *          Tokens are time steps; losses are means over the rows of the targets.
 * Errors: as rnncell_model_fit; RNNCELL_INVALID_ARGUMENT for data that does not fit the model or is not
 * finite; RNNCELL_STATE for a model of language or a checkpoint of other data.
 */
RNNCELL_CHECKED int32_t rnncell_model_fit_sequences(
    rnncell_model *model, const rnncell_sequences *train, const rnncell_sequences *valid,
    const rnncell_fit_options *options, rnncell_progress_callback callback, void *user);

/*
 * The outputs of a model of sequences: probabilities of classes or labels, or values.
 *
 * outputs: [rows, K], rows as for targets.
 * count:   how many floats it holds; must be rows * K.
 * Errors: RNNCELL_INVALID_ARGUMENT for sequences that do not fit the model or another count;
 * RNNCELL_STATE for a model of language.
 */
RNNCELL_CHECKED int32_t rnncell_model_predict(
    float *outputs, int64_t count, rnncell_model *model, const rnncell_sequences *sequences,
    int64_t threads);

/*
 * The mean loss of a model of sequences over the rows of the targets.
 *
 * Errors: as rnncell_model_predict; RNNCELL_INVALID_ARGUMENT without targets.
 */
RNNCELL_CHECKED int32_t rnncell_model_evaluate_sequences(
    double *loss, rnncell_model *model, const rnncell_sequences *sequences, int64_t threads);

/*
 * The row of an epoch, counted from 0 over all fits since the model was made.
 *
 * Errors: RNNCELL_INVALID_ARGUMENT for an index that is negative or past the last.
 */
RNNCELL_CHECKED int32_t rnncell_model_history(
    rnncell_progress *out, const rnncell_model *model, int64_t index);

/*
 * The mean loss of predicting each token from those before it, with the state carried from the
 * first to the last.
 *
 * loss:   gets nats per token; perplexity is its exp.
 * tokens: [count], at least 2, ids of the model's vocabulary.
 * Errors: RNNCELL_INVALID_ARGUMENT for an id outside the vocabulary or fewer than 2 tokens.
 */
RNNCELL_CHECKED int32_t rnncell_model_evaluate(
    double *loss, rnncell_model *model, const int32_t *tokens, int64_t count, int64_t threads);

/*
 * The same where the weights follow the text: each segment is predicted first, and then there is a step of
 * gradient descent on it (dynamic evaluation, Krause et al. 2018, arXiv:1709.07432). The model's weights are
 * as before when it is done.
 *
 * learning_rate: of a step, such as 0.1.
 * decay:         the part of the way back to the trained weights that is gone at each step, from 0 to 1.
 * truncation:    tokens of a segment; 0: 20.
 * Errors: as rnncell_model_evaluate; RNNCELL_DIVERGED for a learning rate that is too large.
 */
RNNCELL_CHECKED int32_t rnncell_model_evaluate_dynamic(
    double *loss, rnncell_model *model, const int32_t *tokens, int64_t count, double learning_rate,
    double decay, int64_t truncation, int64_t threads);

/*
 * Writes on from a prompt, token by token. The text is the prompt's continuation without the
 * prompt.
 *
 * capacity:    with `text` NULL and capacity 0 the text is made only to be measured: `needed` costs
 *              as much as the text, so offer a buffer that is large enough at once.
 * count:       tokens to write.
 * temperature: of the softmax: 1 is the model's own distribution, 0 its likeliest token.
 * seed:        the same seed gives the same text.
 * Errors: RNNCELL_INVALID_ARGUMENT for a negative count or temperature, or a
 * prompt that the vocabulary cannot say.
 */
RNNCELL_CHECKED int32_t rnncell_model_generate(
    char *text, size_t capacity, size_t *needed, rnncell_model *model, const char *prompt,
    int64_t count, double temperature, uint64_t seed);

/*
 * An optimiser for a loop of your own, with what it remembers from step to step.
 */
typedef struct rnncell_optimizer rnncell_optimizer;

/*
 * Makes an optimiser for parameters, whose layout it keeps.
 *
 * options: its `optimizer`, `momentum`, `nesterov`, `weight_decay`, `beta1`, `beta2`, `epsilon`,
 *          `smoothing`, `learning_rate` and `clip` are read; may be NULL.
 */
RNNCELL_CHECKED int32_t rnncell_optimizer_create(
    rnncell_optimizer **out, const rnncell_parameters *parameters,
    const rnncell_fit_options *options);

/* Gives an optimiser back. NULL is allowed. */
void rnncell_optimizer_free(rnncell_optimizer *optimizer);

/*
 * Changes parameters by their gradients, whose whole norm is held below `clip` first.
 *
 * norm:          gets the norm before that; may be NULL.
 * learning_rate: of this step; 0: that of the options.
 * Errors: RNNCELL_INVALID_ARGUMENT for another layout; RNNCELL_DIVERGED for a gradient that is not
 * finite. Nothing is changed then.
 */
RNNCELL_CHECKED int32_t rnncell_optimizer_step(
    double *norm, rnncell_optimizer *optimizer, rnncell_parameters *parameters,
    const rnncell_parameters *gradients, double learning_rate);

/*
 * SEARCH
 *
 * A study looks for cells with a low validation loss. It lives in one SQLite file and can be
 * stopped at any moment, killed, and opened again; nothing that was told is lost. One loop serves
 * all strategies: ask for a proposal, score it, tell the score. rnncell_study_run does that with
 * the corpus of the study; a program that scores cells in its own way calls rnncell_study_ask and
 * rnncell_study_tell.
 */

typedef struct rnncell_study rnncell_study;

/* What a study is to do. Of a study that exists, what is left at zero is as it was. */
typedef struct rnncell_study_options {
  size_t size;
  const char *strategy;   /* see rnncell_strategy_describe; NULL: "auto" */
  uint64_t seed;          /* every random choice follows from it */
  double minutes;         /* of all runs together; 0: no bound */
  int64_t trials;         /* proposals trained in all runs, without controls; 0: no bound */
  int64_t workers;        /* proposals trained at a time, one thread each; 0: as for threads */
  int64_t hidden_size;    /* 0: 32 */
  int64_t layers;         /* 0: 1 */
  int64_t embedding_size; /* 0: hidden_size */
  int64_t rungs;          /* levels of successive halving; 0: 3, or 1 without a corpus */
  int64_t updates;        /* training updates up to the last rung; 0: from the size of the corpus */
  int64_t batch;          /* 0: 32 */
  int64_t truncation;     /* 0: 35 */
  double learning_rate;   /* of adam; 0: 0.002 */
  int32_t deterministic;  /* 1: scores count in the order of proposals, so that a run repeats */
  int32_t read_only;      /* 1: only look, also while another process runs the study */
  int32_t controls;       /* 1: LSTM and GRU are measured too, beside the trials */
  int32_t front;          /* 1: proposals rise, and have children, by the front of loss, weight count
                             and step_seconds on which they stand, not by the loss alone; not with
                             deterministic */
  int64_t tokens;         /* trained on in all runs, after which nothing more is asked; 0: no bound */
  double target;          /* the search ends when a loss at the last rung is at most this; 0: none */
  int64_t parameters;     /* learned numbers of every model; 0: as many as with LSTM of hidden_size */
  const char *operations; /* that cells may use, with blanks between; NULL: all */
  int64_t max_nodes;      /* operations and maps of a cell; 0: as the strategy has it */
  int64_t max_depth;      /* operations on the longest way through a cell; 0: the same */
  int64_t max_matrices;   /* 0: the same */
  int64_t max_states;     /* 0: the same */
  const char *start;      /* equations of cells to start from, an empty line between two; NULL: those
                             of the strategy */
  const char *preset;     /* sizes of what the strategy searches with: "scaled", for budgets of one
                             machine, or "paper", as its paper ran it; NULL: "scaled" */
  int32_t mixed_layers;   /* 1: the layers may have different cells, if the strategy does that */
  int32_t direct_input;   /* 1: x may meet states without a matrix, as in x + linear(h), and proposals with a
                             running mean of x are made; for models whose embedding_size is their
                             hidden_size, as it is unless given */
  int64_t max_blocks;     /* of a block-diagonal map, as product(h, blocks=4); above 1 proposals have such
                             maps; 0: made by no proposal, though a cell to start from may have them */
} rnncell_study_options;
#define RNNCELL_STUDY_OPTIONS_INIT                                                              \
  {sizeof(rnncell_study_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
   0, 0, 0, 0, 0, 0, 0, 0, 0}

/*
 * Opens a study, or begins one where there is no such file.
 *
 * path:    the file; NULL: in memory, gone when freed.
 * corpus:  what to train on; NULL where cells are scored by the program itself.
 * options: may be NULL.
 * Errors: RNNCELL_IO; RNNCELL_FORMAT for a file that is no study; RNNCELL_BUSY while another
 * process runs it; RNNCELL_STATE for another corpus, strategy or size than the study was begun
 * with.
 */
RNNCELL_CHECKED int32_t rnncell_study_open(
    rnncell_study **out, const char *path, const rnncell_corpus *corpus,
    const rnncell_study_options *options);

/* Closes a study. NULL is allowed. */
void rnncell_study_free(rnncell_study *study);

/* What became of a proposal. */
#define RNNCELL_PROPOSAL_PENDING 0  /* asked, not told */
#define RNNCELL_PROPOSAL_SCORED 1   /* told a loss */
#define RNNCELL_PROPOSAL_FAILED 2   /* told that it failed; `failure` says why */
#define RNNCELL_PROPOSAL_REJECTED 3 /* not trained at all: a duplicate, or it explodes */

/* A cell that a strategy proposes, and what is known of it. */
typedef struct rnncell_proposal {
  size_t size;
  int64_t id;            /* from 1, in the order of proposals */
  uint64_t seed;         /* of its starting weights */
  const char *strategy;  /* what proposed it; "control" for the cells that every study measures */
  const char *work;      /* "cell", or what kind of network the strategy trained to search with */
  const char *equations; /* for rnncell_cell_parse; with mixed_layers those of each layer, with an empty
                            line between, unless all are the same */
  const char *failure;   /* why it failed or was rejected, or "" */
  int64_t parents[2];    /* ids of what it was made from, 0 for none */
  int64_t weight_count;  /* learned numbers of the model it is trained in; 0 when not known */
  int64_t rung;          /* the level of training that `loss` is of, or that is asked for, from 0 */
  int64_t updates;       /* training updates until then */
  int64_t tokens;        /* trained on until then */
  double loss;           /* validation loss, nats per token (or what was told); NaN: none yet */
  double seconds;        /* of training */
  double told_at;        /* seconds of search when its last score was told; NaN before */
  int32_t state;         /* RNNCELL_PROPOSAL_... */
  int32_t reserved;
  double step_seconds;   /* of a time step of one sequence on one thread; NaN: not measured */
  const char *rung_losses;      /* at the end of each rung, with a space between; "" before the first */
  const char *rung_predictions; /* as many: what was expected when it was asked for that rung, the loss
                                   of it for the first one, for others that of the last; "nan": nothing */
  int64_t species_count; /* how many species there were when it was proposed; 0: none are told apart */
  const char *part_losses; /* what was told of the parts of the loss, with a space between; "" for none */
} rnncell_proposal;
#define RNNCELL_PROPOSAL_INIT \
  {sizeof(rnncell_proposal), 0, 0, 0, 0, 0, 0, {0, 0}, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
   0, 0}

/* A study in numbers. */
typedef struct rnncell_study_info {
  size_t size;
  const char *strategy;
  const char *settings;   /* a JSON object with all that it was begun with */
  int64_t proposal_count; /* all proposals */
  int64_t scored_count;   /* those that have a loss */
  int64_t failed_count;   /* those that failed */
  int64_t pending_count;  /* those asked and not told */
  double seconds;         /* of search in all runs together */
  uint64_t seed;
  int64_t rejected_count; /* those that were not trained at all */
  int64_t tokens;         /* trained on in all, for cells and for what the strategy trains beside */
  double tau;             /* Kendall's, between the losses of the first and the last rung, of the
                             first 16 proposals: they rise whatever their loss; NaN before two */
  int64_t test_reads;     /* how often rnncell_study_record_test was called */
} rnncell_study_info;
#define RNNCELL_STUDY_INFO_INIT {sizeof(rnncell_study_info), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}

/* Describes a study. */
RNNCELL_CHECKED int32_t rnncell_study_describe(rnncell_study_info *out, rnncell_study *study);

/*
 * Hears of a search: after each score, and at least every second.
 *
 * info:     the study now.
 * proposal: what was just told; NULL when nothing was.
 * A return that is not 0 stops, and the run then returns RNNCELL_CANCELLED. Other functions must
 * not be called on the study from here, save the two that only look: rnncell_study_describe and
 * rnncell_study_proposal.
 */
typedef int32_t (*rnncell_study_callback)(
    const rnncell_study_info *info, const rnncell_proposal *proposal, void *user);

/*
 * Searches until the budget of the study is spent; returns at once when it is.
 *
 * callback: may be NULL.
 * Errors: RNNCELL_CANCELLED when the callback says so (what was told is kept, what was being
 * trained will be proposed again); RNNCELL_STATE for a study without a corpus, without a bound, or
 * read-only; RNNCELL_INVALID_ARGUMENT when the strategy finds no new cell in its space; RNNCELL_IO.
 */
RNNCELL_CHECKED int32_t rnncell_study_run(
    rnncell_study *study, rnncell_study_callback callback, void *user);

/*
 * A score of your own: smaller is better, and what is not finite makes the proposal a failed one.
 *
 * proposal: as rnncell_study_ask gives it: rung and updates say how long it is to be trained. Valid
 *           during the call.
 * Called on as many threads at a time as the study has workers.
 */
typedef double (*rnncell_objective)(const rnncell_proposal *proposal, void *user);

/*
 * Searches as rnncell_study_run does, with scores by a function instead of training on the corpus.
 *
 * A corpus is wanted only by strategies that train networks of their own on it (needs_corpus).
 * user: is passed to both functions.
 * Errors: RNNCELL_INVALID_ARGUMENT without an objective, and those of rnncell_study_run.
 */
RNNCELL_CHECKED int32_t rnncell_study_run_objective(
    rnncell_study *study, rnncell_objective objective, rnncell_study_callback callback, void *user);

/*
 * Asks for a cell to score. Proposals that were asked and not told before the study was opened come
 * first, with the same id and seed.
 *
 * Networks that the strategy trains to search with are trained here, on the study's corpus and workers.
 * Errors: RNNCELL_STATE when the minutes, trials or tokens are spent or the target is reached, or the study
 * is read-only; RNNCELL_INVALID_ARGUMENT when the strategy finds no new cell in its space, or needs a corpus
 * that the study was opened without; RNNCELL_IO.
 */
RNNCELL_CHECKED int32_t rnncell_study_ask(rnncell_proposal *out, rnncell_study *study);

/*
 * Tells the score of a proposal.
 *
 * loss:    smaller is better. Not finite: it failed, and at a later rung keeps the score of the one
 *          before.
 * failure: why it failed, or NULL.
 * Errors: RNNCELL_INVALID_ARGUMENT for an unknown id; RNNCELL_STATE for one that was told;
 * RNNCELL_IO.
 */
RNNCELL_CHECKED int32_t rnncell_study_tell(
    rnncell_study *study, int64_t id, double loss, const char *failure);

/* What a proposal cost, beside its score. What is not known is 0. */
typedef struct rnncell_score {
  size_t size;
  double loss;          /* smaller is better; not finite: it failed */
  int64_t tokens;       /* trained on since the proposal began, which the study's bound counts */
  int64_t weight_count; /* learned numbers */
  double seconds;       /* of training, of this rung */
  double step_seconds;  /* of a time step of one sequence on one thread */
  const double *part_losses; /* of the tasks that `loss` is made of, or NULL: "auto" breeds cells that are good
                                at one of them as well as those with a low loss */
  int64_t part_count;        /* at most 64 */
} rnncell_score;
#define RNNCELL_SCORE_INIT {sizeof(rnncell_score), 0, 0, 0, 0, 0, 0, 0}

/*
 * Tells the score of a proposal with its costs.
 *
 * Errors: as rnncell_study_tell; RNNCELL_INVALID_ARGUMENT for a cost that is negative or NaN, and for
 * part_losses that are not finite though the loss is; RNNCELL_LIMIT for too many of them.
 */
RNNCELL_CHECKED int32_t rnncell_study_tell_score(
    rnncell_study *study, int64_t id, const rnncell_score *score);

/*
 * Notes in a study that a test text is about to be read to judge its cells. That should happen once, when
 * all that is to be compared has been trained.
 *
 * again: 1 if it may have been read before, else 0.
 *
 * Errors: RNNCELL_STATE when it was read before and again is 0, and for a read-only study; RNNCELL_IO.
 */
RNNCELL_CHECKED int32_t rnncell_study_record_test(rnncell_study *study, int32_t again);

/* Orders of proposals. */
#define RNNCELL_ORDER_LOSS 0     /* the leaderboard: scored proposals, on the highest rung first */
#define RNNCELL_ORDER_PROPOSED 1 /* all proposals by id */
#define RNNCELL_ORDER_FRONT 2    /* of the last rung, those that no other one beats in loss, weight
                                    count (in steps of 2 %) and step_seconds together, by loss */

/*
 * Copies out the proposal at an index from 0 in an order.
 *
 * Errors: RNNCELL_INVALID_ARGUMENT for an index that is negative or past the last, which ends a
 * loop.
 */
RNNCELL_CHECKED int32_t rnncell_study_proposal(
    rnncell_proposal *out, rnncell_study *study, int32_t order, int64_t index);

/* A strategy. Its texts live for ever. */
typedef struct rnncell_strategy_info {
  size_t size;
  const char *name;
  const char *summary; /* one sentence */
  int32_t needs_corpus; /* 1: it trains networks of its own, so a study without a corpus is refused */
  int32_t reserved;
  const char *scaled; /* what the preset "scaled" sets */
  const char *paper;  /* the same of "paper"; NULL: it has none */
} rnncell_strategy_info;
#define RNNCELL_STRATEGY_INFO_INIT {sizeof(rnncell_strategy_info), 0, 0, 0, 0, 0, 0}

/*
 * Describes the strategy at an index from 0.
 *
 * Errors: RNNCELL_INVALID_ARGUMENT for an index that is negative or past the last, which ends a
 * loop.
 */
RNNCELL_CHECKED int32_t rnncell_strategy_describe(rnncell_strategy_info *out, int64_t index);

/*
 * FILES
 *
 * Weights are safetensors with the cells' equations and the options in the metadata; those of stock
 * lstm, gru_reset_after and elman have torch's names. A file is written under a temporary name and
 * renamed when it is whole. Every save and load can return RNNCELL_IO, and a load RNNCELL_FORMAT
 * for a file that is damaged, hostile, or of something else.
 */

/* Saves a network. */
RNNCELL_CHECKED int32_t rnncell_network_save(const rnncell_network *network, const char *path);

/* Loads a network that rnncell_network_save wrote. */
RNNCELL_CHECKED int32_t rnncell_network_load(rnncell_network **out, const char *path);

/* What a network or model can be exported as. */
#define RNNCELL_EXPORT_TORCH 1 /* source for PyTorch, whose load_state_dict takes our safetensors */
#define RNNCELL_EXPORT_JAX 2   /* source for JAX, which reads our safetensors */
#define RNNCELL_EXPORT_C 3     /* one C99 file with the weights and a main, for one stream */
#define RNNCELL_EXPORT_ONNX 4  /* a model of opset 18: LSTM, GRU and RNN, or Scan for other cells; inputs
                                  "x" and "layers.0.h", outputs "y" and "next.layers.0.h" */

/*
 * Writes a network for others to run.
 *
 * Errors: RNNCELL_INVALID_ARGUMENT for a form that is none, or one that cannot say the network: C for
 * bidirectional ones.
 */
RNNCELL_CHECKED int32_t rnncell_network_export(
    const rnncell_network *network, int32_t form, const char *path);

/* The same for a model with what is around its network: logits of language, probabilities, values. */
RNNCELL_CHECKED int32_t rnncell_model_export(
    const rnncell_model *model, int32_t form, const char *path);

/* Saves a model, of language with its vocabulary. */
RNNCELL_CHECKED int32_t rnncell_model_save(const rnncell_model *model, const char *path);

/* Loads a model that rnncell_model_save wrote. */
RNNCELL_CHECKED int32_t rnncell_model_load(rnncell_model **out, const char *path);

#ifdef __cplusplus
}
#endif

#endif
