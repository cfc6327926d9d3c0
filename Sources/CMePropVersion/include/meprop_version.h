/* The commit that the package was built from. */
#ifndef MEPROP_VERSION_H
#define MEPROP_VERSION_H

/* The commit, as MePropVersion.commit describes it; empty if it is not known. */
const char *meprop_commit(void);

#endif
