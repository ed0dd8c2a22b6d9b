# How our own code is compiled. Nothing here is exported to who uses the libraries.

set(RINGMAIL_SANITIZE "" CACHE STRING "Sanitizers for all of our code, as -fsanitize takes them")
set(RINGMAIL_PYTHON "${PROJECT_SOURCE_DIR}/build/venv/bin/python3" CACHE FILEPATH
    "The Python that has the ringmail package (scripts/venv makes this one): tests and examples run their peers with it")

string(TOLOWER ${CMAKE_SYSTEM_NAME} RINGMAIL_PLATFORM) # src/linux/, src/darwin/

if(PROJECT_IS_TOP_LEVEL)
  add_compile_options(-Wall -Wextra -Wpedantic -Wconversion)
  set(CMAKE_COMPILE_WARNING_AS_ERROR ON)
  # GCC 12 sees overlaps in std::string's operator+ that cannot be (GCC bug 105651).
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-Wno-restrict>)
  endif()
endif()

if(RINGMAIL_SANITIZE)
  add_compile_options(-fsanitize=${RINGMAIL_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  add_link_options(-fsanitize=${RINGMAIL_SANITIZE})
endif()

# Some hundred test programs link to the same libraries, each in a quarter of the time where there is mold. What is shipped is linked as
# its users would.
if(PROJECT_IS_TOP_LEVEL AND RINGMAIL_PLATFORM STREQUAL linux AND NOT CMAKE_CROSSCOMPILING
    AND NOT CMAKE_BUILD_TYPE STREQUAL "Release")
  find_program(RINGMAIL_MOLD mold)
  if(RINGMAIL_MOLD)
    add_link_options(-fuse-ld=mold)
  endif()
endif()

# ringmail_library(<name>): the target ringmail_<name>, known as ringmail::<name> here and in an installed package. The
# caller adds its sources and the libraries it stands on. It exports include/ of its folder; src/ is its own.
function(ringmail_library name)
  add_library(ringmail_${name} STATIC)
  add_library(ringmail::${name} ALIAS ringmail_${name})
  set_target_properties(ringmail_${name} PROPERTIES EXPORT_NAME ${name})
  target_compile_features(ringmail_${name} PUBLIC cxx_std_23)
  target_include_directories(ringmail_${name}
    PUBLIC $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
    PRIVATE src)
  # Checked or shipped and not developed: sources together compile in a third of the time.
  if(RINGMAIL_SANITIZE OR CMAKE_CROSSCOMPILING OR CMAKE_BUILD_TYPE STREQUAL "Release" OR DEFINED ENV{CI})
    set_target_properties(ringmail_${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 10)
  endif()
  install(TARGETS ringmail_${name} EXPORT ringmail)
endfunction()
