/*
 * Passes bad input to every exported function: each call gives its status and a message that names the
 * value, and the process lives on.
 */
#include "bad_inputs.h"

int calls = 0;
int failures = 0;
uint64_t garbage[8];

void expect(int32_t status, int32_t wanted, const char *text, const char *file, int line) {
  const char *message = rnncell_last_error(NULL, NULL);
  ++calls;
  if (status != wanted) {
    printf("%s:%d: status %d, not %d (%s)\n", file, line, (int)status, (int)wanted, message);
    ++failures;
  } else if (wanted != RNNCELL_OK && strstr(message, text) == NULL) {
    printf("%s:%d: the message '%s' lacks '%s'\n", file, line, message, text);
    ++failures;
  } else if (wanted != RNNCELL_OK && message[0] == 0) {
    printf("%s:%d: the message is empty\n", file, line);
    ++failures;
  }
}

void write_file(const char *path, const void *bytes, size_t count) {
  FILE *file = fopen(path, "wb");
  if (file == NULL || fwrite(bytes, 1, count, file) != count || fclose(file) != 0) exit(3);
}

size_t read_file(const char *path, unsigned char *bytes, size_t capacity) {
  FILE *file = fopen(path, "rb");
  size_t count;
  if (file == NULL) exit(3);
  count = fread(bytes, 1, capacity, file);
  fclose(file);
  return count;
}

int main(void) {
  bad_cells();
  bad_networks();
  bad_training();
  bad_sequences();
  bad_search();
  printf("%d calls, %d failures\n", calls, failures);
  return failures != 0;
}
