/* What the tables of bad inputs share; each section of the header has a file of its own. */
#include <math.h>
#include <rnncell.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern int calls, failures;
/* A pointer to something that is no handle at all. */
extern uint64_t garbage[8];

/* Notes a failure unless the status is as wanted and the message has the text. */
void expect(int32_t status, int32_t wanted, const char *text, const char *file, int line);
void write_file(const char *path, const void *bytes, size_t count);
size_t read_file(const char *path, unsigned char *bytes, size_t capacity);

void bad_cells(void);
void bad_networks(void);
void bad_training(void);
void bad_sequences(void);
void bad_search(void);

#define BAD(call, text) expect((call), RNNCELL_INVALID_ARGUMENT, (text), __FILE__, __LINE__)
#define FAILS(status, call, text) expect((call), (status), (text), __FILE__, __LINE__)
#define GOOD(call) expect((call), RNNCELL_OK, "", __FILE__, __LINE__)
#define IS_NULL(pointer)                                                  \
  do {                                                                    \
    if ((pointer) != NULL) {                                              \
      printf("%s:%d: " #pointer " is not NULL\n", __FILE__, __LINE__);    \
      ++failures;                                                         \
    }                                                                     \
  } while (0)

#define HUGE_SIZE INT64_C(0x7fffffffffffffff)
#define LOWEST (-HUGE_SIZE - 1)
