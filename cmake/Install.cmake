# What `cmake --install` puts where, besides the programs (cmake/Rooms.cmake): man pages and completions that
# migctl makes itself, the server's man page, the unit, the user it runs as, the documents.
if(TARGET migctl)
  set(made ${CMAKE_BINARY_DIR}/made)
  add_custom_command(
    OUTPUT ${made}.stamp
    COMMAND ${CMAKE_COMMAND} -DMIGCTL=$<TARGET_FILE:migctl> -DOUT=${made} -P ${CMAKE_SOURCE_DIR}/cmake/ManPages.cmake
    COMMAND ${CMAKE_COMMAND} -E touch ${made}.stamp
    DEPENDS migctl ${CMAKE_SOURCE_DIR}/cmake/ManPages.cmake
    COMMENT "man pages and completions"
    VERBATIM)
  add_custom_target(manual ALL DEPENDS ${made}.stamp)
  install(DIRECTORY ${made}/man1 DESTINATION ${CMAKE_INSTALL_MANDIR})
  install(FILES ${made}/completions/migctl.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME migctl)
  install(FILES ${made}/completions/migctl.zsh DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions RENAME _migctl)
  install(FILES ${made}/completions/migctl.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
endif()
configure_file(${CMAKE_SOURCE_DIR}/deploy/migd.8.in ${CMAKE_BINARY_DIR}/migd.8 @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/migd.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
install(FILES ${CMAKE_SOURCE_DIR}/deploy/migd.service DESTINATION lib/systemd/system)
install(FILES ${CMAKE_SOURCE_DIR}/deploy/migd.sysusers DESTINATION lib/sysusers.d RENAME migd.conf)
install(FILES README.md ARCHITECTURE.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY migrations/demo DESTINATION ${CMAKE_INSTALL_DOCDIR}/examples)
install(DIRECTORY proto/migd DESTINATION ${CMAKE_INSTALL_DATADIR}/migd/proto FILES_MATCHING PATTERN "*.proto")
