# What scripts/sysroot macos has made.
add_library(Boost::headers INTERFACE IMPORTED)
target_include_directories(Boost::headers SYSTEM INTERFACE ${RINGMAIL_SYSROOT}/include)
add_library(Boost::context STATIC IMPORTED)
set_target_properties(Boost::context PROPERTIES IMPORTED_LOCATION ${RINGMAIL_SYSROOT}/lib/libboost_context.a)
target_link_libraries(Boost::context INTERFACE Boost::headers)
set(Boost_FOUND TRUE)
