/* The message of the last error, one for each thread. */
#include "meprop.h"
#include "meprop_internal.h"

#include <string.h>

static _Thread_local char last_error[2048];

void meprop_keep_error(const char *message) {
  size_t length = strlen(message);
  if (length >= sizeof last_error) {
    length = sizeof last_error - 1;
    /* Not in the midst of a character of UTF-8. */
    while (length > 0 && ((unsigned char)message[length] & 0xC0) == 0x80) length--;
  }
  memcpy(last_error, message, length);
  last_error[length] = 0;
}

const char *meprop_last_error(void) { return last_error; }
