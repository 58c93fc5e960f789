package bolt

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"github.com/go-json-experiment/json"
	"go.etcd.io/bbolt"
)

// schema is the version of what this package writes. A file of a newer one is
// refused: it may hold rules for tokens that this program does not know.
const schema = 1

// The buckets, and what they map.
var (
	bucketMeta   = []byte("meta")   // "schema" → its version in decimal; "key:" + name → 32 bytes
	bucketTokens = []byte("tokens") // id → JSON
	bucketGroups = []byte("groups") // folded name → JSON
	bucketUses   = []byte("uses")   // id, 0, key → JSON
	bucketAudit  = []byte("audit")  // entry id → JSON, so in the order of writing
	bucketNames  = []byte("names")  // folded name → id
	bucketKeys   = []byte("keys")   // current or previous key → id

	buckets = [][]byte{bucketMeta, bucketTokens, bucketGroups, bucketUses, bucketAudit, bucketNames, bucketKeys}
)

var keySchema = []byte("schema")

var errForeign = errors.New("the file is a bbolt database of some other program")

// prepare makes the buckets of a new database, and checks those of an old one
// without writing to it.
func prepare(db *bbolt.DB) error {
	isNew := false
	err := db.View(func(tx *bbolt.Tx) error {
		first, _ := tx.Cursor().First()
		isNew = first == nil
		if isNew {
			return nil
		}
		return checkSchema(tx)
	})
	if err != nil || !isNew {
		return err
	}
	return db.Update(func(tx *bbolt.Tx) error {
		for _, name := range buckets {
			if _, err := tx.CreateBucket(name); err != nil {
				return err
			}
		}
		return tx.Bucket(bucketMeta).Put(keySchema, []byte(strconv.Itoa(schema)))
	})
}

func checkSchema(tx *bbolt.Tx) error {
	meta := tx.Bucket(bucketMeta)
	if meta == nil {
		return errForeign
	}
	version, err := strconv.Atoi(string(meta.Get(keySchema)))
	switch {
	case err != nil || version < 1:
		return errForeign
	case version > schema:
		return fmt.Errorf("the file has format %d, and this program knows formats up to %d: use the newer program that wrote it", version, schema)
	}
	for _, name := range buckets {
		if tx.Bucket(name) == nil {
			return fmt.Errorf("the file is damaged: it has no %s", name)
		}
	}
	return nil
}

// decode reads what encode wrote, and nothing else: a member that it does not
// know would be lost with the next edit.
func decode[T any](key, value []byte) (*T, error) {
	v := new(T)
	if err := json.Unmarshal(value, v, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("the entry %q is damaged: %w", bytes.ToValidUTF8(key, []byte("?")), err)
	}
	return v, nil
}

func encode(v any) ([]byte, error) { return json.Marshal(v, json.Deterministic(true)) }
