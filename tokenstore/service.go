package tokenstore

import (
	"log/slog"
	"time"
)

// Options are a Service's settings. The zero value is usable.
type Options struct {
	// DefaultExpiry is the life of a token for which none is given: 90 days
	// unless set.
	DefaultExpiry time.Duration

	// MaxExpiry is the longest life that a token can be given, counted from
	// the edit. Unless set there is none, and a token may live for ever.
	MaxExpiry time.Duration

	// FlushInterval is how often times of last use are written: 5 seconds
	// unless set.
	FlushInterval time.Duration

	// AuditRetention is the age at which audit entries are deleted: 400 days
	// unless set, and never if negative.
	AuditRetention time.Duration

	// Logger receives what no caller sees, such as a flush that failed.
	Logger *slog.Logger
}
