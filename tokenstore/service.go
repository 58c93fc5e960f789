package tokenstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
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

// withDefaults returns o with every field set.
func (o Options) withDefaults() *Options {
	const day = 24 * time.Hour
	o.DefaultExpiry = cmp.Or(max(o.DefaultExpiry, 0), 90*day)
	o.MaxExpiry = max(o.MaxExpiry, 0)
	o.FlushInterval = cmp.Or(max(o.FlushInterval, 0), 5*time.Second)
	o.AuditRetention = cmp.Or(o.AuditRetention, 400*day)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &o
}

// Service answers for the tokens of one Store. It is safe for concurrent use.
type Service struct {
	store   Store
	options atomic.Pointer[Options]

	// editMu serialises edits, and with them everything that changes the
	// table. It is taken before mu.
	editMu sync.Mutex

	// mu makes a request's decision and its registration one step as seen by
	// edits. It is taken before an entry's mu.
	mu     sync.RWMutex
	table  *table
	closed bool

	live    liveSet
	uses    useLog
	pending auditLog
	ids     idClock

	feed feed

	cursorKey        []byte
	commits, flushes atomic.Uint64

	stop      context.CancelFunc
	running   sync.WaitGroup
	wake      chan struct{} // capacity 1: something is pending, or the options are new
	closing   sync.Once
	closeDone error
}

// Open loads all of store and starts to serve it. The Service owns the store
// from then on, and closes it; after an error the caller does.
func Open(ctx context.Context, store Store, o Options) (*Service, error) {
	s := &Service{store: store, table: newTable(), wake: make(chan struct{}, 1)}
	s.options.Store(o.withDefaults())

	snapshot, err := store.Load(ctx)
	if err != nil {
		return nil, fmt.Errorf("loading the tokens: %w", err)
	}
	if err := s.absorb(snapshot); err != nil {
		return nil, fmt.Errorf("loading the tokens: %w", err)
	}
	if s.cursorKey, err = store.Key(ctx, "cursor"); err != nil {
		return nil, fmt.Errorf("loading the key of list cursors: %w", err)
	}
	newest, err := store.Audit(ctx, AuditQuery{Limit: 1})
	if err != nil {
		return nil, fmt.Errorf("loading the audit trail: %w", err)
	}
	if len(newest.Items) > 0 {
		s.ids.after(newest.Items[0].ID)
	}

	background, stop := context.WithCancel(context.Background())
	s.stop = stop
	s.running.Go(func() { s.follow(background) })
	s.running.Go(func() { s.tick(background) })
	return s, nil
}

// Configure applies new settings to a Service in use.
func (s *Service) Configure(o Options) {
	s.options.Store(o.withDefaults())
	s.nudge()
}

// Close ends every live request, writes what is pending and closes the store.
// Begin refuses from then on, and edits fail with ErrClosed. Closing again
// returns what the first Close returned.
func (s *Service) Close() error {
	s.closing.Do(func() {
		s.stop()
		s.editMu.Lock()
		s.mu.Lock()
		s.closed = true
		s.mu.Unlock()
		s.editMu.Unlock()

		s.endAll(EndedClosing)
		s.running.Wait()

		// What hangs here would hang a reload of the whole server.
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		s.closeDone = errors.Join(s.flushUses(ctx), s.flushAudit(ctx), s.store.Close())
	})
	return s.closeDone
}

// tick does what is due from time to time, until ctx ends.
func (s *Service) tick(ctx context.Context) {
	interval := s.options.Load().FlushInterval
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	var pruned, audited time.Time
	audit := func(now time.Time) {
		audited = now
		s.report("writing the audit trail failed; it will be tried again", s.flushAudit(ctx))
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
			if next := s.options.Load().FlushInterval; next != interval {
				interval = next
				ticker.Reset(interval)
			}
			// Not at once after the last time: together with maxPending this
			// bounds how fast refusals can fill the disk.
			if now := time.Now(); now.Sub(audited) >= interval {
				audit(now)
			}
		case now := <-ticker.C:
			s.sweep(time.Now())
			s.report("writing times of last use failed; it will be tried again", s.flushUses(ctx))
			audit(now)
			if now.Sub(pruned) >= pruneInterval {
				pruned = now
				s.report("deleting old audit entries failed", s.prune(ctx))
			}
		}
	}
}

// nudge makes tick look at what is pending.
func (s *Service) nudge() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// report logs err, unless it tells only that the Service is closing.
func (s *Service) report(what string, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		s.options.Load().Logger.Error(what, "error", err)
	}
}

// logger returns the logger of now.
func (s *Service) logger() *slog.Logger { return s.options.Load().Logger }

// Key returns 32 random bytes kept in the store under name and made on first
// use: the same for every gateway that shares the store.
func (s *Service) Key(ctx context.Context, name string) ([]byte, error) {
	key, err := s.store.Key(ctx, name)
	if err != nil {
		return nil, unavailable(err)
	}
	return key, nil
}

// WriteCounts returns how often the Service has asked the store to commit
// edits, and to write times of last use.
func (s *Service) WriteCounts() (commits, flushes uint64) {
	return s.commits.Load(), s.flushes.Load()
}

// unavailable makes err, which came from the store, one that callers know.
func unavailable(err error) error {
	switch {
	case err == nil, errors.Is(err, ErrClosed), errors.Is(err, ErrConflict), errors.Is(err, ErrUnavailable),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
