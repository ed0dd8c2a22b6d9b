package corners

import (
	"bytes"
	"math"
	"os"
	"os/exec"
	"reflect"
	"testing"
)

const source = "../../../../tests/tools/corners.mail"

func TestTheGeneratedCodeIsCurrent(t *testing.T) {
	tool := os.Getenv("RINGMAIL_TOOL")
	if tool == "" {
		t.Skip("RINGMAIL_TOOL does not name the ringmail program")
	}
	written, err := exec.Command(tool, "gen", "--lang", "go", source).Output()
	if err != nil {
		t.Fatal(err)
	}
	if checkedIn, err := os.ReadFile("messages.go"); err != nil || !bytes.Equal(checkedIn, written) {
		t.Error("messages.go is not what the tool writes: PATH=<where it is>:$PATH go generate ./...", err)
	}
}

func isNew(inner Inner) bool {
	return inner.Odd == OddMinus && inner.Name == `a"\` && inner.Weight == 0 && math.Signbit(float64(inner.Weight))
}

func TestDefaultsReachIntoWhatIsContained(t *testing.T) {
	outer := NewOuter()
	if !isNew(outer.First) || !isNew(outer.All[0]) || !isNew(outer.All[1]) || outer.Maybe != nil {
		t.Errorf("%+v", outer)
	}
	packed, _ := outer.MarshalBinary()
	room := bytes.Repeat([]byte{0xff}, OuterSize)
	draft := DraftOuter(room)
	if !bytes.Equal(room, packed) || !ValidOuter(room) {
		t.Errorf("the bytes are\n%x, not\n%x", room, packed)
	}
	if !isNew(draft.SetMaybe().Unpack()) {
		t.Error("what is put there has no defaults")
	}
	lengths := ListsLengths{Parts: 2, Inners: 1, More: 3}
	lists := DraftLists(make([]byte, lengths.RingmailSize()), lengths).Unpack()
	if lists.Parts[1].Symbol != "new" || !isNew(lists.Parts[1].All[1]) || !isNew(lists.Inners[0]) || !isNew(lists.More[2]) {
		t.Errorf("%+v", lists)
	}
}

func TestWhatWasNotSentIsAsInANewMessage(t *testing.T) {
	value := NewGrown()
	value.Id = 7
	packed, _ := value.MarshalBinary()
	versions := 0
	for length := range packed {
		if ValidGrown(packed[:length:length]) {
			view, err := ViewGrown(packed[:length:length])
			if err != nil || !reflect.DeepEqual(view.Unpack(), value) {
				t.Errorf("%d bytes: %+v %v", length, view.Unpack(), err)
			}
			versions++
		}
	}
	if versions != 7 {
		t.Errorf("there were %d versions before", versions)
	}
}

func TestOneThatGrewIsWholeInsideOfAnother(t *testing.T) {
	want := NewHolder()
	want.Parts[1].Codes = [3]uint16{1, 2, 3}
	want.Parts[1].Maybe = new(uint64)
	packed, _ := want.MarshalBinary()
	view, err := ViewHolder(packed)
	if err != nil || !ValidHolder(packed) || !reflect.DeepEqual(view.Unpack(), want) {
		t.Errorf("%+v %v", view.Unpack(), err)
	}
	packed[80+66] = 1 // behind the flags: padding
	packed[80+65] = 2 // a flag
	if ValidHolder(packed) {
		t.Error("a bool of 2 is valid")
	}
}

func TestListsThatMayBeMissingAreThereIfOnlyEmpty(t *testing.T) {
	text := ""
	for _, want := range []Lists{
		{},
		{Inners: []Inner{}, Names: []string{}, Flags: []bool{}, Raw: []byte{}, Odds: []Odd{}, Data: []byte{}, Remark: &text},
		{Parts: []Grown{NewGrown()}, Inners: []Inner{NewInner_()}, Names: []string{"", "abc"}, Flags: []bool{true},
			Raw: []byte{1}, Odds: []Odd{OddThree, OddMinus}, Small: []int8{-1}, Floats: []float64{math.Inf(1), 2},
			Inner: &Inner{Odd: OddThree}, More: []Inner{{Odd: OddMinus}}, Data: []byte{2}},
	} {
		packed, _ := want.MarshalBinary()
		var got Lists
		if err := got.UnmarshalBinary(packed); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v is not\n%+v %v", got, want, err)
		}
		older := packed[:len(packed):len(packed)]
		if len(want.Parts) == 0 { // as the version before the appended fields wrote it
			older = older[:88:88]
			older[0] = 88
			got = Lists{}
			if err := got.UnmarshalBinary(older); err != nil || got.Remark != nil || (got.Inners == nil) != (want.Inners == nil) {
				t.Errorf("%+v %v", got, err)
			}
		}
	}
	view, _ := ViewLists(make([]byte, ListsSize))
	if view.bytes != nil {
		t.Error("a fixed size of 0 is taken")
	}
}

func TestElementsOfListsAreChecked(t *testing.T) {
	value := Lists{Parts: []Grown{NewGrown()}, Inners: []Inner{NewInner_()}, Flags: []bool{true}, Odds: []Odd{OddThree}}
	packed, _ := value.MarshalBinary()
	if !ValidLists(packed) {
		t.Fatal("it is not valid")
	}
	end := len(packed)
	for what, at := range map[string]int{"odd": end - 2, "flag": end - 3 - 1, "inner": end - 4 - 12, "part": 136 + 64} {
		changed := bytes.Clone(packed)
		changed[at] = 9
		if ValidLists(changed) {
			t.Errorf("byte %d of the %s is not looked at: %x", at, what, changed)
		}
	}
	lists := DraftLists(make([]byte, ListsSize+2), ListsLengths{Flags: 2})
	if count, ok := lists.FlagsLen(); count != 2 || !ok {
		t.Error("there are no flags")
	}
	for _, call := range []func(){
		func() { lists.SetFlags(2, true) },
		func() { lists.SetSmall(0, 1) },
		func() { lists.Parts(0) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("there is an element too many")
				}
			}()
			call()
		}()
	}
}
