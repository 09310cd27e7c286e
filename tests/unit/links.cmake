# The module that counts and spoils calls. Its name has "softhsm" in it, so that
# the guard watches over the token that the tests kill processes on.
add_library(softhsm-fault MODULE ${CMAKE_SOURCE_DIR}/tests/fault/p11fault.c)
target_include_directories(softhsm-fault PRIVATE ${P11KIT_INCLUDE_DIRS})
target_compile_definitions(softhsm-fault PRIVATE _GNU_SOURCE)
target_link_libraries(softhsm-fault PRIVATE ${CMAKE_DL_LIBS})
set_target_properties(softhsm-fault PROPERTIES PREFIX ""
    LIBRARY_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
foreach(name test_hsm_local test_hsm_signer test_hsm_provider test_guard
        test_crl test_ocsp_signer test_ceremony test_ceremony_kill)
    if(TARGET ${name})
        add_dependencies(${name} signet-signer softhsm-fault)
    endif()
endforeach()

# A token that goes away and comes back while the status service answers.
if(TARGET test_ocsp_server)
    target_link_options(test_ocsp_server PRIVATE -Wl,--wrap=hsm_sign)
endif()

# signet-ca, which an export asks for its manifest.
if(TARGET test_audit_export)
    target_link_options(test_audit_export PRIVATE -Wl,--wrap=http_client_json)
endif()

# zbar reads the codes that forms bear.
if(TARGET test_form)
    pkg_check_modules(ZBAR REQUIRED IMPORTED_TARGET zbar)
    target_link_libraries(test_form PkgConfig::ZBAR)
endif()

# signet-ca, whose register of officers the RA knows callers by.
if(TARGET test_session)
    target_link_options(test_session PRIVATE -Wl,--wrap=ca_client_officers
        -Wl,--wrap=ca_client_order -Wl,--wrap=ca_client_is_service)
endif()

# Pages drawn as applicants scan them, the parts of signet-scan, and the program.
foreach(name test_scan_page test_scan test_document test_handlers_document)
    if(TARGET ${name})
        target_sources(${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/unit/scan/pictures.c)
        target_link_libraries(${name} scan_parts PkgConfig::PANGOCAIRO PkgConfig::QRENCODE m)
        add_dependencies(${name} signet-scan)
    endif()
endforeach()
add_executable(jail-probe unit/scan/jail_probe.c ${CMAKE_SOURCE_DIR}/ra/scan/jail.c)
target_include_directories(jail-probe PRIVATE ${CMAKE_SOURCE_DIR})
target_compile_definitions(jail-probe PRIVATE ${scan_define})
target_compile_options(jail-probe PRIVATE ${scan_compile})
target_link_libraries(jail-probe PkgConfig::SCAN)
if(TARGET test_scan)
    add_dependencies(test_scan jail-probe)
    # A thousand uploads, a process each.
    set_tests_properties(unit/test_scan PROPERTIES TIMEOUT 900)
endif()

# signet-ca, which knows whose the certificates of callers are.
if(TARGET test_platform)
    target_link_options(test_platform PRIVATE -Wl,--wrap=ca_client_is_service
        -Wl,--wrap=officer_find)
endif()

# Who calls, and the register of officers; the desk itself is real.
if(TARGET test_desk)
    target_link_options(test_desk PRIVATE -Wl,--wrap=caller_get
        -Wl,--wrap=caller_with_role -Wl,--wrap=officer_rows)
endif()

# Who calls for documents is given by the test.
if(TARGET test_handlers_document)
    target_link_options(test_handlers_document PRIVATE -Wl,--wrap=caller_get)
endif()

# signet-ca, which no job of this test asks.
if(TARGET test_jobs)
    target_link_options(test_jobs PRIVATE -Wl,--wrap=ca_client_new
        -Wl,--wrap=ca_client_free)
endif()
