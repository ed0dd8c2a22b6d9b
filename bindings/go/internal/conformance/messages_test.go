package conformance

import (
	"bytes"
	"encoding/hex"
	"go/format"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestTheGeneratedCodeIsCurrent(t *testing.T) {
	tool := os.Getenv("RINGMAIL_TOOL")
	if tool == "" {
		t.Skip("RINGMAIL_TOOL does not name the ringmail program")
	}
	written, err := exec.Command(tool, "gen", "--lang", "go", "../../../conformance/conformance.mail").Output()
	if err != nil {
		t.Fatal(err)
	}
	if checkedIn, err := os.ReadFile("messages.go"); err != nil || !bytes.Equal(checkedIn, written) {
		t.Error("messages.go is not what the tool writes: PATH=<where it is>:$PATH go generate ./...", err)
	}
}

// The golden file of the tool has every construct of the language.
func TestGeneratedCodeIsFormattedAndBuilds(t *testing.T) {
	const golden = "../../../../tests/tools/golden/market.mail.go"
	source, err := os.ReadFile(golden)
	if err != nil {
		t.Skip("this is not the whole repository: ", err)
	}
	if formatted, err := format.Source(source); err != nil || !bytes.Equal(formatted, source) {
		t.Error("gofmt would change it", err)
	}
	if out, err := exec.Command("go", "vet", golden).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func tick() Tick {
	return Tick{Number: 1, Price: 2.5, Side: SideAsk, Live: true, Symbol: "Zürich",
		Levels: [2]Level{{Price: -1, Quantity: 7}, {Quantity: 9}}}
}

// By the table of offsets in the schema.
const tickBytes = "0100000000000000" + "0000000000000440" + "01" + "01" + "5ac3bc72696368000000000000000000" + "000000000000" +
	"000000000000f0bf" + "07000000" + "00000000" + "0000000000000000" + "09000000" + "00000000"

func TestAMessageHasTheBytesOfItsLayout(t *testing.T) {
	want := tick()
	packed, err := want.MarshalBinary()
	if got := hex.EncodeToString(packed); err != nil || got != tickBytes || len(packed) != TickSize {
		t.Fatalf("the bytes are\n%s, not\n%s %v", got, tickBytes, err)
	}
	var got Tick
	if err := got.UnmarshalBinary(packed); err != nil || got != want {
		t.Errorf("%+v %v", got, err)
	}
	if err := got.UnmarshalBinary(packed[1:]); err == nil || err.Error() != "conformance.Tick has 72 bytes, not 71" {
		t.Error(err)
	}
	view, err := ViewTick(packed)
	if err != nil || view.Number() != 1 || view.Price() != 2.5 || view.Side() != SideAsk || !view.Live() ||
		view.Symbol() != "Zürich" || view.Levels(0).Price() != -1 || view.Levels(1).Quantity() != 9 {
		t.Errorf("%+v %v", view.Unpack(), err)
	}
}

func TestADraftIsWrittenInPlaceAndStartsWithZeros(t *testing.T) {
	room := bytes.Repeat([]byte{0xff}, TickSize)
	draft := DraftTick(room)
	draft.SetNumber(1)
	draft.SetPrice(2.5)
	draft.SetSide(SideAsk)
	draft.SetLive(true)
	draft.SetSymbol("longer than it will be")
	draft.SetSymbol("Zürich")
	draft.Levels(0).SetPrice(-1)
	draft.Levels(0).SetQuantity(7)
	draft.Levels(1).SetQuantity(9)
	if got := hex.EncodeToString(room); got != tickBytes {
		t.Errorf("the bytes are\n%s, not\n%s", got, tickBytes)
	}
	for i := range room {
		room[i] = 0xff
	}
	value := tick()
	draft.Pack(&value)
	if got := hex.EncodeToString(room); got != tickBytes {
		t.Errorf("packed, the bytes are\n%s, not\n%s", got, tickBytes)
	}
}

func TestATextIsCutBetweenCharacters(t *testing.T) {
	draft := DraftTick(make([]byte, TickSize))
	for text, want := range map[string]string{
		"":                              "",
		"0123456789abcdef":              "0123456789abcdef",
		"0123456789abcdefg":             "0123456789abcdef",
		"0123456789abcdeä":              "0123456789abcde",
		"0123456789abc\U0001f600":       "0123456789abc",
		"before\x00after":               "before",
		strings.Repeat("\U0001f600", 5): strings.Repeat("\U0001f600", 4),
	} {
		draft.SetSymbol(text)
		if got := draft.Symbol(); got != want {
			t.Errorf("%q is %q", text, got)
		}
	}
}

func TestAnElementThatAnArrayHasNotPanics(t *testing.T) {
	draft := DraftTick(make([]byte, TickSize))
	for _, i := range []int{-1, 2, 1 << 60} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("there is an element %d", i)
				}
			}()
			draft.Levels(i).SetQuantity(1)
		}()
	}
}

func TestBytesAreReadAndWrittenWhereTheyLie(t *testing.T) {
	room := make([]byte, BulkSize)
	draft := DraftBulk(room)
	if count := copy(draft.Bytes(), bytes.Repeat([]byte{7}, 2000)); count != 1016 || cap(draft.Bytes()) != 1016 {
		t.Errorf("%d bytes", count)
	}
	if room[7] != 0 || room[8] != 7 || room[1023] != 7 {
		t.Error("they lie elsewhere")
	}
}

func TestBytesThatAreNoMessageAreFoundOut(t *testing.T) {
	packed, _ := hex.DecodeString(tickBytes)
	if !ValidTick(packed) || ValidTick(packed[:71]) || !ValidGet(nil) {
		t.Error("by its size")
	}
	if newer := append(packed, 0xff); !ValidTick(newer) || !ValidGet(newer) {
		t.Error("a newer version may be longer")
	}
	for _, at := range []int{16, 17} { // the side, the bool
		packed[at] = 2
		if ValidTick(packed) {
			t.Errorf("byte %d cannot be 2", at)
		}
		packed[at] = 0
	}
	if Side(2).Declared() || Side(2).String() != "2" || SideBid.String() != "bid" {
		t.Error("sides")
	}
}
