# AArch64 Linux, built by Debian's cross compiler and run under qemu-user. The libraries come from scripts/sysroot.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_CROSSCOMPILING_EMULATOR ../../scripts/emulated)
cmake_path(ABSOLUTE_PATH CMAKE_CROSSCOMPILING_EMULATOR BASE_DIRECTORY ${CMAKE_CURRENT_LIST_DIR} NORMALIZE)

# What belongs to the machine that builds is not found, were it only headers.
set(RINGMAIL_SYSROOT ../../build/sysroot/aarch64)
cmake_path(ABSOLUTE_PATH RINGMAIL_SYSROOT BASE_DIRECTORY ${CMAKE_CURRENT_LIST_DIR} NORMALIZE)
set(CMAKE_FIND_ROOT_PATH ${RINGMAIL_SYSROOT} /usr/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${RINGMAIL_SYSROOT})
set(ENV{PKG_CONFIG_LIBDIR} ${RINGMAIL_SYSROOT}/usr/lib/aarch64-linux-gnu/pkgconfig)
