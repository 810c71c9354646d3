#ifndef RNNCELL_H
#define RNNCELL_H
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif
const char *rnncell_version(void);
#ifdef __cplusplus
}
#endif
#endif
