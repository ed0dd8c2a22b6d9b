package link

import (
	"encoding/binary"
	"fmt"
	"strings"
	"unicode/utf8"
)

// A reader takes fields from the front of a payload. After the first error every call does nothing, so that a message's fields
// need not be asked one by one.
type reader struct {
	message Kind
	rest    []byte
	err     error
}

func (r *reader) fail(format string, values ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%v: "+format, append([]any{r.message}, values...)...)
	}
}

func (r *reader) take(field string, bytes int) []byte {
	if r.err == nil && bytes > len(r.rest) {
		r.fail("ends inside %s", field)
	}
	if r.err != nil {
		return make([]byte, min(bytes, 8))
	}
	taken := r.rest[:bytes]
	r.rest = r.rest[bytes:]
	return taken
}

func (r *reader) u8(field string) uint8   { return r.take(field, 1)[0] }
func (r *reader) u16(field string) uint16 { return binary.LittleEndian.Uint16(r.take(field, 2)) }
func (r *reader) u32(field string) uint32 { return binary.LittleEndian.Uint32(r.take(field, 4)) }
func (r *reader) u64(field string) uint64 { return binary.LittleEndian.Uint64(r.take(field, 8)) }

func (r *reader) text(field string, most int, valid func(string) bool) string {
	length := r.u32(field)
	if r.err == nil && uint64(length) > uint64(most) {
		r.fail("%s is too long (%d)", field, length)
	}
	if r.err != nil {
		return ""
	}
	text := string(r.take(field, int(length)))
	if r.err == nil && !valid(text) {
		r.fail("%s is empty, not UTF-8, or holds a control character", field)
	}
	return text
}

// finish tells what was wrong; bytes that are left are.
func (r *reader) finish() error {
	if len(r.rest) > 0 {
		r.fail("%d bytes too many", len(r.rest))
	}
	return r.err
}

// Texts of the protocol.

func isProse(text string) bool { return utf8.ValidString(text) && !strings.ContainsRune(text, 0) }

func isOptionalName(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool {
		return r < 0x20 || (r >= 0x7f && r < 0xa0)
	})
}

// IsName tells whether a text may be asked for.
func IsName(text string) bool { return text != "" && len(text) <= maxNameBytes && isOptionalName(text) }

func isName(text string) bool { return text != "" && isOptionalName(text) }

// mended is a text that arrives, whatever it was: cut between two characters, and each byte that is not UTF-8 replaced.
func mended(text string, most int) string {
	var good strings.Builder
	for len(text) > 0 {
		r, size := utf8.DecodeRuneInString(text)
		piece := text[:size]
		if r == 0 || (r == utf8.RuneError && size == 1) {
			piece = "?"
		}
		if good.Len()+len(piece) > most {
			break
		}
		good.WriteString(piece)
		text = text[size:]
	}
	return good.String()
}

func appendText(to []byte, text string) []byte {
	return append(binary.LittleEndian.AppendUint32(to, uint32(len(text))), text...)
}
