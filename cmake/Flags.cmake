# Warnings, hardening, sanitizers.
include(CheckCCompilerFlag)

set(warnings -Wall -Wextra -Wformat=2 -Wshadow -Wstrict-prototypes -Wmissing-prototypes
    -Wpointer-arith -Wundef -Wvla -Wwrite-strings -Wimplicit-fallthrough
    -Werror=format-security -Wno-missing-field-initializers)
# protobuf-c's own initializers cast const away, and clang tells that where they are used.
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
  list(APPEND warnings -Wcast-qual)
endif()
add_compile_definitions(_GNU_SOURCE)
# Invariants stay checked in every build.
foreach(config RELEASE RELWITHDEBINFO MINSIZEREL)
  string(REPLACE "-DNDEBUG" "" CMAKE_C_FLAGS_${config} "${CMAKE_C_FLAGS_${config}}")
endforeach()
if(MIGD_WERROR)
  list(APPEND warnings -Werror)
endif()

set(hardening -fstack-protector-strong -fno-delete-null-pointer-checks -fno-strict-overflow
    -fno-strict-aliasing)
foreach(flag -fstack-clash-protection -fcf-protection=full -ftrivial-auto-var-init=zero
        -fstrict-flex-arrays=3)
  string(MAKE_C_IDENTIFIER "have${flag}" have)
  check_c_compiler_flag(${flag} ${have})
  if(${have})
    list(APPEND hardening ${flag})
  endif()
endforeach()
add_compile_options(${hardening})
if(MIGD_SANITIZE)
  add_compile_options(-fsanitize=${MIGD_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all -g)
  add_link_options(-fsanitize=${MIGD_SANITIZE})
else()
  add_compile_options($<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=3>)
endif()
add_link_options(-Wl,-z,relro,-z,now,-z,noexecstack)
include(CheckPIESupported)
check_pie_supported()
