# Compile settings shared by all targets, and the functions that make a folder a library and a test program.
include(GoogleTest)

add_library(tilefit_settings INTERFACE)
target_include_directories(tilefit_settings INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_definitions(tilefit_settings INTERFACE TILEFIT_VERSION="${PROJECT_VERSION}")
# x86-64-v2 is the baseline; faster code sits behind run-time dispatch (kernels/isa). Contraction is off so that a
# multiply-add is fused only where a kernel says so: results must not depend on the compiler's mood.
target_compile_options(tilefit_settings INTERFACE
  -march=x86-64-v2 -ffp-contract=off -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>  # false alarms on "text" + std::string in gcc 12 (gcc bug 105329)
  $<$<BOOL:${TILEFIT_WERROR}>:-Werror>)
if(TILEFIT_SANITIZE)
  target_compile_options(tilefit_settings INTERFACE -fsanitize=${TILEFIT_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  target_link_options(tilefit_settings INTERFACE -fsanitize=${TILEFIT_SANITIZE})
endif()
if(TILEFIT_FUZZ)
  target_compile_options(tilefit_settings INTERFACE -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
  target_link_options(tilefit_settings INTERFACE -fsanitize=address,undefined)
endif()

# tilefit_library(NAME [DEPS folder ...] [LIBS external ...])
# Makes library tilefit_NAME of every *.cc here but the tests, and test program NAME_test of every *_test.cc here.
function(tilefit_library name)
  cmake_parse_arguments(ARG "" "" "DEPS;LIBS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(TRANSFORM ARG_DEPS PREPEND tilefit_)
  if(sources)
    add_library(tilefit_${name} STATIC ${sources})
    target_link_libraries(tilefit_${name} PUBLIC tilefit_settings ${ARG_DEPS} ${ARG_LIBS})
  else()
    add_library(tilefit_${name} INTERFACE)
    target_link_libraries(tilefit_${name} INTERFACE tilefit_settings ${ARG_DEPS} ${ARG_LIBS})
  endif()
  if(tests)
    tilefit_test(${name}_test LABEL unit SOURCES ${tests} DEPS ${name})
  endif()
endfunction()

# tilefit_test(NAME LABEL unit|golden|e2e|long SOURCES file ... [DEPS folder ...] [TIMEOUT seconds])
# One ctest entry per gtest suite program; the label decides whether `make test` or only `make test-all` runs it.
function(tilefit_test name)
  cmake_parse_arguments(ARG "" "LABEL;TIMEOUT" "SOURCES;DEPS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  list(TRANSFORM ARG_DEPS PREPEND tilefit_)
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} tilefit_test_support GTest::gmock GTest::gtest_main)
  gtest_discover_tests(${name} TEST_PREFIX "${name}." DISCOVERY_MODE PRE_TEST
    PROPERTIES LABELS "${ARG_LABEL}" TIMEOUT ${ARG_TIMEOUT} ENVIRONMENT HF_DATASETS_CACHE=${PROJECT_BINARY_DIR}/test-cache)
endfunction()
