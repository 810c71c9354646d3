/* Debian's libsqlite3-dev: the header; the static archive beside it is linked into librnncell.so and hidden. */
#include <sqlite3.h>
