# proto_c: the C of every .proto; proto_descriptors: their FileDescriptorSet as bytes, for reflection.
file(GLOB_RECURSE protos RELATIVE ${CMAKE_SOURCE_DIR}/proto CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/proto/*.proto)
set(wellknown google/protobuf/timestamp.proto google/protobuf/duration.proto google/protobuf/any.proto
    google/protobuf/descriptor.proto)
set(generated ${CMAKE_BINARY_DIR}/generated)
file(MAKE_DIRECTORY ${generated})
set(proto_sources "")
foreach(proto ${protos} ${wellknown})
  string(REGEX REPLACE "\\.proto$" ".pb-c.c" c ${proto})
  string(REGEX REPLACE "\\.proto$" ".pb-c.h" h ${proto})
  if(EXISTS ${CMAKE_SOURCE_DIR}/proto/${proto})
    set(source ${CMAKE_SOURCE_DIR}/proto/${proto})
  else()
    set(source ${PROTO_INCLUDE}/${proto})
  endif()
  add_custom_command(
    OUTPUT ${generated}/${c} ${generated}/${h}
    COMMAND ${PROTOC_C} -I${CMAKE_SOURCE_DIR}/proto -I${PROTO_INCLUDE} --c_out=${generated} ${source}
    DEPENDS ${source}
    COMMENT "protoc-c ${proto}"
    VERBATIM)
  list(APPEND proto_sources ${generated}/${c})
endforeach()
add_library(proto_c STATIC ${proto_sources})
target_include_directories(proto_c SYSTEM PUBLIC ${generated})
target_compile_options(proto_c PRIVATE -w)
target_link_libraries(proto_c PUBLIC PkgConfig::PROTOBUFC)
