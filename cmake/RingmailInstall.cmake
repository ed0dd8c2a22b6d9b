# What `cmake --install` gives: headers, libraries, the ringmail tool, a CMake package and a pkg-config file.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/ringmail)

foreach(layer transport runtime actors testing)
  install(DIRECTORY ${PROJECT_SOURCE_DIR}/${layer}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
endforeach()

install(EXPORT ringmail FILE ringmailTargets.cmake NAMESPACE ringmail:: DESTINATION ${package_dir})

configure_package_config_file(cmake/ringmailConfig.cmake.in ringmailConfig.cmake INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(ringmailConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  ${CMAKE_CURRENT_BINARY_DIR}/ringmailConfig.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/ringmailConfigVersion.cmake
  ${PROJECT_SOURCE_DIR}/cmake/RingmailMessages.cmake
  DESTINATION ${package_dir})

# The prefix is given as a way up from the file itself, so that an installed tree can be moved.
file(RELATIVE_PATH RINGMAIL_PC_TO_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
configure_file(cmake/ringmail.pc.in ringmail.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/ringmail.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
