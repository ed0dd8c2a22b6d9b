{
  "variables": {
    # In a package the transport lies beside this file, in a clone two levels up.
    "transport": "<!(node scripts/transport.js)"
  },
  "targets": [
    {
      "target_name": "ringmail",
      "sources": [
        "<!@(node scripts/transport.js --sources)",
        "src/addon.cpp",
        "src/attach.cpp",
        "src/bodies.cpp",
        "src/link.cpp",
        "src/listener.cpp",
        "src/loop.cpp",
        "src/receive.cpp",
        "src/send.cpp",
        "src/write_fault.cpp"
      ],
      "include_dirs": ["<(transport)/include"],
      "defines": ["NAPI_VERSION=8"],
      "cflags_cc!": ["-std=gnu++17", "-std=gnu++20", "-fno-exceptions", "-fno-rtti"],
      "cflags_cc": ["-std=c++23", "-fexceptions", "-fvisibility=hidden", "-Wall", "-Wextra"],
      "xcode_settings": {
        "CLANG_CXX_LANGUAGE_STANDARD": "c++23",
        "GCC_ENABLE_CPP_EXCEPTIONS": "YES",
        "GCC_SYMBOLS_PRIVATE_EXTERN": "YES"
      }
    }
  ]
}
