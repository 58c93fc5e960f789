package bolt

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// RecordUses merges times of last use in one transaction. The uses of secrets
// that were rotated out stay until their token is deleted.
func (s *Store) RecordUses(ctx context.Context, uses []tokenstore.Use) error {
	return s.update(ctx, func(tx *bbolt.Tx) error {
		for _, u := range uses {
			if tx.Bucket(bucketTokens).Get([]byte(u.TokenID)) == nil {
				continue
			}
			key := useKey(u.TokenID, u.Key)
			if value := tx.Bucket(bucketUses).Get(key); value != nil {
				stored, err := decode[tokenstore.Use](key, value)
				if err != nil {
					return err
				}
				if !u.At.After(stored.At) {
					continue
				}
			}
			if err := put(tx, bucketUses, key, &u); err != nil {
				return err
			}
		}
		return nil
	})
}

func useKey(id, key string) []byte { return []byte(id + "\x00" + key) }

// deleteUses deletes all uses of a token.
func deleteUses(tx *bbolt.Tx, id string) error {
	uses, prefix := tx.Bucket(bucketUses), useKey(id, "")
	var keys [][]byte // a bucket must not change under its cursor
	cursor := uses.Cursor()
	for key, _ := cursor.Seek(prefix); bytes.HasPrefix(key, prefix); key, _ = cursor.Next() {
		keys = append(keys, key)
	}
	for _, key := range keys {
		if err := uses.Delete(key); err != nil {
			return err
		}
	}
	return nil
}

// Key returns the random bytes kept under name, and makes them the first time.
func (s *Store) Key(ctx context.Context, name string) ([]byte, error) {
	id := []byte("key:" + name)
	var key []byte
	read := func(tx *bbolt.Tx) error {
		key = bytes.Clone(tx.Bucket(bucketMeta).Get(id))
		return nil
	}
	if err := s.view(ctx, read); err != nil || key != nil {
		return key, err
	}
	err := s.update(ctx, func(tx *bbolt.Tx) error {
		if err := read(tx); err != nil || key != nil {
			return err
		}
		key = make([]byte, 32)
		_, _ = rand.Read(key) // never fails
		return tx.Bucket(bucketMeta).Put(id, key)
	})
	return key, err
}

// Backup writes a copy of the file to w. It copies it to a file next to it
// first: a read transaction that lasts as long as somebody's download would
// hold up every edit that needs the file to grow.
func (s *Store) Backup(ctx context.Context, w io.Writer) error {
	f, err := os.CreateTemp(filepath.Dir(s.db.Path()), ".backup-*") // of mode 0600
	if err != nil {
		return fmt.Errorf("making a backup: %w", err)
	}
	defer f.Close()
	// Without a name, the copy cannot outlive a crash. Where an open file keeps
	// its name, the second Remove does it.
	if os.Remove(f.Name()) != nil {
		defer func() {
			f.Close()
			os.Remove(f.Name())
		}()
	}
	err = s.view(ctx, func(tx *bbolt.Tx) error {
		_, err := tx.WriteTo(f)
		return err
	})
	if err != nil {
		return err
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("making a backup: %w", err)
	}
	_, err = io.Copy(w, f)
	return err
}
