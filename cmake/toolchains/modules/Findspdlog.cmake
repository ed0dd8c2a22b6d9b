# The headers that scripts/sysroot macos has found, with the code in them.
add_library(spdlog::spdlog INTERFACE IMPORTED)
target_include_directories(spdlog::spdlog SYSTEM INTERFACE ${RINGMAIL_SYSROOT}/include)
target_compile_definitions(spdlog::spdlog INTERFACE SPDLOG_FMT_EXTERNAL FMT_HEADER_ONLY)
set(spdlog_FOUND TRUE)
