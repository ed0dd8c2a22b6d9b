#pragma once

#include <string_view>

namespace ringmail::tools {

// Functions that generated Go code uses. Each is written where something uses it.

inline constexpr std::string_view go_size_error = R"go(
func ringmailSizeError(name string, size, length int) error {
	return fmt.Errorf("%s has %d bytes, not %d", name, size, length)
}
)go";

inline constexpr std::string_view go_element = R"go(
// ringmailElement is an element of an array, and panics for an index that it does not have.
func ringmailElement(array []byte, i, size int) []byte {
	if i < 0 || i >= len(array)/size {
		panic("index out of range: an array has no element " + strconv.Itoa(i))
	}
	return array[i*size : (i+1)*size]
}
)go";

inline constexpr std::string_view go_bool = R"go(
func ringmailByte(value bool) byte {
	if value {
		return 1
	}
	return 0
}
)go";

inline constexpr std::string_view go_text = R"go(
// ringmailText is the content of a text, which ends before its first zero byte.
func ringmailText(bytes []byte) string {
	for i, b := range bytes {
		if b == 0 {
			return string(bytes[:i])
		}
	}
	return string(bytes)
}

// ringmailPutText cuts what does not fit between two characters, never inside one, and fills up with zeros.
func ringmailPutText(bytes []byte, text string) {
	for i := 0; i < len(text); i++ {
		if text[i] == 0 {
			text = text[:i]
			break
		}
	}
	if length := len(bytes); len(text) > length {
		for length > 0 && !utf8.RuneStart(text[length]) {
			length--
		}
		text = text[:length]
	}
	clear(bytes[copy(bytes, text):])
}
)go";

inline constexpr std::string_view go_message = R"go(
// $ is what a handler does with a received message. The binding's Message does it.
type $ interface {
	Type() uint32
	Payload() []byte
	Asked() bool
	ReplyRoom(typeID uint32, size int) ([]byte, error)
	Publish() error
	Done() error
	NoHandler() error
}
)go";

inline constexpr std::string_view go_mailbox = R"go(
// $ is where messages are sent. The binding's Mailbox is one.
type $ interface {
	Loan(ctx context.Context, typeID uint32, size int) ([]byte, error)
	Publish() error
	Call(ctx context.Context, typeID uint32, payload []byte) (uint32, []byte, error)
}
)go";

}  // namespace ringmail::tools
