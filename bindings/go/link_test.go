package ringmail_test

import (
	"context"
	"testing"

	"ringmail.dev/ringmail"
)

var peers = map[string]func(){
	"echo": func() {
		ringmail.Main(ringmail.Options{}, func(ctx context.Context, peer *ringmail.Peer) error {
			return peer.Run(ctx, func(m *ringmail.Message) error {
				room, err := m.ReplyRoom(m.Type(), len(m.Payload()))
				if err != nil {
					return err
				}
				copy(room, m.Payload())
				return m.Publish()
			})
		})
	},
}

func TestEcho(t *testing.T) {
	h := startHost(t, "echo", hostOptions{}).ready()
	h.ask(7, []byte("abc"), 3)
	c, ty, p := h.reply()
	if c != 3 || ty != 7 || string(p) != "abc" {
		t.Error(c, ty, p)
	}
	h.stop()
}
