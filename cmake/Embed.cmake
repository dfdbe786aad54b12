# embed(TARGET PREFIX FILES...): a library with `const struct embedded_file PREFIX_files[]` (see
# server/base/embedded.h), one entry a file, a last one without a name.
function(embed target prefix)
  set(out ${CMAKE_BINARY_DIR}/embedded/${prefix}.c)
  string(REPLACE ";" "|" files "${ARGN}")
  add_custom_command(
    OUTPUT ${out}
    COMMAND ${CMAKE_COMMAND} -DOUT=${out} -DPREFIX=${prefix} "-DFILES=${files}" -P ${CMAKE_SOURCE_DIR}/cmake/EmbedFiles.cmake
    DEPENDS ${ARGN} ${CMAKE_SOURCE_DIR}/cmake/EmbedFiles.cmake
    COMMENT "embed ${prefix}"
    VERBATIM)
  add_library(${target} STATIC ${out})
endfunction()

file(GLOB store_files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/migrations/store/*.sql)
if(store_files)
  embed(store_catalog store_catalog ${store_files})
else()
  add_library(store_catalog INTERFACE)
endif()

set(descriptor_set ${CMAKE_BINARY_DIR}/generated/descriptors.pb)
set(api_protos ${protos})
list(FILTER api_protos EXCLUDE REGEX "^google/")
list(TRANSFORM api_protos PREPEND ${CMAKE_SOURCE_DIR}/proto/ OUTPUT_VARIABLE api_proto_files)
add_custom_command(
  OUTPUT ${descriptor_set}
  COMMAND ${PROTOC} -I${CMAKE_SOURCE_DIR}/proto -I${PROTO_INCLUDE} --include_imports --descriptor_set_out=${descriptor_set} ${api_protos}
  DEPENDS ${api_proto_files}
  VERBATIM)
embed(proto_descriptors proto_descriptors ${descriptor_set})
