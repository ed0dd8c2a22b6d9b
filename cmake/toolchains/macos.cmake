# macOS on Apple silicon, built and linked by zig, which brings the headers and libc++ (scripts/zig). Nothing runs here.
set(CMAKE_SYSTEM_NAME Darwin)
set(CMAKE_SYSTEM_PROCESSOR arm64)
set(RINGMAIL_ZIG ../../build/zig)
cmake_path(ABSOLUTE_PATH RINGMAIL_ZIG BASE_DIRECTORY ${CMAKE_CURRENT_LIST_DIR} NORMALIZE)
set(CMAKE_C_COMPILER ${RINGMAIL_ZIG}/cc)
set(CMAKE_CXX_COMPILER ${RINGMAIL_ZIG}/c++)
# zig asks libc++ for the std::unexpected() of C++98, beside which that of C++23 cannot be named.
set(CMAKE_CXX_FLAGS_INIT -U_LIBCPP_ENABLE_CXX17_REMOVED_UNEXPECTED_FUNCTIONS)
set(CMAKE_AR ${RINGMAIL_ZIG}/ar)
set(CMAKE_RANLIB ${RINGMAIL_ZIG}/ranlib)
set(CMAKE_INSTALL_NAME_TOOL ${CMAKE_COMMAND} -E false) # nothing is installed

# Libraries come from scripts/sysroot, and GoogleTest as sources.
set(RINGMAIL_SYSROOT ../../build/sysroot/macos)
cmake_path(ABSOLUTE_PATH RINGMAIL_SYSROOT BASE_DIRECTORY ${CMAKE_CURRENT_LIST_DIR} NORMALIZE)
list(APPEND CMAKE_MODULE_PATH ${CMAKE_CURRENT_LIST_DIR}/modules)
set(ENV{PKG_CONFIG_LIBDIR} ${RINGMAIL_SYSROOT}/lib)
