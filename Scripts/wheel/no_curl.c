/*
 * Stands in for libcurl in a wheel.
 *
 * Foundation's URLSession is linked because the command line downloads data sets with it. No
 * function of meprop.h does, so a wheel needs no libcurl and none of the libraries that this needs
 * in turn. Every function fails as libcurl's does where there is no memory.
 */
#include <stddef.h>

enum { failed_init = 2, internal_error = 4 };

#define GIVES_NULL(name) \
  void *name(void);      \
  void *name(void) { return NULL; }
#define FAILS(name, code) \
  int name(void);         \
  int name(void) { return code; }
#define DOES_NOTHING(name) \
  void name(void);         \
  void name(void) {}

GIVES_NULL(curl_easy_init)
GIVES_NULL(curl_multi_init)
GIVES_NULL(curl_multi_info_read)
GIVES_NULL(curl_slist_append)
GIVES_NULL(curl_url)
GIVES_NULL(curl_version_info)
FAILS(curl_global_init, failed_init)
FAILS(curl_easy_getinfo, failed_init)
FAILS(curl_easy_pause, failed_init)
FAILS(curl_easy_setopt, failed_init)
FAILS(curl_multi_add_handle, internal_error)
FAILS(curl_multi_assign, internal_error)
FAILS(curl_multi_cleanup, internal_error)
FAILS(curl_multi_remove_handle, internal_error)
FAILS(curl_multi_setopt, internal_error)
FAILS(curl_multi_socket_action, internal_error)
FAILS(curl_url_get, failed_init)
FAILS(curl_url_set, failed_init)
DOES_NOTHING(curl_easy_cleanup)
DOES_NOTHING(curl_free)
DOES_NOTHING(curl_slist_free_all)

const char *curl_easy_strerror(int code);
const char *curl_easy_strerror(int code) {
  (void)code;
  return "this build of meprop does not download";
}

const char *curl_version(void);
const char *curl_version(void) { return "none"; }
