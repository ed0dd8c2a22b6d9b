#pragma once

#include <string_view>

namespace ringmail::tools {

// Functions that generated Go code uses. Each is written where something uses it.

inline constexpr std::string_view go_size_error = R"go(
func ringmailSizeError(name string, size, length int) error {
	return fmt.Errorf("%s has %d bytes, not %d", name, size, length)
}
)go";

inline constexpr std::string_view go_fixed = R"go(
// ringmailFixed is the length of the fixed part of a message, which some version of it must have. The sizes are those of
// all versions; fixedSizeAt is where the fixed size stands, or -1.
func ringmailFixed(name string, bytes []byte, fixedSizeAt int, sizes ...int) (int, error) {
	fixed := len(bytes)
	if fixedSizeAt >= 0 && (fixed > fixedSizeAt || !slices.Contains(sizes, fixed)) {
		if len(bytes) < fixedSizeAt+4 {
			return 0, fmt.Errorf("no version of %s has %d bytes", name, len(bytes))
		}
		said := binary.LittleEndian.Uint32(bytes[fixedSizeAt:])
		if uint64(said) <= uint64(fixedSizeAt) || uint64(said) > uint64(len(bytes)) {
			return 0, fmt.Errorf("a %s of %d bytes says that %d are its fixed part", name, len(bytes), said)
		}
		fixed = int(said)
	}
	if fixed < sizes[len(sizes)-1] && !slices.Contains(sizes, fixed) {
		return 0, fmt.Errorf("no version of %s has a fixed part of %d bytes", name, fixed)
	}
	return fixed, nil
}
)go";

inline constexpr std::string_view go_content = R"go(
// ringmailContent is what a reference refers to. It panics if that is not within the bytes.
func ringmailContent(bytes, reference []byte, size int) []byte {
	count := binary.LittleEndian.Uint32(reference[4:8])
	if count == 0 {
		return nil
	}
	from := uint64(binary.LittleEndian.Uint32(reference[0:4]))
	to := from + uint64(count)*uint64(size)
	return bytes[from:to:to]
}
)go";

inline constexpr std::string_view go_reference = R"go(
// ringmailReference tells whether a reference is good: its content aligned, behind the fixed part and within the bytes.
func ringmailReference(bytes []byte, fixed, at, size, align int) bool {
	from := uint64(binary.LittleEndian.Uint32(bytes[at : at+4]))
	count := uint64(binary.LittleEndian.Uint32(bytes[at+4 : at+8]))
	return count == 0 ||
		from%uint64(align) == 0 && from >= uint64(fixed) && from+count*uint64(size) <= uint64(len(bytes))
}
)go";

inline constexpr std::string_view go_lay = R"go(
// ringmailEnd is where content ends that comes next: at a multiple of its alignment, if there is any.
func ringmailEnd(at, count, size, align int) int {
	if count <= 0 {
		return at
	}
	return (at+align-1)/align*align + count*size
}

// ringmailLay writes the reference to it, and zeros before it.
func ringmailLay(room []byte, at, from, count, size, align int) int {
	end := ringmailEnd(from, count, size, align)
	if count > 0 {
		if uint64(end) > math.MaxUint32 {
			panic("a message of more than 4 GiB")
		}
		start := end - count*size
		clear(room[from:start])
		binary.LittleEndian.PutUint32(room[at:], uint32(start))
		binary.LittleEndian.PutUint32(room[at+4:], uint32(count))
	}
	return end
}
)go";

inline constexpr std::string_view go_numbers = R"go(
// ringmailInPlace shows content as numbers; nil, where the machine would have them in another order or place.
func ringmailInPlace[T any](content []byte) []T {
	var number T
	at := unsafe.Pointer(unsafe.SliceData(content))
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 || uintptr(at)%unsafe.Alignof(number) != 0 {
		return nil
	}
	return unsafe.Slice((*T)(at), uintptr(len(content))/unsafe.Sizeof(number))
}

// ringmailNumbers are the very bytes of the content where the machine lets that, else a copy.
func ringmailNumbers[T any](content []byte) []T {
	numbers := ringmailInPlace[T](content)
	if numbers == nil && len(content) > 0 {
		numbers = make([]T, len(content)/binary.Size(*new(T)))
		_ = binary.Read(bytes.NewReader(content), binary.LittleEndian, numbers) // never fails
	}
	return numbers
}

// ringmailPutNumbers panics if there are fewer elements from that one on.
func ringmailPutNumbers[T any](content []byte, from int, values []T) {
	if numbers := ringmailInPlace[T](content); numbers != nil || len(values) == 0 {
		copy(numbers[from:from+len(values)], values)
		return
	}
	var encoded bytes.Buffer
	_ = binary.Write(&encoded, binary.LittleEndian, values) // never fails
	size := encoded.Len() / len(values)
	copy(content[from*size:(from+len(values))*size], encoded.Bytes())
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
