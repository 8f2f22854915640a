#ifndef NIBBLE_H
#define NIBBLE_H

/* Written by `cargo xtask capi` from capi/src. */

#include <stddef.h>
#include <stdint.h>

// Whether a call succeeded, and if not, why.
typedef enum NibbleStatus {
  // It succeeded.
  NIBBLE_STATUS_OK = 0,
  // An argument is null or does not suit the network.
  NIBBLE_STATUS_INVALID_ARGUMENT = 1,
  // The file is damaged, or is no model file.
  NIBBLE_STATUS_MODEL_INVALID = 2,
  // The run would exceed a limit: by default 1 GiB of memory and 2^40 multiply-adds.
  NIBBLE_STATUS_TOO_LARGE = 3,
  // A bug of the library. After that, the network can only be freed.
  NIBBLE_STATUS_INTERNAL = 4,
} NibbleStatus;

// What the elements of a tensor are.
typedef enum NibbleElementType {
  // Codes of 4 bits, a byte each. As an input, bytes from 0 to 255.
  NIBBLE_ELEMENT_TYPE_U4 = 0,
  // Codes of 8 bits.
  NIBBLE_ELEMENT_TYPE_U8 = 1,
  // 32-bit sums or indices.
  NIBBLE_ELEMENT_TYPE_I32 = 2,
  // Single precision.
  NIBBLE_ELEMENT_TYPE_F32 = 3,
} NibbleElementType;

// A network that is ready to run, with its memory.
typedef struct NibbleNetwork NibbleNetwork;

// An input or an output as the file describes it. What it points to lives as long as the network.
typedef struct NibbleTensor {
  // The name, in UTF-8.
  const char *name;
  // What the elements are.
  enum NibbleElementType element_type;
  // Rows of an input; 0 if they can differ from run to run, and for outputs.
  size_t height;
  // Columns, likewise.
  size_t width;
  // Channels of an input, interleaved; 0 for outputs.
  size_t channels;
  // The value of one step: one for codes; for sums, one for all or one for each channel. Null
  // for single precision.
  const float *scales;
  // How many scales there are.
  size_t scale_count;
  // The codes that mean 0: one for all, or one for each channel. Null unless they are codes.
  const uint8_t *zero_points;
  // How many zero points there are.
  size_t zero_point_count;
} NibbleTensor;

// The rows and columns of an input.
typedef struct NibbleSize {
  // Rows.
  size_t height;
  // Columns.
  size_t width;
} NibbleSize;

// The values of an input for a run, `[row][column][channel]`.
typedef struct NibbleRunInput {
  // The values of an input of codes, otherwise null.
  const uint8_t *bytes;
  // The values of an input of single precision, otherwise null.
  const float *reals;
  // How many values there are.
  size_t length;
  // Rows and columns.
  struct NibbleSize size;
} NibbleRunInput;

// An output of the last run. `elements` lives until the network runs again or is freed.
typedef struct NibbleOutput {
  // `uint8_t` for codes, `int32_t` for sums, `float` for single precision.
  const void *elements;
  // How many elements there are: `rows * columns * channels`.
  size_t length;
  // What the elements are.
  enum NibbleElementType element_type;
  // Rows.
  size_t rows;
  // Columns.
  size_t columns;
  // Channels.
  size_t channels;
} NibbleOutput;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// The text of the last failure on this thread; empty if the last call succeeded. It lives until
// this thread's next call.
const char *nibble_last_error(void);

// Loads a network from the bytes of a model file, which may be freed after that. Null if it cannot
// be used: `nibble_last_error` names the node or the tensor.
//
// # Safety
// `length` bytes lie at `file`.
struct NibbleNetwork *nibble_network_create(const uint8_t *file, size_t length);

// Frees a network, and everything that points into it.
//
// # Safety
// `network` is null, or was made by `nibble_network_create` and not freed; nobody uses it after
// that.
void nibble_network_free(struct NibbleNetwork *network);

// Number of inputs; 0 if the network is null.
//
// # Safety
// `network` is null or lives, and no other thread uses it meanwhile.
size_t nibble_network_input_count(const struct NibbleNetwork *network);

// Number of outputs; 0 if the network is null.
//
// # Safety
// `network` is null or lives, and no other thread uses it meanwhile.
size_t nibble_network_output_count(const struct NibbleNetwork *network);

// Describes the input at `place`, counted from 0.
//
// # Safety
// `network` is null or lives, and no other thread uses it meanwhile. `tensor` is null, or can be
// written.
enum NibbleStatus nibble_network_input(const struct NibbleNetwork *network,
                                       size_t place,
                                       struct NibbleTensor *tensor);

// Describes the output at `place`, counted from 0. Its shape is known after a run.
//
// # Safety
// As for `nibble_network_input`.
enum NibbleStatus nibble_network_output(const struct NibbleNetwork *network,
                                        size_t place,
                                        struct NibbleTensor *tensor);

// Stores how many bytes of memory a run on inputs of these sizes takes, without the weights.
// `sizes` has one size for each input, in order.
//
// # Safety
// As for `nibble_network_input`; `count` sizes lie at `sizes`, and `bytes` is null, or can be
// written.
enum NibbleStatus nibble_network_peak_bytes(const struct NibbleNetwork *network,
                                            const struct NibbleSize *sizes,
                                            size_t count,
                                            size_t *bytes);

// Sets the limits of later runs: bytes of memory, apart from the weights, and multiply-adds. The
// outputs of the last run are lost.
//
// # Safety
// `network` is null or lives, and no other thread uses it meanwhile.
enum NibbleStatus nibble_network_limit(struct NibbleNetwork *network,
                                       size_t max_bytes,
                                       uint64_t max_multiply_adds);

// Runs the network. `inputs` has one element for each input, in order. The first run on inputs of
// a size takes the memory that `nibble_network_peak_bytes` reports; later runs use it again.
//
// # Safety
// `network` is null or lives, and no other thread uses it meanwhile. `count` inputs lie at `inputs`,
// and at each pointer in them that is not null, `length` values.
enum NibbleStatus nibble_network_run(struct NibbleNetwork *network,
                                     const struct NibbleRunInput *inputs,
                                     size_t count);

// Stores where an output of the last run is, and its shape. `place` is counted from 0.
//
// # Safety
// As for `nibble_network_input`.
enum NibbleStatus nibble_network_result(const struct NibbleNetwork *network,
                                        size_t place,
                                        struct NibbleOutput *output);

// Stores the real numbers that the elements of an output of the last run stand for. `length` is
// that of the output.
//
// # Safety
// As for `nibble_network_input`; `reals` is null, or `length` values can be written there.
enum NibbleStatus nibble_network_reals(const struct NibbleNetwork *network,
                                       size_t place,
                                       float *reals,
                                       size_t length);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* NIBBLE_H */
