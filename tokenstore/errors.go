package tokenstore

import (
	"errors"
	"fmt"
)

// Errors of a Service or Store. Test for them with errors.Is.
var (
	// ErrNotFound: there is no such token, group or request.
	ErrNotFound = errors.New("not found")

	// ErrConflict: the token or group has changed since the version named.
	ErrConflict = errors.New("changed by somebody else meanwhile")

	// ErrMalformed: the text cannot be a secret.
	ErrMalformed = errors.New("malformed secret")

	// ErrClosed: the Service or Store is closed.
	ErrClosed = errors.New("token store is closed")

	// ErrUnavailable: the Store does not answer, or failed to write.
	ErrUnavailable = errors.New("token store is unavailable")

	// ErrInUse: another process has the database.
	ErrInUse = errors.New("in use by another process")

	// ErrForbidden: the actor lacks the right. Every *ForbiddenError is one.
	ErrForbidden = errors.New("forbidden")
)

// FieldError says what is wrong with one field of an input.
type FieldError struct {
	Field  string // as in JSON: "expires_in"
	Detail string // a sentence without the field's name
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Detail }

// NameTakenError says that another token or group has the name.
type NameTakenError struct {
	Name string // as the other one spells it
	ID   string // the other token's id, or the other group's name
}

func (e *NameTakenError) Error() string {
	return fmt.Sprintf("the name %q is taken by %s", e.Name, e.ID)
}

// ForbiddenError says which right an actor lacks.
type ForbiddenError struct {
	Right  string // "" if no right would help
	Detail string
}

func (e *ForbiddenError) Error() string { return e.Detail }

// Is makes every ForbiddenError an ErrForbidden.
func (e *ForbiddenError) Is(target error) bool { return target == ErrForbidden }

// StateError says that what was asked for does not fit the state of things.
type StateError struct {
	Code   string // StateExpired, StateLastManager, StateNoRotation or StateCount
	Detail string
}

func (e *StateError) Error() string { return e.Detail }

// Codes of a StateError.
const (
	StateExpired     = "token_expired"  // enabling or rotating a token that has expired
	StateLastManager = "last_manager"   // no token could manage tokens any more
	StateNoRotation  = "no_rotation"    // finishing a rotation that never began
	StateCount       = "count_mismatch" // a bulk edit met another number of tokens than expected
)

// fieldError returns a *FieldError with a formatted detail.
func fieldError(field, format string, args ...any) error {
	return &FieldError{Field: field, Detail: fmt.Sprintf(format, args...)}
}
