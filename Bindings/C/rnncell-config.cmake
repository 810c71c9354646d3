# Defines the target rnncell::rnncell. Installed to PREFIX/lib/cmake/rnncell, wherever PREFIX is moved to.
get_filename_component(_rnncell_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)

if(NOT TARGET rnncell::rnncell)
  add_library(rnncell::rnncell SHARED IMPORTED)
  set_target_properties(rnncell::rnncell PROPERTIES
    IMPORTED_LOCATION "${_rnncell_prefix}/lib/librnncell.so.1"
    IMPORTED_SONAME "librnncell.so.1"
    INTERFACE_INCLUDE_DIRECTORIES "${_rnncell_prefix}/include")
endif()

unset(_rnncell_prefix)
