// What an application does: loads the network that is named first, runs it on the file of bytes that
// is named second, and prints the scores. Then it does everything wrong that can be done wrong.
#include <assert.h>
#include <nibble.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef NDEBUG
#error "the checks are assertions"
#endif

static uint8_t *read_file(const char *path, size_t *length) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) {
    perror(path);
    exit(2);
  }
  uint8_t *bytes = malloc(1 << 20);
  assert(bytes != NULL);
  *length = fread(bytes, 1, 1 << 20, file);
  fclose(file);
  return bytes;
}

// Asserts that a call failed, and that its text has a part.
static void failed(NibbleStatus status, NibbleStatus wanted, const char *part) {
  if (status != wanted || strstr(nibble_last_error(), part) == NULL) {
    fprintf(stderr, "%d, not %d: %s (%s)\n", status, wanted, nibble_last_error(), part);
    exit(1);
  }
}

static void misuse(NibbleNetwork *network, const uint8_t *model, size_t length) {
  NibbleTensor tensor;
  NibbleOutput output;
  NibbleSize size = {8, 8};
  size_t bytes;
  float reals[10];
  uint8_t image[64] = {0};
  NibbleRunInput input = {image, NULL, sizeof image, {8, 8}};
  const NibbleStatus argument = NIBBLE_STATUS_INVALID_ARGUMENT;

  assert(nibble_network_create(NULL, 10) == NULL);
  assert(strstr(nibble_last_error(), "null") != NULL);
  assert(nibble_network_create(model, 0) == NULL);
  assert(nibble_network_create(model, SIZE_MAX) == NULL);
  assert(nibble_network_create(model, length - 1) == NULL);
  assert(strlen(nibble_last_error()) > 10);
  nibble_network_free(NULL);
  assert(nibble_network_input_count(NULL) == 0);
  assert(nibble_network_output_count(NULL) == 0);
  failed(nibble_network_input(NULL, 0, &tensor), argument, "network is null");
  failed(nibble_network_input(network, 0, NULL), argument, "answer");
  failed(nibble_network_input(network, 1, &tensor), argument, "no input 1");
  failed(nibble_network_output(network, SIZE_MAX, &tensor), argument, "no output");
  failed(nibble_network_peak_bytes(network, NULL, 1, &bytes), argument, "sizes");
  failed(nibble_network_peak_bytes(network, &size, 0, &bytes), argument, "1 inputs");
  size.width = 9;
  failed(nibble_network_peak_bytes(network, &size, 1, &bytes), argument, "image");
  failed(nibble_network_limit(NULL, 1, 1), argument, "network is null");
  failed(nibble_network_result(network, 1, &output), argument, "no output 1");
  failed(nibble_network_reals(network, 0, reals, 9), argument, "10 elements");
  failed(nibble_network_reals(network, 0, NULL, 10), argument, "answer");
  failed(nibble_network_run(NULL, &input, 1), argument, "network is null");
  failed(nibble_network_run(network, NULL, 1), argument, "inputs");
  failed(nibble_network_run(network, &input, 0), argument, "1 inputs");
  input.length = 63;
  failed(nibble_network_run(network, &input, 1), argument, "image");
  // A run that failed leaves no outputs.
  failed(nibble_network_result(network, 0, &output), argument, "not run");
  input.length = 64;
  input.bytes = NULL;
  failed(nibble_network_run(network, &input, 1), argument, "null");
  input.reals = reals;
  input.length = 10;
  failed(nibble_network_run(network, &input, 1), argument, "bytes");
  input.bytes = image;
  failed(nibble_network_run(network, &input, 1), argument, "not both");
  input.reals = (const float *)(const void *)(image + 1);
  input.bytes = NULL;
  failed(nibble_network_run(network, &input, 1), argument, "aligned");
}

int main(int count, char **arguments) {
  assert(count == 3);
  size_t length, size;
  uint8_t *model = read_file(arguments[1], &length);
  uint8_t *image = read_file(arguments[2], &size);

  NibbleNetwork *network = nibble_network_create(model, length);
  if (network == NULL) {
    fprintf(stderr, "%s\n", nibble_last_error());
    return 1;
  }
  uint8_t *other = malloc(length);
  assert(other != NULL);
  memcpy(other, model, length);
  memset(model, 0, length);
  free(model);

  NibbleTensor input, output;
  assert(nibble_network_input_count(network) == 1);
  assert(nibble_network_output_count(network) == 1);
  assert(nibble_network_input(network, 0, &input) == NIBBLE_STATUS_OK);
  assert(nibble_network_output(network, 0, &output) == NIBBLE_STATUS_OK);
  assert(input.element_type == NIBBLE_ELEMENT_TYPE_U8 && input.scale_count == 1);
  assert(input.zero_point_count == 1 && input.zero_points != NULL);
  assert(output.element_type == NIBBLE_ELEMENT_TYPE_I32 && output.zero_points == NULL);
  assert(output.scale_count == 10);
  printf("%s %zu %zu %zu -> %s\n", input.name, input.height, input.width, input.channels, output.name);

  NibbleSize sides = {input.height, input.width};
  size_t peak = 0;
  assert(nibble_network_peak_bytes(network, &sides, 1, &peak) == NIBBLE_STATUS_OK);
  assert(peak > size && peak < 100000);
  NibbleOutput scores;
  failed(nibble_network_result(network, 0, &scores), NIBBLE_STATUS_INVALID_ARGUMENT, "not run");
  const NibbleRunInput values = {image, NULL, size, sides};
  assert(nibble_network_run(network, &values, 1) == NIBBLE_STATUS_OK);
  assert(strlen(nibble_last_error()) == 0);
  assert(nibble_network_result(network, 0, &scores) == NIBBLE_STATUS_OK);
  assert(scores.rows == 1 && scores.columns == 1 && scores.channels == 10 && scores.length == 10);
  float reals[10];
  assert(nibble_network_reals(network, 0, reals, 10) == NIBBLE_STATUS_OK);
  for (size_t at = 0; at < scores.length; at++) {
    const int32_t score = ((const int32_t *)scores.elements)[at];
    assert(reals[at] == (float)score * output.scales[at]);
    printf("%d\n", (int)score);
  }

  // Limits hold to the byte, and outputs are gone when they change.
  const NibbleStatus large = NIBBLE_STATUS_TOO_LARGE;
  assert(nibble_network_limit(network, peak - 1, 1 << 30) == NIBBLE_STATUS_OK);
  failed(nibble_network_result(network, 0, &scores), NIBBLE_STATUS_INVALID_ARGUMENT, "not run");
  failed(nibble_network_run(network, &values, 1), large, "bytes of memory");
  assert(nibble_network_limit(network, peak, 1000) == NIBBLE_STATUS_OK);
  failed(nibble_network_run(network, &values, 1), large, "1000 multiply-adds");
  assert(nibble_network_limit(network, peak, 1 << 30) == NIBBLE_STATUS_OK);
  assert(nibble_network_run(network, &values, 1) == NIBBLE_STATUS_OK);

  misuse(network, other, length);
  assert(nibble_network_run(network, &values, 1) == NIBBLE_STATUS_OK);
  nibble_network_free(network);
  free(other);
  free(image);
  return 0;
}
