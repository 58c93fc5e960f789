package bolt

import (
	"bytes"
	"context"
	"time"

	"go.etcd.io/bbolt"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// clockSlack is how far the times of audit entries may stray from their order:
// ids never go back, but a clock that is set back takes the times with it.
const clockSlack = 24 * time.Hour

// Audit returns the entries that match q, newest first.
func (s *Store) Audit(ctx context.Context, q tokenstore.AuditQuery) (tokenstore.AuditPage, error) {
	page := tokenstore.AuditPage{Items: []tokenstore.AuditEntry{}}
	err := s.view(ctx, func(tx *bbolt.Tx) error {
		cursor := tx.Bucket(bucketAudit).Cursor()
		key, value := before(cursor, q.Cursor)
		for read := 1; key != nil; read++ {
			if read%1000 == 0 && ctx.Err() != nil {
				return ctx.Err()
			}
			e, err := decode[tokenstore.AuditEntry](key, value)
			if err != nil {
				return err
			}
			if !q.Since.IsZero() && e.Time.Before(q.Since.Add(-clockSlack)) {
				return nil
			}
			if q.Matches(e) {
				if q.Limit > 0 && len(page.Items) == q.Limit {
					page.NextCursor = page.Items[q.Limit-1].ID
					return nil
				}
				page.Items = append(page.Items, *e)
			}
			key, value = cursor.Prev()
		}
		return nil
	})
	return page, err
}

// before moves cursor to the last entry before id, or to the last of all for "".
func before(cursor *bbolt.Cursor, id string) (key, value []byte) {
	if id == "" {
		return cursor.Last()
	}
	if key, _ := cursor.Seek([]byte(id)); key == nil {
		return cursor.Last()
	}
	return cursor.Prev()
}

// PruneAudit deletes at most limit entries older than before, oldest first.
func (s *Store) PruneAudit(ctx context.Context, before time.Time, limit int) (int, error) {
	var old [][]byte
	err := s.view(ctx, func(tx *bbolt.Tx) error {
		cursor := tx.Bucket(bucketAudit).Cursor()
		for key, value := cursor.First(); key != nil && len(old) < limit; key, value = cursor.Next() {
			e, err := decode[tokenstore.AuditEntry](key, value)
			if err != nil {
				return err
			}
			if !e.Time.Before(before) {
				return nil
			}
			old = append(old, bytes.Clone(key))
		}
		return nil
	})
	if err != nil || len(old) == 0 {
		return 0, err
	}
	return len(old), s.update(ctx, func(tx *bbolt.Tx) error {
		for _, key := range old {
			if err := tx.Bucket(bucketAudit).Delete(key); err != nil {
				return err
			}
		}
		return nil
	})
}
