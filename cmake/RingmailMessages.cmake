# ringmail_messages(<target> <file.mail>...)
#
# Generates C++ from each schema when <target> is built: flights.mail becomes #include "flights.mail.hpp". Who links to a
# library target can include its messages too.
function(ringmail_messages target)
  get_target_property(type ${target} TYPE)
  set(scope PUBLIC)
  if(type STREQUAL EXECUTABLE)
    set(scope PRIVATE)
  elseif(type STREQUAL INTERFACE_LIBRARY)
    set(scope INTERFACE)
  endif()

  get_target_property(folder ${target} BINARY_DIR)
  string(APPEND folder /${target}.messages)
  file(MAKE_DIRECTORY ${folder})

  foreach(schema IN LISTS ARGN)
    cmake_path(ABSOLUTE_PATH schema NORMALIZE)
    cmake_path(GET schema STEM LAST_ONLY stem)
    set(header ${folder}/${stem}.mail.hpp)
    add_custom_command(
      OUTPUT ${header}
      COMMAND ringmail::tool gen --lang cpp ${schema} -o ${header}
      DEPENDS ${schema} ringmail::tool
      COMMENT "Generating ${stem}.mail.hpp"
      VERBATIM)
    target_sources(${target} PRIVATE ${header})
  endforeach()

  target_include_directories(${target} ${scope} $<BUILD_INTERFACE:${folder}>)
endfunction()
