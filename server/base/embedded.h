/* Files that the build put into the program; made by cmake/Embed.cmake. */
#ifndef MIGD_BASE_EMBEDDED_H
#define MIGD_BASE_EMBEDDED_H

#include <stddef.h>

struct embedded_file {
  const char *name; /* NULL ends the table */
  const char *bytes;
  size_t len;
};

extern const struct embedded_file store_catalog_files[];     /* migrations/store */
extern const struct embedded_file proto_descriptors_files[]; /* one: a FileDescriptorSet */

#endif
