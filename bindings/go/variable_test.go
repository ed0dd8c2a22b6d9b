package ringmail

// Messages of variable length, by all that takes those of a fixed size.

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"testing"

	"ringmail.dev/ringmail/internal/ring"
	"ringmail.dev/ringmail/internal/vectors"
)

// grower replies a Content of what came, and tells what it got of a Grown2.
type grower struct {
	to  Mailbox
	got *vectors.Grown2
}

func (grower) Numbers(_ *Message, numbers vectors.NumbersView) (vectors.Content, error) {
	return vectors.Content{Id: numbers.C(), Title: "héllo", Numbers: []uint64{numbers.D(), 2}}, nil
}

func (g grower) Grown2(m *Message, grown vectors.Grown2View) (vectors.Grown3, error) {
	*g.got = grown.Unpack()
	return vectors.NewGrown3(), g.to.Send(context.Background(), grown)
}

func (grower) Options(*Message, vectors.OptionsView) error { return nil }

func marshalled(t *testing.T, message interface{ MarshalBinary() ([]byte, error) }) []byte {
	t.Helper()
	payload, err := message.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return payload
}

func TestMessagesOfVariableLengthAreAnsweredSentAndPassedOn(t *testing.T) {
	h, peer := attachInProcess(t, 0, 1)
	lane := h.lanes[0]
	var got vectors.Grown2
	handle := vectors.HandleVectors(grower{Mailbox{peer, 5}, &got})
	give := func(head ring.Head, payload []byte) error {
		put(&lane.MailOut, head, payload)
		lane.Publish()
		m, err := peer.Receive(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		return errors.Join(handle(m), m.Release())
	}

	numbers := vectors.Numbers{C: 7, D: 9}
	head := ring.Head{Kind: ring.Message, Type: vectors.NumbersType, Correlation: 1}
	if err := give(head, marshalled(t, &numbers)); err != nil {
		t.Fatal(err)
	}
	want := marshalled(t, &vectors.Content{Id: 7, Title: "héllo", Numbers: []uint64{9, 2}})
	if head, reply := take(t, lane, &lane.ControlIn); head.Type != vectors.ContentType || !bytes.Equal(reply, want) {
		t.Errorf("the reply is %+v\n%x, not\n%x", head, reply, want)
	}

	// What a newer version wrote is passed on as it came.
	newer := vectors.Grown3{Number: 5, Title: "two", Numbers: []uint32{1, 2}}
	payload := marshalled(t, &newer)
	if err := give(ring.Head{Kind: ring.Message, Type: vectors.Grown2Type}, payload); err != nil {
		t.Fatal(err)
	}
	if want := (vectors.Grown2{Number: 5, Title: "two"}); got != want {
		t.Errorf("%+v", got)
	}
	if _, passed := take(t, lane, &lane.MailIn); !bytes.Equal(passed, payload) {
		t.Errorf("%x", passed)
	}

	// A handler is not given what has the length of no version.
	err := give(ring.Head{Kind: ring.Message, Type: vectors.Grown2Type}, payload[:9])
	if err == nil || err.Error() != "no version of vectors.Grown2 has 9 bytes" {
		t.Error(err)
	}
	peer.Close()
}

func TestALoanHasRoomForTheContentThatWasSaid(t *testing.T) {
	h, peer := attachInProcess(t, 0, 1)
	lane := h.lanes[0]
	to := vectors.VectorsMailbox[Mailbox]{To: Mailbox{peer, 5}}
	want := vectors.NewGrown2()
	want.Number, want.Title = 5, "two"
	draft, err := to.LoanGrown2(context.Background(), vectors.Grown2Lengths{Title: 3})
	if err != nil {
		t.Fatal(err)
	}
	draft.SetNumber(5)
	copy(draft.TitleBytes(), "two")
	if err := errors.Join(to.To.Publish(), to.SendGrown2(context.Background(), &want), peer.Flush()); err != nil {
		t.Fatal(err)
	}
	for range [2]int{} {
		if _, payload := take(t, lane, &lane.MailIn); !bytes.Equal(payload, marshalled(t, &want)) {
			t.Errorf("%x, not\n%x", payload, marshalled(t, &want))
		}
	}
	want.Title = string(make([]byte, 4096))
	if err := to.SendGrown2(context.Background(), &want); !errors.Is(err, ErrTooLong) {
		t.Error(err)
	}
	peer.Close()
}

func TestAnAskTakesAReplyOfVariableLengthThatIsValid(t *testing.T) {
	h, peer := attachInProcess(t, 0, 1)
	lane := h.lanes[0]
	to := vectors.VectorsMailbox[Mailbox]{To: Mailbox{peer, 5}}
	good := vectors.Grown3{Number: 6, Title: "three", Side: vectors.SideAsk, Numbers: []uint32{1}}
	bad := marshalled(t, &good)
	bad[16] = 0xff
	answered := make(chan bool)
	go func() {
		for _, reply := range [][]byte{marshalled(t, &good), bad} {
			head, _ := take(t, lane, &lane.MailIn)
			put(&lane.ControlOut, ring.Head{Kind: ring.Reply, Type: vectors.Grown3Type, Correlation: head.Correlation}, reply)
			lane.Publish()
		}
		close(answered)
	}()
	got, err := to.AskGrown2(context.Background(), &vectors.Grown2{Title: "two"})
	if err != nil || !reflect.DeepEqual(got, good) {
		t.Errorf("%+v %v", got, err)
	}
	_, err = to.AskGrown2(context.Background(), &vectors.Grown2{})
	if err == nil || err.Error() != "these bytes are no vectors.Grown3" {
		t.Error(err)
	}
	<-answered
	peer.Close()
}
