package bolt

import (
	"context"

	"go.etcd.io/bbolt"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// Load returns all that the file holds but the audit trail.
func (s *Store) Load(ctx context.Context) (tokenstore.Snapshot, error) {
	var all tokenstore.Snapshot
	err := s.view(ctx, func(tx *bbolt.Tx) error {
		if err := each(tx, bucketTokens, func(t *tokenstore.Token) { all.Tokens = append(all.Tokens, t) }); err != nil {
			return err
		}
		if err := each(tx, bucketGroups, func(g *tokenstore.Group) { all.Groups = append(all.Groups, g) }); err != nil {
			return err
		}
		return each(tx, bucketUses, func(u *tokenstore.Use) { all.Uses = append(all.Uses, *u) })
	})
	return all, err
}

// each calls f for every value of a bucket.
func each[T any](tx *bbolt.Tx, bucket []byte, f func(*T)) error {
	return tx.Bucket(bucket).ForEach(func(key, value []byte) error {
		v, err := decode[T](key, value)
		if err == nil {
			f(v)
		}
		return err
	})
}

// Commit makes c durable in one transaction. What a change takes away goes
// first, so that one token may take over a name that another gives up.
func (s *Store) Commit(ctx context.Context, c tokenstore.Change) error {
	return s.update(ctx, func(tx *bbolt.Tx) error {
		for _, t := range c.Tokens {
			if err := takeToken(tx, t); err != nil {
				return err
			}
		}
		for _, g := range c.Groups {
			if err := takeGroup(tx, g); err != nil {
				return err
			}
		}
		for _, t := range c.Tokens {
			if err := putToken(tx, t.After); err != nil {
				return err
			}
		}
		for _, g := range c.Groups {
			if err := putGroup(tx, g.After); err != nil {
				return err
			}
		}
		for i := range c.Audit {
			if err := put(tx, bucketAudit, []byte(c.Audit[i].ID), &c.Audit[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

// takeToken removes c.Before with its name and keys; if it is not at that
// version the error is ErrConflict.
func takeToken(tx *bbolt.Tx, c tokenstore.TokenChange) error {
	tokens := tx.Bucket(bucketTokens)
	if c.Before == nil {
		if tokens.Get([]byte(c.After.ID)) != nil {
			return tokenstore.ErrConflict
		}
		return nil
	}
	id := []byte(c.Before.ID)
	value := tokens.Get(id)
	if value == nil {
		return tokenstore.ErrConflict
	}
	stored, err := decode[tokenstore.Token](id, value)
	if err != nil {
		return err
	}
	if stored.Version != c.Before.Version {
		return tokenstore.ErrConflict
	}
	if err := tx.Bucket(bucketNames).Delete([]byte(tokenstore.FoldName(stored.Name))); err != nil {
		return err
	}
	for _, key := range keys(stored) {
		if err := tx.Bucket(bucketKeys).Delete(key); err != nil {
			return err
		}
	}
	if c.After == nil {
		if err := deleteUses(tx, c.Before.ID); err != nil {
			return err
		}
	}
	return tokens.Delete(id)
}

// putToken writes t, unless another token has its name or one of its keys.
func putToken(tx *bbolt.Tx, t *tokenstore.Token) error {
	if t == nil {
		return nil
	}
	id := []byte(t.ID)
	if err := claim(tx.Bucket(bucketNames), []byte(tokenstore.FoldName(t.Name)), id); err != nil {
		return err
	}
	for _, key := range keys(t) {
		if err := claim(tx.Bucket(bucketKeys), key, id); err != nil {
			return err
		}
	}
	return put(tx, bucketTokens, id, t)
}

// keys returns the keys that lead to t.
func keys(t *tokenstore.Token) [][]byte {
	keys := [][]byte{[]byte(t.Credential.Key)}
	if t.Previous != nil {
		keys = append(keys, []byte(t.Previous.Key))
	}
	return keys
}

// claim maps key to id, unless somebody has it.
func claim(b *bbolt.Bucket, key, id []byte) error {
	if b.Get(key) != nil {
		return tokenstore.ErrConflict
	}
	return b.Put(key, id)
}

// takeGroup removes c.Before; if it is not at that version the error is
// ErrConflict.
func takeGroup(tx *bbolt.Tx, c tokenstore.GroupChange) error {
	if c.Before == nil {
		return nil
	}
	groups, name := tx.Bucket(bucketGroups), []byte(tokenstore.FoldName(c.Before.Name))
	value := groups.Get(name)
	if value == nil {
		return tokenstore.ErrConflict
	}
	stored, err := decode[tokenstore.Group](name, value)
	if err != nil {
		return err
	}
	if stored.Version != c.Before.Version || stored.Name != c.Before.Name {
		return tokenstore.ErrConflict
	}
	return groups.Delete(name)
}

// putGroup writes g, unless another group has its name.
func putGroup(tx *bbolt.Tx, g *tokenstore.Group) error {
	if g == nil {
		return nil
	}
	name := []byte(tokenstore.FoldName(g.Name))
	if tx.Bucket(bucketGroups).Get(name) != nil {
		return tokenstore.ErrConflict
	}
	return put(tx, bucketGroups, name, g)
}

func put(tx *bbolt.Tx, bucket, key []byte, v any) error {
	value, err := encode(v)
	if err != nil {
		return err
	}
	return tx.Bucket(bucket).Put(key, value)
}
