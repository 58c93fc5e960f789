package tokenstore

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
)

// errCursor is the answer to every cursor that was not given out for the same
// query.
var errCursor error = &FieldError{"cursor", "is not one that this query returned"}

const cursorMAC = 16 // bytes

// sealCursor returns place as a cursor: opaque, and of use only with the query
// that bound describes.
func (s *Service) sealCursor(bound string, place []byte) string {
	sealed := append(s.cursorSum(bound, place), place...)
	return base64.RawURLEncoding.EncodeToString(sealed)
}

// openCursor returns the place that a cursor stands for.
func (s *Service) openCursor(bound, cursor string) ([]byte, error) {
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(sealed) < cursorMAC {
		return nil, errCursor
	}
	sum, place := sealed[:cursorMAC], sealed[cursorMAC:]
	if !hmac.Equal(sum, s.cursorSum(bound, place)) {
		return nil, errCursor
	}
	return place, nil
}

func (s *Service) cursorSum(bound string, place []byte) []byte {
	mac := hmac.New(sha256.New, s.cursorKey)
	mac.Write([]byte(bound))
	mac.Write([]byte{0})
	mac.Write(place)
	return mac.Sum(nil)[:cursorMAC]
}
