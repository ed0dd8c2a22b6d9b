package link

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"

	"ringmail.dev/ringmail/internal/ring"
	"ringmail.dev/ringmail/internal/vectorfile"
)

type fields = map[string]string

// codec of a message: what it holds, where this binding reads it; and its bytes, where this binding writes it.
type codec struct {
	decode func(payload []byte) (fields, error)
	encode func(t *testing.T, f fields) []byte
	unfit  func(payload []byte) error
}

func texts(values ...any) fields {
	made := fields{}
	for i := 0; i < len(values); i += 2 {
		made[values[i].(string)] = fmt.Sprint(values[i+1])
	}
	return made
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

var codecs = map[string]codec{
	"hello": {decode: decodedHello, unfit: unfitHello, encode: func(t *testing.T, f fields) []byte {
		bytes, err := Hello{Features: vectorfile.Number(t, f["features"]), PID: uint32(vectorfile.Number(t, f["pid"])),
			WantedRingBytes: vectorfile.Number(t, f["wanted_ring_bytes"]), Language: f["language"], Name: f["name"],
			Token: f["token"], Schema: f["schema"]}.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return bytes
	}},
	"welcome": {decode: decodedWelcome, encode: encodedWelcome, unfit: func(payload []byte) error {
		w, err := DecodeWelcome(payload)
		if err != nil {
			return nil
		}
		if err = w.Check(Offered); err != nil {
			return refuse(BadSegment, "%v", err)
		}
		return nil
	}},
	"ready": {encode: func(*testing.T, fields) []byte { return nil }},
	"refused": {
		decode: func(payload []byte) (fields, error) {
			code, text, err := DecodeRefused(payload)
			return texts("code", uint16(code), "text", text), err
		},
		encode: func(t *testing.T, f fields) []byte {
			return EncodeRefused(RefusalCode(vectorfile.Number(t, f["code"])), f["text"])
		},
	},
	"resolve": {decode: func(payload []byte) (fields, error) {
		request, name, err := DecodeResolve(payload)
		return texts("request", request, "name", name), err
	}, encode: func(t *testing.T, f fields) []byte {
		return EncodeResolve(uint32(vectorfile.Number(t, f["request"])), f["name"])
	}},
	"resolved": {decode: func(payload []byte) (fields, error) {
		r, err := DecodeResolved(payload)
		return texts("request", r.Request, "found", bit(r.Found), "mailbox", r.Mailbox), err
	}, encode: func(t *testing.T, f fields) []byte {
		return Resolved{uint32(vectorfile.Number(t, f["request"])), f["found"] == "1", vectorfile.Number(t, f["mailbox"])}.Encode()
	}},
	"failure": {decode: func(payload []byte) (fields, error) {
		text, err := DecodeFailure(payload)
		return texts("text", text), err
	}, encode: func(_ *testing.T, f fields) []byte { return EncodeFailure(f["text"]) }},
	"goodbye": {encode: func(*testing.T, fields) []byte { return nil }},
	"ring":    {encode: func(t *testing.T, f fields) []byte { return EncodeRing(uint32(vectorfile.Number(t, f["lane"]))) }},
	"introduce": {decode: func(payload []byte) (fields, error) {
		i, err := DecodeIntroduce(payload)
		return texts("lane", i.Lane, "name", i.Name, "mail_bytes", i.MailBytes, "control_bytes", i.ControlBytes), err
	}},
	"introduced": {encode: func(t *testing.T, f fields) []byte {
		return EncodeIntroduced(uint32(vectorfile.Number(t, f["lane"])), f["text"])
	}},
	"presence": {decode: func(payload []byte) (fields, error) {
		lane, state, err := DecodePresence(payload)
		return texts("lane", lane, "state", uint8(state)), err
	}},
	"log": {encode: func(t *testing.T, f fields) []byte {
		return EncodeLog(uint8(vectorfile.Number(t, f["level"])), f["text"])
	}},
}

// decodedHello has the versions, which a Hello has not, from the payload itself.
func decodedHello(payload []byte) (fields, error) {
	h, err := DecodeHello(payload)
	f := texts("features", h.Features, "pid", h.PID, "wanted_ring_bytes", h.WantedRingBytes, "language", h.Language,
		"name", h.Name, "token", h.Token, "schema", h.Schema)
	if err == nil {
		f["version_min"] = fmt.Sprint(binary.LittleEndian.Uint16(payload[4:]))
		f["version_max"] = fmt.Sprint(binary.LittleEndian.Uint16(payload[6:]))
	}
	return f, err
}

func unfitHello(payload []byte) error {
	h, err := DecodeHello(payload)
	if err == nil {
		_, err = Choose(h, ring.MaxRingBytes)
	}
	return err
}

func encodedWelcome(t *testing.T, f fields) []byte {
	number := func(name string) uint64 { return vectorfile.Number(t, f[name]) }
	w := Welcome{Version: uint16(number("version")), Features: number("features"), Incarnation: number("incarnation"),
		LineBytes: uint32(number("line_bytes")), Name: f["name"], Schema: f["schema"], HostPID: uint32(number("host_pid")),
		Layout: ring.Layout{Lanes: uint32(number("lanes")), MailToPeerBytes: number("mail_to_peer_bytes"),
			MailToHostBytes: number("mail_to_host_bytes"), ControlBytes: number("control_bytes")}}
	for _, entry := range strings.Split(f["segments"], ",") {
		parts := strings.Split(entry, ":")
		w.Segments = append(w.Segments, Segment{Role(vectorfile.Number(t, parts[0])), vectorfile.Number(t, parts[1]),
			uint32(vectorfile.Number(t, parts[2]))})
	}
	return w.Encode()
}

func decodedWelcome(payload []byte) (fields, error) {
	w, err := DecodeWelcome(payload)
	var segments []string
	for _, s := range w.Segments {
		segments = append(segments, fmt.Sprintf("%d:%d:%d", uint8(s.Role), s.Bytes, s.HostFD))
	}
	return texts("version", w.Version, "features", w.Features, "incarnation", w.Incarnation, "line_bytes", w.LineBytes,
		"lanes", w.Layout.Lanes, "mail_to_peer_bytes", w.Layout.MailToPeerBytes,
		"mail_to_host_bytes", w.Layout.MailToHostBytes, "control_bytes", w.Layout.ControlBytes, "name", w.Name,
		"schema", w.Schema, "host_pid", w.HostPID, "segments", strings.Join(segments, ",")), err
}

// faultOf names an error by what it says: docs/spec/handshake.md, *Names of faults*.
func faultOf(err error) string {
	codes := map[RefusalCode]string{BadMagic: "bad_magic", WrongVersion: "version", WrongRingSize: "ring_size", BadSegment: "bad_segment"}
	if refused := new(RefusedError); errors.As(err, &refused) && codes[refused.Code] != "" {
		return codes[refused.Code]
	}
	for _, known := range []struct{ part, name string }{
		{"ends inside", "truncated"},
		{"bytes too many", "trailing"},
		{"is too long", "too_long"},
		{"is empty, not UTF-8, or holds a control character", "bad_text"},
		{"cannot be", "out_of_range"},
		{"give it a length", "too_long"},
		{"give it the unknown kind", "malformed"},
		{"where 0 must stand", "malformed"},
		{"ended inside a frame", "closed_in_frame"},
	} {
		if err != nil && strings.Contains(err.Error(), known.part) {
			return known.name
		}
	}
	if errors.Is(err, io.EOF) {
		return "closed"
	}
	return fmt.Sprint(err)
}

func (c codec) run(t *testing.T, v vectorfile.Vector) {
	payload := vectorfile.Bytes(t, v.Words[1], 0)
	switch {
	case v.Verb == "unfit" && c.unfit != nil:
		if err := c.unfit(payload); faultOf(err) != v.Words[2] {
			t.Errorf("%v is not %s", err, v.Words[2])
		}
	case v.Verb == "bad" && c.decode != nil:
		if _, err := c.decode(payload); faultOf(err) != v.Words[2] {
			t.Errorf("%v is not %s", err, v.Words[2])
		}
	case v.Verb == "good" || v.Verb == "read" || v.Verb == "write":
		want := vectorfile.Fields(t, v.Words[2:])
		if c.decode != nil {
			if got, err := c.decode(payload); err != nil || (v.Verb != "write" && !reflect.DeepEqual(got, want)) {
				t.Errorf("%v: %v, not %v", err, got, want)
			}
		}
		if v.Verb == "good" && v.Words[0] == "welcome" && vectorfile.Number(t, want["features"])&^Offered == 0 {
			if err := c.unfit(payload); err != nil {
				t.Error(err)
			}
		}
		if c.encode != nil && v.Verb != "read" {
			if got := c.encode(t, want); string(got) != string(payload) {
				t.Errorf("%x is written, not %x", got, payload)
			}
		}
	}
}

func runStream(t *testing.T, v vectorfile.Vector) {
	stream, host := newPair(t)
	bytes := vectorfile.Bytes(t, v.Words[1], 0)
	go func() {
		host.Write(bytes)
		host.CloseWrite()
	}()
	want, due := "closed", v.Words[2:]
	if v.Verb == "bad" {
		want, due = v.Words[2], v.Words[3:]
	}
	for _, word := range due {
		kind, payload := frameOf(t, word)
		frame, err := stream.Receive()
		if err != nil || frame.Kind != kind || string(frame.Payload) != string(payload) {
			t.Fatalf("%v %d %x", err, frame.Kind, frame.Payload)
		}
	}
	if _, err := stream.Receive(); faultOf(err) != want {
		t.Errorf("%v is not %s", err, want)
	}
	if v.Verb == "good" {
		writeStream(t, due, bytes)
	}
}

func frameOf(t *testing.T, word string) (Kind, []byte) {
	kind, payload, _ := strings.Cut(word, ":")
	return Kind(vectorfile.Number(t, kind)), vectorfile.Bytes(t, payload, 0)
}

func writeStream(t *testing.T, frames []string, want []byte) {
	stream, host := newPair(t)
	go func() {
		for _, word := range frames {
			kind, payload := frameOf(t, word)
			stream.Send(kind, payload)
		}
		stream.Close()
	}()
	if written, err := io.ReadAll(host); err != nil || string(written) != string(want) {
		t.Errorf("%v: %x is written, not %x", err, written, want)
	}
}

func TestTheVectorsOfTheHandshake(t *testing.T) {
	for _, v := range vectorfile.Read(t, "handshake.txt") {
		t.Run(v.Name, func(t *testing.T) {
			if v.Words[0] == "stream" {
				runStream(t, v)
				return
			}
			c, ok := codecs[v.Words[0]]
			if !ok {
				t.Skipf("this binding neither reads nor writes %s", v.Words[0])
			}
			c.run(t, v)
		})
	}
}
