package vectors

import (
	"bytes"
	"encoding"
	"encoding/hex"
	"math"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
)

func TestTheGeneratedCodeIsCurrent(t *testing.T) {
	tool := os.Getenv("RINGMAIL_TOOL")
	if tool == "" {
		t.Skip("RINGMAIL_TOOL does not name the ringmail program")
	}
	written, err := exec.Command(tool, "gen", "--lang", "go", "../../../vectors/vectors.mail").Output()
	if err != nil {
		t.Fatal(err)
	}
	if checkedIn, err := os.ReadFile("messages.go"); err != nil || !bytes.Equal(checkedIn, written) {
		t.Error("messages.go is not what the tool writes: PATH=<where it is>:$PATH go generate ./...", err)
	}
}

// message is what a generated struct offers.
type message interface {
	encoding.BinaryMarshaler
	encoding.BinaryUnmarshaler
	RingmailSize() int
	RingmailPut(room []byte)
}

// kinds have of each message an empty struct, and the check of its bytes.
var kinds = map[string]struct {
	blank func() message
	valid func([]byte) bool
}{
	"Numbers": {func() message { return new(Numbers) }, ValidNumbers},
	"Empty":   {func() message { return new(Empty) }, ValidEmpty},
	"Arrays":  {func() message { return new(Arrays) }, ValidArrays},
	"Presets": {func() message { return new(Presets) }, ValidPresets},
	"Options": {func() message { return new(Options) }, ValidOptions},
	"Content": {func() message { return new(Content) }, ValidContent},
	"Both":    {func() message { return new(Both) }, ValidBoth},
	"Grown1":  {func() message { return new(Grown1) }, ValidGrown1},
	"Grown2":  {func() message { return new(Grown2) }, ValidGrown2},
	"Grown3":  {func() message { return new(Grown3) }, ValidGrown3},
}

func there[T any](value T) *T { return &value }

// values are those of bindings/vectors/README.md.
func values() map[string]message {
	presets := NewPresets()
	grown := func(count uint16, title string) *Grown3 {
		value := NewGrown3()
		value.Number, value.Flag, value.Count, value.Title = 5, true, count, title
		return &value
	}
	all := grown(9, "two")
	all.Limit, all.Side, all.Numbers = there(2.5), SideBid, []uint32{1, 2}
	return map[string]message{
		"numbers_most": &Numbers{255, math.MaxUint16, math.MaxUint32, math.MaxUint64, math.MinInt8, math.MinInt16,
			math.MinInt32, math.MinInt64, 1.5, -2.25, true, SideAsk, WideLow},
		"numbers_high": &Numbers{E: math.MaxInt8, F: math.MaxInt16, G: math.MaxInt32, H: math.MaxInt64, L: SideBid,
			M: WideHigh},
		"empty": &Empty{},
		"arrays": &Arrays{[3]uint16{1, 2, 65535}, [2]Side{SideBid, SideAsk}, "abcde", [2]string{"é", "xyz"},
			[2]Point{{-1, 2}, {3, -4}}, [4]uint8{0, 1, 254, 255}},
		"presets_new":  &presets,
		"presets_set":  &Presets{F: SideBid, H: 9},
		"options_none": &Options{},
		"options_zero": &Options{there(uint8(0)), there(uint64(0)), there(float32(0)), there(false), there(SideBid),
			there(""), &Point{}},
		"options_all": &Options{there(uint8(255)), there(uint64(math.MaxUint64)), there(float32(-0.5)), there(true),
			there(SideAsk), there("abc"), &Point{-1, 2}},
		"content_empty": &Content{Id: 1},
		"content_full": &Content{2, "héllo", []byte{0, 255, 7}, []uint64{1, math.MaxUint64},
			[]Point{{-1, 2}, {3, -4}, {5, 6}}, []Side{SideAsk, SideBid, SideAsk}, []string{"a", "", "xyz"},
			[]bool{true, false, true}},
		"content_some":   &Content{Id: 3, Numbers: []uint64{5}, Flags: []bool{true}},
		"content_two":    &Content{Id: 4, Title: "abc", Raw: []byte("abc")},
		"both_none":      &Both{},
		"both_empty":     &Both{there(""), []byte{}, []uint16{}, there(uint64(0))},
		"both_all":       &Both{there("t"), []byte{9}, []uint16{1, 2, 3}, there(uint64(4))},
		"grown_1":        &Grown1{5, true},
		"grown_2":        &Grown2{5, true, 9, "two"},
		"grown_2_from_1": &Grown2{5, true, 7, ""},
		"grown_3":        all,
		"grown_3_from_1": grown(7, ""),
		"grown_3_from_2": grown(9, "two"),
	}
}

type vector struct {
	kind, name, message string
	payload             []byte
	good                string
}

func vectors(t *testing.T, kind string) []vector {
	text, err := os.ReadFile("../../../vectors/vectors.txt")
	if err != nil {
		t.Skip("this is not the whole repository: ", err)
	}
	var result []vector
	for _, line := range strings.Split(string(text), "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] != kind {
			continue
		}
		each := vector{kind: kind, name: words[1], message: words[2]}
		if each.payload, err = hex.DecodeString(strings.TrimPrefix(words[3], "-")); err != nil {
			t.Fatal(line, err)
		}
		if kind == "read" {
			each.good = words[4]
		}
		result = append(result, each)
	}
	if len(result) == 0 {
		t.Error("there are no vectors that are ", kind)
	}
	return result
}

// read is the message of these bytes, which lie where nothing is aligned if so said.
func read(t *testing.T, each vector, isAligned bool) message {
	payload := append(make([]byte, 0, len(each.payload)+9), each.payload...)
	if !isAligned {
		payload = append(make([]byte, 1, len(each.payload)+9), each.payload...)[1:]
	}
	kind := kinds[each.message]
	if !kind.valid(payload) {
		t.Errorf("%s is not valid", each.name)
	}
	got := kind.blank()
	if err := got.UnmarshalBinary(payload); err != nil {
		t.Errorf("%s: %v", each.name, err)
	}
	return got
}

// check writes a message anew, into a room that held other bytes.
func check(t *testing.T, name string, value message, want []byte) {
	room := bytes.Repeat([]byte{0xff}, value.RingmailSize()+1)[1:]
	value.RingmailPut(room)
	if !bytes.Equal(room, want) {
		t.Errorf("%s is written as\n%x, not\n%x", name, room, want)
	}
	if packed, err := value.MarshalBinary(); err != nil || !bytes.Equal(packed, want) {
		t.Errorf("%s is\n%x, not\n%x %v", name, packed, want, err)
	}
}

func TestGoodMessagesAreWrittenByteForByteAndRead(t *testing.T) {
	left := values()
	for _, each := range vectors(t, "good") {
		want := left[each.name]
		if want == nil {
			t.Errorf("%s has no values", each.name)
			continue
		}
		check(t, each.name, want, each.payload)
		for _, isAligned := range []bool{true, false} {
			if got := read(t, each, isAligned); !reflect.DeepEqual(got, want) {
				t.Errorf("%s is read as\n%+v, not\n%+v", each.name, got, want)
			}
		}
		delete(left, each.name)
	}
	for name := range left {
		t.Errorf("there is no vector %s", name)
	}
}

func TestWhatOthersMayWriteIsReadAndWrittenAnewAsUsual(t *testing.T) {
	good := map[string][]byte{}
	for _, each := range vectors(t, "good") {
		good[each.name] = each.payload
	}
	for _, each := range vectors(t, "read") {
		check(t, each.name, read(t, each, true), good[each.good])
	}
}

func TestBadMessagesAreRefused(t *testing.T) {
	for _, each := range vectors(t, "bad") {
		kind := kinds[each.message]
		if kind.valid(each.payload) {
			t.Errorf("%s is valid", each.name)
		}
	}
}

// Whatever is cut off or changed in a byte is read or refused. Nothing panics, and nothing is read past the end.
func TestValidBytesAreReadWhateverTheyAre(t *testing.T) {
	for _, each := range append(vectors(t, "good"), vectors(t, "read")...) {
		kind := kinds[each.message]
		try := func(payload []byte) {
			if kind.valid(payload) && kind.blank().UnmarshalBinary(payload) != nil {
				t.Errorf("%s as %x is valid, and cannot be read", each.name, payload)
			}
		}
		for length := range each.payload {
			try(each.payload[:length:length])
		}
		for at := range each.payload {
			changed := bytes.Clone(each.payload)
			for _, value := range []byte{0, 1, 2, 7, 8, 0x7f, 0x80, 0xff} {
				changed[at] = value
				try(changed[:len(changed):len(changed)])
			}
		}
	}
}

func TestADraftIsWrittenWhereItWillLie(t *testing.T) {
	lengths := ContentLengths{Title: 6, Raw: 3, Numbers: 2, Points: 3, Sides: 3, Names: 3, Flags: 3}
	room := bytes.Repeat([]byte{0xff}, lengths.RingmailSize())
	draft := DraftContent(room, lengths)
	draft.SetId(2)
	copy(draft.TitleBytes(), "héllo")
	copy(draft.Raw(), []byte{0, 255, 7})
	draft.SetNumbers(0, 1)
	draft.SetNumbers(1, math.MaxUint64)
	for i, point := range []Point{{-1, 2}, {3, -4}, {5, 6}} {
		draft.Points(i).SetX(point.X)
		draft.Points(i).SetY(point.Y)
	}
	draft.SetSides(0, SideAsk, SideBid)
	draft.SetSides(2, SideAsk)
	draft.SetNames(0, "a")
	draft.SetNames(2, "xyz")
	draft.SetFlags(0, true)
	draft.SetFlags(2, true)
	want, _ := values()["content_full"].MarshalBinary()
	if !bytes.Equal(room, want) {
		t.Errorf("the bytes are\n%x, not\n%x", room, want)
	}
}

func TestADraftHasDefaultsAndNothingThatIsOptional(t *testing.T) {
	room := bytes.Repeat([]byte{0xff}, Grown3Size)
	DraftGrown3(room, Grown3Lengths{})
	value := NewGrown3()
	if want, _ := value.MarshalBinary(); !bytes.Equal(room, want) {
		t.Errorf("the bytes are\n%x, not\n%x", room, want)
	}
	options := DraftOptions(make([]byte, OptionsSize))
	options.SetB(7)
	options.SetG().SetX(-1)
	if point, ok := options.G(); !ok || point.X() != -1 {
		t.Error("there is no point")
	}
	options.ClearB()
	options.ClearG()
	if _, ok := options.B(); ok || !reflect.DeepEqual(options.Unpack(), Options{}) {
		t.Errorf("%+v", options.Unpack())
	}
	lengths := BothLengths{Raw: 1}
	both := DraftBoth(make([]byte, lengths.RingmailSize()), lengths)
	both.SetTitlePresent()
	if got := both.Unpack(); !reflect.DeepEqual(got, Both{Title: there(""), Raw: []byte{0}}) {
		t.Errorf("%+v", got)
	}
}

func TestContentIsReadWhereItLies(t *testing.T) {
	content := values()["content_full"]
	payload, _ := content.MarshalBinary()
	view, err := ViewContent(payload)
	if err != nil {
		t.Fatal(err)
	}
	view.TitleBytes()[0]++
	view.Raw()[0]++
	view.Numbers()[0]++
	view.Sides()[0]--
	if view.Title() != "iéllo" || view.Raw()[0] != 1 || view.Numbers()[0] != 2 || view.Sides()[0] != SideBid {
		t.Errorf("%+v", view.Unpack())
	}
	if cap(view.Raw()) != 3 || cap(view.Numbers()) != 2 {
		t.Error("what stands behind it can be reached")
	}
	allocations := testing.AllocsPerRun(10, func() {
		view, _ := ViewContent(payload)
		sum := view.Numbers()[1] + uint64(len(view.TitleBytes())) + uint64(view.Points(2).X()) + uint64(view.FlagsLen())
		if !ValidContent(payload) || sum == 0 {
			t.Error("it is not valid")
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations", allocations)
	}
}

func TestContentOutsideOfTheBytesPanics(t *testing.T) {
	payload, _ := (&Content{Title: "abc"}).MarshalBinary()
	payload[8]++
	defer func() {
		if recover() == nil {
			t.Error("it was read")
		}
	}()
	view, err := ViewContent(payload)
	t.Error(view.Title(), err)
}

func TestARefusalNamesTheCause(t *testing.T) {
	payload, _ := (&Grown2{Title: "abc"}).MarshalBinary()
	for want, payload := range map[string][]byte{
		"no version of vectors.Grown2 has 9 bytes":                     payload[:9],
		"a vectors.Grown2 of 20 bytes says that 24 are its fixed part": payload[:20],
		"no version of vectors.Grown2 has a fixed part of 20 bytes":    append(append(bytes.Clone(payload[:12]), 20, 0, 0, 0), payload[16:]...),
		"these bytes are no vectors.Grown2":                            payload[:26],
		"vectors.Presets has 48 bytes, not 47":                         nil,
	} {
		var err error
		if payload == nil {
			err = new(Presets).UnmarshalBinary(make([]byte, 47))
		} else {
			err = new(Grown2).UnmarshalBinary(payload)
		}
		if err == nil || err.Error() != want {
			t.Errorf("%v, not %s", err, want)
		}
	}
}
