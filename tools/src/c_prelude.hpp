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

/* A text of variable length: UTF-8, without a zero at its end. printf("%.*s", (int)text.length, text.data) */
typedef struct ringmail_text {
  const char* data;
  size_t length;
} ringmail_text;

typedef struct ringmail_bytes {
  const unsigned char* data;
  size_t length;
} ringmail_bytes;

/* A payload: its fixed part may be of another version of the message, and content stands behind it. */
typedef struct ringmail_payload {
  const unsigned char* bytes;
  size_t size;
  size_t fixed_size;
} ringmail_payload;

/* Finds the fixed part. `sizes` are those that the message has had and, last, has; at `fixed_size_at` stands its fixed size. */
static inline bool ringmail_payload_open(
    ringmail_payload* payload, const void* bytes, size_t size, size_t fixed_size_at, const size_t* sizes, size_t count) {
  bool is_earlier = false;
  payload->bytes = (const unsigned char*)bytes;
  payload->size = size;
  payload->fixed_size = size;
  for (size_t i = 0; i + 1 < count; ++i) is_earlier = is_earlier || (size == sizes[i] && size <= fixed_size_at);
  if (is_earlier) return true;
  uint32_t fixed_size;
  if (size < fixed_size_at + sizeof fixed_size) return false;
  memcpy(&fixed_size, payload->bytes + fixed_size_at, sizeof fixed_size);
  payload->fixed_size = fixed_size;
  if (fixed_size <= fixed_size_at || fixed_size > size) return false;
  for (size_t i = 0; i < count; ++i) is_earlier = is_earlier || fixed_size == sizes[i];
  return is_earlier || fixed_size >= sizes[count - 1];
}

typedef struct ringmail_content {
  const unsigned char* data; /* NULL if it is empty */
  size_t length;
} ringmail_content;

/* Content whose reference stands at `at`; false if the reference is none. */
static inline bool ringmail_content_find(
    const ringmail_payload* payload, size_t at, size_t element, size_t align, ringmail_content* content) {
  uint32_t reference[2];
  memcpy(reference, payload->bytes + at, sizeof reference);
  content->data = NULL;
  content->length = reference[1];
  if (reference[1] == 0) return true;
  const uint64_t end = reference[0] + reference[1] * (uint64_t)element; /* an element has no more than 64 KiB */
  if (reference[0] % align != 0 || reference[0] < payload->fixed_size || end > payload->size) return false;
  content->data = payload->bytes + reference[0];
  return true;
}

/* Room for content behind `*end`, which is moved behind it; more than any payload has where `length` is too much. Returns
   where it starts. */
static inline uint64_t ringmail_content_place(uint64_t* end, size_t length, size_t element, size_t align) {
  if (length == 0) return 0;
  if (length > UINT32_MAX) length = UINT32_MAX;
  const uint64_t start = (*end + align - 1) / align * align;
  *end = start + length * (uint64_t)element;
  return start;
}

/* Writes content, and the reference to it. */
static inline void ringmail_content_write(
    unsigned char* bytes, size_t at, uint64_t* end, const void* data, size_t length, size_t element, size_t align) {
  const uint64_t last = *end;
  const uint64_t start = ringmail_content_place(end, length, element, align);
  const uint32_t reference[2] = {(uint32_t)start, (uint32_t)length};
  memcpy(bytes + at, reference, sizeof reference);
  if (length == 0) return;
  memset(bytes + last, 0, start - last);
  memcpy(bytes + start, data, length * element);
}

#endif /* RINGMAIL_C_MESSAGES_1 */
)c";

}  // namespace ringmail::tools
