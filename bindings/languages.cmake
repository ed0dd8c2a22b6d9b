# The conformance peers in the languages that have build systems of their own, and the tests of each binding by those.
include(RingmailLanguages)

# ringmail_build_peer(<target> <program> COMMAND <word>... FOLDER <folder>): by a tool that knows best what is to be compiled anew.
function(ringmail_build_peer target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" FOLDER COMMAND)
  add_custom_target(${target} COMMAND ${arg_COMMAND} WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/${arg_FOLDER} VERBATIM)
endfunction()

# What the bindings' own tests need: a host that does what it is told line by line.
add_executable(bindings.test_host python/tests/host.cpp)
target_link_libraries(bindings.test_host PRIVATE ringmail::transport)

# ringmail_binding_test(<name> FOLDER <folder> COMMAND <word>...)
function(ringmail_binding_test name)
  if(NOT BUILD_TESTING)
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 1 arg "" FOLDER COMMAND)
  add_test(NAME ${name} COMMAND ${arg_COMMAND} WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/${arg_FOLDER})
  set_tests_properties(${name} PROPERTIES
    TIMEOUT 300
    ENVIRONMENT "RINGMAIL_TEST_HOST=$<TARGET_FILE:bindings.test_host>;RINGMAIL_TOOL=$<TARGET_FILE:ringmail::tool>")
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
ringmail_conformance_listener(python
  COMMAND env PYTHONPATH=${CMAKE_CURRENT_BINARY_DIR}/python ${RINGMAIL_PYTHON} -B
    ${CMAKE_CURRENT_SOURCE_DIR}/conformance/listener.py)
set(streams ${RINGMAIL_PYTHON} -B ${CMAKE_CURRENT_SOURCE_DIR}/conformance/streams.py)
ringmail_measured_variant(python "without generated code" COMMAND ${streams} plain)
ringmail_measured_variant(python "by batches" COMMAND ${streams} batches)
ringmail_binding_test(python.pytest FOLDER python COMMAND ${RINGMAIL_PYTHON} -B -m pytest -p no:cacheprovider tests)

# --- Go

ringmail_find_language(go 1.21 go version)
if(RINGMAIL_HAS_go)
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/go)
  ringmail_build_peer(conformance.go FOLDER go COMMAND ${RINGMAIL_GO} build -o ${folder}/ ./cmd/conformance ./cmd/streams)
  ringmail_conformance_peer(go TARGET conformance.go COMMAND ${folder}/conformance)
  ringmail_measured_variant(go "without generated code" COMMAND ${folder}/streams)
  ringmail_binding_test(go.vet FOLDER go COMMAND ${RINGMAIL_GO} vet ./...)
  ringmail_binding_test(go.test FOLDER go COMMAND ${RINGMAIL_GO} test -race ./...)
endif()

# --- Rust

# The crate takes 1.66; what its tests need takes more.
ringmail_find_language(rust 1.78 cargo --version)
if(RINGMAIL_HAS_rust)
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/rust)
  ringmail_build_peer(conformance.rust FOLDER rust
    COMMAND ${RINGMAIL_CARGO} build --quiet --release --example conformance --example streams --target-dir ${folder})
  ringmail_conformance_peer(rust TARGET conformance.rust COMMAND ${folder}/release/examples/conformance)
  ringmail_measured_variant(rust "without generated code" COMMAND ${folder}/release/examples/streams)
  # Of tests/actors: peers that outlive their host.
  ringmail_build_peer(long_lived.rust FOLDER rust
    COMMAND ${RINGMAIL_CARGO} build --quiet --release --features tokio --example long_lived --example long_lived_tokio
      --target-dir ${folder})
  # Of a toolchain that has it.
  find_program(RINGMAIL_CARGO_CLIPPY cargo-clippy HINTS ENV HOME PATH_SUFFIXES .cargo/bin)
  if(RINGMAIL_CARGO_CLIPPY)
    ringmail_binding_test(rust.clippy FOLDER rust
      COMMAND ${RINGMAIL_CARGO} clippy --all-targets --all-features --target-dir ${folder} -- -D warnings)
  endif()
  ringmail_binding_test(rust.test FOLDER rust COMMAND ${RINGMAIL_CARGO} test --all-features --target-dir ${folder})
  if(BUILD_TESTING)
    # It attaches to a listener in Rust.
    set_property(TEST rust.test APPEND PROPERTY ENVIRONMENT "RINGMAIL_C_PEER=$<TARGET_FILE:conformance.c>")
  endif()
endif()

# --- Java: the peer is compiled by javac alone, without Maven; spoken to by pipes

ringmail_find_language(java 17 javac -version java mvn)
if(RINGMAIL_HAS_java)
  set(folder ${CMAKE_CURRENT_BINARY_DIR}/java)
  set(messages ${folder}/generated/conformance/Conformance.java)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/java/src/main/java/dev/*.java)
  set(peers ${CMAKE_CURRENT_SOURCE_DIR}/java/src/test/java/dev/ringmail/conformance)
  list(APPEND sources ${peers}/ConformancePeer.java ${peers}/Streams.java)
  add_custom_command(
    OUTPUT ${messages}
    COMMAND ringmail::tool gen --lang java ${CMAKE_CURRENT_SOURCE_DIR}/conformance/conformance.mail -o ${messages}
    DEPENDS conformance/conformance.mail ringmail::tool
    COMMENT "Generating Conformance.java"
    VERBATIM)
  add_custom_command(
    OUTPUT ${folder}/compiled
    COMMAND ${RINGMAIL_JAVAC} --release 17 -d ${folder}/classes ${sources} ${messages}
    COMMAND ${CMAKE_COMMAND} -E touch ${folder}/compiled
    DEPENDS ${sources} ${messages}
    COMMENT "Compiling the Java peer"
    VERBATIM)
  add_custom_target(conformance.java DEPENDS ${folder}/compiled)
  set(run ${RINGMAIL_JAVA} -XX:+UseSerialGC -cp ${folder}/classes)
  ringmail_conformance_peer(java PIPES TARGET conformance.java COMMAND ${run} dev.ringmail.conformance.ConformancePeer)
  ringmail_measured_variant(java "without generated code" PIPES COMMAND ${run} dev.ringmail.conformance.Streams)
  ringmail_binding_test(java.test FOLDER java COMMAND ${RINGMAIL_MVN} -q -B test)
endif()

# --- Node.js: its addon is built by npm, in its own folder

ringmail_find_language(node 20 node --version npm)
if(RINGMAIL_HAS_node)
  ringmail_build_peer(conformance.node FOLDER node
    COMMAND ${CMAKE_COMMAND} -E env RINGMAIL_TOOL=$<TARGET_FILE:ringmail::tool> ${PROJECT_SOURCE_DIR}/scripts/node conformance)
  add_dependencies(conformance.node ringmail)
  ringmail_conformance_peer(node TARGET conformance.node
    COMMAND ${RINGMAIL_NODE} ${CMAKE_CURRENT_SOURCE_DIR}/node/conformance/peer.mjs)
  set(streams ${RINGMAIL_NODE} ${CMAKE_CURRENT_SOURCE_DIR}/node/conformance/streams.mjs)
  ringmail_measured_variant(node "without generated code" COMMAND ${streams} plain)
  ringmail_measured_variant(node "by batches" COMMAND ${streams} batches)
  ringmail_conformance_listener(node COMMAND ${RINGMAIL_NODE} ${CMAKE_CURRENT_SOURCE_DIR}/node/conformance/listener.mjs)
  ringmail_binding_test(node.test FOLDER node COMMAND ${RINGMAIL_NPM} test)
endif()
