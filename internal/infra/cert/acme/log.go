package acme

import (
	"context"
	"log/slog"
	"slices"

	"go.uber.org/zap/zapcore"
)

// core writes the library's lines to the server's log, and makes less of them: what an operator has to know the manager says
// itself, once.
type core struct {
	handler slog.Handler
	fields  []zapcore.Field
}

var levels = map[zapcore.Level]slog.Level{zapcore.ErrorLevel: slog.LevelInfo,
	zapcore.DPanicLevel: slog.LevelError, zapcore.PanicLevel: slog.LevelError, zapcore.FatalLevel: slog.LevelError}

func level(l zapcore.Level) slog.Level {
	if less, ok := levels[l]; ok {
		return less
	}
	return slog.LevelDebug
}

func (c *core) Enabled(l zapcore.Level) bool {
	return c.handler.Enabled(context.Background(), level(l))
}

func (c *core) With(more []zapcore.Field) zapcore.Core {
	return &core{c.handler, slices.Concat(c.fields, more)}
}

func (c *core) Check(e zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return checked.AddCore(e, c)
	}
	return checked
}

func (c *core) Write(e zapcore.Entry, fields []zapcore.Field) error {
	record := slog.NewRecord(e.Time, level(e.Level), "acme: "+e.Message, 0)
	for _, f := range slices.Concat(c.fields, fields) {
		values := zapcore.NewMapObjectEncoder()
		f.AddTo(values)
		for name, value := range values.Fields { // one, or two: an error may have a verbose form beside it
			record.AddAttrs(slog.Any(name, value))
		}
	}
	return c.handler.Handle(context.Background(), record)
}

func (*core) Sync() error { return nil }
