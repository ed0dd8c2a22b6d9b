# The conformance peers in the languages that have build systems of their own, and the tests of each binding by those.
include(RingmailLanguages)

# ringmail_build_peer(<target> <program> COMMAND <word>... FOLDER <folder>): by a tool that knows best what is to be compiled anew.
function(ringmail_build_peer target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" FOLDER COMMAND)
  add_custom_target(${target} COMMAND ${arg_COMMAND} WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/${arg_FOLDER} VERBATIM)
endfunction()

# --- Python: with the ringmail package of build/venv

set(messages ${CMAKE_CURRENT_BINARY_DIR}/python/conformance_mail.py)
add_custom_command(
  OUTPUT ${messages}
  COMMAND ringmail::tool gen --lang python ${CMAKE_CURRENT_SOURCE_DIR}/conformance/conformance.mail -o ${messages}
  DEPENDS conformance/conformance.mail ringmail::tool
  COMMENT "Generating conformance_mail.py"
  VERBATIM)
add_custom_target(conformance.python DEPENDS ${messages})
ringmail_conformance_peer(python TARGET conformance.python
  COMMAND env PYTHONPATH=${CMAKE_CURRENT_BINARY_DIR}/python ${RINGMAIL_PYTHON} -B
    ${CMAKE_CURRENT_SOURCE_DIR}/conformance/peer.py)

# --- Go

ringmail_find_language(go 1.21 go version)
if(RINGMAIL_HAS_go)
  set(program ${CMAKE_CURRENT_BINARY_DIR}/go/conformance)
  ringmail_build_peer(conformance.go FOLDER go COMMAND ${RINGMAIL_GO} build -o ${program} ./cmd/conformance)
  ringmail_conformance_peer(go TARGET conformance.go COMMAND ${program})
endif()

# --- Rust

ringmail_find_language(rust 1.66 cargo --version)
if(RINGMAIL_HAS_rust)
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/rust)
  ringmail_build_peer(conformance.rust FOLDER rust
    COMMAND ${RINGMAIL_CARGO} build --quiet --release --example conformance --target-dir ${folder})
  ringmail_conformance_peer(rust TARGET conformance.rust COMMAND ${folder}/release/examples/conformance)
endif()
