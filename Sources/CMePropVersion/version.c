#include "meprop_version.h"

/* git archive puts the commit in here; see .gitattributes. */
static const char archived[] = "$Format:%h$";

const char *meprop_commit(void) {
#ifdef MEPROP_COMMIT
  return MEPROP_COMMIT;
#else
  return archived[0] == '$' ? "" : archived;
#endif
}
