# `cmake --install build/release --prefix /usr/local`: programs, systemd units that name them, the services' users,
# Prometheus files. The units are written when it is installed: they name the prefix that was given then.
install(TARGETS sallyport-authsvc sallyport-dataplane sallyport-script sallyctl RUNTIME DESTINATION bin)
install(CODE "
  set(BINDIR \"\${CMAKE_INSTALL_PREFIX}/bin\")
  foreach(unit sallyport-authsvc sallyport-dataplane)
    configure_file(\"${CMAKE_SOURCE_DIR}/deploy/systemd/\${unit}.service.in\" \"${CMAKE_BINARY_DIR}/\${unit}.service\" @ONLY)
    file(INSTALL \"${CMAKE_BINARY_DIR}/\${unit}.service\" DESTINATION \"\${CMAKE_INSTALL_PREFIX}/lib/systemd/system\")
  endforeach()")
install(FILES deploy/systemd/sallyport.conf DESTINATION lib/sysusers.d)
install(FILES deploy/prometheus/alerts.yml deploy/prometheus/prometheus.yml DESTINATION share/sallyport/prometheus)
install(FILES README.md LICENSE DESTINATION share/doc/sallyport)
