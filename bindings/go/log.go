package ringmail

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"

	"ringmail.dev/ringmail/internal/link"
)

// LevelTrace and LevelCritical are the host's levels beyond those of slog.
const (
	LevelTrace    slog.Level = slog.LevelDebug - 4
	LevelCritical slog.Level = slog.LevelError + 4
)

// Log writes lines into the host's log, where they stand under this peer's name. It waits for a host that reads slowly,
// and not for the next one: ErrFull.
// It may be called at any time, by any goroutine. The error is ErrUnsupported where the host takes none.
func (p *Peer) Log(level slog.Level, text string) error {
	said := p.said.Load()
	if !said.hasLog {
		return ErrUnsupported
	}
	if err := said.host.stream.Send(link.KindLog, link.EncodeLog(logLevel(level), text)); err != nil {
		if p.back != nil && p.back.ended() == nil {
			return fmt.Errorf("%w: there is no host now", ErrFull)
		}
		return fmt.Errorf("%w: %w", ErrHostGone, err)
	}
	return nil
}

// logLevel is the host's number of the nearest level that is not above.
func logLevel(level slog.Level) uint8 {
	steps := [...]slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelWarn, slog.LevelError, LevelCritical}
	number := uint8(0)
	for number < uint8(len(steps)) && level >= steps[number] {
		number++
	}
	return number
}

// LogHandler is a handler of slog that writes into the host's log: the message, and the attributes behind it as
// slog.TextHandler writes them. The level is the least that is written; nil: slog.LevelInfo.
//
//	slog.SetDefault(slog.New(peer.LogHandler(nil)))
func (p *Peer) LogHandler(level slog.Leveler) slog.Handler {
	if level == nil {
		level = slog.LevelInfo
	}
	return &logHandler{peer: p, level: level}
}

type logHandler struct {
	peer  *Peer
	level slog.Leveler
	with  []func(slog.Handler) slog.Handler // WithAttrs and WithGroup, in their order
}

func (h *logHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.level.Level()
}

func (h *logHandler) Handle(ctx context.Context, record slog.Record) error {
	var attributes bytes.Buffer
	var text slog.Handler = slog.NewTextHandler(&attributes, &slog.HandlerOptions{
		Level: LevelTrace, ReplaceAttr: withoutBuiltIn,
	})
	for _, with := range h.with {
		text = with(text)
	}
	if err := text.Handle(ctx, record); err != nil {
		return err
	}
	return h.peer.Log(record.Level, strings.TrimSpace(record.Message+" "+attributes.String()))
}

// withoutBuiltIn leaves out what the host writes itself, and the message, which stands first.
func withoutBuiltIn(groups []string, attribute slog.Attr) slog.Attr {
	switch attribute.Key {
	case slog.TimeKey, slog.LevelKey, slog.MessageKey:
		if len(groups) == 0 {
			return slog.Attr{}
		}
	}
	return attribute
}

func (h *logHandler) WithAttrs(attributes []slog.Attr) slog.Handler {
	return h.and(func(text slog.Handler) slog.Handler { return text.WithAttrs(attributes) })
}

func (h *logHandler) WithGroup(name string) slog.Handler {
	return h.and(func(text slog.Handler) slog.Handler { return text.WithGroup(name) })
}

func (h *logHandler) and(with func(slog.Handler) slog.Handler) slog.Handler {
	return &logHandler{h.peer, h.level, append(h.with[:len(h.with):len(h.with)], with)}
}
