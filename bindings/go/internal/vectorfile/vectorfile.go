// Package vectorfile reads the files of bindings/vectors for tests; what stands in them is said by the README.md there.
package vectorfile

import (
	"encoding/hex"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Vector is a line: what is done with it, its name, and the other words.
type Vector struct {
	Verb, Name string
	Words      []string
}

// Read gives the lines of a file, of which the tests of a package lie two folders below the binding.
func Read(t *testing.T, file string) []Vector {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "..", "vectors", file))
	if err != nil {
		t.Fatal(err)
	}
	var vectors []Vector
	for _, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		if words := strings.Fields(line); words[0] != "#" {
			vectors = append(vectors, Vector{words[0], words[1], words[2:]})
		}
	}
	return vectors
}

// pieces are joined by +, and each may be repeated by *.
func pieces(t *testing.T, word string, one func(string) string) string {
	t.Helper()
	var whole strings.Builder
	for _, piece := range strings.Split(word, "+") {
		what, times, repeated := strings.Cut(piece, "*")
		count := 1
		if repeated {
			count = int(Number(t, times))
		}
		whole.WriteString(strings.Repeat(one(what), count))
	}
	return whole.String()
}

// Bytes are those of a word of hexadecimal digits; where it has dots stands `any`.
func Bytes(t *testing.T, word string, any byte) []byte {
	t.Helper()
	if word == "-" {
		return nil
	}
	return []byte(pieces(t, word, func(digits string) string {
		bytes, err := hex.DecodeString(strings.ReplaceAll(digits, "..", hex.EncodeToString([]byte{any})))
		if err != nil {
			t.Fatal(err)
		}
		return string(bytes)
	}))
}

// Fields are the words NAME=VALUE.
func Fields(t *testing.T, words []string) map[string]string {
	t.Helper()
	fields := map[string]string{}
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		fields[name] = pieces(t, value, func(text string) string {
			text, err := url.PathUnescape(text)
			if err != nil {
				t.Fatal(err)
			}
			return text
		})
	}
	return fields
}

// Number reads a decimal one.
func Number(t *testing.T, digits string) uint64 {
	t.Helper()
	return number(t, digits, 10)
}

// Hexadecimal reads a number of hexadecimal digits.
func Hexadecimal(t *testing.T, digits string) uint64 {
	t.Helper()
	return number(t, digits, 16)
}

func number(t *testing.T, digits string, base int) uint64 {
	t.Helper()
	number, err := strconv.ParseUint(digits, base, 64)
	if err != nil {
		t.Fatal(err)
	}
	return number
}
