#pragma once

#include <string_view>

namespace ringmail::tools {

// What generated C headers share. Each carries it, behind a guard of its own, so that several of them may be included
// together. A change of meaning needs another macro name and other names.
inline constexpr std::string_view c_prelude = R"c(
#ifndef RINGMAIL_C_MESSAGES_1
#define RINGMAIL_C_MESSAGES_1

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "messages are little-endian"
#endif
static_assert(sizeof(bool) == 1, "a bool of a message is one byte");

/* What a dispatch function returns where no handler was called; handlers return 0, or an error below 0. */
enum {
  RINGMAIL_NOT_HANDLED = 1, /* the protocol has no such message, or its handler is NULL */
  RINGMAIL_NOT_VALID = 2    /* these bytes are no such message */
};

/* A text is up to `capacity` bytes of UTF-8, padded with zeros: it ends at the first zero, or at `capacity`. */
static inline size_t ringmail_text_length(const char* text, size_t capacity) {
  size_t length = 0;
  while (length < capacity && text[length] != '\0') ++length;
  return length;
}

/* Copies it and ends it with a zero: `out` has room for capacity + 1 bytes. Returns its length. */
static inline size_t ringmail_text_get(const char* text, size_t capacity, char* out) {
  const size_t length = ringmail_text_length(text, capacity);
  memcpy(out, text, length);
  out[length] = '\0';
  return length;
}

/* What does not fit is cut off between two characters, never inside one. Returns the length that was stored. */
static inline size_t ringmail_text_set(char* text, size_t capacity, const char* source) {
  size_t length = ringmail_text_length(source, capacity);
  if (length == capacity) {
    while (length > 0 && ((unsigned char)source[length] & 0xc0u) == 0x80u) --length;
  }
  memcpy(text, source, length);
  memset(text + length, 0, capacity - length);
  return length;
}

static inline bool ringmail_are_bools(const unsigned char* bytes, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    if (bytes[i] > 1) return false;
  }
  return true;
}

#endif /* RINGMAIL_C_MESSAGES_1 */
)c";

}  // namespace ringmail::tools
