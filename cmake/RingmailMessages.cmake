# ringmail_messages(<target> [LANGUAGE <language>] <file.mail>...)
#
# Generates code from each schema when <target> is built: flights.mail becomes #include "flights.mail.hpp", and with LANGUAGE c
# "flights.mail.h". Who links to a library target can include its messages too.
function(ringmail_messages target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" LANGUAGE "")
  if(NOT arg_LANGUAGE)
    set(arg_LANGUAGE cpp)
  endif()
  set(extension_cpp hpp)
  set(extension_c h)
  if(NOT DEFINED extension_${arg_LANGUAGE})
    message(FATAL_ERROR "ringmail_messages: LANGUAGE is cpp or c, not ${arg_LANGUAGE}")
  endif()
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

  foreach(schema IN LISTS arg_UNPARSED_ARGUMENTS)
    cmake_path(ABSOLUTE_PATH schema NORMALIZE)
    cmake_path(GET schema STEM LAST_ONLY stem)
    set(header ${folder}/${stem}.mail.${extension_${arg_LANGUAGE}})
    add_custom_command(
      OUTPUT ${header}
      COMMAND ringmail::tool gen --lang ${arg_LANGUAGE} ${schema} -o ${header}
      DEPENDS ${schema} ringmail::tool
      COMMENT "Generating ${stem}.mail.${extension_${arg_LANGUAGE}}"
      VERBATIM)
    target_sources(${target} PRIVATE ${header})
  endforeach()

  target_include_directories(${target} ${scope} $<BUILD_INTERFACE:${folder}>)
endfunction()
